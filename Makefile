# make serve   install into .venv and serve the committed model on port 8000 (PORT=... for another)
# make test    install what the tests need and run them all
# make lint    ruff, mypy and the layers
# make train   regenerate models/digitrec.h5 (downloads its data, or DIGITREC_DATA and DIGITREC_STROKES)
# make bench   time one prediction, the start, memory and answers a second
# README.md gives the same as plain pip commands.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: serve test lint train bench wheel clean

serve: $(VENV)/.serve
	$(BIN)/digitrec serve

test: $(VENV)/.test
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered

lint: $(VENV)/.lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

train: $(VENV)/.train
	$(BIN)/python scripts/train_model.py

bench: $(VENV)/.serve
	$(BIN)/python benchmarks/measure.py

wheel: $(VENV)/.test
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(VENV) build dist

# Each stamp stands for one set of requirements, and is made anew when pyproject.toml changes.
$(VENV)/.made:
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --upgrade pip
	touch $@

$(VENV)/.serve: pyproject.toml | $(VENV)/.made
	$(PIP) --editable .
	touch $@

$(VENV)/.train: pyproject.toml | $(VENV)/.made
	$(PIP) --editable '.[train]'
	touch $@

$(VENV)/.test: pyproject.toml | $(VENV)/.made
	$(PIP) --editable '.[train]' --group test
	touch $@

$(VENV)/.lint: pyproject.toml | $(VENV)/.made
	$(PIP) --editable . --group lint
	touch $@
