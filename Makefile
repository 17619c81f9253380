# The only commands to know: make run, make test, make lint, make bench, make faults, make guide.
PYTHON ?= python3
PORT ?= 8501
WORKERS ?= 2
VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint format bench faults guide clean

run: $(VENV)/.run-ready  ## open the dashboard on http://127.0.0.1:8501
	$(BIN)/streamlit run dashboard/app.py --server.port $(PORT)

test: $(VENV)/.test-ready  ## pass the tests, in WORKERS processes
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile

lint: $(VENV)/.test-ready  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.test-ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.test-ready  ## measure speed against peers
	$(BIN)/python -m tests.benchmarks

faults: $(VENV)/.test-ready  ## damage thousands of run folders and read them
	$(BIN)/python -m tests.faults

guide: $(VENV)/.run-ready  ## write the guide's reference pages from the code
	$(BIN)/python -m segengine.cli.reference

clean:
	rm -rf $(VENV)

# Stamps: nothing is installed again until a requirements file changes.
$(VENV)/.run-ready: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test-ready: tests/requirements.txt $(VENV)/.run-ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	touch $@
