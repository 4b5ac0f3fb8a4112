# make demo   a finished search on real data      make test   every test
# make check  style, types and quick tests        make bench  timings, as ratios
# make gpu-check   what only a GPU can show, in five minutes
# make docs   the page of the functions: build/docs/search.html
# make cluster-test   docker/, and the servers and clusters that it starts
PYTHON ?= python3
BIN := .venv/bin
AFCL := $(BIN)/afcl
TORCH_INDEX ?=
TORCH_FROM = $(if $(TORCH_INDEX),--extra-index-url '$(TORCH_INDEX)')
FMNIST := /usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz
CHROMIUM := /usr/bin/chromium
# what a test machine needs beyond Python; installed where the user may, else the tests that need it are skipped and say so
APT := sh -c 'if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$$@" >/dev/null \
	|| echo "cannot install $$* (apt-get failed)"; \
	else echo "cannot install $$* (needs apt-get and root)"; fi' apt

.PHONY: demo test check style quick-tests quick-trials quick-searches pictures docs gpu-check cluster-test bench replay replay-peers chaos study data browser compiler audit lock clean
.DELETE_ON_ERROR:
# a test file is rewritten by pytest, and a module compiled, once and not in each process
export PYTHONDONTWRITEBYTECODE :=

demo: .venv/installed data
	@if $(AFCL) data check fmnist >/dev/null 2>&1; then search=demo; \
	else echo "Fashion-MNIST cannot be had here: the demo uses scikit-learn's digits instead"; search=digits; fi; \
	if [ -e results/$$search/search.json ]; then $(AFCL) resume $$search; else $(AFCL) search $$search; fi
	@$(BIN)/python -c 'import shlex, sys; print(f"(afcl is $(AFCL); put it on the path with: . {shlex.quote(sys.argv[1])})")' "$$PWD/$(BIN)/activate"

# less than half an hour on two cores; searches share one Ray, whose tests loadgroup keeps in one process, beside the others
QUICK := -q -n 2 --dist worksteal -m "not slow and not cluster"
test: .venv/installed-dev browser compiler data
	@echo "the quick tests, some two minutes: pytest collects them first and says nothing for a quarter of a minute"
	$(BIN)/pytest $(QUICK)
	@echo "the slow tests, some twenty minutes: again a quarter of a minute of silence first"
	$(BIN)/pytest -q -n 2 --dist loadgroup -m "slow and not cluster"

# a minute on two cores, and half of one more where mypy has no cache yet; the style is looked at beside the tests
check: .venv/installed-dev
	@echo "style, types and the quick tests: each of the three is shown when it has ended, within a minute or so"
	@$(MAKE) --no-print-directory --jobs 3 --output-sync=target style quick-tests

style: .venv/installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# two processes: each imports only what its tests need, which is quicker than to deal all tests out to two
HALF := -q -m "not slow and not cluster" --hypothesis-profile=check
quick-tests: quick-trials quick-searches

quick-trials: .venv/installed-dev
	$(BIN)/pytest $(HALF) --ignore=tests/search --ignore=tests/integration --ignore=tests/browser --ignore=tests/cluster

quick-searches: .venv/installed-dev
	$(BIN)/pytest $(HALF) tests/search tests/integration

# the pictures in the READMEs, of the demo's search, in a real browser
pictures: .venv/installed-dev browser demo
	$(BIN)/python tests/browser/screenshots.py results demo .github/pictures

# pdoc sees what a module holds: each public name is asked for first, as search loads them lazily
define DRAW_DOCS
import pathlib, pdoc, search
vars(search).update({name: getattr(search, name) for name in search.__all__})
pdoc.render.configure(docformat="google", show_source=False)
pdoc.pdoc("search", output_directory=pathlib.Path("build/docs"))
endef
export DRAW_DOCS

docs: .venv/installed
	$(BIN)/pip install --quiet --disable-pip-version-check -c requirements.lock -e '.[docs]'
	$(BIN)/python -c "$$DRAW_DOCS"
	@echo build/docs/search.html

# what docker/ starts, as far as it can be tried without an engine: PostgreSQL, an S3 store and a locked MLflow server, Ray
# clusters of several nodes, and the image, which takes ten minutes and 40 GB; an hour or so on two cores
cluster-test: .venv/installed-cluster
	$(BIN)/pytest -m cluster tests/cluster

# right, shared and fast on the GPU of this machine: results/bench/gpu.md
gpu-check: .venv/installed-dev
	$(BIN)/python tests/gpu/run.py

bench: .venv/installed-dev data
	$(BIN)/python tests/bench/run.py

