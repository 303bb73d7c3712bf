"""Fixtures: a watched notebook that proves, when the test is over, that nothing was left behind."""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, settings

pytest.register_assert_rewrite("tests.support.notebook")

# Inductor compiles one small kernel here: without six programs that try the vector instructions, and without headers
# that are compiled for later kernels.
os.environ |= {"TORCHINDUCTOR_VEC_ISA_OK": "0", "TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0"}

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.notebook import Notebook

PHASES = (Phase.explicit, Phase.generate, Phase.shrink)
SLOW_IS_FINE = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
settings.register_profile(
    "quick",
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    print_blob=True,
    phases=PHASES,
    suppress_health_check=SLOW_IS_FINE,
)
settings.register_profile(
    "deep", max_examples=5000, deadline=None, print_blob=True, phases=PHASES, suppress_health_check=SLOW_IS_FINE
)
settings.load_profile(os.environ.get("TENSORWATCH_PROFILE", "quick"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: from the first of them on, an event loop runs, which other tests start themselves."""
    items.sort(key=lambda item: "browser" in item.path.parts)


def pytest_collection_finish() -> None:
    """Exempt what lives as long as the tests from garbage collections: each would look through all of it."""
    gc.collect()
    gc.freeze()


STARTS_KERNELS = (
    "test_demo.py",
    "test_faults.py",
    "test_kernel.py",
    "test_own_output_kept.py",
    "test_panel_host.py",
    "test_subshells.py",
)
"""Two kernels that start at once may take the same free port, so that one process runs the tests of these files."""

ONE_CLUSTER = "tests/end_to_end/ranks/"
"""The tests of this folder share a cluster, which takes long to start."""

FIRST = (ONE_CLUSTER, "kernels", "tests/end_to_end/hostile/test_missing_names.py")
"""What waits longest is begun with, else the other processes wait for it at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of a file together, which share what was set up for them: `FIRST`, then files with many tests."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            if file.startswith(ONE_CLUSTER):
                return ONE_CLUSTER
            return "kernels" if file.endswith(STARTS_KERNELS) else file

        def _assign_work_unit(self, node: Any) -> None:
            for scope in reversed(FIRST):
                if scope in self.workqueue:
                    self.workqueue.move_to_end(scope, last=False)
            super()._assign_work_unit(node)

    return ByFile(config, log)


@pytest.fixture(autouse=True)
def same_numbers_every_time() -> None:
    """Seed PyTorch and keep it on one thread, so that a failing test fails again; most tests of core do without it."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.default_generator.manual_seed(0)  # `torch.manual_seed` writes down the whole stack, for a GPU found later
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def nothing_known_of_earlier_cells() -> None:
    """Forget what statements do: what is known takes no time, and tests cut explanations short."""
    effects = sys.modules.get("ipy_tensorwatch.core.interpreter.statement_effects")
    if effects is not None:
        effects.forget_effects()


@pytest.fixture
def notebook() -> Iterator[Notebook]:
    """Open a fresh shell with the extension loaded."""
    from tests.support.notebook import Notebook

    with Notebook() as nb:
        yield nb


@pytest.fixture
def plain() -> Iterator[Notebook]:
    """Open a fresh shell without the extension."""
    from tests.support.notebook import Notebook

    with Notebook(watched=False) as nb:
        yield nb


@pytest.fixture
def device() -> Any:
    """Give the accelerator that the tests of devices run on; skip where there is none."""
    from tests.support.accelerator import accelerator

    return accelerator()
