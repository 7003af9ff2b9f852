# make serve   install into .venv and serve the committed model on port 8000 (PORT=... for another)
# make test    install what the tests need and run them, without the slow ones
# make test-slow   train, convert, attack, load and kill servers, walk through all states of the page, install into fresh
#              environments and run a Ray cluster, about ten minutes
#              COVERAGE=1 with both, in this order: test-slow shows the coverage of both and requires it; it takes longer
# make lint    ruff, mypy, the layers, bandit, the vocabulary, the Dockerfile, GitHub's checks and ESLint
# make tutorial   execute examples/tutorial.ipynb on 2,000 images, about half a minute
# make docs    build the documentation into site/, and fail on a warning
# make dist    build the sdist and the wheel into dist/, and check them
# make lock    pin the newest versions of all requirements in requirements.lock, for Python 3.10 and later
# make audit   ask PyPI whether a package that is installed here has a known hole
# make train   regenerate models/digitrec.h5 (downloads its data, or DIGITREC_DATA and DIGITREC_STROKES)
# make bench   measure latency, startup time, memory and throughput
# make load-test   100,000 requests over five minutes: their outcomes, and the memory
# make attack  send hostile inputs and 100,000 mixed requests to a server with 512 MiB, about an hour; as root for the limit
# make bench-batch   measure `digitrec batch` on 20,000 images, some minutes
# make test-api   test the API against its OpenAPI document with Schemathesis, at least 3,000 requests, about a minute
# make bench-compare   compare with Flask, FastAPI, LitServe and BentoML, and update docs/performance.md; needs wrk
# make bench-ppocr SETS="SET..."   compare `read` with PP-OCRv6-small on labeled sets of numbers
# make fuzz    fuzz image decoding and the model file reader with Atheris, some minutes; the corpus stays in .fuzz

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SERVING_VENV ?= .venv-serving
PPOCR_VENV ?= .venv-ppocr
SETS ?= $(DIGITREC_EVAL)
PYTEST := $(BIN)/python -m pytest -p no:nbmake -p no:schemathesis
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint requirements.lock

# The tests start some hundred processes; without stored bytecode each would compile the package again.
unexport PYTHONDONTWRITEBYTECODE

# The page needs no npm; ESLint, axe-core and the tests of its modules do.
NODE_MODULES := node_modules/.package-lock.json
NO_NODE := no npm found, so the JavaScript of the page goes unchecked: apt-get install nodejs npm

.PHONY: serve test test-slow lint docs dist lock tutorial audit train bench bench-batch bench-compare bench-ppocr load-test attack fuzz test-api clean test-js lint-js

serve: $(VENV)/.serve
	$(BIN)/digitrec serve

# The tests often wait, for servers, browsers and pens that rest: more processes than cores.
test: $(VENV)/.test test-js
	$(PYTEST) -m "not slow" --numprocesses 4 --dist worksteal $(if $(COVERAGE),--cov --cov-report= --cov-fail-under=0)

# The tests of a file share a training, so they run in one process.
test-slow: $(VENV)/.test
	$(PYTEST) -m slow --numprocesses logical --maxprocesses 4 --dist loadfile $(if $(COVERAGE),--cov --cov-append --cov-report=term:skip-covered)

lint: $(VENV)/.lint lint-js
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive src scripts benchmarks gunicorn.conf.py
	$(BIN)/codespell src tests scripts benchmarks
	$(BIN)/codespell --dictionary - --dictionary .codespell/vocabulary.txt --skip "*/bundle/*,*.png,*.json,*.svg,*.jpg" \
		README.md CHANGELOG.md docs examples src scripts static/js templates tests/js
	$(BIN)/hadolint Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml

# Strict: a package of which PyPI tells nothing is a failure, and not passed over.
audit: $(VENV)/.serve $(VENV)/.audit
	$(BIN)/python -m pip freeze --exclude-editable > $(VENV)/audited.txt
	$(BIN)/pip-audit --strict --disable-pip --no-deps --progress-spinner off --requirement $(VENV)/audited.txt

