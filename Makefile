# What CONTRIBUTING.md tells of; every target works in the environment that the README's second command made.
PYTHON := .venv/bin/python

.PHONY: check test darwin proof bench shots docs coverage

check:  ## linters and types
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy
	$(PYTHON) -m mypy --platform darwin artui

test:  ## the whole suite, under seven minutes on two cores
	$(PYTHON) -m pytest -n auto

darwin:  ## the suite without what Python has on Linux only, in every process
	PYTHONPATH=tests/darwin $(PYTHON) -m pytest -n auto

proof:  ## crashes, faults, power cuts, races and the model in full: an hour and more
	$(PYTHON) -m pytest -n auto --long tests/proof tests/contract
	$(PYTHON) -m tests.proof

bench:  ## every figure of docs/performance.md
	$(PYTHON) -m tests.bench

docs:  ## what the pages of docs/ have from the program itself
	$(PYTHON) -m tests.make_docs

shots:  ## the pictures of the README
	$(PYTHON) -m tests.tui.make_screenshots

coverage:  ## which lines and branches of artui/ the suite takes, engines in processes of their own included
	$(PYTHON) -m coverage erase
	$(PYTHON) -m pytest -n auto --cov
	$(PYTHON) -m coverage report --skip-covered --sort=cover
