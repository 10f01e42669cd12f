# The menu. `make run` and `make test` work on a fresh clone with Rust, Node.js and Python.

CARGO ?= cargo
PYTHON ?= python3
NPM ?= npm
# Further arguments of `trunkline serve`, for instance: make run ARGS="--listen 127.0.0.1:9000"
ARGS ?=

VENV := tests/.venv
# Each process of pytest has a gateway of its own.
PARALLEL := --numprocesses auto --maxprocesses 4
TARGET := $(or $(CARGO_TARGET_DIR),target)
JAVASCRIPT := tests/javascript
CLIENTS := tests/clients
AGENTS := tests/agents
DASHBOARD := dashboard

# Steps of `test` share one build folder and one machine: one after the other, cheap ones first.
.NOTPARALLEL:
.DEFAULT_GOAL := help
.PHONY: help run build test fmt fmt-check lint tidy unit postgres valkey doc-tests check-e2e \
	e2e-python e2e-javascript e2e-clients e2e-agents e2e-contract e2e-books check-dashboard chromium faketime dist bench clean

help: ## Show this menu
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build the gateway with its dashboard, and serve
	$(CARGO) build --release --locked -p trunkline
	$(TARGET)/release/trunkline serve $(ARGS)

build: ## Build the gateway for development
	$(CARGO) build --locked -p trunkline

test: fmt-check lint unit doc-tests check-e2e check-dashboard ## Check everything

fmt: ## Format the code
	$(CARGO) fmt --all

fmt-check:
	$(CARGO) fmt --all --check

lint: ## Clippy without warnings; cargo-deny where it is installed
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@if $(CARGO) deny --version >/dev/null 2>&1; then $(CARGO) deny --all-features check; \
	else echo "cargo-deny is not installed: licences, bans and sources are checked by tidy"; fi

tidy: ## Dependency directions, purity, licences, documents
	$(CARGO) run --locked --quiet -p xtask -- tidy

unit: postgres valkey ## Tests of all crates, tidy among them
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
		$(CARGO) nextest run --locked --workspace --all-targets --profile ci; \
	else $(CARGO) test --locked --workspace --all-targets; fi

# The tests start servers of their own from the programs of Debian's package. TRUNKLINE_SKIP_POSTGRES=1
# leaves them out.
postgres: ## Install PostgreSQL for the tests, where it is missing
	@if [ "$(TRUNKLINE_SKIP_POSTGRES)" = 1 ] || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; \
	then :; elif [ "$$(id -u)" = 0 ]; then \
		apt-get update && apt-get install --yes --no-install-recommends postgresql; \
	else echo "PostgreSQL is missing: apt-get install postgresql" >&2; exit 1; fi

# Whichever of the two this Debian has. TRUNKLINE_SKIP_VALKEY=1 leaves these tests out.
valkey: ## Install Valkey or Redis for the tests, where both are missing
	@if [ "$(TRUNKLINE_SKIP_VALKEY)" = 1 ] || command -v valkey-server >/dev/null || \
	command -v redis-server >/dev/null; \
	then :; elif [ "$$(id -u)" = 0 ]; then \
		apt-get update && apt-get install --yes --no-install-recommends \
		"$$(apt-cache show valkey-server >/dev/null 2>&1 && echo valkey-server || echo redis-server)"; \
	else echo "Valkey is missing: apt-get install valkey-server (or redis-server)" >&2; exit 1; fi

doc-tests: ## Examples in documentation
	$(CARGO) test --locked --workspace --doc

check-e2e: e2e-python e2e-javascript e2e-clients e2e-agents e2e-contract e2e-books ## Real clients against the real binary

e2e-python: build $(VENV)/ready ## OpenAI's and OpenRouter's SDKs for Python
	TRUNKLINE_BIN=$(TARGET)/debug/trunkline $(VENV)/bin/python -m pytest -c tests/pytest.ini $(PARALLEL) tests/python

