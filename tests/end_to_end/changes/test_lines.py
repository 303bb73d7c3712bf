"""The line inside a function that wrote: seen on Python 3.12 and newer, also where no source could tell it."""

from __future__ import annotations

import sys
import textwrap

import pytest

from ipy_tensorwatch.capture.frames import line_monitor
from tests.support import oracle
from tests.support.notebook import Notebook, changes, lines

SEES = sys.version_info >= (3, 12)
sees_lines = pytest.mark.skipif(not SEES, reason="Python tells the lines that run since 3.12")
SETTING = (
    "import functools, contextlib, types\nimport numpy as np\nimport torch\nx = torch.ones(4)\ny = x.detach()\nn = [0]"
)
PATIENT = {"probe_floor": 2.0}
"""Looks may take as long as they need: a busy machine does not change what is seen."""

CASES = {
    "one line of several": ("def f(t):\n    s = 1\n    t.add_(s)\n    return s", "f(y)"),
    "a branch that the data decide": (
        "def f(t):\n    if t.sum() > 4:\n        t.mul_(2)\n    else:\n        t.add_(1)",
        "f(y)\nf(y)",
    ),
    "a dict of functions": (
        "def f(t):\n    t.add_(1)\ndef g(t):\n    t.mul_(3)\ntable = {'f': f, 'g': g}",
        "table['g'](y)",
    ),
    "a method set on the object": (
        "class Box:\n    pass\ndef f(t):\n    t.add_(1)\ndef g(t):\n    t.mul_(3)\nbox = Box()\nsetattr(box, 'act', g)",
        "box.act(y)",
    ),
    "a method asked for by name": (
        "class Box:\n    def low(self, t):\n        t.sub_(1)\n    def high(self, t):\n        t.add_(1)\nname = 'hi' + 'gh'",
        "getattr(Box(), name)(y)",
    ),
    "a closure": (
        "def make(how):\n    def add(t):\n        t.add_(how)\n    def mul(t):\n        t.mul_(how)\n    return [add, mul][how > 1]\nact = make(2)",
        "act(y)",
    ),
    "functions that call each other": (
        "def low(t):\n    t.add_(1)\ndef mid(t):\n    t.mul_(2)\n    low(t)\n    t.sub_(1)\ndef high(t):\n    return mid(t)",
        "high(y)",
    ),
    "the line of the call, after the call": (
        "def low(t):\n    t.add_(1)\n    return 2\ndef high(t):\n    t.mul_(low(t))",
        "high(y)",
    ),
    "the cell's own line, after the call": ("def low(t):\n    t.add_(1)\n    return 2", "y.mul_(low(y))"),
    "the same function from two statements": ("def f(t):\n    t.add_(1)", "f(y)\nz = 1\nf(y)"),
    "two lines in one statement": ("def f(t):\n    t.add_(1)\n    t.mul_(2)", "f(y)"),
    "several statements on a line": ("def f(t):\n    t.add_(1); t.mul_(2)\ndef g(t): t.sub_(1)", "f(y); g(y)"),
    "a statement of several lines": (
        "def f(t, *_):\n    s = 1\n    t.add_(\n        s\n        + 1,\n    )",
        "f(\n    y,\n    2,\n)",
    ),
    "a function of the same cell": ("z = 0", "def f(t):\n    s = 0\n    t.add_(1)\n\n\nf(y)"),
    "a lambda": (
        "act = lambda t: t.add_(1)\nacts = [\n    lambda t: t.mul_(2),\n    lambda t: t.mul_(3),\n]",
        "act(y)\nacts[1](y)",
    ),
    "a lambda typed in the statement": ("z = 0", "list(map(lambda t: t.add_(1), [y, y]))"),
    "a comprehension in a function": ("def f(t):\n    s = 1\n    return [row.add_(s) for row in t]", "f(y)"),
    "a generator expression in a function": (
        "def f(t):\n    s = 1\n    g = (row.add_(s) for row in t)\n    return list(g)",
        "f(y)",
    ),
    "recursion": (
        "def f(t, k):\n    if k:\n        f(t, k - 1)\n        t.add_(k)\n        return\n    t.mul_(2)",
        "f(y, 3)",
    ),
    "recursion out of which an exception leads": (
        "def f(t, k):\n    if not k:\n        t.mul_(2)\n        raise ValueError\n    try:\n        f(t, k - 1)\n    except ValueError:\n        t.add_(k)\n    t.sub_(5)",
        "f(y, 2)",
    ),
    "an exception that the cell catches": (
        "def f(t):\n    t.add_(1)\n    raise ValueError",
        "try:\n    f(y)\nexcept ValueError:\n    y.mul_(2)",
    ),
    "an exception that ends the cell": ("def f(t):\n    t.add_(1)\n    raise ValueError", "f(y)"),
    "an exception that a library catches in mid-line": (
        "class Box:\n    @property\n    def part(self):\n        y.add_(1)\n        raise AttributeError\ndef f(t):\n    t.mul_(getattr(Box(), 'part', 2))",
        "f(y)\ny.mul_(getattr(Box(), 'part', 2))",
    ),
    "a write that fails": ("def f(t):\n    s = 0\n    torch.add(t, torch.ones(3), out=t)", "y.zero_()\nf(y)"),
    "try and finally": ("def f(t):\n    try:\n        return t.add_(1)\n    finally:\n        t.mul_(2)", "f(y)"),
    "a generator": (
        "def rows(t):\n    for k in range(2):\n        t.add_(1)\n        yield k\n        t.mul_(2)",
        "for k in rows(y):\n    y.sub_(k + 1)",
    ),
    "a generator that is left and closed": (
        "def rows(t):\n    try:\n        t.add_(1)\n        yield 1\n    finally:\n        t.mul_(2)",
        "g = rows(y)\nnext(g)\ny.sub_(1)\ng.close()",
    ),
    "a generator of an earlier cell": (
        "def rows(t):\n    while True:\n        t.add_(1)\n        yield\n        t.mul_(2)\ng = rows(y)\nnext(g)",
        "next(g)\nnext(g)",
    ),
    "a generator of an earlier cell, in another": (
        "def low(t):\n    t.mul_(3)\ndef rows(t):\n    while True:\n        low(t)\n        yield t\n"
        "def all(t):\n    yield from rows(t)\ng = all(y)\nnext(g)",
        "next(g)",
    ),
    "a generator of an earlier cell, closed": (
        "def rows(t):\n    try:\n        yield\n    finally:\n        t.mul_(2)\ng = rows(y)\nnext(g)",
        "g.close()",
    ),
    "what a generator is sent": (
        "def rows(t):\n    while True:\n        t.mul_((yield t))",
        "g = rows(y)\nnext(g)\ng.send(3)",
    ),
    "delegation": (
        "def low(t):\n    t.add_(1)\n    yield 1\n    t.add_(2)\ndef high(t):\n    yield from low(t)\n    t.mul_(2)",
        "for k in high(y):\n    pass",
    ),
    "async functions": (
        "@types.coroutine\ndef pause():\n    yield\nasync def low(t):\n    t.add_(1)\n    await pause()\n    t.mul_(2)\n    return 3\n"
        "async def high(t):\n    t.mul_(await low(t))\ndef drive(*all):\n    for one in [*all, *all]:\n        try:\n            one.send(None)\n        except StopIteration:\n            pass",
        "drive(high(y), high(y))",
    ),
    "a decorator of PyTorch": ("@torch.no_grad()\ndef f(t):\n    s = 1\n    t.add_(s)", "f(y)"),
    "a decorator of the notebook": (
        "def twice(f):\n    @functools.wraps(f)\n    def both(t):\n        f(t)\n        t.mul_(2)\n    return both\n@twice\ndef f(t):\n    t.add_(1)",
        "f(y)",
    ),
    "a partial": ("def f(k, t):\n    s = 1\n    t.add_(k)\nact = functools.partial(f, 2)", "act(y)"),
    "a callback of a library": ("def key(k):\n    y.add_(k)\n    return k", "sorted([2, 1], key=key)"),
    "a module's forward": (
        "class Net(torch.nn.Module):\n    def forward(self, t):\n        s = t * 2\n        t.add_(1)\n        return s\nnet = Net()",
        "z = net(y)",
    ),
    "a module inside a module": (
        "class Low(torch.nn.Module):\n    def forward(self, t):\n        return t.add_(1)\nclass Net(torch.nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.low = torch.nn.Sequential(Low(), torch.nn.ReLU(inplace=True))\n    def forward(self, t):\n        t.sub_(3)\n        return self.low(t)\nnet = Net()",
        "z = net(y)",
    ),
    "a forward hook": (
        "net = torch.nn.Identity()\ndef hook(module, args, out):\n    s = 1\n    out.mul_(2)\nhandle = net.register_forward_hook(hook)",
        "z = net(y)",
    ),
    "a property": (
        "class Box:\n    @property\n    def part(self):\n        y.add_(1)\n        return 2\nbox = Box()",
        "k = box.part",
    ),
    "an operator of a class": (
        "class Box:\n    def __iadd__(self, k):\n        y.add_(k)\n        return self\nbox = Box()",
        "box += 2",
    ),
    "an object that is called": ("class Box:\n    def __call__(self, t):\n        t.add_(1)\nbox = Box()", "box(y)"),
    "a context manager": (
        "@contextlib.contextmanager\ndef around(t):\n    t.add_(1)\n    yield\n    t.mul_(2)",
        "with around(y):\n    y.sub_(1)",
    ),
    "a custom backward": (
        "class Own(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, t):\n        return t * 1\n    @staticmethod\n    def backward(ctx, g):\n        y.add_(1)\n        return g\nw = torch.ones(1, requires_grad=True)",
        "Own.apply(w).backward()",
    ),
    "a write by NumPy": ("a = y.numpy()\ndef f(t):\n    s = 1\n    np.add(t, s, out=t)", "f(a)"),
    "a write through data": ("def f(t):\n    s = 1\n    t.data.mul_(2)", "f(y)"),
    "a step in a function": (
        "w = torch.ones(2, requires_grad=True)\nopt = torch.optim.SGD([w], lr=0.1)\ndef train():\n    opt.zero_grad()\n    w.sum().backward()\n    opt.step()\n    return 1",
        "for k in range(3):\n    train()",
    ),
    "an optimizer of the notebook": (
        "w = torch.ones(2, requires_grad=True)\nclass Own(torch.optim.Optimizer):\n    def __init__(self, ps):\n        super().__init__(ps, {})\n    @torch.no_grad()\n    def step(self):\n        for group in self.param_groups:\n            for p in group['params']:\n                p.sub_(p.grad)\nopt = Own([w])\nw.sum().backward()",
        "opt.step()",
    ),
    "a loop that changes its mind": (
        "def f(t, k):\n    if k % 2:\n        t.add_(1)\n    else:\n        t.mul_(2)",
        "for k in range(6):\n    f(y, k)",
    ),
    "a default that is worked out": ("def f(t):\n    t.add_(1)\n    return 2", "def g(k=f(y)):\n    return k"),
    "the body of a class": ("def f(t):\n    t.add_(1)", "class Box:\n    k = 1\n    f(y)"),
    "code in a string": ("def f(t):\n    s = 1\n    exec('t.add_(s)')", "f(y)\nexec('y.mul_(2)')"),
    "memory that moves": (
        "def f(t):\n    s = 1\n    t.data = t.data + s\n    t.add_(1)\nz = torch.ones(2)",
        "z.data = z.data + 1\nf(z)",
    ),
}


