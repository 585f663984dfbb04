# make run     start the app (the first time: install it, which takes a few minutes)
# make test    run all tests, in a real browser too where there is one, in as many processes as there are cores (at most 4)
# make check   lint and types; make format puts the code into the formatter's shape
# make bench   measure against the budgets and against other implementations
# make lock, make licences, make reference: the hashes of all files, the table of licences, the pages of gptcore's names (docs/)
# TORCH=cpu    the first time: PyTorch's small build for processors, on Linux without an NVIDIA card
# ARGS goes to the program: make run ARGS="--server.port 8600", make test ARGS="tests/gptcore -k sampling"

VENV ?= .venv
PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3)
PIP_INSTALL = $(VENV)/bin/python -m pip install --disable-pip-version-check
ifdef TORCH
# uv knows where PyTorch keeps its builds: https://docs.astral.sh/uv/guides/integration/pytorch/
INSTALL = $(PIP_INSTALL) --quiet uv==0.13.9 && $(VENV)/bin/uv pip install --python $(VENV)/bin/python --torch-backend $(TORCH)
else
INSTALL = $(PIP_INSTALL)
endif
export PYTHONPATH := .

.PHONY: run test check format bench lock licences reference

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

lock licences reference: $(VENV)/.tools-installed
	$(VENV)/bin/python -m deploy.$@

$(VENV)/.run-installed: requirements.txt constraints.txt | $(VENV)
	@echo "Installing what the app needs: once, a few minutes ..."
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev-installed: requirements-dev.txt requirements.txt constraints.txt | $(VENV)
	@echo "Installing what the app and its tests need: once, a few minutes ..."
	$(INSTALL) -r requirements-dev.txt
	@touch $@ $(VENV)/.run-installed

$(VENV)/.tools-installed: requirements-tools.txt requirements-dev.txt requirements.txt constraints.txt | $(VENV)
	$(INSTALL) -r requirements-tools.txt
	@touch $@ $(VENV)/.dev-installed $(VENV)/.run-installed

$(VENV):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Glass GPT needs Python 3.11 or newer; '$(PYTHON)' is not. Name another one: make run PYTHON=/path/to/python3.11" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); exit 1; }
