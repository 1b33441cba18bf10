#!/usr/bin/env bash
# Shows that the containers keep what docs/operations.md promises: builds the images from dist/, starts them as a plant would, and checks
# each claim on what runs.
#
#   docker/test.sh            short form, a few minutes: images from dist/ (what is missing there is built first)
#   docker/test.sh --full     also the multi-stage builds for both architectures, health checks at their own pace, and kills for longer
#   docker/test.sh ONLY...    checks of these files in docker/checks/ alone, such as `web` or `kills`
#
# CIRAME_LAB names a program that makes an engine (`up`) and base images (`base`) where there are none; otherwise `docker info` must work.
# Without an engine this ends with status 3.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ -n "${CIRAME_LAB:-}" ]; then
  "$CIRAME_LAB" up
  "$CIRAME_LAB" base docker compose*.yaml
elif ! docker info >/dev/null 2>&1; then
  echo "docker/test.sh: no container engine answers here (docker info), and CIRAME_LAB names none: nothing was checked" >&2
  exit 3
fi

python=.venv/bin/python
[ -x $python ] || { echo "docker/test.sh: .venv is missing: make setup" >&2; exit 1; }
# A console of older sources would speak to a newer trainer.
if [ ! -f web/dist/index.html ] || [ -n "$(find web/src web/public web/index.html web/package-lock.json -newer web/dist/index.html -print -quit)" ]; then
  make --no-print-directory console
fi
make --no-print-directory docker/checks/workflows/node_modules/.package-lock.json
[ -f dist/edge/cirame-edge-amd64 ] && [ -f dist/edge/cirame-edge-lite-amd64 ] && [ -f dist/edge/cirame-edge-arm64 ] || ARCH="amd64 arm64" tools/dist.sh
[ -f dist/trainer/cirame-trainer-amd64 ] || tools/dist-trainer.sh
exec $python docker/checks "$@"
