# Returnflow. `make help` lists what can be done; each target does its own set-up.
# Nothing but Python 3.11+ and make is needed on the machine.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8700
PYTEST_ARGS ?= -n 3 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help run test lint bench shop-year shop-year-flow crash-matrix assets lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

run: $(VENV)/.runtime assets ## start web and worker with a demo company; Ctrl-C stops both (PORT=8700)
	@PORT=$(PORT) $(BIN)/python -m app.cli run --demo

test: $(VENV)/.dev assets ## every check: lint, types, import walls, all tests
	@$(MAKE) --no-print-directory lint
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

lint: $(VENV)/.dev ## ruff, mypy, import-linter
	@$(BIN)/ruff check . && $(BIN)/ruff format --check -q .
	@$(BIN)/mypy --no-error-summary
	@PYTHONPATH=. $(BIN)/lint-imports --no-cache > $(VENV)/lint-imports.txt || { cat $(VENV)/lint-imports.txt; exit 1; }

bench: $(VENV)/.bench assets ## measure against hand-written twins, both databases; prints ratios
	@$(BIN)/python -m bench

shop-year: $(VENV)/.dev ## a real shop's year through the door, in full (DATABASE=sqlite|postgres)
	@$(BIN)/python -m tests.shop_year $(if $(DATABASE),--database $(DATABASE))

crash-matrix: $(VENV)/.dev ## kill, pause and cut everything off, on both databases and queues; prints a table
	@$(BIN)/python -m tests.jobs.crash

shop-year-flow: $(VENV)/.dev ## its returns lived through their flow: people, parcels, refunds, stock (DATABASE=sqlite|postgres)
	@$(BIN)/python -m tests.shop_year --flow $(if $(DATABASE),--database $(DATABASE))

assets: $(VENV)/.runtime ## copy the front-end libraries into app/web/static/vendor
	@$(BIN)/python -m app.web.assets

lock: $(VENV)/.dev ## pin every dependency with its hashes
	@$(BIN)/python -m uv --version > /dev/null 2>&1 || $(BIN)/pip install -q uv
	@$(BIN)/python -m uv pip compile pyproject.toml --extra dev --extra build --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal -q -o requirements-dev.lock
	@$(BIN)/python -m uv pip compile pyproject.toml --extra build --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal -q -c requirements-dev.lock -o requirements.lock
	@$(BIN)/python -m uv pip compile pyproject.toml --extra dev --extra build --extra bench --generate-hashes --no-emit-index-url --no-header --python-version 3.11 --universal -q -c requirements-dev.lock -o requirements-bench.lock

clean: ## remove what was built and installed (the data in var/ stays)
	rm -rf $(VENV) node_modules app/web/static/vendor .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed (this is %d.%d): make PYTHON=python3.12 …" % sys.version_info[:2])'
	@echo "Preparing the environment in $(VENV) …"
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements.lock | $(VENV)/bin/python
	@echo "Installing what the product needs …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime | $(VENV)/bin/python
	@echo "Installing what the tests need …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

$(VENV)/.bench: requirements-bench.lock $(VENV)/.dev | $(VENV)/bin/python
	@echo "Installing what is measured against …"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements-bench.lock
	@touch $@
