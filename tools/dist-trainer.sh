#!/usr/bin/env bash
# The trainer's program in dist/trainer, optimised, with the console of web/dist inside: for the processor that ARCH names (amd64, arm64),
# for this machine's otherwise. Linked to the C library, so that it can open ONNX Runtime.
set -euo pipefail
cd "$(dirname "$0")/.."
case $(uname -m) in
  x86_64) here=amd64 ;;
  *) here=arm64 ;;
esac
folder=dist/trainer
# Addresses that are filled in at the start take an eighth of the place when packed; Debian 12's C library knows that.
smaller="-C link-arg=-Wl,-z,pack-relative-relocs"
mkdir -p "$folder"
for processor in ${ARCH:-$here}; do
  case $processor in
    amd64) target=x86_64-unknown-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu ;;
    *) echo "dist-trainer: ARCH=$processor is not known: amd64 and arm64 are" >&2; exit 2 ;;
  esac
  build=(build --profile dist-trainer --target "$target" --workspace --features trainer/console --bin cirame-trainer)
  if [ "$processor" = "$here" ]; then
    RUSTFLAGS=$smaller cargo "${build[@]}"
    output=${CARGO_TARGET_DIR:-target}/$target
  else
    MORE_RUSTFLAGS="-C target-feature=-crt-static $smaller" tools/cross.sh "$processor" cargo "${build[@]}"
    output=${CARGO_TARGET_DIR:-target}/$processor/$target
  fi
  install -D "$output/dist-trainer/cirame-trainer" "$folder/cirame-trainer-$processor"
  printf '%s %s bytes\n' "$folder/cirame-trainer-$processor" "$(stat -c %s "$folder/cirame-trainer-$processor")"
done
(cd "$folder" && sha256sum cirame-trainer-* >SHA256SUMS)