def told(change: dict) -> set[oracle.Inside]:
    """Give the lines that a report tells, in the oracle's words."""
    inners = [(site["line"], site["inner"]) for site in change["sites"]]
    return {(line, (inner["cell"], inner["line"]) if inner else None) for line, inner in inners}


@pytest.mark.parametrize(("setting", "cell"), CASES.values(), ids=CASES)
def test_the_lines_inside_functions_are_those_at_which_the_bytes_changed(setting: str, cell: str):
    cells = [SETTING, setting, cell]
    written = oracle.run_inside(cells)
    with Notebook(settings=PATIENT) as nb:
        for source in cells:
            nb.cell(source)
        report = nb.report()

    found = changes(report, "mutated")
    assert found
    assert {path: lines(change) for path, change in found.items()} == {
        path: {line for line, _ in written[path]} for path in found
    }
    if SEES:
        assert {path: told(change) for path, change in found.items()} == {path: written[path] for path in found}
        assert {site["certainty"] for change in found.values() for site in change["sites"]} == {"observed"}


FUNCTIONS = "def f(t):\n    s = 1\n    t.add_(s)\n    return s\ndef g(t):\n    t.mul_(2)\n    return f(t)"


@pytest.fixture
def nb():
    with Notebook(settings=PATIENT) as nb:
        nb.run(SETTING)
        nb.run(FUNCTIONS)
        yield nb


