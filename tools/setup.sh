#!/usr/bin/env bash
# Installs what a Debian-like machine with Rust lacks for building and testing. Safe to repeat: it
# looks first, says what it is about to install, and does nothing where nothing is missing.
#
#   tools/setup.sh            compiler, Node.js, MQTT broker, browser for tests, Python packages, ONNX Runtime
#   BENCH=1 tools/setup.sh    also the load generator of the benchmarks
#   ARM64=1 tools/setup.sh    also the cross compiler and emulator for 64-bit Arm
#   ARMV7=1 tools/setup.sh    the same for 32-bit Arm
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_packages() {
  command -v apt-get >/dev/null || {
    echo "setup: this machine has no apt-get; please install by hand: $*" >&2
    exit 1
  }
  [ "$(id -u)" = 0 ] || echo "setup: sudo is needed to install: $*"
  as_root apt-get update -qq
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  echo "setup: installed $*"
}

command -v cargo >/dev/null || {
  echo "setup: Rust is missing: install rustup, then open a new shell; rust-toolchain.toml names the version" >&2
  exit 1
}

missing=()
command -v cc >/dev/null || missing+=(build-essential)
command -v git >/dev/null || missing+=(git)
command -v python3 >/dev/null || missing+=(python3)
python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
# The broker that the tests start themselves; Debian keeps it where only root's PATH looks.
PATH=$PATH:/usr/sbin command -v mosquitto >/dev/null || missing+=(mosquitto)
command -v npm >/dev/null || missing+=(nodejs npm)
command -v "${CHROMIUM:-chromium}" >/dev/null || missing+=(chromium)
[ "${BENCH:-0}" = 0 ] || command -v wrk >/dev/null || missing+=(wrk)
if [ "${ARM64:-0}" = 1 ]; then
  command -v aarch64-linux-gnu-gcc >/dev/null || missing+=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross)
  command -v aarch64-linux-gnu-g++ >/dev/null || missing+=(g++-aarch64-linux-gnu)
  command -v qemu-aarch64-static >/dev/null || missing+=(qemu-user-static)
fi
if [ "${ARMV7:-0}" = 1 ]; then
  command -v arm-linux-gnueabihf-g++ >/dev/null || missing+=(gcc-arm-linux-gnueabihf g++-arm-linux-gnueabihf libc6-dev-armhf-cross)
  command -v qemu-arm-static >/dev/null || missing+=(qemu-user-static)
fi
# What checks the unit that boards get.
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v curl >/dev/null || missing+=(curl)
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"

# Vite's own floor.
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' || {
  echo "setup: the console needs Node.js 20.19 or later, found $(node --version): install it from nodejs.org or with nvm" >&2
  exit 1
}

if ! cmp -s requirements.txt .venv/requirements.txt; then
  python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "setup: Python 3.11 or later is needed for ONNX Runtime, found $(python3 --version)" >&2
    exit 1
  }
  echo "setup: making .venv with the packages of requirements.txt"
  rm -rf .venv
  python3 -m venv .venv
  .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
  cp requirements.txt .venv/requirements.txt
fi

# The standard library for Arm: from rustup where it can be fetched, else from Debian's own rustc.
arm_library() {
  local processor=$1 target=$2 architecture=$3
  ! tools/cross.sh "$processor" true 2>/dev/null || return 0
  if rustup target add "$target" 2>/dev/null; then
    echo "setup: rustup target $target added"
  elif command -v apt-get >/dev/null; then
    echo "setup: rustup cannot fetch the Arm target; taking Debian's rustc-web and its $architecture library"
    as_root dpkg --add-architecture "$architecture"
    install_packages rustc-web "libstd-rust-web-dev:$architecture" || echo "setup: no $architecture library for Rust is to be had here"
  fi
}
[ "${ARM64:-0}" = 0 ] || arm_library arm64 aarch64-unknown-linux-gnu arm64
[ "${ARMV7:-0}" = 0 ] || arm_library armv7 armv7-unknown-linux-gnueabihf armhf
echo "setup: nothing more is missing"
