# Each target sets up what it needs.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# two processes; each file in one of them
PYTEST := $(BIN)/python -m pytest --numprocesses 2 --dist loadfile

.PHONY: help demo test test-long lint unit unit-pyside6 unit-no-gl bench-sim bench-engine bench-live bench-record bench-runs docs pictures clean

help:  ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

$(VENV)/.done: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "napari-skylight needs Python 3.11 or newer: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV) || { echo "On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[pyqt6,pyside6,mmcore,files,record,plot]" --group test --group docs
	@touch $@

.PHONY: system
system:
	@.ci/system-packages

demo: system $(VENV)/.done  ## open napari on a simulated microscope, live (MICROSCOPE=mm: Micro-Manager's)
	$(BIN)/napari-skylight --demo $(if $(filter mm,$(MICROSCOPE)),--mm-config)

test: system lint docs unit unit-pyside6  ## all that CI runs

test-long: test  ## test, the slow tests, and the whole program on PySide6
	$(PYTEST) -m slow
	$(ON_PYSIDE6) $(filter-out $(ONCE_IS_ENOUGH),$(wildcard tests/test_*.py))

lint: $(VENV)/.done  ## ruff, mypy, import-linter
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: system $(VENV)/.done  ## the tests, on PyQt6
	QT_API=pyqt6 PYTEST_QT_API=pyqt6 $(PYTEST) -m "not slow"

ONCE_IS_ENOUGH := $(addprefix tests/,test_cli.py test_disabling.py test_docs.py test_examples.py test_packaging.py)
ON_PYSIDE6 = QT_API=pyside6 PYTEST_QT_API=pyside6 $(PYTEST) -m "not slow"

unit-pyside6: system $(VENV)/.done  ## the tests of widgets and layers, on PySide6
	$(ON_PYSIDE6) tests/viewer tests/widgets

unit-no-gl: $(VENV)/.done  ## the tests that open no napari window: no display, no OpenGL
	QT_QPA_PLATFORM=offscreen $(PYTEST) --no-xvfb -m "not slow and not gl"

# not --quiet: it hides all warnings from --strict
docs: $(VENV)/.done  ## the documentation, in build/docs; fails on broken links
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

bench-sim: $(VENV)/.done  ## frame rate of the simulated camera
	$(BIN)/python benchmarks/sim_camera.py

bench-engine: $(VENV)/.done  ## the engine compared with redsun 0.9.1's
	$(BIN)/python benchmarks/engine.py

bench-live: system $(VENV)/.done  ## live layers compared with two common ways
	$(BIN)/python benchmarks/live.py

bench-record: system $(VENV)/.done  ## recordings compared with the writer library alone
	$(BIN)/python benchmarks/record.py

bench-runs: $(VENV)/.done  ## the Runs dock with 10,000 earlier runs
	$(BIN)/python benchmarks/runs.py

pictures: system $(VENV)/.done  ## take the pictures of the docs from the running program
	xvfb-run -a -s "-screen 0 1366x768x24" $(BIN)/python docs/make_pictures.py

clean:  ## remove what the targets created
	rm -rf $(VENV) build dist demo.png
