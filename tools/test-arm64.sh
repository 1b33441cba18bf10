#!/usr/bin/env bash
# Tests of what ships to devices (model-format, engine, edge-runtime) for 64-bit Arm under qemu.
# Where the tools are missing and cannot be had, the skip is named.
set -euo pipefail
cd "$(dirname "$0")/.."
if ! reason=$(tools/cross.sh arm64 true 2>&1); then
  echo "SKIPPED: tests for 64-bit Arm: $reason"
  exit 0
fi
tools/cross.sh arm64 cargo test --no-fail-fast -p model-format -p engine -p edge-runtime
