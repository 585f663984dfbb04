# make run     start the app (the first time: install it, which takes a few minutes)
# make test    run all tests, in a real browser too where there is one, in as many processes as there are cores (at most 4)
# make check   lint and types; make format puts the code into the formatter's shape
# make bench   measure against the budgets and against other implementations
# ARGS goes to the program: make run ARGS="--server.port 8600", make test ARGS="tests/gptcore -k sampling"

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
PIP_INSTALL = $(VENV)/bin/python -m pip install --disable-pip-version-check
export PYTHONPATH := .

.PHONY: run test check format bench

run: $(VENV)/.run-installed
	@exec $(VENV)/bin/streamlit run app $(ARGS)

test: $(VENV)/.dev-installed
	$(VENV)/bin/python -m pytest -n auto --maxprocesses 4 --dist worksteal $(ARGS)

check: $(VENV)/.dev-installed
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/biome check --error-on-warnings app/components tests/js

format: $(VENV)/.dev-installed
	$(VENV)/bin/ruff check --fix-only --quiet .
	$(VENV)/bin/ruff format .
	$(VENV)/bin/biome check --write app/components tests/js

bench: $(VENV)/.dev-installed
	$(VENV)/bin/python -m benchmarks $(ARGS)

$(VENV)/.run-installed: requirements.txt constraints.txt | $(VENV)
	@echo "Installing what the app needs: once, a few minutes ..."
	$(PIP_INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev-installed: requirements-dev.txt requirements.txt constraints.txt | $(VENV)
	@echo "Installing what the app and its tests need: once, a few minutes ..."
	$(PIP_INSTALL) -r requirements-dev.txt
	@touch $@ $(VENV)/.run-installed

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Glass GPT needs Python 3.11 or newer; '$(PYTHON)' is not. Name another one: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
