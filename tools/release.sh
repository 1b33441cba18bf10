#!/usr/bin/env bash
# The files of a release, from what `make dist dist-trainer deb sbom` has built.
#
#   tools/release.sh check v0.1.0     fails unless the tag is the workspace's version and the changelog has it
#   tools/release.sh pack             dist/release: an archive for each program and processor, packages, SBOMs, SHA256SUMS
#   tools/release.sh notes v0.1.0     what the changelog says about this version
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)

notes() {
  awk -v version="${1#v}" '/^## / {found = ($2 == version || $2 == version ","); next} found' CHANGELOG.md
}

check() {
  [ "${1#v}" = "$version" ] || { echo "release: the tag is $1, Cargo.toml says $version" >&2; exit 1; }
  [ -n "$(notes "$1" | tr -d '[:space:]')" ] || { echo "release: CHANGELOG.md has no section ## $version" >&2; exit 1; }
  ! grep -q "^## $version, unreleased" CHANGELOG.md || { echo "release: CHANGELOG.md calls $version unreleased: put its date there" >&2; exit 1; }
}

pack() {
  local folder=dist/release program name archive
  rm -rf $folder
  mkdir -p $folder
  for program in dist/edge/cirame-edge* dist/trainer/cirame-trainer-*; do
    name=$(basename "$program")
    archive=$folder/${name%-*}_${version}_${name##*-}.tar.gz
    # The same sources give the same bytes.
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@"$(git log -1 --format=%ct)" \
      --transform "s,^.*/$name\$,${name%-*}," -c "$program" LICENSE-APACHE LICENSE-MIT README.md | gzip -n -9 >"$archive"
  done
  cp dist/*_"${version}"_*.deb dist/sbom/*.json $folder/
  (cd $folder && sha256sum -- * >SHA256SUMS && ls -l)
}

case ${1:-} in
  check | notes) "$1" "${2:?a tag such as v0.1.0}" ;;
  pack) pack ;;
  *) sed -n '2,7p' "$0"; exit 2 ;;
esac
