# `make report` and `make test` need Python 3.11 or later and make; the rest they install into .venv.
# Everything is kept inside this folder: package cache, Jupyter's runtime files, font cache.

PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,\
	$(shell $(p) -c 'import sys, venv, ensurepip; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
SNAPSHOT   ?= data/snapshots/brennan-2026-05-02.sqlite
TENANT     ?= brennan
HYPOTHESIS ?= data/hypotheses/brennan-minimax.yaml
OUT        ?= reports/$(shell basename '$(SNAPSHOT)' .sqlite)

export PIP_NO_CACHE_DIR := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export IPYTHONDIR := $(CURDIR)/$(VENV)/var/ipython
export JUPYTER_CONFIG_DIR := $(CURDIR)/$(VENV)/var/jupyter-config
export JUPYTER_DATA_DIR := $(CURDIR)/$(VENV)/var/jupyter-data
export JUPYTER_RUNTIME_DIR := $(CURDIR)/$(VENV)/var/jupyter-run
export MPLCONFIGDIR := $(CURDIR)/$(VENV)/var/matplotlib

.DEFAULT_GOAL := help
.PHONY: help setup report lab test test-all test-part conformance lint format data docs postmortem mutants attacks bench pictures dist lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## create .venv and install the pinned packages (the others do this by themselves)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "make: no Python 3.11 or later with venv found; name one: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@echo "Setting up $(VENV) with $$($(PYTHON) --version): $$(grep -c '^[a-z0-9].*==' requirements.lock) pinned packages, about a minute, once." >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --compile --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --no-deps --no-build-isolation -e .
	@mkdir -p $(VENV)/var && $(BIN)/python -c 'import matplotlib.font_manager'
	@touch $@

# An editable install is not byte-compiled by pip; without this every first import is slow.
.PHONY: compiled
compiled: $(READY)
	@$(BIN)/python -m compileall -q atomlab

report: compiled ## investigate the incident on its snapshot; prints the verdict and the report's path
	@$(BIN)/atomlab report '$(SNAPSHOT)' --tenant '$(TENANT)' --hypothesis '$(HYPOTHESIS)' --out '$(OUT)'

lab: compiled ## JupyterLab on your own copies of the notebooks, in atomlab-notebooks
	@$(BIN)/atomlab lab '$(SNAPSHOT)' --tenant '$(TENANT)' --hypothesis '$(HYPOTHESIS)'

PYTEST := $(BIN)/python -m pytest -n logical --maxprocesses 4 --dist loadfile

test: compiled ## run the tests, a worker per core (up to four): at most five minutes on two cores
	@$(PYTEST) -m 'not slow'

test-all: compiled ## the same, with branch coverage, then the slow ones: browser, kills, full disks, fuzzing
	@EXAMPLES=all $(PYTEST) -m 'not slow' --cov
	@$(PYTEST) -m slow

# What could depend on the version of Python; a venv of its own for each: make VENV=.venv-3.13 …
test-part: compiled ## a part of the tests, a minute long, for other versions of Python
	@$(PYTEST) -m 'not slow' tests/byok tests/conformance tests/diagnosis tests/evidence/inputs \
		tests/capturing/test_capture.py tests/evidence/sources/test_sqlite.py tests/test_core_yaml.py \
		tests/test_packaging.py tests/report/test_html.py

conformance: compiled ## replay what the public edition decided; print how much agrees, by class
	@$(BIN)/python -m tests.conformance.replay

lint: compiled ## ruff, mypy --strict, notebooks without outputs
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/nbstripout --verify --keep-id notebooks/*.ipynb

format: $(READY) ## format the code, strip the notebooks
	@$(BIN)/ruff check --fix-only --quiet . && $(BIN)/ruff format --quiet .
	@$(BIN)/nbstripout --keep-id notebooks/*.ipynb

data: compiled ## rebuild the snapshots from a made platform database and the real prices
	@$(BIN)/python data/build.py

docs: compiled ## build the documentation as a site, without network, in docs/_build/html
	@$(BIN)/python -m sphinx -q -W --keep-going -E -a -b html -d docs/_build/doctrees docs docs/_build/html
	@echo "site: docs/_build/html/index.html"

postmortem: compiled ## rebuild the example postmortem from the shipped snapshot
	@$(BIN)/python data/build.py postmortem

mutants: compiled ## change one expression at a time; print how many changes a test notices (by hand; long)
	@$(BIN)/python tests/mutants.py $(ONLY)

attacks: compiled ## try every attack that the tests know; print how many of each kind held (by hand; long)
	@ATTACKS=all EXAMPLES=all $(BIN)/python -m pytest -q -m attack -p tests.attacks --no-header \
		--hypothesis-profile=default

bench: compiled ## measure speed against the references (by hand; minutes)
	@$(BIN)/python -m benchmarks

pictures: compiled ## take the documentation's pictures anew (needs chromium)
	@$(BIN)/python -m docs.pictures

dist: compiled ## build the wheel and the source archive into dist; needs no network
	@$(BIN)/python -m hatchling build --clean -d dist

lock: ## resolve requirements.lock anew for every Python from 3.11 on (needs uv)
	@uv pip compile pyproject.toml --all-extras --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --upgrade --quiet -o requirements.lock

clean: ## remove the venvs, reports, built archives and caches
	@rm -rf $(VENV) .venv-3.* dist reports docs/_build .coverage .mypy_cache .ruff_cache .pytest_cache .hypothesis mutants
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