def site(nb: Notebook, cell: str) -> dict:
    """Run a cell and give the one site of the change to `x`."""
    (only,) = changes(nb.run(cell), "mutated")["x"]["sites"]
    return only


SEEN = {"cell": 2, "line": 3, "text": "t.add_(s)"}


@sees_lines
def test_a_function_that_was_defined_before_the_extension_was_loaded_is_seen_too():
    with Notebook(watched=False) as nb:
        nb.cell(SETTING)
        nb.cell(FUNCTIONS)
        nb.load()
        assert site(nb, "f(y)")["inner"] == SEEN
        nb.unload()
        nb.assert_nothing_left()


@sees_lines
def test_a_function_is_seen_in_every_cell_that_calls_it(nb: Notebook):
    assert [site(nb, f"f(y)\nz = {k}")["inner"] for k in range(3)] == [SEEN] * 3


@sees_lines
def test_two_functions_that_read_the_same_are_told_apart(nb: Notebook):
    nb.run("def f(t):\n    t.add_(1)")
    nb.run("old = f")
    nb.run("def f(t):\n    t.add_(1)\nz = 1")
    told = changes(nb.run("old(y)\nf(y)"), "mutated")["x"]["sites"]

    assert [one["inner"]["cell"] for one in told] == [3, 5]


