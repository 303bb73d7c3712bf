# `make` lists the targets. PYTHON chooses the interpreter, each in an environment of its own beside .venv:
# `make test PYTHON=python3.12` works in .venv-3.12.

PYTHON ?= python3
VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv$(if $(filter-out file,$(origin PYTHON)),-$(VERSION))
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --constraint constraints.txt --editable

# The tools that the package is built with are pinned too: pip builds in an environment of its own, which reads
# PIP_CONSTRAINT (PIP_BUILD_CONSTRAINT since pip 25.3) rather than the option.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

# Node comes as a wheel, into .venv as well, and the scripts that npm runs look for it on the path.
export PATH := $(CURDIR)/$(BIN):$(PATH)
NPM := $(BIN)/npm --prefix js --no-audit --no-fund --no-update-notifier
SOURCES := $(wildcard js/*.json js/*.mjs js/*.ts) $(shell find js/src js/schemas -type f)
EXTENSION := share/jupyter/labextensions/ipy-tensorwatch

# The kernel named `python3` is the one in .venv, whatever else is installed for this user.
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup js check test test-device lint demo bench soak chaos docs pictures clean
.PHONY: quick style types types-of-newest front-end-types front-end-tests newest-setup newest no-browser browser

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.front-end  ## Make .venv and install the package into it, with all that tests and linters need

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo '$(PYTHON) is not Python 3.10 or newer: name one with make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt hatch_build.py | $(BIN)/pip
	@echo 'Installing PyTorch, JupyterLab and the test tools into $(VENV): 2 to 4 minutes.'
	$(INSTALL) '.[test,lint,docs]'
	@touch $@

js/node_modules/.complete: js/package-lock.json | $(VENV)/.installed
	$(NPM) ci --ignore-scripts
	@touch $@

# An editable install copies the extension to where JupyterLab looks for it: copy it again when it was built again.
$(VENV)/.front-end: $(SOURCES) js/node_modules/.complete $(VENV)/.installed
	$(NPM) run --silent build
	@mkdir -p $(VENV)/$(EXTENSION) && rm -rf $(VENV)/$(EXTENSION)/static
	@cp -R ipy_tensorwatch/panel/labextension/. $(VENV)/$(EXTENSION)
	@touch $@

# A user's own IPython and Jupyter settings must not decide about a test, nor does a test need a home folder.
check test bench soak chaos docs pictures: export IPYTHONDIR := $(CURDIR)/$(VENV)/ipython
check test bench soak chaos docs pictures: export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/jupyter/config
check test bench soak chaos docs pictures: export JUPYTER_DATA_DIR := $(CURDIR)/$(VENV)/jupyter/data
check test bench soak chaos docs pictures: export JUPYTER_RUNTIME_DIR := $(CURDIR)/$(VENV)/jupyter/runtime

# Tests start some hundred kernels; without byte code on disk each compiles the package again, for half a second.
unexport PYTHONDONTWRITEBYTECODE

# How many processes run tests, and how many lanes run beside each other.
WORKERS ?= 2
LANES := $(MAKE) --no-print-directory --jobs $(WORKERS)
PYTEST := $(BIN)/python -m pytest
IN_PARALLEL := --numprocesses $(WORKERS)

# JupyterLab has races of its own: a notebook that was opened stays behind, a busy kernel looks idle.
# A test that fails for one is run once more, and the summary counts it.
IN_A_BROWSER := --reruns 1 tests/browser

check: setup  ## Lint, types and the tests that need no shell; in under a minute
	@$(LANES) types quick style front-end-types

test: setup  ## Lint, then run all tests
	@$(LANES) types-of-newest types style front-end-types front-end-tests
	@$(LANES) no-browser aside-browser aside-newest

# The browser's tests wait for half of their time. What they print is shown when they have ended.
aside-%:
	@$(MAKE) --no-print-directory $* >$(VENV)/$*.log 2>&1; failed=$$?; cat $(VENV)/$*.log; exit $$failed

# What each of these lanes runs stands alone, so that they can run beside each other.
FOR_NEWEST := tests/end_to_end/errors tests/end_to_end/changes/test_lines.py tests/end_to_end/hazards/test_one_memory.py
quick:
	$(PYTEST) tests/core tests/render tests/panel tests/house
style:
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/lint-imports
types:
	$(BIN)/mypy
types-of-newest:
	$(BIN)/mypy --python-version 3.13
front-end-types:
	$(NPM) run --silent check
front-end-tests:
	$(NPM) test
no-browser:
	$(PYTEST) $(IN_PARALLEL) --ignore tests/browser
browser:
	$(PYTEST) $(IN_A_BROWSER)
newest: newest-setup
	@$(if $(filter 3.10 3.11,$(VERSION)),.ci/newest test $(FOR_NEWEST),echo 'All tests run under Python $(VERSION).')
newest-setup:
	@$(if $(filter 3.10 3.11,$(VERSION)),.ci/newest setup)

js:  ## Build the front end again
	@rm -f $(VENV)/.front-end
	@$(MAKE) --no-print-directory setup

lint: setup  ## Check style, formatting, types and the direction of imports
	@$(LANES) types-of-newest types style front-end-types

demo: setup demo/demo.ipynb  ## Open a copy of demo.ipynb in JupyterLab, with the panel beside it
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) --notebook-dir demo --LabApp.default_url /lab/tree/demo.ipynb

# A copy, because saving the notebook would change the checkout.
demo/demo.ipynb: demo.ipynb
	@mkdir -p demo && cp demo.ipynb $@

# In turn: what runs beside a measurement slows it down.
BENCHMARKS := load cells least run backward digests preview_time panel ranks rank_cells
bench: setup  ## Measure what watching costs, and how quick previews, the panel and ranks are
	@for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit 1; done

soak: setup  ## Run 2,000 random cells in one kernel, with a panel and reloads; at most 5 minutes
	$(BIN)/python -m trials.soak

chaos: setup  ## Try to break what a person runs: threads, Ctrl-C, faults, hostile objects and messages
	$(BIN)/python -m trials.chaos

docs: setup  ## Make the generated text of the documentation again
	$(BIN)/python -m docs.make tables sessions picture demo

pictures: setup  ## Make the pictures of the panel again, in a real browser
	$(BIN)/python -m docs.make pictures

test-device:  ## Run the tests and benchmarks of devices on CUDA; WHEELS=folder where there is no network
	@.ci/test-device $(PYTHON) $(WHEELS)

clean:  ## Remove every .venv, caches and built files
	rm -rf .venv .venv-* build dist js/node_modules ipy_tensorwatch/panel/labextension ipy_tensorwatch/panel/static
	rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
