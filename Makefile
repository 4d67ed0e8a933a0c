# `make demo` and `make test` set up their own environment (.venv) and then run.
PYTHON ?= python3
BIN := .venv/bin
# DVC runs the stages with the `python` that comes first: ours.
export PATH := $(CURDIR)/$(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1

.PHONY: demo test test-slow coverage bench lint format pins help

help:
	@echo "make demo       draw a station, train on it, and write the report (a few minutes)"
	@echo "make test       run the tests"
	@echo "make test-slow  make whole versions again, kill stages, send versions to a server (some minutes)"
	@echo "make coverage   run the tests and show which lines they leave out"
	@echo "make bench      measure speed, memory and rank agreement (an hour or more; see benchmarks/README.md)"
	@echo "make lint       check style and types"
	@echo "make pins       choose the newest versions of all packages anew"

demo: .venv/ready
	dvc repro
	@echo
	@echo "Open the report in a browser:"
	@find data -name report.html

test: .venv/ready
	pytest -n 2 --dist worksteal -m "not slow"

test-slow: .venv/ready
	pytest -n 2 --dist worksteal -m slow

# Apart from `make test`, which it would make a third longer.
coverage: .venv/ready
	pytest -n 2 --dist worksteal -m "not slow" --cov --cov-report=term:skip-covered --cov-fail-under=90

bench: .venv/ready
	python -m benchmarks

lint: .venv/ready
	ruff check .
	ruff format --check .
	mypy
	lint-imports

format: .venv/ready
	ruff format .
	ruff check --fix .

# Exact versions with hashes; no index is named, so any mirror of the registry serves.
pins: .venv/ready
	uv pip compile pyproject.toml --group dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --upgrade -o requirements.txt

.venv/ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' || \
	  { echo "fperank needs Python 3.11, 3.12 or 3.13, but $(PYTHON) is $$($(PYTHON) --version)."; \
	    echo "Name another one: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv .venv || \
	  { echo "$(PYTHON) cannot make virtual environments. On Debian and Ubuntu:"; \
	    echo "  sudo apt install python3-venv"; rm -rf .venv; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
	  --require-hashes --no-deps -r requirements-uv.txt
	$(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python requirements.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@
