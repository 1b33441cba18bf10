#!/bin/sh
# Installs cirame-edge @VERSION@ from the trainer at @TRAINER@, enrols this machine, shows the first proof.
#
#   curl -fsS @TRAINER@/install | sudo sh -s -- TOKEN
#
# TOKEN is an enrolment token, made in the console under Devices. Without one, a machine that is enrolled already gets this
# version of the program. With DESTDIR=FOLDER everything goes below that folder and nothing is started.
set -eu

trainer='@TRAINER@'
token=${1:-}
root=${DESTDIR:-}
program=$root/usr/local/bin/cirame-edge
settings=$root/etc/cirame/edge.env
unit=$root/etc/systemd/system/cirame-edge.service

fail() {
  echo "install: $*" >&2
  exit 1
}

case $token in
  *[!A-Za-z0-9_-]*) fail "this is no enrolment token: copy it as the console shows it" ;;
esac
[ -n "$root" ] || [ "$(id -u)" = 0 ] || fail "root is needed: curl -fsS $trainer/install | sudo sh -s -- TOKEN"
[ -n "$token" ] || [ -e "$settings" ] ||
  fail "a token is missing: make one in the console under Devices, then: curl -fsS $trainer/install | sudo sh -s -- TOKEN"
for tool in curl sha256sum uname mktemp; do
  command -v "$tool" >/dev/null || fail "$tool is missing: install it with this system's package manager"
done

arch=${CIRAME_ARCH:-$(uname -m)}
case $arch in
@CASES@
  *) fail "the trainer carries no program for $arch: it has @ARCHS@" ;;
esac

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
echo "[1/4] cirame-edge @VERSION@ for $arch from $trainer"
curl -fsS --proto '=http,https' -o "$folder/cirame-edge" "$trainer/install/cirame-edge-$arch" ||
  fail "the program cannot be downloaded from $trainer/install/cirame-edge-$arch"
echo "$sum  $folder/cirame-edge" | sha256sum -c - >/dev/null ||
  fail "the program arrived damaged: its SHA-256 is not $sum; try again"

echo "[2/4] $program"
mkdir -p "$(dirname "$program")" "$(dirname "$settings")"
chmod 755 "$folder/cirame-edge"
mv "$folder/cirame-edge" "$program.new"
mv "$program.new" "$program"
if [ -n "$token" ]; then
  (umask 077 && printf 'CIRAME_TRAINER=%s\nCIRAME_TOKEN=%s\n' "$trainer" "$token" >"$settings.new")
  mv "$settings.new" "$settings"
fi

if [ -z "$root" ] && ! [ -d /run/systemd/system ]; then
  echo "[3/4] this machine has no systemd; start the program yourself, by whatever starts services here:"
  echo "  env \$(cat $settings) $program serve --state /var/lib/cirame-edge"
  exit 0
fi
echo "[3/4] $unit"
mkdir -p "$(dirname "$unit")"
cat >"$unit" <<'UNIT'
@UNIT@UNIT
[ -z "$root" ] || exit 0
systemctl daemon-reload
systemctl enable --quiet cirame-edge
systemctl restart cirame-edge ||
  fail "the service does not start: journalctl -u cirame-edge -n 20 says why"

echo "[4/4] waiting for the first proof (deploy a model to this device in the console; Ctrl-C leaves the service running)"
enrolled=
count=0
while [ "$count" -lt 300 ]; do
  count=$((count + 1))
  health=$(curl -fsS http://127.0.0.1:5300/health 2>/dev/null || true)
  case $health in
    *'"trainer_answers":true'*)
      [ -n "$enrolled" ] || echo "enrolled with $trainer"
      enrolled=yes
      ;;
  esac
  served=$(curl -fsS http://127.0.0.1:5300/ready 2>/dev/null |
    sed -n 's/.*"artifact_sha256":"\([0-9a-f]*\)".*/\1/p' || true)
  if [ -n "$served" ]; then
    "$program" prove "/var/lib/private/cirame-edge/models/$served.onnx"
    echo "this machine answers; see $trainer"
    exit 0
  fi
  sleep 1
done
[ -n "$enrolled" ] || fail "no trainer has answered in five minutes: journalctl -u cirame-edge -n 20 says why"
echo "no model is deployed yet; once one is: cirame-edge slots --state /var/lib/private/cirame-edge"