test-js lint-js: %-js:
	@if command -v npm >/dev/null; then $(MAKE) --no-print-directory $(NODE_MODULES) && npm run --silent $*; \
	elif [ -n "$$DIGITREC_TESTS_MUST_RUN" ]; then echo "$(NO_NODE)"; exit 1; else echo "$(NO_NODE)"; fi

$(NODE_MODULES): package.json package-lock.json
	npm ci --silent --no-audit --no-fund
	touch $@

train: $(VENV)/.train
	$(BIN)/python scripts/train_model.py

bench: $(VENV)/.test
	$(BIN)/python benchmarks/measure.py

load-test: $(VENV)/.test
	DIGITREC_LOAD_TEST=1 $(PYTEST) -s tests/web/test_soak.py

attack: $(VENV)/.test
	DIGITREC_ATTACK=1 $(PYTEST) -s tests/test_attack.py

bench-batch: $(VENV)/.test
	$(BIN)/python benchmarks/batch_throughput.py

test-api: $(VENV)/.test
	DIGITREC_SCHEMATHESIS_EXAMPLES=100 $(BIN)/python -m pytest tests/web/test_openapi.py -k schemathesis

# The other servers have their own environment, so that none of their packages becomes a dependency by accident.
bench-compare: $(SERVING_VENV)/.made
	$(SERVING_VENV)/bin/python benchmarks/serving.py

$(SERVING_VENV)/.made: benchmarks/baselines/requirements.txt pyproject.toml
	$(PYTHON) -m venv --clear $(SERVING_VENV)
	$(SERVING_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[web]' --requirement $<
	touch $@

bench-ppocr: $(PPOCR_VENV)/.made
	$(PPOCR_VENV)/bin/python benchmarks/ppocr_comparison.py $(SETS)

$(PPOCR_VENV)/.made: benchmarks/baselines/ppocr-requirements.txt pyproject.toml
	$(PYTHON) -m venv --clear $(PPOCR_VENV)
	$(PPOCR_VENV)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[cli]' --requirement $<
	touch $@

fuzz: $(VENV)/.fuzz
	$(BIN)/python benchmarks/fuzz.py images .fuzz/images -runs=200000
	$(BIN)/python benchmarks/fuzz.py models .fuzz/models -runs=20000

tutorial: $(VENV)/.test
	DIGITREC_TUTORIAL_IMAGES=$${DIGITREC_TUTORIAL_IMAGES:-2000} $(BIN)/python -m pytest --quiet --nbmake --nbmake-timeout=300 examples/tutorial.ipynb

docs: $(VENV)/.docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

dist: $(VENV)/.dist
	rm -rf dist
	$(BIN)/python -m build
	$(BIN)/twine check --strict dist/*

lock: $(VENV)/.lock
	$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.10 --no-annotate --no-emit-index-url \
		--custom-compile-command "make lock" --extra all --group test --group lint --group audit --group fuzz \
		--group docs --group dist --group lock pyproject.toml --output-file requirements.lock

clean:
	rm -rf $(VENV) $(SERVING_VENV) $(PPOCR_VENV) build dist site .fuzz node_modules

# Each stamp stands for one set of requirements, and is made again when pyproject.toml or a pinned version changes.
$(VENV)/.made:
	$(PYTHON) -m venv --clear $(VENV)
	$(PIP) --upgrade pip
	touch $@

$(VENV)/.serve: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --editable '.[web]'
	touch $@

$(VENV)/.train: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --editable '.[train]'
	touch $@

$(VENV)/.test: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --editable '.[all]' --group test
	touch $@

$(VENV)/.fuzz: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --editable . --group fuzz
	touch $@

$(VENV)/.audit: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --editable '.[web]' --group audit
	touch $@

$(VENV)/.docs: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --group docs
	touch $@

$(VENV)/.dist: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --group dist
	touch $@

$(VENV)/.lock: pyproject.toml | $(VENV)/.made
	$(PIP) --group lock
	touch $@

$(VENV)/.lint: pyproject.toml requirements.lock | $(VENV)/.made
	$(PIP) --editable '.[web,storage]' --group lint
	touch $@
