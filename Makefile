# Streamzy: everything a person types. `make help` lists it.
# Needed beforehand: make and Python 3.11 or newer. Whatever else is missing, these targets fetch.

SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
QUICK ?=
ONLY ?=
QUIET_PIP := $(BIN)/python -m pip -qq --disable-pip-version-check

# The system's npm where there is one, else the one that comes as a wheel into the venv.
SYSTEM_NPM := $(shell command -v npm 2>/dev/null)
NODE_READY := $(if $(SYSTEM_NPM),,$(VENV)/.installed-node)
NPM := PATH="$(CURDIR)/$(BIN):$$PATH" npm --loglevel=error --no-fund --no-audit

RUNTIME := $(VENV)/.installed-runtime
TOOLS := $(VENV)/.installed-tools
SOCKET_IO := static/vendor/socket.io.esm.min.js
BUNDLE := static/vendor/bundle.json
FRONTEND_TOOLS := .frontend/node_modules/.installed-tools
BENCH_LOAD := bench/node_modules/.installed
LIGHTHOUSE := .lighthouse/node_modules/.installed
BENCH_PEER := bench/node_modules/.built

# make hands SIGTERM to what it started, but not SIGINT: Ctrl-C reaches everybody anyway. A supervisor that interrupts
# make alone would wait for ever; make then stops catching the signal, which Linux shows, and we pass it on.
define pass-on-interrupt
( while sleep 0.5 && kill -0 $$$$; do \
	awk '/^Sig(Ign|Cgt)/ { seen = 1; caught += substr($$2, length($$2)) ~ /[2367abef]/ } END { exit !seen || caught }' \
		/proc/$$PPID/status && kill -TERM $$$$ && break; \
done ) >/dev/null 2>&1 </dev/null
endef

# A developer's own .env is read through ENV_FILE by the settings alone, never by the flask command on its own.
export FLASK_SKIP_DOTENV := 1
export QUICK ONLY

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install run test browser nginx check format prove bench screenshots lock clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(RUNTIME) $(BUNDLE) ## install what a server needs, and nothing else

run: install ## install, set up on first use, and serve http://127.0.0.1:5000
	@$(BIN)/flask --app wsgi setup
	@$(pass-on-interrupt) & exec $(BIN)/gunicorn -c app/operations/gunicorn_settings.py wsgi:app

# A process for each core. A file stays in one of them: what its tests share is made once.
test: $(TOOLS) $(BUNDLE) $(FRONTEND_TOOLS) browser ## install what the tests need and run all of them
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile

# Of djlint's rules two are off: H015 wants line breaks after headings, which is taste, and H043 a type on every button,
# where a button in a form is its submit button by the standard.
check: $(TOOLS) $(FRONTEND_TOOLS) ## formatter, linter, types, floors, templates, JavaScript
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted as above asks: make format"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@said="$$($(BIN)/lint-imports --no-logo)" || { echo "$$said"; exit 1; }
	@$(BIN)/djlint templates --lint --quiet --configuration .djlintrc
	@cd .frontend && $(NPM) --silent run lint
	@echo "All checks passed."

format: $(TOOLS) ## put the Python code into its one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

prove: $(TOOLS) $(BUNDLE) $(BENCH_LOAD) $(LIGHTHOUSE) browser nginx ## the long claims: journeys, kills and storms (QUICK=1: the short form)
	@$(BIN)/python -m pytest --ignore=tests/prove -m prove --numprocesses auto --maxprocesses 4 --dist loadfile
	@$(BIN)/python -m pytest tests/prove -m prove

bench: $(TOOLS) $(BUNDLE) $(BENCH_PEER) ## measure against the references (QUICK=1: the short form; ONLY="fan-out idle": some)
	@$(BIN)/python -m bench.run

screenshots: $(TOOLS) $(BUNDLE) browser ## take the pictures of the README anew
	@PYTHONPATH=. $(BIN)/python docs/screenshots/take.py

lock: $(RUNTIME) $(NODE_READY) ## renew the lock files (UPGRADE=1: to the newest releases)
	@$(QUIET_PIP) install uv
	@for name in requirements tests/requirements .frontend/nodejs-requirements; do \
		$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
			$(if $(UPGRADE),--upgrade) --output-file $$name.txt $$name.in || exit 1; \
	done
	@for folder in .frontend .lighthouse bench; do \
		(cd $$folder && $(if $(UPGRADE),$(NPM) update --package-lock-only &&) $(NPM) --silent run lock >/dev/null) || exit 1; \
	done

