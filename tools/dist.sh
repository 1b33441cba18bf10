#!/usr/bin/env bash
# Static edge binaries, with tract and without it (lite): for this machine, or with ARCH=arm64 for 64-bit Arm.
set -euo pipefail
cd "$(dirname "$0")/.."
case "${ARCH:-}" in
  "")
    target=$(rustc -vV | sed -n 's/^host: //p')
    output=${CARGO_TARGET_DIR:-target}/$target
    export RUSTFLAGS="-C target-feature=+crt-static"
    cargo=(cargo)
    ;;
  arm64)
    target=aarch64-unknown-linux-gnu
    output=${CARGO_TARGET_DIR:-target}/arm64/$target
    cargo=(tools/arm64.sh cargo)
    ;;
  *)
    echo "ARCH=$ARCH is not known: leave it out for this machine, or say arm64" >&2
    exit 2
    ;;
esac
build() {
  "${cargo[@]}" build --profile dist --target "$target" -p edge-runtime "${@:2}"
  install -D "$output/dist/cirame-edge" "dist/$1"
  printf '%s %s bytes\n' "dist/$1" "$(stat -c %s "dist/$1")"
}
build cirame-edge
build cirame-edge-lite --no-default-features
