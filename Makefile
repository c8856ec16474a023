# `make demo` and `make test` do all their own set-up; `make help` lists the rest.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SEEDS ?= 100
FROM ?= 0
FAST_TESTS := $(wildcard tests/unit tests/property tests/contract tests/vectors tests/simulation)

.DEFAULT_GOAL := help
.PHONY: help install demo test lan check format sim bench lock hooks clean
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

install: $(VENV)/.runtime-installed ## only .venv/bin/homechain, for a hub of your own

demo: $(VENV)/.runtime-installed ## three hubs, six devices and the dashboard on this machine
	$(BIN)/homechain demo

test: $(VENV)/.dev-installed ## every test but those of `make lan`
	$(BIN)/python -m pytest -n auto -m "not lan" --hypothesis-profile=thorough

lan: $(VENV)/.dev-installed ## hubs on a LAN of network namespaces; needs root and iproute2
	$(BIN)/python -m pytest -m lan tests/e2e

check: $(VENV)/.dev-installed ## what a push must pass: format, lint, types, imports, house rules, fast tests
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q -n auto -m "not slow" --cov --cov-report=term $(FAST_TESTS)

format: $(VENV)/.dev-installed ## let ruff format and fix what it can
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

sim: $(VENV)/.dev-installed ## simulated homes under loss, partition and crash: make sim SEEDS=1000 FROM=0
	$(BIN)/python -m tests.simulation --seeds $(SEEDS) --from $(FROM)

bench: $(VENV)/.runtime-installed ## measure this machine
	$(BIN)/homechain bench

# Locking looks past pip's own configuration, so that the hashes are those of the public files.
PIP_COMPILE = env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_CONFIG_FILE=/dev/null \
	CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/pip-compile --quiet --generate-hashes --strip-extras \
	--allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options
lock: $(VENV)/.dev-installed ## resolve requirements/*.txt again; UPGRADE=1 takes newer releases
	$(PIP_COMPILE) $(if $(UPGRADE),--upgrade) -o requirements/runtime.txt pyproject.toml requirements/build.in
	$(PIP_COMPILE) $(if $(UPGRADE),--upgrade) --extra dev -c requirements/runtime.txt \
		-o requirements/dev.txt pyproject.toml requirements/build.in

hooks: ## run `make check` before every push
	git config core.hooksPath .githooks

clean: ## remove everything that make made
	rm -rf $(VENV) build dist htmlcov .coverage .coverage.* .hypothesis .import_linter_cache \
		.mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "homechain needs Python 3.11 or newer: sudo apt install python3 python3-venv" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "homechain needs Python 3.11 or newer, and $(PYTHON) is $$($(PYTHON) -V 2>&1): install one and say make PYTHON=python3.11" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "homechain needs python3-venv: sudo apt install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv --clear $(VENV)

# Both locks hold the same releases and dev.txt holds all of runtime.txt, so one environment serves both.
INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
$(VENV)/.runtime-installed: requirements/runtime.txt pyproject.toml | $(VENV)/bin/python
	@echo "homechain: installing what the hubs and the dashboard need into $(VENV); this can take minutes the first time"
	@$(INSTALL) --require-hashes -r requirements/runtime.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev-installed: requirements/dev.txt pyproject.toml | $(VENV)/bin/python
	@echo "homechain: installing what the tests need into $(VENV); this can take minutes the first time"
	@$(INSTALL) --require-hashes -r requirements/dev.txt
	@$(INSTALL) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime-installed