@pytest.mark.parametrize("end", ["y = torch.ones(4)\nz = y + 1", "y = y.detach() + 1\nz = 1"])
def test_the_statement_that_wrote_in_a_function_does_not_read_what_it_wrote_later(nb: Notebook, end: str):
    """What a name led to is told if another statement reads it since, and has the name for it."""
    nb.run("def f(t):\n    t.add_(1)\n    return 1")
    told = changes(nb.run(f"f(y)\n{end}"), "mutated")

    assert told.keys() == ({"x", "y"} if "detach" in end else {"x"})


@sees_lines
def test_code_that_a_magic_runs_calls_functions_whose_lines_are_seen(nb: Notebook):
    for cell in ("%time f(y)", "%%time\nf(y)", "%%capture\nf(y)", "%timeit -n 1 -r 1 f(y)", "%prun -q f(y)"):
        assert (site(nb, cell)["inner"], site(nb, cell)["certainty"]) == (SEEN, "observed")


@sees_lines
def test_lines_below_a_magic_are_counted_as_they_were_typed(nb: Notebook):
    nb.run("%%capture\n\ndef h(t):\n    t.add_(1)")
    told = [site(nb, "h(y)")["inner"], site(nb, "%%capture\ndef k(t):\n    t.add_(1)\nk(y)")["inner"]]

    assert told == [{"cell": 3, "line": 4, "text": "t.add_(1)"}, {"cell": 5, "line": 3, "text": "t.add_(1)"}]


