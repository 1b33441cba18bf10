#!/usr/bin/env bash
# What a Debian machine lacks for compiling for another processor: cross-library.sh amd64|arm64|armv7. Nothing for its own.
# The standard library comes from rustup where it can be fetched, else from Debian's own rustc. Runs as root, or with sudo.
set -euo pipefail
cd "$(dirname "$0")/.."
case $(uname -m) in x86_64) here=amd64 ;; aarch64) here=arm64 ;; *) here=armv7 ;; esac
processor=$1
[ "$processor" != "$here" ] || exit 0
case $processor in
  arm64) target=aarch64-unknown-linux-gnu debian=arm64 gcc=aarch64-linux-gnu qemu=aarch64 ;;
  armv7) target=armv7-unknown-linux-gnueabihf debian=armhf gcc=arm-linux-gnueabihf qemu=arm ;;
  *) echo "cross-library: from $here, arm64 and armv7 can be compiled for, not $processor" >&2; exit 2 ;;
esac

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
install_packages() {
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

missing=()
command -v $gcc-gcc >/dev/null || missing+=("gcc-$gcc" "libc6-dev-$debian-cross")
command -v $gcc-g++ >/dev/null || missing+=("g++-$gcc")
command -v qemu-$qemu-static >/dev/null || missing+=(qemu-user-static)
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"

! tools/cross.sh "$processor" true 2>/dev/null || exit 0
if rustup target add "$target" 2>/dev/null; then
  echo "cross-library: rustup target $target added"
else
  echo "cross-library: rustup cannot fetch $target; taking Debian's rustc-web and its $debian library"
  as_root dpkg --add-architecture "$debian"
  install_packages rustc-web "libstd-rust-web-dev:$debian" || echo "cross-library: no $debian library for Rust is to be had here" >&2
  tools/cross.sh "$processor" true
fi
