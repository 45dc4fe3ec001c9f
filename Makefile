# Everything runs in .venv/, made on first use from the two lock files; `make help` lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: run test check gallery recovery articles bench bench-small bench-stats bench-night bench-week bench-products golden lock lock-check help

# Some environments forbid bytecode; without it every start would compile 150 packages again.
unexport PYTHONDONTWRITEBYTECODE
# uv trusts its own certificate list otherwise, pip and the company's proxy the machine's.
export UV_SYSTEM_CERTS := true

PRODUCT ?= online_retail
GALLERY ?= slack
EVENTS ?= 10000000
PYTHON ?= python3.11
BIN := .venv/bin
UV := $(shell command -v uv)
ifdef UV
  NEW_VENV = uv venv --quiet --allow-existing --python $(PYTHON) .venv
  INSTALL = uv pip install --quiet --python $(BIN)/python --compile-bytecode
else
  NEW_VENV = $(PYTHON) -m venv .venv
  INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check
endif
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
  --no-annotate --custom-compile-command 'make lock'

run: .venv/.run ## run tonight's job once through Airflow (PRODUCT=oulad_small for the other product)
	@$(BIN)/python -m nsm_pipeline.nightly config/products/$(PRODUCT).yaml

test: .venv/.dev ## run the tests
	@$(BIN)/pytest

check: .venv/.dev lock-check ## lint, format, strict types, the house test, the locks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest tests/test_house.py

gallery: .venv/.run ## simulate a company's product of config/gallery and run it (GALLERY=slack)
	@$(BIN)/python -m nsm_pipeline simulate --scenario $(GALLERY) --accounts 600 --seed 1 --out data/gallery/$(GALLERY)
	@$(BIN)/python -m nsm_pipeline run config/gallery/$(GALLERY).yaml --as-of 2025-01-16

recovery: .venv/.run ## recovery of planted truth against rivals (the tables of docs/recovery.md)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.recovery

articles: .venv/.run ## find what is planted in the articles' products again (the tables of docs/articles.md)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.articles

bench: .venv/.dev ## cost of a run, beside other means of counting (docs/benchmarks.md; half an hour)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.bench

bench-small: .venv/.dev ## a million events: fails when a cost is beyond its margin
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.bench --guard

bench-stats: .venv/.run ## CPU of the statistics, against scikit-learn (the table of docs/benchmarks.md)
	@OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.bench_stats

bench-products: .venv/.run ## reading and checking 200 products (the table of docs/benchmarks.md)
	@$(BIN)/python -m benchmarks.bench_products

bench-week: .venv/.run ## CPU of whole runs with a state, step by step (EVENTS=10000000)
	@$(BIN)/python -m benchmarks.bench_week $(EVENTS)

golden: .venv/.dev ## write the compiled SQL of tests/golden anew
	@PYTHONPATH=.:tests $(BIN)/python tests/golden_sql.py

bench-night: .venv/.run ## CPU of a night of 100,000 events beside a whole count (EVENTS=10000000)
	@$(BIN)/python -m benchmarks.bench_night $(EVENTS)

lock: .venv/.dev ## make the lock files anew from requirements*.in
	$(COMPILE) requirements.in -o requirements.txt
	$(COMPILE) requirements-dev.in -o requirements-dev.txt

# Starting from the present locks, the resolver keeps what still fits: only a real difference shows.
lock-check: .venv/.dev
	@aside=$$(mktemp -d); trap 'rm -rf "$$aside"' EXIT; cp requirements*.in requirements*.txt "$$aside"; \
	for lock in requirements requirements-dev; do \
	  (cd "$$aside"; $(CURDIR)/$(COMPILE) $$lock.in -o $$lock.txt); \
	  diff -q "$$aside/$$lock.txt" $$lock.txt || { echo "$$lock.in has changed: make lock"; exit 1; }; \
	done

help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv/.python:
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: no $(PYTHON) on PATH (PYTHON=… names another)"; exit 1; }
	@echo "Making .venv (once)"
	@$(NEW_VENV)
	@touch $@

.venv/.run: .venv/.python requirements.txt pyproject.toml
	@echo "Installing requirements.txt"
	@$(INSTALL) --require-hashes -r requirements.txt
	@$(INSTALL) --no-deps --editable .
	@touch $@

.venv/.dev: .venv/.run requirements-dev.txt
	@echo "Installing requirements-dev.txt"
	@$(INSTALL) --require-hashes -r requirements-dev.txt
	@touch $@
