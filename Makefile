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
# One set of features for all development builds, so that nothing is compiled twice.
CARGO_BUILD := cargo build --workspace --features trainer/console
RUN_ARGS ?=

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

.PHONY: setup
setup: ## install what this machine lacks (says so before it uses sudo)
	@tools/setup.sh

.PHONY: run
run: ## start the product with a demo: console on http://localhost:3030; RUN_ARGS="--no-demo --lan" for options
	@echo "[1/4] what this machine lacks"; tools/setup.sh
	@echo "[2/4] the console"; $(MAKE) --no-print-directory console
	@echo "[3/4] the programs: the first time 10 to 25 minutes on two cores, then seconds"; $(CARGO_BUILD) --bins
	@echo "[4/4] start"; $(MAKE) --no-print-directory start

# A target of its own, so that ONNX Runtime is looked for after setup has brought it.
.PHONY: start
start:
	@$(WITH_ORT) exec "$(TARGET)/debug/cirame-trainer" start $(RUN_ARGS)

.PHONY: build
build: console ## build cirame-trainer and cirame-edge for this machine, optimised
	cargo build --release -p trainer -p edge-runtime --features trainer/console

# npm writes this file when it is done.
web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error

.PHONY: console
console: web/node_modules/.package-lock.json ## build the browser console into web/dist
	cd web && npm run --silent build -- --logLevel warn

.PHONY: check-console
check-console: web/node_modules/.package-lock.json ## types, formatting and unit tests of the console
	cd web && npm run --silent check

.PHONY: journeys
journeys: console ## the console in a real browser against trainer, broker and edge; ONLY=NAME for some
	$(CARGO_BUILD) --bins
	cd web && $(WITH_ORT) PROGRAMS="$(abspath $(TARGET))/debug" npx vitest run --config vitest.e2e.config.ts $(ONLY)

.PHONY: screenshots
screenshots: setup console ## pictures of every page in both themes into dist/screenshots; the best into docs/pictures
	$(CARGO_BUILD) --bins
	cd web && $(WITH_ORT) PROGRAMS="$(abspath $(TARGET))/debug" SCREENSHOTS="$(CURDIR)/dist/screenshots" npx vitest run --config vitest.e2e.config.ts

.PHONY: tour
tour: setup ## a first tour on simulated data: record, train, prove, run on the edge
	$(CARGO_BUILD) --all-targets
	@$(WITH_ORT) tools/tour.sh "$(TARGET)/debug"

.PHONY: lint
lint: ## formatting and clippy, warnings are errors
	cargo fmt --all --check
	cargo clippy --workspace --features trainer/console --all-targets -- -D warnings

.PHONY: test
test: ## everything that must hold: setup, lint, all tests, fuzzing, demo, services, journeys in a browser, references, 64-bit Arm
	@$(STEP) setup $(MAKE) --no-print-directory setup
	@$(STEP) console $(MAKE) --no-print-directory check-console console
	@$(STEP) build $(CARGO_BUILD) --all-targets
	@$(STEP) lint $(MAKE) --no-print-directory lint
	@$(STEP) tests $(MAKE) --no-print-directory tests
	@$(STEP) fuzz $(MAKE) --no-print-directory fuzz
	@$(STEP) tour $(MAKE) --no-print-directory tour
	@$(STEP) demo $(MAKE) --no-print-directory demo
	@$(STEP) services $(MAKE) --no-print-directory services
	@$(STEP) journeys $(MAKE) --no-print-directory journeys
	@$(STEP) references $(MAKE) --no-print-directory references
	@$(STEP) arm64 $(MAKE) --no-print-directory arm64

.PHONY: tests
tests: ## all tests of all crates, with ONNX Runtime as a judge
	$(WITH_ORT) cargo test --workspace --features trainer/console --no-fail-fast

.PHONY: fuzz
fuzz: ## every reader of foreign bytes under libFuzzer, a few thousand executions; RUNS=1000000 for long, ONLY=TARGET
	@tools/fuzz.sh $(ONLY) $(if $(RUNS),--runs $(RUNS))

.PHONY: demo
demo: setup ## the whole chain across processes, without a person: train, deploy, replay over MQTT, compare
	$(CARGO_BUILD) --all-targets
	@$(WITH_ORT) $(PYTHON) tools/demo.py "$(TARGET)/debug"

.PHONY: services
services: ## the running programs, from outside: tritonclient, schemathesis, kill -9 of the edge, models of scikit-learn and Flax
	@$(WITH_ORT) $(PYTHON) tools/check_inference.py "$(TARGET)/debug"
	@$(WITH_ORT) $(PYTHON) tools/check_api.py "$(TARGET)/debug"
	@$(WITH_ORT) $(PYTHON) tools/check_kills.py "$(TARGET)/debug"
	@$(WITH_ORT) $(PYTHON) tools/check_adopted.py "$(TARGET)/debug"

