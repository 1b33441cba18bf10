#!/bin/sh
# Gives the folders that containers write to the containers' user, where nothing is in them yet: volumes.sh UID GID. A folder with something
# in it is left as it is; whoever cannot write there says so.
set -eu
cd /docker-volumes
# The engine would make the last two as root: other folders are mounted there.
for path in data models datasets broker broker-login edge edge-login tls data/models data/datasets; do
  mkdir -p "$path"
  [ "$(stat -c %u:%g "$path")" != "$1:$2" ] || continue
  [ -z "$(find "$path" -mindepth 1 ! -name .gitkeep ! -path data/models ! -path data/datasets | head -n 1)" ] || continue
  chown "$1:$2" "$path"
  echo "$path belongs to $1:$2 now"
done