e2e-javascript: build $(JAVASCRIPT)/node_modules/.ready ## SDKs for JavaScript, and the AI SDK
	TRUNKLINE_BIN=$(TARGET)/debug/trunkline node --test --test-reporter=spec $(JAVASCRIPT)/*.test.js

e2e-clients: build $(CLIENTS)/.venv/ready ## Other vendors' SDKs for Python, LangChain, Pydantic AI, LiteLLM, llm
	TRUNKLINE_BIN=$(TARGET)/debug/trunkline $(CLIENTS)/.venv/bin/python -m pytest \
		-c $(CLIENTS)/pytest.ini $(PARALLEL) $(CLIENTS)

e2e-agents: build $(AGENTS)/.venv/ready $(AGENTS)/node_modules/.ready ## Claude Code, Codex, opencode, aider
	TRUNKLINE_BIN=$(TARGET)/debug/trunkline $(AGENTS)/.venv/bin/python -m pytest \
		-c $(AGENTS)/pytest.ini $(PARALLEL) $(AGENTS)

e2e-contract: build $(VENV)/ready ## The OpenAPI document against the server
	TRUNKLINE_BIN=$(TARGET)/debug/trunkline $(VENV)/bin/python -m pytest -c tests/pytest.ini $(PARALLEL) tests/openapi

# TRUNKLINE_KILLS, TRUNKLINE_OUTAGE (seconds) and TRUNKLINE_SEED make it longer, or another.
e2e-books: build $(VENV)/ready postgres valkey faketime ## The books through kills, outages and full disks
	TRUNKLINE_BIN=$(TARGET)/debug/trunkline $(VENV)/bin/python -m pytest -c tests/pytest.ini $(PARALLEL) tests/books

check-dashboard: build $(DASHBOARD)/node_modules/.ready chromium ## The dashboard: types, sizes, every page in a browser
	$(NPM) --prefix $(DASHBOARD) run check
	$(NPM) --prefix $(DASHBOARD) run build
	$(NPM) --prefix $(DASHBOARD) run size
	TRUNKLINE_BIN=$(abspath $(TARGET))/debug/trunkline $(NPM) --prefix $(DASHBOARD) run test:browser

chromium: ## Install the browser for the tests, where it is missing
	@if command -v chromium >/dev/null; \
	then :; elif [ "$$(id -u)" = 0 ]; then \
		apt-get update && apt-get install --yes --no-install-recommends chromium; \
	else echo "Chromium is missing: apt-get install chromium" >&2; exit 1; fi

faketime: ## Install what sets a test's clock, where it is missing
	@if ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1; \
	then :; elif [ "$$(id -u)" = 0 ]; then \
		apt-get update && apt-get install --yes --no-install-recommends libfaketime; \
	else echo "libfaketime is missing: apt-get install libfaketime" >&2; exit 1; fi

dist: ## Build what is shipped: takes two builds and a run of all loads (bench/setup.sh first)
	bench/dist.sh

bench: ## Measure load and cost of what is shipped
	bench/run.sh

$(VENV)/ready: tests/requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(CLIENTS)/.venv/ready $(AGENTS)/.venv/ready: %/.venv/ready: %/requirements.txt
	$(PYTHON) -m venv $*/.venv
	$*/.venv/bin/python -m pip install --quiet --disable-pip-version-check --requirement $<
	@touch $@

$(AGENTS)/node_modules/.ready: $(AGENTS)/package-lock.json
	$(NPM) ci --prefix $(AGENTS) --ignore-scripts --no-audit --no-fund
	@touch $@

$(JAVASCRIPT)/node_modules/.ready: $(JAVASCRIPT)/package-lock.json
	$(NPM) ci --prefix $(JAVASCRIPT) --ignore-scripts --no-audit --no-fund
	@touch $@

$(DASHBOARD)/node_modules/.ready: $(DASHBOARD)/package-lock.json
	$(NPM) ci --prefix $(DASHBOARD) --no-audit --no-fund
	@touch $@

clean: ## Remove what was built and installed
	$(CARGO) clean
	rm -rf $(VENV) $(CLIENTS)/.venv $(AGENTS)/.venv $(AGENTS)/node_modules
	rm -rf $(JAVASCRIPT)/node_modules $(DASHBOARD)/node_modules $(DASHBOARD)/dist
