#!/usr/bin/env bash
# Static edge binaries for this machine's architecture: with tract, and without it (lite).
set -euo pipefail
cd "$(dirname "$0")/.."
target=$(rustc -vV | sed -n 's/^host: //p')
export RUSTFLAGS="-C target-feature=+crt-static"
build() {
  cargo build --profile dist --target "$target" -p edge-runtime "${@:2}"
  install -D "${CARGO_TARGET_DIR:-target}/$target/dist/cirame-edge" "dist/$1"
  printf '%s %s bytes\n' "dist/$1" "$(stat -c %s "dist/$1")"
}
build cirame-edge
build cirame-edge-lite --no-default-features
