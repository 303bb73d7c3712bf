"""What a data loader's dataset writes is told through the shortest path that the statement leads to, and its line."""

from __future__ import annotations

import pytest

from tests.support.notebook import PATIENT, Notebook

START = """import numpy as np, torch
from torch.utils.data import DataLoader, Dataset, RandomSampler, Subset, random_split
class Images(Dataset):
    def __init__(self, images): self.images = images
    def __len__(self): return len(self.images)
    def __getitem__(self, place):
        x = torch.from_numpy(self.images[place])
        x += 0.1
        return x
dataset = Images(np.random.rand(8, 4).astype("float32"))
"""
PROGRAMS = {
    "a loader": ("dl = DataLoader(dataset, batch_size=2, shuffle=True)", "for b in dl: pass", "dl.dataset.images"),
    "a part": ("dl = DataLoader(Subset(dataset, [0, 1]))", "for b in dl: pass", "dl.dataset.dataset.images"),
    "a named part": (
        "train, test = random_split(dataset, [4, 4])\ndl = DataLoader(train, shuffle=True)",
        "for b in dl: pass",
        "dl.dataset.dataset.images",
    ),
    "a sampler of the dataset": (
        "sampler = RandomSampler(dataset)\ndl = DataLoader(dataset, sampler=sampler)",
        "for b in dl: pass",
        "dl.dataset.images",
    ),
    "an iterator": ("turns = iter(DataLoader(dataset))", "b = next(turns)", "turns._dataset.images"),
}


@pytest.mark.parametrize(("made", "cell", "via"), PROGRAMS.values(), ids=PROGRAMS)
def test_a_loader_is_told_by_its_shortest_path_and_with_the_line_of_its_dataset(made: str, cell: str, via: str):
    with Notebook(settings=PATIENT) as nb:
        nb.run(START + made)
        report = nb.run(cell)
    [change] = [one for one in report["changes"] if one["silent"]]
    [site] = change["sites"]

    assert ("dataset.images", [via]) == (change["path"], change["via"])
    assert (cell.partition(" pass")[0], 8) == (site["text"], site["inner"]["line"])
