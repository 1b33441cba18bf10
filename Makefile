# Thin targets over cargo and the scripts in tools/. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON := $(CURDIR)/.venv/bin/python
# ONNX Runtime's library comes inside its Python package; recursive, since setup makes the folder.
ORT = $(shell ls $(CURDIR)/.venv/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.* 2>/dev/null)
WITH_ORT = ORT_DYLIB_PATH="$(ORT)" PYTHON="$(PYTHON)"
TARGET := $(or $(CARGO_TARGET_DIR),target)
STEP := tools/step.sh

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## install what this machine lacks (says so before it uses sudo)
	@tools/setup.sh

.PHONY: build
build: ## build cirame-trainer and cirame-edge for this machine, optimised
	cargo build --release -p trainer -p edge-runtime

.PHONY: tour
tour: setup ## a first tour on simulated data: record, train, prove, run on the edge
	cargo build --workspace --all-targets
	@$(WITH_ORT) tools/tour.sh "$(TARGET)/debug"

.PHONY: lint
lint: ## formatting and clippy, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings

.PHONY: test
test: ## everything that must hold: setup, lint, all tests, demo, services, references, 64-bit Arm
	@$(STEP) setup $(MAKE) --no-print-directory setup
	@$(STEP) build cargo build --workspace --all-targets
	@$(STEP) lint $(MAKE) --no-print-directory lint
	@$(STEP) tests $(MAKE) --no-print-directory tests
	@$(STEP) tour $(MAKE) --no-print-directory tour
	@$(STEP) demo $(MAKE) --no-print-directory demo
	@$(STEP) services $(MAKE) --no-print-directory services
	@$(STEP) references $(MAKE) --no-print-directory references
	@$(STEP) arm64 $(MAKE) --no-print-directory arm64

.PHONY: tests
tests: ## all tests of all crates, with ONNX Runtime as a judge
	$(WITH_ORT) cargo test --workspace --no-fail-fast

.PHONY: demo
demo: setup ## the whole chain across processes, without a person: train, deploy, replay over MQTT, compare
	cargo build --workspace --all-targets
	@$(WITH_ORT) $(PYTHON) tools/demo.py "$(TARGET)/debug"

.PHONY: services
services: ## the running programs, from outside: tritonclient, schemathesis, kill -9 of the edge
	@$(WITH_ORT) $(PYTHON) tools/check_inference.py "$(TARGET)/debug"
	@$(WITH_ORT) $(PYTHON) tools/check_api.py "$(TARGET)/debug"
	@$(WITH_ORT) $(PYTHON) tools/check_kills.py "$(TARGET)/debug"

.PHONY: api
api: ## renew the committed OpenAPI document
	cargo run --quiet -p trainer -- openapi > trainer/openapi.json

.PHONY: references
references: ## artifacts through onnx.checker and Python's onnxruntime; reference files are current
	@$(WITH_ORT) $(PYTHON) tools/references.py

.PHONY: arm64
arm64: ## tests of what ships to devices, for 64-bit Arm under qemu; a skip is named
	@tools/test-arm64.sh

.PHONY: acceptance
acceptance: setup ## real data sets: make acceptance DATA=FOLDER
	@test -n "$(DATA)" || { echo "usage: make acceptance DATA=FOLDER (a folder with ei_motion, cwru_de12, gas_turbine, skab)"; exit 2; }
	cargo build --workspace --all-targets
	@$(WITH_ORT) $(PYTHON) tools/acceptance.py "$(TARGET)/debug" "$(DATA)"

.PHONY: bench
bench: ## speed and size beside peers in the same run; ONLY=NAME for a part; docs/benchmarks.md explains it
	@BENCH=1 tools/setup.sh
	@$(WITH_ORT) DATA="$(DATA)" $(PYTHON) tools/bench.py $(ONLY)

.PHONY: dist
dist: ## static edge binaries for this machine's architecture: dist/cirame-edge, dist/cirame-edge-lite
	@tools/dist.sh

.PHONY: audit
audit: ## licences, bans, sources and advisories of all dependencies (installs cargo-deny)
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check
