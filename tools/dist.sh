#!/usr/bin/env bash
# Static edge binaries in dist/edge, with tract and without it (lite): for the processors that ARCH names (amd64, arm64, armv7), for this
# machine's otherwise; ONLY=cirame-edge or ONLY=cirame-edge-lite makes one of the two. The folder is what a trainer serves:
# cirame-trainer serve --edge-programs dist/edge
#
# They are linked with musl, whose C library is smaller than glibc's and, unlike it, looks for nothing on the device, and by the linker
# of the Rust toolchain, so that a processor needs no more than rustup's target and a C compiler for the assembler of two libraries.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
case $(uname -m) in
  x86_64) here=amd64 ;;
  aarch64) here=arm64 ;;
  *) here=armv7 ;;
esac
folder=dist/edge
# Programs of another version must not stand beside these.
[ "$(cat $folder/VERSION 2>/dev/null)" = "$version" ] || rm -rf "$folder"
mkdir -p "$folder"
# A panic ends the program: nothing unwinds. Functions of the same code are kept once, and addresses that are filled in at the start are packed.
export RUSTFLAGS="-C target-feature=+crt-static -C linker=rust-lld -C force-unwind-tables=no -C link-arg=-T$PWD/tools/no-unwind-tables.ld \
-C link-arg=--icf=all -C link-arg=-zpack-relative-relocs"

target_of() {
  case $1 in
    amd64) target=x86_64-unknown-linux-musl compiler=x86_64-linux-gnu-gcc ;;
    arm64) target=aarch64-unknown-linux-musl compiler=aarch64-linux-gnu-gcc ;;
    armv7) target=armv7-unknown-linux-musleabihf compiler=arm-linux-gnueabihf-gcc ;;
    *)
      echo "dist: ARCH=$1 is not known: amd64, arm64 and armv7 are" >&2
      exit 2
      ;;
  esac
  command -v $compiler >/dev/null || {
    echo "dist: no C compiler for $1 ($compiler): '${1^^}=1 make setup' installs it" >&2
    exit 3
  }
  [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || rustup target add $target || {
    echo "dist: no Rust standard library for $target: 'rustup target add $target' has to work" >&2
    exit 3
  }
  # Where a distribution's compiler hardens calls of the C library, it means glibc's.
  export "CC_${target//-/_}=$compiler" "CFLAGS_${target//-/_}=-U_FORTIFY_SOURCE"
}

build() {
  local processor=$1 name=$2
  shift 2
  cargo build --profile dist --target "$target" -p edge-runtime "$@"
  install -D "${CARGO_TARGET_DIR:-target}/$target/dist/cirame-edge" "$folder/$name-$processor"
  printf '%s %s bytes\n' "$folder/$name-$processor" "$(stat -c %s "$folder/$name-$processor")"
}

for processor in ${ARCH:-$here}; do
  target_of "$processor"
  [ "${ONLY:-cirame-edge}" != cirame-edge ] || build "$processor" cirame-edge
  [ "${ONLY:-cirame-edge-lite}" != cirame-edge-lite ] || build "$processor" cirame-edge-lite --no-default-features
done
echo "$version" >"$folder/VERSION"
(cd "$folder" && sha256sum cirame-edge-* >SHA256SUMS)
