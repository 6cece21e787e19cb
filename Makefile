# Everything a newcomer types. Needs Python 3.11 or newer and make; the rest is installed into .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
ARGS ?=
TESTS ?= tests
# Files of tests that run side by side; 0 for one after the other.
WORKERS ?= 2
SHELL := /bin/bash
.SHELLFLAGS := -o pipefail -ec

.PHONY: demo test proof bench lint format constraints clean

demo: $(VENV)/.demo          ## the main job, on embedded defaults: an outage that no caller notices
	$(BIN)/segue demo $(ARGS)

test: $(VENV)/.test          ## everything that is claimed, at a scale that fits 15 minutes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile -m "not slow" $(TESTS) $(ARGS)

proof: $(VENV)/.test         ## the same claims at full scale
	mkdir -p docs/proof
	$(BIN)/python -m pytest $(TESTS) $(ARGS) | tee docs/proof/$$(date +%F)-tests.txt
	for each in start gateway streams growth; do \
	  $(BIN)/python -m benchmarks.$$each | tee docs/proof/$$(date +%F)-$$each.md; done

bench: $(VENV)/.test         ## speed, as ratios in one run; docs/performance.md says what it needs
	$(BIN)/python -m benchmarks.start
	$(BIN)/python -m benchmarks.gateway --quick
	$(BIN)/python -m benchmarks.streams --quick
	$(BIN)/python -m benchmarks.translation

lint: $(VENV)/.lint          ## style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.lint        ## let the tools mend what they can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

constraints: $(VENV)/.lint $(VENV)/.test  ## write down the versions that are installed now
	$(PIP) freeze --exclude-editable --exclude segue > constraints.txt

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --quiet "pip>=25.1"

$(VENV)/.demo: $(BIN)/python pyproject.toml constraints.txt
	$(PIP) install --quiet -c constraints.txt -e ".[demo]"
	touch $@

$(VENV)/.test: $(VENV)/.demo
	$(PIP) install --quiet -c constraints.txt --group test
	touch $@

$(VENV)/.lint: $(VENV)/.demo
	$(PIP) install --quiet -c constraints.txt --group lint --group test
	touch $@

clean:                       ## forget everything that was installed or built
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
