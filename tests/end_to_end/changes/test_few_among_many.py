"""A few written tensors among many are found without a digest of each, and told as among few."""

import pytest

MANY = "import numpy as np\nimport torch\nts = [torch.zeros(n % 5, dtype=torch.int64) for n in range(1500)]\nkept = ts[7].numpy()"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("ts[9][2] = 3", {"ts[9]": (1, 4)}),
        ("ts[9].data[2] = 3", {"ts[9]": (1, 4)}),
        ("kept[0] = 1", {"ts[7]": (1, 2), "kept": (1, 2)}),
        ("ts[1].add_(1); ts[3].add_(1); ts[1499].add_(1)", {"ts[1]": (1, 1), "ts[3]": (3, 3), "ts[1499]": (4, 4)}),
        ("ts[8].add_(0)", {}),
    ],
)
def test_each_written_tensor_is_found_with_the_number_of_its_elements(notebook, cell, written):
    notebook.run(MANY)
    notebook.run("1")

    report = notebook.run(cell)

    mutated = [one for one in report["changes"] if one["kind"] == "mutated"]
    assert written == {one["path"]: (one["elements"]["changed"], one["elements"]["total"]) for one in mutated}
    assert all(one["verified"] for one in mutated)
