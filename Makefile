# make help says what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help demo test soak bench check fix pages screenshots deb test-deb lock clean
.DELETE_ON_ERROR:

bin := .venv/bin
install := $(bin)/python -m pip install --quiet --disable-pip-version-check

help: ## what can be made
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/runtime ## a sample library, its Sunday night, and where the files are
	@$(bin)/gentle-nudge demo

test: .venv/all ## all tests but the long ones
	@tools/need mariadbd:mariadb-server sshd:openssh-server chromium:chromium
	$(bin)/python -m pytest -n 2 -q

soak: .venv/all ## the long tests
	@tools/need mariadbd:mariadb-server sshd:openssh-server
	$(bin)/python -m pytest -q -m soak

bench: .venv/all ## how fast, as ratios within one run
	@tools/need mariadbd:mariadb-server
	$(bin)/python -m benchmarks

check: .venv/all ## style, types, and who imports whom
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	$(bin)/lint-imports

fix: .venv/all ## mends what can be mended by machine
	$(bin)/ruff check --fix-only --exit-zero .
	$(bin)/ruff format .

pages: .venv/all ## the sample configuration and the reference pages that the program writes
	@tools/pages

screenshots: .venv/all ## the pictures of pages in docs/images
	@tools/need chromium:chromium
	$(bin)/python -m tests.support.screenshots

deb: .venv/runtime ## a Debian package for this system's Python and architecture, in dist
	@tools/deb

test-deb: .venv/all ## builds the package, and installs, upgrades and removes it in a throwaway copy of this machine
	$(bin)/python -m pytest -q -m package

lock: ## newest versions that pyproject.toml allows, with their hashes
	@tools/lock

clean: ## what make and the tests left here
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist gentle-nudge-demo
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/bin/python:
	@tools/venv .venv

.venv/runtime: requirements.txt requirements-build.txt pyproject.toml | .venv/bin/python
	$(install) --require-hashes -r requirements.txt -r requirements-build.txt
	$(install) --no-deps --no-build-isolation -e .
	@touch $@

.venv/all: requirements-dev.txt pyproject.toml | .venv/bin/python
	$(install) --require-hashes -r requirements-dev.txt
	$(install) --no-deps --no-build-isolation -e .
	@touch .venv/runtime $@
