# crmlab: `make run` builds the workbook, `make test` passes the tests. Each sets everything up by itself.
# Only Python 3.11 or later, git and make are needed.

PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/.ready
ENGINES := .venv-engines/.ready
DASK := .venv-dask/.ready

# One thread for linear algebra: the same digits on any machine, and no fight over cores.
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
export OMP_NUM_THREADS := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1

# What NumPy found on this processor beyond its baseline: switched off, the machine is another processor, cheaply.
FAST_PATHS := import numpy; print(*numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", []))

# Kernels of nbval are forked from a warm process, as those of `crmlab run` are.
WARM := JUPYTER_DEFAULT_PROVISIONER_NAME=crmlab-warm

.PHONY: setup run lab test proof bench bench-engines studies data lock clean

run: $(READY)
	$(BIN)/crmlab run --out build/workbook

lab: $(READY)
	$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/notebooks

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2 --dist loadfile -m "not proof" $(PYTEST_FLAGS)
	$(WARM) $(BIN)/pytest --nbval --nbval-current-env -n 2 --dist loadfile $(PYTEST_FLAGS) notebooks

proof: $(READY) $(ENGINES) $(DASK)
	$(BIN)/pytest -n 2 -m "proof and not spark and not dask" $(PYTEST_FLAGS)
	.venv-engines/bin/pytest -m spark $(PYTEST_FLAGS) tests/test_engines.py
	.venv-dask/bin/pytest -m dask $(PYTEST_FLAGS) tests/test_cluster.py
	NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c '$(FAST_PATHS)')" OPENBLAS_CORETYPE=Nehalem $(WARM) \
		$(BIN)/pytest --nbval --nbval-current-env -n 2 --dist loadfile $(PYTEST_FLAGS) notebooks
	NPY_DISABLE_CPU_FEATURES="$$($(BIN)/python -c '$(FAST_PATHS)')" OPENBLAS_CORETYPE=Nehalem \
		$(BIN)/pytest $(PYTEST_FLAGS) tests/test_firms.py -k datasets_are_what_the_generator_writes

bench: $(READY)
	$(BIN)/python benchmarks/run.py
	$(BIN)/python benchmarks/models.py
	$(BIN)/python benchmarks/firms.py
	$(BIN)/python benchmarks/segmentation.py
	$(BIN)/python benchmarks/service_priority.py
	$(BIN)/python benchmarks/sweep.py

# Ten minutes or more, and 10 GB of disk.
bench-engines: $(READY) $(ENGINES)
	$(BIN)/python benchmarks/engines.py

# The catalogues that chapter 15 reads, declared before they are run; two hours of processor time where nothing is done yet.
studies: $(READY)
	for study in studies/*.yaml; do \
		out=build/studies/$$(basename $$study .yaml); \
		test -e $$out/registered.json || $(BIN)/crmlab sweep --register $$study --out $$out || exit 1; \
		$(BIN)/crmlab sweep --out $$out && $(BIN)/crmlab runs $$out --out studies/$$(basename $$out).csv || exit 1; \
	done

# The default draws of the simulated firms, their dictionary and their truth in words.
data: $(READY)
	$(BIN)/python -m crmlab.data.firms.publish datasets

COMPILE := uv pip compile pyproject.toml --extra real --extra dev --universal --fork-strategy fewest \
	--python-version 3.11 --generate-hashes --no-annotate --no-header --no-emit-index-url

# The other locks are the first and Spark, the first and Dask: versions that a lock holds already are kept.
lock: $(READY)
	$(BIN)/$(COMPILE) --upgrade --output-file requirements.lock
	cp requirements.lock requirements-engines.lock
	$(BIN)/$(COMPILE) --extra spark --output-file requirements-engines.lock
	cp requirements.lock requirements-dask.lock
	$(BIN)/$(COMPILE) --extra dask --output-file requirements-dask.lock
	$(BIN)/uv pip compile benchmarks/peers.in --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--no-emit-index-url --upgrade --output-file benchmarks/peers.lock

clean:
	rm -rf .venv .venv-engines .venv-dask build

setup: $(READY)

# uv comes first, from its own locked lines; then everything else, bytecode compiled; then crmlab itself.
$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "crmlab needs Python 3.11 or later; none was found. Name one: make PYTHON=/path/to/python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	awk '/^uv==/ {found = 1} found {print} found && !/\\$$/ {exit}' requirements.lock > .venv/uv.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r .venv/uv.lock
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes --compile-bytecode requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $(READY)

# Environments of their own for Spark and for Dask: `make test` does without Spark's 400 MB, and without Dask, too, as most users
# do. Spark needs Java 17 or later beside it.
$(ENGINES) $(DASK): .venv-%/.ready: $(READY) requirements-%.lock
	test -x .venv-$*/bin/python || $(BIN)/uv venv --quiet --python $(BIN)/python .venv-$*
	$(BIN)/uv pip sync --quiet --python .venv-$*/bin/python --require-hashes --compile-bytecode requirements-$*.lock
	$(BIN)/uv pip install --quiet --python .venv-$*/bin/python --no-deps --no-build-isolation --editable .
	@touch $@
