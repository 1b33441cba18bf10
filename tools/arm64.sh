#!/usr/bin/env bash
# Runs a cargo command for 64-bit Arm: static binaries, tests under qemu. Takes rustup's target
# where it is installed, else Debian's own rustc with its arm64 library (ARM64=1 make setup).
#
#   tools/arm64.sh cargo test -p model-format
set -euo pipefail
target=aarch64-unknown-linux-gnu
(($#)) || { sed -n '2,5p' "$0"; exit 2; }

lacks() {
  echo "arm64: $1; 'ARM64=1 make setup' installs it where it can be had" >&2
  exit 3
}
command -v qemu-aarch64-static >/dev/null || lacks "no emulator (qemu-user-static)"
command -v aarch64-linux-gnu-gcc >/dev/null || lacks "no cross compiler (gcc-aarch64-linux-gnu)"

if [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
  :
elif [ -d /usr/lib/rustlib/$target ] && /usr/bin/rustc --version | grep -qE ' 1\.(9[5-9]|[1-9][0-9][0-9])'; then
  export RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
else
  lacks "no Rust standard library for $target"
fi

export CARGO_BUILD_TARGET=$target
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static
# Tests that start our programs start them under the emulator too.
export CIRAME_TEST_RUNNER=qemu-aarch64-static
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTFLAGS="-C target-feature=+crt-static"
# Examples in the documentation are linked by rustdoc, which has flags of its own.
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUSTDOCFLAGS="-C target-feature=+crt-static"
export CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CXX_aarch64_unknown_linux_gnu=aarch64-linux-gnu-g++
# A folder of its own: the output of two compilers must not displace each other.
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}/arm64
exec "$@"
