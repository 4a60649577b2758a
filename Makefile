# Everything a person types, from a fresh clone. What needs a program that is not there says so.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint tests/constraints.txt
ARGS ?=
# Most of what tests do is to wait for processes: one more than there are processors, and at most six.
JOBS ?= $(shell n=$$(nproc); echo $$(( n < 5 ? n + 1 : 6 )))

.DEFAULT_GOAL := help
.PHONY: help run test test-torch test-vm lint bench dashboards pictures clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.daemon ## install, and watch Brimwatch get memory back from a real leaking process
	@$(BIN)/brimwatch demo $(ARGS)

test: $(VENV)/.recipes $(VENV)/.dashboards ## install what the tests need (as root by apt), run them all; ARGS='-k name' for some
	@tests/components/install
	@$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder $(ARGS)

test-torch: $(VENV)/.recipes ## the recipe for torch, which takes gigabytes to install
	@$(PIP) torch
	@$(BIN)/python -m pytest -s tests/recipes -k torch $(ARGS)

test-vm: $(VENV)/.dev ## what needs cgroup v2 and systemd, in an emulated machine (built once, as root); ARGS=JOB for one
	@for job in $(or $(ARGS),$(notdir $(wildcard tests/vm/jobs/*))); do tests/vm/start $$job || exit; done

lint: $(VENV)/.dev ## ruff, mypy --strict and the layer rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## the benchmarks: one JSON line for each figure; ARGS='sampling self' for some
	@tests/components/install gcc prometheus-process-exporter >&2
	@$(BIN)/python -m tests.bench $(ARGS)

dashboards: $(VENV)/.dashboards ## write grafana/dashboards/*.json anew from grafana/parts
	@$(BIN)/python -m grafana.build

pictures: $(VENV)/.dashboards ## draw both dashboards of real targets, by a real Prometheus: grafana/pictures, 4 minutes
	@tests/components/install prometheus >&2
	@$(BIN)/python -m tests.grafana.pictures

clean: ## remove the virtual environment and every cache
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis daemon/*.egg-info build dist

$(BIN)/python:
	@tests/components/venv $(VENV) >&2

# The version is read from the package when it is installed, hence the second prerequisite of each.
$(VENV)/.daemon: $(BIN)/python pyproject.toml daemon/brimwatch/__init__.py tests/constraints.txt
	@echo 'Installing Brimwatch into $(VENV) ...' >&2
	@$(PIP) --editable '.[daemon]' >&2
	@touch $@

$(VENV)/.dev: $(BIN)/python pyproject.toml daemon/brimwatch/__init__.py tests/constraints.txt
	@echo 'Installing Brimwatch and its tools into $(VENV) ...' >&2
	@$(PIP) --editable '.[daemon,dev]' >&2
	@touch $@ $(VENV)/.daemon

$(VENV)/.recipes: $(VENV)/.dev
	@echo 'Installing the libraries of docs/recipes.md into $(VENV) ...' >&2
	@$(PIP) --editable '.[recipes]' >&2
	@touch $@

$(VENV)/.dashboards: $(VENV)/.dev
	@echo 'Installing what builds and draws the dashboards into $(VENV) ...' >&2
	@$(PIP) --editable '.[dashboards]' >&2
	@touch $@
