#!/usr/bin/env bash
# Empty sources for every crate whose Cargo.toml is here and whose sources are not: with them, an image compiles the dependencies in
# a layer of its own, which lasts until a manifest changes.
set -euo pipefail
cd "$(dirname "$0")/.."
for manifest in model-format edge-runtime/engine edge-runtime trainer/learn trainer; do
  mkdir -p "$manifest/src" "$manifest/benches"
  touch "$manifest/src/lib.rs"
  if grep -q '^\[\[bin\]\]' "$manifest/Cargo.toml"; then echo 'fn main() {}' >"$manifest/src/main.rs"; fi
  sed -n '/^\[\[bench\]\]/,/^$/ s/^name = "\(.*\)"/\1/p' "$manifest/Cargo.toml" | while read -r bench; do
    echo 'fn main() {}' >"$manifest/benches/$bench.rs"
  done
done
