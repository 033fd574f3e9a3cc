# `make demo` shows the product, `make test` proves it. Everything lives in .venv; nothing else is installed.
#
#   CLUSTER=embedded | real | current     which Kubernetes (demo: embedded; test: all, the real one where it can be had)
#   KEEP=1                                leave the demo running, and print how to use it by hand
#   PYTHON=python3.12                     another interpreter for .venv, 3.11 or newer
#   SEED=1234                             test-long searches as in the run that printed this number

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests wait more than they compute: four workers are right for two cores.
WORKERS := -n 4 --dist loadfile --no-loadscope-reorder
export CLUSTER KEEP

.DEFAULT_GOAL := help
.PHONY: help install demo install-demo test test-long check house unit contract reconcile sandbox machine chart gitops image monitoring walk e2e node bench-restart controlplane format clean

help:  ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*  ## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|' 2>/dev/null || true

install: $(STAMP)  ## make .venv with the pinned versions

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "$(PYTHON) is older than Python 3.11; say for example: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@echo "Making .venv (once, about half a minute) ..."
	@$(PYTHON) -m venv $(VENV) \
	  || { echo "Python cannot make virtual environments; on Debian and Ubuntu: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install  ## see it work: a cluster, a Box and the operator on this machine
	@$(BIN)/python -m demo

install-demo: install  ## see the chart installed by Helm, as pods where a node can be had, and an app become Ready
	@$(BIN)/python -m demo.install

test: check  ## run every check and every test
	$(BIN)/python -m pytest $(WORKERS)

check: install  ## formatting, lint, types, import contracts, the limits of the house, its words
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m house --check

house: install  ## measure the house: rooms, functions, and the way of a manifest to its Secret
	@$(BIN)/python -m house

test-long: install  ## search for long: the machine of a token's life, properties, every value of the schema
	@seed=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; \
	  echo "The seed is $$seed. To search in the same way again: make test-long SEED=$$seed"; \
	  HYPOTHESIS_PROFILE=long $(BIN)/python -m pytest $(WORKERS) --hypothesis-seed=$$seed tests/machine tests/unit tests/walk \
	  || { echo "Failed with the seed $$seed."; exit 1; }

unit contract reconcile sandbox machine chart gitops image monitoring walk e2e: install  ## run one suite only
	$(BIN)/python -m pytest $(WORKERS) tests/$@

node: install  ## the chart as pods on a real node: as root, with containerd and runc
	CLUSTER=node $(BIN)/python -m pytest tests/node

bench-restart: install  ## measure what a restart costs: APPS=1000,2000,4000,10000, about ten minutes
	@$(BIN)/python -m bench.restart --apps $(or $(APPS),1000,2000,4000,10000)

controlplane: install  ## find, build or download a real control plane
	$(BIN)/python -m controlplane build

format: install  ## format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove what the targets made here
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
