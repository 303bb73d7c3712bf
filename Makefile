# `make` lists the targets. PYTHON chooses the interpreter, each in an environment of its own beside .venv:
# `make test PYTHON=python3.12` works in .venv-3.12.

PYTHON ?= python3
VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV := .venv$(if $(filter-out file,$(origin PYTHON)),-$(VERSION))
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --constraint constraints.txt --editable

# The tools that the package is built with are pinned too: pip builds in an environment of its own, which reads
# PIP_CONSTRAINT (PIP_BUILD_CONSTRAINT since pip 25.3) rather than the option.
export PIP_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_BUILD_CONSTRAINT := $(CURDIR)/constraints.txt
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_ROOT_USER_ACTION := ignore

# The kernel named `python3` is the one in .venv, whatever else is installed for this user.
export JUPYTER_PREFER_ENV_PATH := 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup test lint demo bench docs clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: $(VENV)/.installed  ## Make .venv and install the package into it, with all that tests and linters need

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || \
		{ echo '$(PYTHON) is not Python 3.10 or newer: name one with make PYTHON=…' >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/pip
	$(INSTALL) '.[test,lint]'
	@touch $@

$(VENV)/.installed-demo: pyproject.toml constraints.txt | $(VENV)/.installed
	$(INSTALL) '.[demo]'
	@touch $@

# A user's own IPython and Jupyter settings must not decide about a test, nor does a test need a home folder.
test bench docs: export IPYTHONDIR := $(CURDIR)/$(VENV)/ipython
test bench docs: export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/jupyter/config
test bench docs: export JUPYTER_DATA_DIR := $(CURDIR)/$(VENV)/jupyter/data
test bench docs: export JUPYTER_RUNTIME_DIR := $(CURDIR)/$(VENV)/jupyter/runtime
test: setup lint  ## Lint, then run all tests
	$(BIN)/python -m pytest

lint: setup  ## Check style, formatting, types and the direction of imports
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/mypy --python-version 3.13
	$(BIN)/lint-imports

demo: setup $(VENV)/.installed-demo  ## Open demo.ipynb in JupyterLab
	$(BIN)/jupyter lab $(if $(filter 0,$(shell id -u)),--allow-root) demo.ipynb

bench: setup  ## Measure what watching costs
	$(BIN)/python benchmarks/run.py

docs: setup  ## Make every generated part of the documentation again
	$(BIN)/python -m docs.make

clean:  ## Remove every .venv, caches and built files
	rm -rf .venv .venv-* build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
