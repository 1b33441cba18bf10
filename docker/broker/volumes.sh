#!/bin/sh
# Gives the folders that containers write to the containers' user, where nothing is in them yet: volumes.sh UID GID. A folder with something
# in it is left as it is; whoever cannot write there says so.
set -eu
for folder in data models datasets broker broker-login edge edge-login tls backups; do
  path=/docker-volumes/$folder
  [ "$folder" != backups ] || path=/backups
  mkdir -p "$path"
  [ "$(stat -c %u:%g "$path")" != "$1:$2" ] || continue
  [ -z "$(find "$path" -mindepth 1 ! -name .gitkeep | head -n 1)" ] || continue
  chown "$1:$2" "$path"
  echo "$folder belongs to $1:$2 now"
done
