# make help prints this list.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
TEXT := c2r app pages tests benchmarks

help:  ## print this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

app: $(VENV)/.app  ## set up once, then start the app in the browser
	$(BIN)/streamlit run app/main.py

demo: $(VENV)/.app  ## distil the built-in digits without a browser and print the table (under a minute)
	$(BIN)/python -m c2r distill --preset demo

test: $(VENV)/.test  ## check, unit tests, browser tests
	$(MAKE) check unit browser

check: $(VENV)/.test  ## lint, format and types
	$(BIN)/ruff check $(TEXT)
	$(BIN)/ruff format --check $(TEXT)
	$(BIN)/mypy c2r app pages

unit: $(VENV)/.test  ## unit tests, about two minutes on two cores
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --ignore-glob='tests/test_browser*.py'

browser: $(VENV)/.test  ## the app in headless Chromium
	$(BIN)/pytest tests/test_browser*.py

sample: $(VENV)/.app  ## record app/sample_run again, as it is committed
	rm -rf app/sample_run
	$(BIN)/python -m c2r distill --preset demo --out app/sample_run
	find app/sample_run/parts -type f ! -name network-0.safetensors ! -name scorer-0.safetensors -delete  # its scorers stay
	rm -rf app/sample_run/lock app/.slots
	echo "A recorded sample run: while this file lies here, the run keeps its name and is not deleted." > app/sample_run/sample.txt

bench: $(VENV)/.test  ## attack cost, cost of recording, live tick, first picture
	for file in attack_cost recording live_tick first_picture; do $(BIN)/python benchmarks/$$file.py || exit 1; done

$(VENV)/.venv:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.app: requirements.txt pyproject.toml | $(VENV)/.venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/.test: $(VENV)/.app
	$(BIN)/pip install --quiet --disable-pip-version-check -e '.[test]'
	touch $@

.PHONY: help app demo test check unit browser sample bench
