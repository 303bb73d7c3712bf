"""The columns of pandas' frames are watched, without pandas noticing, and what pandas writes itself is expected."""

from __future__ import annotations

import pytest

from tests.support.notebook import Notebook, silent

pytest.importorskip("pandas")

FRAMES = """
import pandas as pd, torch
df = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "name": ["u", "v"], "n": [1, 2]})
plain, s = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), pd.Series([1.0, 2.0, 3.0])
def normalized(frame):
    t = torch.from_numpy(frame.to_numpy(copy=False))
    t -= t.mean(0)
    return t
"""


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("t = torch.from_numpy(plain.to_numpy())\nt -= t.mean(0)", {"plain.values"}),
        ("t = torch.from_numpy(df['a'].values)\nt *= 2", {"df[['a', 'b']]"}),
        ("t = torch.from_numpy(df['n'].to_numpy())\nt += 1", {"df['n']"}),
        ("t = torch.from_numpy(s.values)\nt += 1", {"s.values"}),
        ("t = normalized(plain)", {"plain.values"}),
        ("df.loc[0, 'a'] = 9.0", set()),
        ("df.iloc[1, 1] = 7.0", set()),
        ("df.at[0, 'n'] = 5", set()),
        ("df['a'] *= 2", set()),
        ("df.fillna(0, inplace=True)", set()),
        ("plain -= 1", set()),
        ("plain[plain > 1] = 0.0", set()),
        ("s[0] = 5.0", set()),
        ("s.iloc[1] = 3.0", set()),
        ("mean = df.describe()", set()),
    ],
)
def test_what_changes_a_frame(cell: str, expected: set[str]):
    with Notebook() as nb:
        nb.run(FRAMES)
        assert expected == silent(nb.run(cell))


def test_a_frame_in_an_object_has_a_path():
    with Notebook() as nb:
        nb.run(FRAMES)
        paths = {one["path"] for one in nb.run("held = [{'frame': plain}]\ndel plain")["tensors"]}
    assert "held[0]['frame'].values" in paths
