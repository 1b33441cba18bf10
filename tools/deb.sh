#!/usr/bin/env bash
# Debian packages of the edge runtime, from the programs that tools/dist.sh has built in dist/edge: one for each processor.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v dpkg-deb >/dev/null || { echo "deb: dpkg-deb is missing: it comes with Debian and Ubuntu" >&2; exit 1; }
version=$(cat dist/edge/VERSION)
found=0
for pair in amd64:amd64 arm64:arm64 armv7:armhf; do
  program=dist/edge/cirame-edge-${pair%%:*}
  architecture=${pair##*:}
  [ -f "$program" ] || continue
  found=1
  folder=$(mktemp -d)
  # The package has this folder as its root, which everybody may read.
  chmod 755 "$folder"
  trap 'rm -rf "$folder"' EXIT
  install -D -m 755 "$program" "$folder/usr/bin/cirame-edge"
  install -D -m 600 packaging/edge.env "$folder/etc/cirame/edge.env"
  install -D -m 644 packaging/cirame-edge.service "$folder/lib/systemd/system/cirame-edge.service"
  sed -i 's,/usr/local/bin/,/usr/bin/,' "$folder/lib/systemd/system/cirame-edge.service"
  mkdir "$folder/DEBIAN"
  cat >"$folder/DEBIAN/control" <<CONTROL
Package: cirame-edge
Version: $version
Architecture: $architecture
Maintainer: CiRA ME <edge@cirame.invalid>
Section: science
Priority: optional
Installed-Size: $(du -sk "$folder/usr" | cut -f1)
Description: CiRA ME edge runtime
 Answers sensor data with a trained model: reads MQTT and HTTP, publishes
 results and alarms, follows the deployments of a trainer.
CONTROL
  echo /etc/cirame/edge.env >"$folder/DEBIAN/conffiles"
  # A new service waits for its settings; one that runs gets the new program.
  cat >"$folder/DEBIAN/postinst" <<'SCRIPT'
#!/bin/sh
set -e
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
  systemctl try-restart cirame-edge || true
fi
if [ "$1" = configure ] && [ -z "${2:-}" ]; then
  echo "cirame-edge: say in /etc/cirame/edge.env what to follow, then: systemctl enable --now cirame-edge"
fi
SCRIPT
  cat >"$folder/DEBIAN/prerm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = remove ] && [ -d /run/systemd/system ]; then
  systemctl disable --now cirame-edge || true
fi
SCRIPT
  cat >"$folder/DEBIAN/postrm" <<'SCRIPT'
#!/bin/sh
set -e
if [ "$1" = purge ]; then
  rm -rf /var/lib/private/cirame-edge /var/lib/cirame-edge
fi
[ ! -d /run/systemd/system ] || systemctl daemon-reload
SCRIPT
  chmod 755 "$folder"/DEBIAN/{postinst,prerm,postrm}
  package=dist/cirame-edge_${version}_$architecture.deb
  dpkg-deb --root-owner-group --build "$folder" "$package" >/dev/null
  printf '%s %s bytes\n' "$package" "$(stat -c %s "$package")"
  rm -rf "$folder"
done
[ $found = 1 ] || { echo "deb: dist/edge has no programs: make dist" >&2; exit 1; }
