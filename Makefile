# make demo: environment and the main job.  make test: environment with every extra, and the tests.
# make matrix: all public functions with all bad values.  make docs: pages of the public names.
# make versions: oldest, newest and fewest packages, an environment for each.  make audit: pins, licences, known holes.
# make package: wheel and sources in dist/, installed in a fresh environment.
# make benchmarks: those of speed on tiny sizes; benchmarks/README.md tells how to run the whole.

VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INPUTS := pyproject.toml constraints.txt Makefile

# make soak MINUTES=10: models trained, embedded and sampled so long; fails where memory grows.
MINUTES ?= 10

# make fuzz SECONDS=3600: damaged files for every reader, so long.
SECONDS ?= 600

.PHONY: demo test docs matrix lint format benchmarks fuzz soak peers versions audit package clean

demo: $(VENV)/demo.stamp
	$(BIN)/graphembed demo --output demo-output

test: $(VENV)/all.stamp
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(VENV)/all.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/codespell

# every case of the bad-input matrix, of which the tests run one in twenty
matrix: $(VENV)/all.stamp
	$(BIN)/python -m tests.project.matrix.runner

benchmarks: $(VENV)/all.stamp
	$(BIN)/python -m benchmarks --quick

fuzz: $(VENV)/all.stamp
	$(BIN)/python -m tests.readers.fuzz --seconds $(SECONDS)

soak: $(VENV)/all.stamp
	$(BIN)/python -m tests.soak $(MINUTES)

versions: $(VENV)/all.stamp
	$(PIP) install -c constraints.txt uv
	$(BIN)/python -m tests.project.versions

audit: $(VENV)/all.stamp
	$(BIN)/python -m tests.project.audit

package: $(VENV)/all.stamp
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist
	$(PYTHON) -m venv --clear dist/fresh
	dist/fresh/bin/python -m pip --disable-pip-version-check --quiet install -c constraints.txt dist/*.whl
	dist/fresh/bin/graphembed doctor

# Classes of ours changed as users change them, beside PyG's and DGL's changed alike: a table, and how many are equal.
peers: $(VENV)/all.stamp
	$(BIN)/python -m tests.project.peer_suites

# pages of all public names, docs-output/index.html
docs: $(VENV)/all.stamp
	$(BIN)/python -m tests.project.api_page docs-output

format: $(VENV)/all.stamp
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) demo-output docs-output dist

# torch comes first and alone: the extensions of the extra "sparse" are compiled against it.
$(VENV)/base.stamp: $(INPUTS)
	@echo "setting up $(VENV): torch and build tools"
	$(PYTHON) -m venv $(VENV)
	$(PIP) install -c constraints.txt --upgrade pip setuptools wheel
	$(PIP) install -c constraints.txt torch numpy
	@touch $@

$(VENV)/demo.stamp: $(VENV)/base.stamp
	@echo "installing graphembed_ext[dgl,eval]"
	$(PIP) install -c constraints.txt -e '.[dgl,eval]'
	@touch $@

$(VENV)/all.stamp: $(VENV)/demo.stamp
	@echo "compiling torch_scatter and torch_sparse against torch: about ten minutes, the first time"
	$(PIP) install -c constraints.txt --no-build-isolation torch_scatter torch_sparse
	@echo "installing graphembed_ext[all] and the development tools"
	$(PIP) install -c constraints.txt -e '.[all]' --group dev
	@touch $@
