#!/usr/bin/env bash
# Builds the fuzz targets for coverage on the stable toolchain and runs them over their corpus.
#
#   tools/fuzz.sh                          every target, a few thousand executions each
#   tools/fuzz.sh TARGET                   one of them (a file in fuzz/src/bin)
#   tools/fuzz.sh [TARGET] --runs N        that many executions
#   tools/fuzz.sh [TARGET] --seconds S     as many as go into that time
#
# What is found while fuzzing is kept in the build folder (fuzz/found/TARGET), for the next run. An
# input that fails is written to fuzz/failed/TARGET there: put it into fuzz/corpus/TARGET or a test.
set -euo pipefail
cd "$(dirname "$0")/.."

limit=(-runs=3000 -max_total_time=20)
targets=()
while [ $# -gt 0 ]; do
  case $1 in
    --runs) limit=("-runs=$2"); shift ;;
    --seconds) limit=("-max_total_time=$2"); shift ;;
    -*) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) targets+=("$1") ;;
  esac
  shift
done
for target in "${targets[@]}"; do
  [ -f "fuzz/src/bin/$target.rs" ] || { echo "no target $target: there are $(ls fuzz/src/bin | sed 's/\.rs$//' | tr '\n' ' ')" >&2; exit 2; }
done
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <(ls fuzz/src/bin | sed 's/\.rs$//')

build=$(realpath -m "${CARGO_TARGET_DIR:-target}/fuzz")
host=$(rustc -vV | sed -n 's/^host: //p')
# What cargo-fuzz gives to the compiler, but for the address sanitizer, which stable does not have:
# our code is safe Rust. --target keeps build scripts and macros out of it.
coverage="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
coverage+=" -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
coverage+=" -Cllvm-args=-sanitizer-coverage-trace-compares --cfg fuzzing"
(cd fuzz && RUSTFLAGS="$coverage" CARGO_INCREMENTAL=0 \
  cargo build --quiet --locked --release --bins --target "$host" --target-dir "$build")

for target in "${targets[@]}"; do
  found="$build/found/$target" failed="$build/failed/$target"
  mkdir -p "$found" "$failed"
  log="$build/$target.log"
  # Inputs of a few kilobytes reach every branch; 10 s for one are far too long, 1 GiB far too much.
  if ! "$build/$host/release/$target" "${limit[@]}" -seed=1 -timeout=10 \
    -rss_limit_mb=1024 -artifact_prefix="$failed/" -print_final_stats=1 "$found" "fuzz/corpus/$target" \
    >"$log" 2>&1; then
    tail -40 "$log" >&2
    echo "FAILED: $target; the input is in $failed" >&2
    exit 1
  fi
  sed -n 's/^stat::number_of_executed_units: *//p' "$log" | xargs printf '%s: %s executions\n' "$target"
done
