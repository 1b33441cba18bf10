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

# Compilers and the standard library for Arm, where they are to be had.
[ "${ARM64:-0}" = 0 ] || tools/cross-library.sh arm64 || echo "setup: nothing can be compiled for arm64 here"
[ "${ARMV7:-0}" = 0 ] || tools/cross-library.sh armv7 || echo "setup: nothing can be compiled for armv7 here"
echo "setup: nothing more is missing"