# our own search on known learning curves, without Ray: its regret, and its trials a minute; a minute or so
replay: .venv/installed-dev
	$(BIN)/python tests/replay/run.py --out results/bench/replay-quick.txt

# our search beside Optuna's, Ray Tune's, Syne Tune's and SMAC's on simulated learning curves: results/bench/replay.md;
# hours on two cores, but it goes on where it was stopped (MORE="--minutes 30", MORE=--report, ...)
replay-peers: .venv/installed-dev
	$(BIN)/python tests/replay/peers/environments.py
	$(BIN)/python tests/replay/compare.py $(MORE)

# an hour and more: files spoilt in 5,000 ways, a search killed at 20 seeded random moments and each of its stages at
# five, a worker and a node lost, MLflow killed, frozen and absent, stock Ray Tune killed once beside ours, and 20,000
# damaged image files read or named
chaos: .venv/installed-dev
	$(BIN)/python tests/chaos/mutated_inputs.py
	$(BIN)/python tests/chaos/run.py
	$(BIN)/python tests/chaos/run.py --set search.sampler=curves --set 'search.scheduler={name: promotion, grace: 4}'
	$(BIN)/python tests/chaos/stages.py
	$(BIN)/python tests/chaos/nodes.py
	$(BIN)/python tests/chaos/outages.py
	$(BIN)/python tests/chaos/stock_ray.py
	$(BIN)/python tests/chaos/damaged_images.py --count 20000

# the published study once more, in a folder of its own beside the published one: half an hour or so on two cores; what is there
# already is gone on with
STUDY := build/study
study: .venv/installed data
	@for ratio in "60, 40" "90, 10" "98, 2"; do \
		name=study-$$(echo "$$ratio" | sed 's/, /-/'); \
		if [ -e $(STUDY)/$$name/search.json ]; then $(AFCL) resume $$name --results $(STUDY); \
		else $(AFCL) search study --results $(STUDY) --name $$name --set "data.ratio=[$$ratio]"; fi && \
		$(AFCL) confirm $$name --top 3 --seeds 20 --results $(STUDY) && $(AFCL) report $$name --png --results $(STUDY) && \
		$(AFCL) export $$name --tables csv --results $(STUDY) || exit; \
	done

data: .venv/installed
	@$(AFCL) data check fmnist >/dev/null 2>&1 || $(AFCL) data fetch fmnist || $(MAKE) --no-print-directory $(FMNIST)

$(FMNIST):
	@echo "torchvision's mirrors do not answer: trying Debian's package dataset-fashion-mnist"
	@$(APT) dataset-fashion-mnist

# libatomic1: for the node that Playwright brings, which drives the browser
browser: .venv/installed-dev
	@{ [ -x $(CHROMIUM) ] && $(BIN)/playwright --version >/dev/null 2>&1; } || $(APT) chromium libatomic1

# for torch.compile on a CPU
compiler: .venv/installed-dev
	@{ command -v g++ && [ -e "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h" ]; } \
		>/dev/null || $(APT) g++ python3-dev

# torch first and by its exact version: a range would let pip take a newer build with gigabytes of CUDA libraries.
# make demo TORCH_INDEX=URL looks at a further index, PyTorch's of CPU builds: of 2.x.y and 2.x.y+cpu pip takes the latter
.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "afcl needs Python 3.11, 3.12 or 3.13; name one with: make demo PYTHON=python3.11"; exit 3; }
	@echo "installing into .venv: some two minutes, of which pip says nothing for half a minute at a time"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --disable-pip-version-check $(TORCH_FROM) -c requirements.lock torch torchvision
	$(BIN)/pip install --disable-pip-version-check -c requirements.lock -e .
	@touch $@

.venv/installed-dev: .venv/installed
	$(BIN)/pip install --disable-pip-version-check -c requirements.lock -e '.[dev,dashboard]'
	@touch $@

.venv/installed-cluster: .venv/installed-dev
	$(BIN)/pip install --disable-pip-version-check -c requirements.lock -e '.[cluster,cluster-test]'
	@$(APT) postgresql buildah debootstrap iproute2
	@touch $@

# advisories on what the lock file names; needs pip-audit, and a network that reaches them
audit:
	pip-audit --no-deps --disable-pip --requirement requirements.lock

lock: .venv/installed-dev
	$(BIN)/pip-compile --quiet --all-extras --strip-extras --no-annotate --no-header --no-emit-index-url \
		--no-emit-find-links --no-emit-trusted-host --output-file=requirements.lock pyproject.toml
	@sed -i -e '/^#/d; /^$$/d' -e '1i # Exact versions of all that this project may install: constraints for pip (make lock)' requirements.lock

clean:
	rm -rf .venv build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
