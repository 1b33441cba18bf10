#!/usr/bin/env bash
# Runs a cargo command for an Arm processor: static binaries, tests under qemu. Takes rustup's target where it is installed,
# else Debian's own rustc with its library for that processor (ARM64=1 or ARMV7=1 make setup).
#
#   tools/cross.sh arm64 cargo test -p model-format
#   tools/cross.sh armv7 cargo build -p edge-runtime
set -euo pipefail
(($# > 1)) || { sed -n '2,6p' "$0"; exit 2; }
case $1 in
  arm64) target=aarch64-unknown-linux-gnu gcc=aarch64-linux-gnu qemu=qemu-aarch64-static ;;
  armv7) target=armv7-unknown-linux-gnueabihf gcc=arm-linux-gnueabihf qemu=qemu-arm-static ;;
  *) echo "cross: $1 is not known: arm64 and armv7 are" >&2; exit 2 ;;
esac
processor=$1
shift

lacks() {
  echo "$processor: $1; '${processor^^}=1 make setup' installs it where it can be had" >&2
  exit 3
}
command -v $qemu >/dev/null || lacks "no emulator (qemu-user-static)"
command -v $gcc-gcc >/dev/null || lacks "no cross compiler (gcc-$gcc)"

if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
  :
elif [ -d /usr/lib/rustlib/$target ] && /usr/bin/rustc --version | grep -qE ' 1\.(9[5-9]|[1-9][0-9][0-9])'; then
  export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
else
  lacks "no Rust standard library for $target"
fi

name=${target//-/_}
export CARGO_BUILD_TARGET=$target
export "CARGO_TARGET_${name^^}_LINKER=$gcc-gcc"
export "CARGO_TARGET_${name^^}_RUNNER=$qemu"
# Tests that start our programs start them under the emulator too.
export CIRAME_TEST_RUNNER=$qemu
export "CARGO_TARGET_${name^^}_RUSTFLAGS=-C target-feature=+crt-static ${MORE_RUSTFLAGS:-}"
# Examples in the documentation are linked by rustdoc, which has flags of its own.
export "CARGO_TARGET_${name^^}_RUSTDOCFLAGS=-C target-feature=+crt-static"
export "CC_$name=$gcc-gcc" "CXX_$name=$gcc-g++"
# A folder of its own: the output of two compilers must not displace each other.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/$processor
exec "$@"
