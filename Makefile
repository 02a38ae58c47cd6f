# Everything below makes its own virtual environment from constraints.txt. Needs Python >= 3.11.
PYTHON ?= python3
VENV ?= .venv
# worksteal: neighbours stay on one worker, so what a module shares is made once.
PYTEST_ARGS ?= -n auto --maxprocesses 4 --dist worksteal
SPHINX_ARGS ?= -W --keep-going -q
DEMO_OUT ?= runs/demo

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
stamp = $(VENV)/.installed-$(1)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help demo test check lint types layers format docs benchmarks clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(call stamp,core) ## find a planted resonance in simulated dijets; report in runs/demo
	rm -rf "$(DEMO_OUT)"
	$(BIN)/novum hunt --demo -o "$(DEMO_OUT)"

test: $(call stamp,test) ## run the tests
	$(BIN)/python -m pytest $(PYTEST_ARGS)

check: lint types layers ## lint, types and layers

lint: $(call stamp,dev)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/repo-review .

types: $(call stamp,dev)
	$(BIN)/mypy

layers: $(call stamp,dev)
	$(BIN)/lint-imports

format: $(call stamp,dev) ## rewrite the code in the house format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(call stamp,docs) ## build the documentation into docs/_build/html
	$(BIN)/python -m sphinx $(SPHINX_ARGS) -b html docs docs/_build/html

benchmarks: $(call stamp,benchmarks) ## run every benchmark; results in benchmarks/results
	@set -e; for script in $(filter-out %/common.py,$(wildcard benchmarks/*.py)); do \
	  echo "$$script"; $(BIN)/python "$$script"; done

clean: ## remove caches and built documentation (not runs/, not the environment)
	rm -rf build dist docs/_build docs/api/generated .pytest_cache .mypy_cache .ruff_cache \
	  .import_linter_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "novum needs Python >= 3.11: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv "$(VENV)" \
	  || { echo "no virtual environment: install Python's venv module (Debian: python3-venv)"; \
	       rm -rf "$(VENV)"; exit 1; }

# One stamp a set of extras, so that nothing is installed twice.
$(VENV)/.installed-%: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing novum ($*) into $(VENV)"
	@$(PIP) install --quiet --constraint constraints.txt \
	  --editable "$(if $(filter core,$*),.,.[$*])"
	@touch $@
