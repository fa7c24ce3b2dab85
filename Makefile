# Everything a developer does; `make` alone lists it. Set-up happens by itself, and only when something changed.

.DEFAULT_GOAL := help

# Where the environment forbids bytecode, each of the hundreds of processes that tests start would compile everything.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run test test-long check format bench openapi lock clean

help: ## List what can be made.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Set up, start API, worker and sandbox on http://127.0.0.1:8080 with demo data; Ctrl-C stops everything.
	@scripts/setup run
	@exec .venv/bin/python -m survey_service demo

test: ## Set up and run every test that takes seconds.
	@scripts/setup dev
	.venv/bin/python -m pytest -n 3 --dist worksteal -m "not long" tests

test-long: ## Run the tests that take minutes.
	@scripts/setup dev
	.venv/bin/python -m pytest -m long tests

check: ## Check format, lint, types, imports and that openapi.yaml is what the code says.
	@scripts/setup dev
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m ruff check .
	.venv/bin/python -m mypy
	.venv/bin/lint-imports
	.venv/bin/python -m survey_service openapi --check

format: ## Format the code and mend what ruff can mend.
	@scripts/setup dev
	.venv/bin/python -m ruff format .
	.venv/bin/python -m ruff check --fix .

bench: ## Measure throughput as ratios against floors measured in the same run.
	@scripts/setup dev
	.venv/bin/python -m benchmarks

openapi: ## Write openapi.yaml from the routes and their shapes.
	@scripts/setup run
	.venv/bin/python -m survey_service openapi

LOCK_FROM := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header
LOCK := $(LOCK_FROM) pyproject.toml

lock: ## Lock the newest versions that pyproject.toml allows (needs uv).
	@command -v uv >/dev/null || { echo "make lock needs uv on PATH: https://docs.astral.sh/uv/" >&2; exit 1; }
	$(LOCK) --upgrade --output-file requirements/service.txt
	$(LOCK) --upgrade --extra embedded --output-file requirements/run.txt
	$(LOCK) --upgrade --extra embedded --extra dev --output-file requirements/dev.txt
	sed -n 's/^requires = \["\(.*\)"\]$$/\1/p' pyproject.toml | $(LOCK_FROM) - --no-annotate --output-file docker/build.txt

clean: ## Remove what the tools made; data in .data stays, the demo's in .data/demo too.
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