.PHONY: api
api: web/node_modules/.package-lock.json ## renew the committed OpenAPI document and the console's types
	$(CARGO_BUILD) --quiet --bin cirame-trainer
	"$(TARGET)/debug/cirame-trainer" openapi > trainer/openapi.json
	cd web && npm run --silent api

.PHONY: references
references: ## artifacts through onnx.checker and Python's onnxruntime; reference files are current
	@$(WITH_ORT) $(PYTHON) tools/references.py

.PHONY: arm64
arm64: ## tests of what ships to devices, for 64-bit Arm under qemu; a skip is named
	@tools/test-arm64.sh

.PHONY: acceptance
acceptance: setup ## real data sets: make acceptance DATA=FOLDER
	@test -n "$(DATA)" || { echo "usage: make acceptance DATA=FOLDER (a folder with ei_motion, cwru_de12, gas_turbine, skab)"; exit 2; }
	$(CARGO_BUILD) --all-targets
	@$(WITH_ORT) $(PYTHON) tools/acceptance.py "$(TARGET)/debug" "$(DATA)"

.PHONY: soak
soak: ## the edge left alone under load, with model swaps and broker restarts, then everything counted: MINUTES=30
	$(CARGO_BUILD) --bins
	@$(WITH_ORT) $(PYTHON) tools/soak.py "$(TARGET)/debug" --minutes $(or $(MINUTES),30)

.PHONY: bench
bench: ## speed and size beside peers in the same run; ONLY=NAME for a part; docs/benchmarks.md explains it
	@BENCH=1 tools/setup.sh
	@$(WITH_ORT) DATA="$(DATA)" $(PYTHON) tools/bench.py $(ONLY)

.PHONY: dist
dist: ## static edge binaries in dist/edge, with tract and lite; ARCH="amd64 arm64 armv7" for those processors
	@ARCH="$(ARCH)" tools/dist.sh

.PHONY: dist-trainer
dist-trainer: ## the trainer's program with console in dist/trainer, for the image; ARCH="amd64 arm64" for those processors
	@ARCH="$(ARCH)" tools/dist-trainer.sh

.PHONY: images
images: ## container images from what make dist, dist-trainer and console have built, for this machine
	@CIRAME_BUILD_FROM=dist ./deploy.sh build

.PHONY: docker-test
docker-test: ## the containers keep what docs/operations.md promises; FULL=1 for all, ONLY="web kills" for some
	@docker/test.sh $(if $(FULL),--full) $(ONLY)

docker/checks/workflows/node_modules/.package-lock.json: docker/checks/workflows/package.json docker/checks/workflows/package-lock.json
	cd docker/checks/workflows && npm ci --no-audit --no-fund --loglevel=error

.PHONY: check-delivery
check-delivery: docker/checks/workflows/node_modules/.package-lock.json ## scripts, workflows, compose files and Kubernetes manifests, without an engine
	@$(PYTHON) docker/checks files

.PHONY: kubernetes
kubernetes: ## renew the Kubernetes base's copies of the broker's scripts
	cp docker/broker/start.sh docker/broker/health.sh deploy/kubernetes/broker/

.PHONY: dev
dev: web/node_modules/.package-lock.json ## the console with hot reload on http://localhost:3031, on the trainer of the containers or TRAINER=URL
	cd web && npm run dev

.PHONY: sbom
sbom: ## what the programs are made of, as CycloneDX in dist/sbom (installs cargo-cyclonedx)
	@tools/sbom.sh

.PHONY: deb
deb: ## Debian packages of the binaries that make dist has built
	@tools/deb.sh

# What the workflows do beside building.
.PHONY: release-check
release-check: ## fails unless TAG=vX.Y.Z is this version, and the changelog has it
	@tools/release.sh check "$(TAG)"

.PHONY: release-files
release-files: ## dist/release: archives, packages, SBOMs and checksums of what is built; notes of TAG=vX.Y.Z
	@tools/release.sh pack
	@tools/release.sh notes "$(TAG)" >dist/notes.md

.PHONY: publish
publish: ## a release on GitHub with dist/release: TAG=vX.Y.Z, on a runner
	gh release create "$(TAG)" --verify-tag --title "$(TAG)" --notes-file dist/notes.md dist/release/*

.PHONY: image-name
image-name: ## the registry's name of an image, for a workflow's outputs: IMAGE=edge, on a runner
	@name="ghcr.io/$${GITHUB_REPOSITORY,,}/$(IMAGE)"; echo "image=$$name" >>"$$GITHUB_OUTPUT"; echo "$$name"

.PHONY: image-layout
image-layout: ## unpacks an image that was built into a file, for a scanner: FILE=image.tar FOLDER=layout
	@mkdir -p "$(FOLDER)" && tar -C "$(FOLDER)" -xf "$(FILE)"

.PHONY: audit
audit: ## licences, bans, sources and advisories of all dependencies (installs cargo-deny)
	command -v cargo-deny >/dev/null || cargo install --locked cargo-deny
	cargo deny check
