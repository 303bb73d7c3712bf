"""One cluster for all tests of this folder, and a notebook for each."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tests.support.notebook import Notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.end_to_end.ranks.cluster import Lab

START_SECONDS = 120


@pytest.fixture(scope="session")
def client(tmp_path_factory) -> Iterator[object]:
    from tests.end_to_end.ranks.cluster import ENGINES, ipyparallel

    os.environ["OMP_NUM_THREADS"] = "1"
    folder = tmp_path_factory.mktemp("cluster")
    cluster = ipyparallel.Cluster(n=ENGINES, profile_dir=str(folder), log_level=40)
    try:
        client = cluster.start_and_connect_sync()
        client.wait_for_engines(ENGINES, timeout=START_SECONDS)
        client[:].apply_sync(exempt_imports)
        yield client
        client.shutdown(hub=True, block=False)
        client.close()
    finally:
        cluster.stop_cluster_sync()


@pytest.fixture
def ranks() -> int:
    return 4


@pytest.fixture
def lab(client, ranks) -> Iterator[Lab]:
    """A notebook whose ranks form a group on gloo."""
    from tests.end_to_end.ranks.cluster import Lab

    view = client[:ranks]
    view.block = True
    view.execute("%reset -f", silent=True)
    with Notebook(check_leaks=False) as notebook:
        view.activate()
        notebook.give(client=client, view=view)
        notebook.run("import ipy_tensorwatch\njoined = ipy_tensorwatch.Ranks(view)")
        lab = Lab(notebook, client, view)
        _form_group(lab, view, ranks)
        yield lab
        view.apply(leave_group)
        notebook.run("joined.leave()")


def _form_group(lab: Lab, view, ranks: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    view.scatter("rank", range(ranks), flatten=True)
    view.push({"world": ranks, "port": port})
    lab.px(
        """
        import torch, torch.distributed as dist
        from torch.nn.parallel import DistributedDataParallel as DDP
        dist.init_process_group("gloo", f"tcp://127.0.0.1:{port}", rank=rank, world_size=world)
        """
    )


def exempt_imports() -> None:
    """Import what the tests use, and exempt it from the garbage collection of every `%reset`, which takes most of it."""
    import gc

    import torch.distributed.fsdp
    import torch.nn.parallel  # noqa: F401

    gc.collect()
    gc.freeze()


def leave_group() -> None:
    import torch.distributed

    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()
