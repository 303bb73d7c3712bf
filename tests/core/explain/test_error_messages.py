"""What is read in the words in which PyTorch refuses a write, or a backward after one."""

from __future__ import annotations

import pytest

from ipy_tensorwatch.core.explain.error_messages import ErrorMessage, read_error_message

OVERWRITTEN = (
    "one of the variables needed for gradient computation has been modified by an inplace operation: "
    "[torch.FloatTensor [2, 3]], which is output 0 of SigmoidBackward0, is at version 2; expected version 1 instead"
)
HINT = ". Hint: enable anomaly detection to find the operation that failed to compute its gradient."
VIEW = "Output 1 of UnbindBackward0 is a view and is being modified inplace. This view is the output of a function that returns multiple views. Such functions do not allow the output views to be modified inplace."
LATE = "Output 0 of UnbindBackward0 is a view and its base or another view of its base has been modified inplace. This view is the output of a function that returns multiple views."
NO_GRAD = "A view was created in no_grad mode and is being modified inplace with grad mode enabled."
INFERENCE = "A view was created in inference mode and is being modified inplace in normal mode."
VIEW_OF_VIEW = "Output 0 of ViewBackward0 is a view of a view which was created in no_grad mode and is being modified inplace with grad mode enabled."
CUSTOM = "Output 0 of MineBackward is a view and is being modified inplace. This view was created inside a custom Function (or because an input was returned as-is)"

WORDS = {
    "one of the variables needed for gradient computation has been modified by an inplace operation. It was odd": ("overwritten", "TW201"),
    "Trying to use a saved tensor that has been detached in-place, i.e. with .detach_().": ("detached", "TW201"),
    "a view of a leaf Variable that requires grad is being used in an in-place operation.": ("view-of-leaf", "TW204"),
    "a leaf Variable that requires grad is being used in an in-place operation.": ("leaf", "TW204"),
    "a leaf Variable that requires grad has been used in an in-place operation.": ("marked-leaf", "TW204"),
    "Inplace update to inference tensor outside InferenceMode is not allowed.": ("inference", "TW204"),
    "Can't detach views in-place. Use detach() instead.": ("detached-view", "TW204"),
    "add(): functions with out=... arguments don't support automatic differentiation, but": ("out", "TW204"),
    "If your Function modifies inplace an input that is a view of another Tensor, your Function cannot return more": ("marked-view", "TW204"),
    "during functorch that would mutate a captured Tensor": ("captured", "TW204"),
    "unsupported operation: more than one element of the written-to tensor refers to a single memory location.": ("expanded", "TW206"),
    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location.": ("shared", "TW206"),
}  # fmt: skip


@pytest.mark.parametrize("message", WORDS)
def test_a_message_is_told_by_its_words(message: str):
    trouble, code = WORDS[message]

    found = read_error_message(message)

    assert ErrorMessage(trouble=trouble, facts=message) == found
    assert code == found.code


def test_an_overwritten_tensor_is_told_with_its_node_its_shape_and_its_versions():
    assert ErrorMessage(
        trouble="overwritten", facts=OVERWRITTEN, op="SigmoidBackward0", shape="2, 3", now=2, expected=1
    ) == read_error_message(OVERWRITTEN + HINT)


def test_a_leaf_has_no_node():
    plain = OVERWRITTEN.replace(", which is output 0 of SigmoidBackward0,", "")

    found = read_error_message(plain)

    assert (None, 2) == (found.op, found.now)


@pytest.mark.parametrize(
    ("message", "trouble", "op", "late"),
    [
        (VIEW, "one-of-several", "UnbindBackward0", False),
        (LATE, "one-of-several", "UnbindBackward0", True),
        (NO_GRAD, "no-grad-view", None, False),
        (INFERENCE, "inference-view", None, False),
        (VIEW_OF_VIEW, "no-grad-view", "ViewBackward0", False),
        (CUSTOM, "made-by-function", "MineBackward", False),
    ],
)
def test_a_view_is_told_with_how_it_was_made_and_which_write_is_meant(message, trouble, op, late):
    found = read_error_message(message)

    assert (trouble, op, late) == (found.trouble, found.op, found.late)
    assert message.startswith(found.facts)


def test_other_messages_are_about_something_else():
    assert read_error_message("mat1 and mat2 shapes cannot be multiplied") is None
    assert read_error_message("Output 0 of XBackward0 is a view and is being modified inplace. Who knows why.") is None
