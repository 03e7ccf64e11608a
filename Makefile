# VideoCraft: `make demo` shows it, `make test` checks it. Needs Python >= 3.11 and nothing else.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet --no-input
# The CPU build, where it can be had, so that the several GB of the other are not asked for.
CPU_TORCH := https://download.pytorch.org/whl/cpu
TORCH = $$(sed -n 's/^\(torch==[^ ]*\).*/\1/p' requirements.txt)
IS_NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))

.PHONY: help demo test soak fuzz audit bench run migrate clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile

demo: $(VENV)/runtime ## render examples/story.json through the whole service, into var/demo.mp4
	@$(BIN)/python examples/demo.py

run: $(VENV)/runtime ## run the web server (127.0.0.1, PORT=8000) and the workers until Ctrl-C
	@exec $(BIN)/python -m videocraft.serve --port $(PORT)

migrate: $(VENV)/runtime ## bring the database up to date
	@$(BIN)/python manage.py migrate

test: $(VENV)/development ## run every check and test
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --check --quiet
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-logo >$(VENV)/imports.log || { cat $(VENV)/imports.log; exit 1; }
	@$(BIN)/python manage.py makemigrations --check --dry-run --verbosity 0
	@$(BIN)/python -m pytest -n 3 -rs

soak: $(VENV)/development ## kill it at random for ten minutes, and count what came of 200 jobs
	@$(BIN)/python -m tests.faults.soak

fuzz: $(VENV)/development ## read and render random documents, and open damaged media, for ten minutes
	@FUZZ_EXAMPLES=4000 $(BIN)/python -m pytest tests/media_services/movie/test_reading_properties.py -o timeout=0
	@$(BIN)/python -m tests.fuzz.render --seconds 400
	@$(BIN)/python -m tests.fuzz.media --seconds 100
	@FUZZ_EXAMPLES=60 $(BIN)/python -m pytest tests/jobs/api/test_conforming.py -o timeout=0

audit: $(VENV)/audit/bin/pip-audit ## ask PyPI which of the pinned packages have known weaknesses
	@$< --requirement requirements.txt --no-deps --disable-pip --strict

bench: $(VENV)/bench $(VENV)/development ## measure it, beside stock django-q2 and procrastinate (more than an hour)
	@$(BIN)/python -m benchmarks.latency
	@$(BIN)/python -m benchmarks.load
	@$(BIN)/python -m benchmarks.watching
	@$(BIN)/python -m benchmarks.queues
	@$(BIN)/python -m benchmarks.metrics
	@$(BIN)/python -m benchmarks.sharing
	@$(BIN)/python -m benchmarks.transcription
	@$(BIN)/python -m benchmarks.rendering
	@$(BIN)/python -m benchmarks.reuse

clean: ## remove what was installed and what the tools left; keep var/, where the data is
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/runtime: requirements.txt $(VENV)/made
	@echo "installing what VideoCraft needs (once; some minutes)"
	@$(PIP) install --no-deps --retries 0 --index-url $(CPU_TORCH) $(TORCH) >/dev/null 2>&1 || true
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/development: requirements-dev.txt $(VENV)/runtime
	@echo "installing what the tests need (once)"
	@$(PIP) install -r requirements-dev.txt
	@touch $@

$(VENV)/bench: benchmarks/requirements.txt $(VENV)/runtime
	@echo "installing what the benchmarks need (once)"
	@$(PIP) install -r benchmarks/requirements.txt
	@touch $@

$(VENV)/audit/bin/pip-audit: $(VENV)/made
	@$(BIN)/python -m venv $(VENV)/audit
	@$(VENV)/audit/bin/python -m pip --disable-pip-version-check --quiet --no-input install pip-audit==2.10.1

$(VENV)/made:
	@for python in $(PYTHON) python3 python3.14 python3.13 python3.12 python3.11 python; do \
	  if "$$python" -c '$(IS_NEW_ENOUGH)' >/dev/null 2>&1; then \
	    "$$python" -m venv --clear $(VENV) && touch $@ && exit 0; \
	    echo "$$python could not make a virtual environment; on Debian and Ubuntu: apt install python3-venv" >&2; exit 1; \
	  fi; \
	done; \
	echo "VideoCraft needs Python 3.11 or newer, and no python3 on the PATH is; name one: make PYTHON=/path/to/python3" >&2; exit 1