def test_the_line_of_a_magics_own_body_is_worked_out_from_the_source(nb: Notebook):
    one = site(nb, "%%time\nz = 1\ny.add_(1)")

    assert one == {"line": 3, "end_line": 3, "text": "y.add_(1)", "certainty": "inferred", "inner": None}


@sees_lines
def test_what_another_thread_does_is_told_of_the_line_that_waits_for_it(nb: Notebook):
    nb.run(
        "import threading\ndef both(t):\n    other = threading.Thread(target=f, args=(t,))\n    other.start()\n    other.join()\n    del other"
    )

    told = site(nb, "both(y)")["inner"]

    assert told["cell"] == 3
    assert told["text"] in ("other.start()", "other.join()")


@sees_lines
def test_a_compiled_function_stays_compiled_and_its_lines_are_worked_out():
    with Notebook(settings=PATIENT, check_leaks=False) as nb:
        nb.run(SETTING)
        nb.run(FUNCTIONS)
        nb.run(
            "import torch._dynamo.testing\ncounter = torch._dynamo.testing.CompileCounter()\n"
            "@torch.compile(backend=counter)\ndef h(t):\n    t.add_(1)\n    torch._dynamo.graph_break()\n    return t + 1\n"
            "def high(t):\n    h(t)\n    return f(t)"
        )
        first = site(nb, "z = h(y)")
        compiled = nb.ns["counter"].frame_count
        again = site(nb, "z = h(y)")
        nb.run(
            "@torch.compile(backend=counter, fullgraph=True)\ndef whole(t):\n    s = t + 1\n    t.add_(1)\n    return s"
        )
        whole = [site(nb, "z = whole(y)") for _ in range(2)]
        assert [(one["certainty"], one["inner"]["line"]) for one in whole] == [("inferred", 4)] * 2
        compiled += 1
        around = changes(nb.run("z = high(y)"), "mutated")["x"]["sites"]

        assert [(one["certainty"], one["inner"]["line"]) for one in (first, again)] == [("inferred", 5)] * 2
        assert [(one["certainty"], one["inner"]) for one in around] == [("observed", SEEN)]
        assert nb.ns["counter"].frame_count == compiled


@pytest.fixture
def soon_hot(monkeypatch):
    """Let lines that follow each other count as too fast, also on a busy machine."""
    monkeypatch.setattr(line_monitor, "HOT_INTERVAL", 1.0)


@sees_lines
def test_a_line_in_a_loop_that_is_too_hot_is_worked_out_and_the_statement_is_still_seen(soon_hot):
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run("def f(t):\n    s = 0\n    for k in range(100_000):\n        s += k\n    t.add_(1)\n    return s")
        one = site(nb, "f(y)")

    assert one["inner"] == {"cell": 2, "line": 5, "text": "t.add_(1)"}
    assert (one["line"], one["certainty"]) == (1, "inferred")


@sees_lines
def test_a_function_called_too_often_does_not_hide_the_lines_of_the_next_statement(soon_hot):
    with Notebook() as nb:
        nb.run(SETTING)
        nb.run(FUNCTIONS + "\ndef fib(k):\n    return k if k < 2 else fib(k - 1) + fib(k - 2)")
        one = site(nb, "fib(18)\nf(y)")

    assert (one["certainty"], one["inner"]) == ("observed", SEEN)


@pytest.mark.parametrize("settings", [{"probes": False}, {"probe_floor": 0.0}])
def test_without_time_for_looks_no_tool_is_taken(settings: dict[str, object]):
    with Notebook(settings=settings) as nb:
        nb.run("import sys\nimport torch\nx = torch.ones(4)\ny = x.detach()")
        nb.run(FUNCTIONS)
        nb.run("tools = [sys.monitoring.get_tool(k) for k in range(6)] if hasattr(sys, 'monitoring') else []\nf(y)")

        assert not any(nb.ns["tools"])


