#!/usr/bin/env bash
# A first tour on a simulated pump, from recording to answers on the edge. Prints each command
# before it runs it, and fails if any step does. Works in a folder of its own that it removes.
#
#   tools/tour.sh FOLDER_WITH_THE_PROGRAMS
set -euo pipefail
programs=$(cd "${1:?folder with cirame-trainer and cirame-edge}" && pwd)
PATH=$programs:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export CIRAME_DATA=$work/data

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() {
  printf '\033[2m$ %s\033[0m\n' "$*"
  "$@"
}

say "1. Record: ten seconds of each state of a simulated pump, as CSV files"
show cirame-trainer simulate vibration --seed 1 --seconds 10 --per-class 4 recordings
say "2. Import: nothing is guessed; the time and the label are named"
show cirame-trainer import pump recordings --time t_ns --label-from column:label
say "3. Train: windows as the device will see them, tested on recordings that were not learned from"
show cirame-trainer train pump --estimator random_forest_classifier --name pump --seed 1
say "4. Export: one file"
show cirame-trainer export pump -o pump.onnx
say "5. On the device: what is it, does it answer here as it did there?"
show cirame-edge inspect pump.onnx
show cirame-edge prove pump.onnx
say "6. New recordings of the same machine, answered window by window"
show cirame-trainer simulate vibration --seed 2 --seconds 3 --per-class 1 new
recording=$(find new -name '*.csv' | sort | tail -n 1)
show cirame-edge run pump.onnx --input "$recording" --time t_ns --output csv
say "The tour is over; README.md tells how to go on with recordings of your own."
