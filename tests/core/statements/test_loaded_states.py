"""Which states were read from a file and given to `load_state_dict` once, by the sources of cells."""

import pytest

from ipy_tensorwatch.core.statements.loaded_states import LoadedStates, loaded_states

READ = "c = torch.load(f)"


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([READ, "opt.load_state_dict(c['opt'])"], {"c['opt']"}),
        ([READ, "m.load_state_dict(c['m']); opt.load_state_dict(c['opt'])", "m2.load_state_dict(c['m'])"], {"c['opt']"}),
        (["with open(f) as h:\n    c = pickle.load(h)", "if c:\n    opt.load_state_dict(c['opt'])"], {"c['opt']"}),
        (["s = load_checkpoint(f)['opt']", "opt.load_state_dict(s)"], {"s"}),
        ([READ, "opt.load_state_dict(c['opt'])", "opt.load_state_dict(c['opt'])"], set()),
        ([READ, "opt.load_state_dict(c['opt'])", "opt.load_state_dict(c['opt'])", "opt.load_state_dict(c['opt'])"], set()),
        ([READ, "for i in x: opt.load_state_dict(c['opt'])"], set()),
        ([READ, "def resume(): opt.load_state_dict(c['opt'])"], set()),
        ([READ, "opt.load_state_dict(c['opt'])", "c = opt.state_dict()"], set()),
        ([READ, "opt.load_state_dict(c['opt'])", READ], set()),
        ([READ, "opt.load_state_dict(c['opt'])", READ, "opt.load_state_dict(c['opt'])"], {"c['opt']"}),
        (["c = opt.state_dict()", "opt.load_state_dict(c)"], set()),
        (["c = copy.deepcopy(opt.state_dict())", "opt.load_state_dict(c)"], set()),
        ([READ, "m.load_state_dict(c['m'], assign=True)"], set()),
        ([READ, "opt.load_state_dict(f(c))"], set()),
    ],
)  # fmt: skip
def test_a_state_that_was_read_is_given_to_one_optimizer(cells, expected):
    known = LoadedStates()
    for cell in cells:
        known = loaded_states(cell, known)

    assert expected == known.given