clean: ## remove what these targets installed; never data or keys
	@rm -rf $(VENV) .nginx .frontend/node_modules .lighthouse/node_modules bench/node_modules bench/results static/vendor .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# --- installing: each stamp is renewed only when its lock file changes ---------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Streamzy needs Python 3.11 or newer. Where it has another name: make PYTHON=python3.12 ..."; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
		|| { rm -rf $(VENV); echo "Python's venv module is missing (Debian, Ubuntu: apt-get install python3-venv)."; exit 1; }

$(RUNTIME): requirements.txt | $(BIN)/python
	@echo "Installing the locked requirements (once, about a minute)."
	@$(QUIET_PIP) install --require-hashes -r requirements.txt
	@touch $@

$(TOOLS): tests/requirements.txt $(RUNTIME)
	@echo "Installing what checks and tests need (once, about a minute)."
	@$(QUIET_PIP) install --require-hashes -r tests/requirements.txt
	@touch $@

$(VENV)/.installed-node: .frontend/nodejs-requirements.txt | $(BIN)/python
	@echo "Installing Node.js into the virtual environment (once)."
	@$(QUIET_PIP) install --require-hashes -r .frontend/nodejs-requirements.txt
	@touch $@

$(SOCKET_IO): .frontend/package-lock.json | $(NODE_READY)
	@echo "Installing the front-end libraries (once)."
	@cd .frontend && $(NPM) ci --omit=dev >/dev/null
	@install -D -m 644 .frontend/node_modules/socket.io-client/dist/$(@F) $@

# Also made anew where only a script changed; it needs what the stamp above says is installed.
$(BUNDLE): $(SOCKET_IO) .frontend/build.js $(shell find static/js -name '*.js')
	@cd .frontend && $(NPM) --silent run build

# npm ci empties node_modules, so this stamp goes with it, and the tools come back when they are next needed.
$(FRONTEND_TOOLS): .frontend/package-lock.json | $(SOCKET_IO) $(NODE_READY)
	@cd .frontend && $(NPM) ci >/dev/null
	@touch $@

$(BENCH_LOAD): bench/package-lock.json | $(NODE_READY)
	@cd bench && $(NPM) ci >/dev/null
	@touch $@

$(LIGHTHOUSE): .lighthouse/package-lock.json | $(NODE_READY)
	@echo "Installing Lighthouse (once)."
	@cd .lighthouse && $(NPM) ci >/dev/null
	@touch $@

# The Node.js reference stores in SQLite through a module in C++. Where it cannot be built, make bench leaves it out and says so.
$(BENCH_PEER): $(BENCH_LOAD)
	@echo "Building what the Node.js reference needs (once, about two minutes)."
	@cd bench && $(NPM) rebuild --ignore-scripts=false better-sqlite3 >/dev/null 2>&1 || true
	@touch $@

# Chromium with a font that has emoji. Anything named as people's browsers are named will do.
browser:
	@for name in chromium chromium-browser google-chrome; do command -v $$name >/dev/null && exit 0; done; \
	echo "Installing Chromium for the browser tests (once)."; \
	root=; [ "$$(id -u)" = 0 ] || root="sudo $$([ -t 0 ] || echo -n)"; \
	{ command -v apt-get >/dev/null && { [ -z "$$root" ] || command -v sudo >/dev/null; } \
		&& $$root apt-get -qq update >/dev/null \
		&& $$root env DEBIAN_FRONTEND=noninteractive apt-get -qq install --yes --no-install-recommends \
			chromium fonts-noto-color-emoji >/dev/null; } \
	|| { echo "Could not install it. Please install Chromium or Google Chrome by hand, then repeat this command."; exit 1; }

# What a deployment has in front. Where the system has none, Debian's package is unpacked here, not installed: nothing
# of it is started, and no port of this machine is taken.
nginx:
	@for place in nginx /usr/sbin/nginx .nginx/usr/sbin/nginx; do command -v $$place >/dev/null && exit 0; done; \
	echo "Fetching nginx for the tests (once)."; \
	mkdir -p .nginx && cd .nginx && { apt-get -qq download nginx >/dev/null 2>&1 \
		|| { apt-get -qq update >/dev/null && apt-get -qq download nginx >/dev/null 2>&1; }; } && dpkg-deb -x nginx_*.deb . \
	|| { echo "Could not fetch it. Please install nginx by hand, then repeat this command."; exit 1; }
