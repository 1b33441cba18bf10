#!/usr/bin/env bash
# Static edge binaries in dist/edge, with tract and without it (lite): for the processors that ARCH names (amd64, arm64, armv7), for this
# machine's otherwise; ONLY=cirame-edge or ONLY=cirame-edge-lite makes one of the two. The folder is what a trainer serves: cirame-trainer serve --edge-programs dist/edge
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
case $(uname -m) in
  x86_64) here=amd64 ;;
  aarch64) here=arm64 ;;
  *) here=armv7 ;;
esac
folder=dist/edge
# Programs of another version must not stand beside these.
[ "$(cat $folder/VERSION 2>/dev/null)" = "$version" ] || rm -rf "$folder"
mkdir -p "$folder"
# A panic ends the program: nothing unwinds. Addresses that are filled in at the start take an eighth of the place when packed.
smaller="-C force-unwind-tables=no -C link-arg=-Wl,-z,pack-relative-relocs"
build() {
  local processor=$1 name=$2 target output cargo
  shift 2
  case $processor in
    arm64) target=aarch64-unknown-linux-gnu ;;
    armv7) target=armv7-unknown-linux-gnueabihf ;;
    amd64) target=x86_64-unknown-linux-gnu ;;
    *)
      echo "dist: ARCH=$processor is not known: amd64, arm64 and armv7 are" >&2
      exit 2
      ;;
  esac
  if [ "$processor" = "$here" ]; then
    output=${CARGO_TARGET_DIR:-target}/$target
    cargo=(env "RUSTFLAGS=-C target-feature=+crt-static $smaller" cargo)
  else
    output=${CARGO_TARGET_DIR:-target}/$processor/$target
    cargo=(env "MORE_RUSTFLAGS=$smaller" tools/cross.sh "$processor" cargo)
  fi
  "${cargo[@]}" build --profile dist --target "$target" -p edge-runtime "$@"
  install -D "$output/dist/cirame-edge" "$folder/$name-$processor"
  printf '%s %s bytes\n' "$folder/$name-$processor" "$(stat -c %s "$folder/$name-$processor")"
}
for processor in ${ARCH:-$here}; do
  [ "${ONLY:-cirame-edge}" != cirame-edge ] || build "$processor" cirame-edge
  [ "${ONLY:-cirame-edge-lite}" != cirame-edge-lite ] || build "$processor" cirame-edge-lite --no-default-features
done
echo "$version" >"$folder/VERSION"
(cd "$folder" && sha256sum cirame-edge-* >SHA256SUMS)