@sees_lines
def test_the_tool_is_taken_while_a_cell_runs_and_given_back(nb: Notebook):
    nb.run("import sys\ntools = [sys.monitoring.get_tool(k) for k in range(6)]")

    assert nb.ns["tools"] == [None, None, None, "ipy_tensorwatch", None, None]
    assert [sys.monitoring.get_tool(k) for k in range(6)] == [None] * 6


@sees_lines
def test_an_unload_in_mid_cell_gives_the_tool_back_at_once():
    with Notebook(watched=False) as nb:
        nb.cell(SETTING)
        nb.cell(FUNCTIONS)
        nb.load()
        ran = nb.cell(
            "import sys\nf(y)\n%unload_ext ipy_tensorwatch\ntools = [sys.monitoring.get_tool(k) for k in range(6)]\nf(y)"
        )
        assert ran.error is None
        assert nb.ns["tools"] == [None] * 6
        nb.assert_nothing_left()


@sees_lines
def test_where_no_tool_is_free_but_those_of_debuggers_and_profilers_lines_are_worked_out(nb: Notebook):
    for tool in (3, 4, 5):
        sys.monitoring.use_tool_id(tool, "another")
    try:
        one = site(nb, "f(y)")
    finally:
        for tool in (3, 4, 5):
            sys.monitoring.free_tool_id(tool)

    assert (one["certainty"], one["inner"]) == ("inferred", SEEN)


@sees_lines
def test_a_tool_that_is_taken_from_us_in_mid_cell_breaks_nothing(nb: Notebook):
    one = site(nb, "import sys\nsys.monitoring.free_tool_id(3)\nf(y)\nz = g")

    assert one["inner"] == SEEN


@sees_lines
def test_tracers_profilers_and_other_tools_see_what_they_would_see_without_us(nb: Notebook):
    """A trace function, a profile function and a coverage tool count the same events in a cell, watched or not."""
    nb.run(
        textwrap.dedent("""
        import sys, collections
        def spy(act):
            count = collections.Counter()
            def trace(frame, event, _):
                count[frame.f_code.co_name, event, frame.f_lineno] += 1
                return trace
            def line(code, line):
                count[code.co_name, 'tool', line] += 1
            sys.monitoring.use_tool_id(1, 'coverage')
            sys.monitoring.register_callback(1, sys.monitoring.events.LINE, line)
            sys.monitoring.set_local_events(1, f.__code__, sys.monitoring.events.LINE)
            sys.settrace(trace)
            act()
            sys.settrace(None)
            sys.setprofile(trace)
            act()
            sys.setprofile(None)
            sys.monitoring.set_local_events(1, f.__code__, 0)
            sys.monitoring.register_callback(1, sys.monitoring.events.LINE, None)
            sys.monitoring.free_tool_id(1)
            return count
    """)
    )
    nb.run("seen = spy(lambda: g(y))")
    nb.cell("%tensorwatch off")
    nb.cell("plain = spy(lambda: g(y))")
    nb.cell("%tensorwatch on")

    assert nb.ns["seen"] == nb.ns["plain"]


def test_the_line_of_a_generator_of_an_earlier_cell_is_told_on_every_python():
    with Notebook() as nb:
        nb.run("import torch\ndef stream(buf):\n    for i in range(1, 4):\n        buf.fill_(i)\n        yield i")
        nb.run("b = torch.zeros(2)\nit = stream(b)")
        reports = [nb.run("k = next(it)"), nb.run("for k in it: break")]

    sites = [report["changes"][0]["sites"][0] for report in reports]
    assert [(1, "buf.fill_(i)")] * 2 == [(one["inner"]["cell"], one["inner"]["text"]) for one in sites]
    assert all((one["certainty"] == "observed") is SEES for one in sites)


