#!/usr/bin/env bash
# Runs one named step and says how long it took: step.sh NAME COMMAND...
set -euo pipefail
name=$1
shift
printf '\n==> %s\n' "$name"
start=$(date +%s)
status=0
"$@" || status=$?
printf '<== %s: %s in %s min\n' "$name" "$([ $status = 0 ] && echo "done" || echo "FAILED ($status)")" \
  "$(awk "BEGIN { printf \"%.1f\", ($(date +%s) - $start) / 60 }")"
exit $status