def test_an_attribute_that_led_elsewhere_meanwhile_may_have_been_written_and_a_counter_was_not():
    made = (
        "import torch\nclass Env:\n    def reset(self):\n        self.count = 0\n        self.state = torch.zeros(4)\n"
        "        return self.state\n    def step(self, i):\n        self.state[i] += 1\n        self.count += 1\nenv = Env()"
    )
    with Notebook() as nb:
        nb.run(made)
        nb.run("first = env.reset()")
        report = nb.run("first = env.reset()\nfor i in range(3): env.step(i)\nlast = env.reset()")
    [found] = [one for one in report["changes"] if one["path"] == "first" and one["silent"]]
    assert found["sites"][0]["inner"]["text"] == "self.state[i] += 1"


def test_a_counter_of_an_object_that_the_cell_makes_is_no_suspect():
    cell = (
        "import torch\nfrom collections import deque\nclass Env:\n    def __init__(self):\n        self.count = 0\n"
        "        self.state = torch.zeros(4)\n    def step(self, i):\n        self.count += 1\n"
        "        self.state[i] += 1\n        return self.state.numpy()\n"
        "env, kept = Env(), deque(maxlen=2)\nfor i in range(2): kept.append(torch.from_numpy(env.step(i)))\n"
        "for i in range(4):\n    seen = env.step(i)\n    kept.append(torch.from_numpy(seen))"
    )
    with Notebook() as nb:
        changes = nb.run(cell)["changes"]

    sites = [site for one in changes if one["silent"] for site in one["sites"] if site["inner"]]
    assert sites
    assert {site["inner"]["text"] for site in sites} == {"self.state[i] += 1"}


@sees_lines
def test_the_debugger_steps_through_a_function_as_ever(nb: Notebook):
    nb.run(
        "import io, pdb\ndef step():\n    out = io.StringIO()\n"
        "    bug = pdb.Pdb(stdin=io.StringIO('s\\n' * 4 + 'c\\n'), stdout=out, nosigint=True, readrc=False)\n"
        "    bug.runcall(f, y)\n    return out.getvalue()"
    )
    nb.run("seen = step()")
    nb.cell("%tensorwatch off")
    nb.cell("plain = step()")
    nb.cell("%tensorwatch on")

    assert nb.ns["seen"] == nb.ns["plain"]
    assert "t.add_(s)" in nb.ns["seen"]


EXITS = {
    "an error": ("with acc:\n    v.add_(1)\n    v.none()", 1),
    "an error that is held back": (
        "with contextlib.suppress(Exception):\n    with acc:\n        v.none()\nv.add_(1)",
        2,
    ),
    "an error that is handled": ("try:\n    with acc:\n        v.none()\nexcept AttributeError:\n    v.add_(1)", 2),
    "break": ("for k in range(3):\n    with acc:\n        v.add_(1)\n        break\nv.add_(1)", 2),
    "continue": ("for k in range(3):\n    with acc:\n        v.add_(1)\n        continue\nv.add_(1)", 2),
    "the next turn": ("for k in turns():\n    with torch.no_grad():\n        v.add_(1)\n        continue", 1),
    "the next turn after finally": (
        "for k in turns():\n    try:\n        continue\n    finally:\n        v.add_(1)",
        1,
    ),
}


@pytest.mark.parametrize(("cell", "line"), EXITS.values(), ids=EXITS)
def test_what_is_written_when_a_block_is_left_is_told_at_its_head(cell: str, line: int):
    with Notebook(settings=PATIENT) as nb:
        nb.run("import contextlib, torch\ny = torch.zeros(4)\nx = y.view(-1)\nv = torch.zeros(2)")
        nb.run(
            "class Around:\n    def __enter__(self):\n        return self\n    def __exit__(self, *_):\n        y.add_(1)\n"
            "acc = Around()\ndef turns():\n    for turn in range(3):\n        yield turn\n        y.add_(1)"
        )
        nb.cell(cell)
        change = changes(nb.report(), "mutated")["x"]

    assert [line] == [one["line"] for one in change["sites"]]
