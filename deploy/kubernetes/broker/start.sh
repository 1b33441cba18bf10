#!/bin/sh
# The broker of the containers. Its first start makes an administrator, `trainer`, with a random password that stands in /broker-login;
# the trainer makes all other accounts. Every start opens the listeners for what is there.
set -eu
umask 077
accounts=/mosquitto/data/accounts.json
password_file=/broker-login/password

for folder in /mosquitto/data:broker /broker-login:broker-login; do
  path=${folder%:*}
  [ -w "$path" ] || {
    echo "docker-volumes/${folder#*:} belongs to user $(stat -c %u:%g "$path"), the broker runs as $(id -u):$(id -g) and cannot write there:" \
      "sudo chown -R $(id -u):$(id -g) docker-volumes/${folder#*:}" >&2
    exit 1
  }
done

if [ ! -s $password_file ]; then
  [ ! -s $accounts ] || {
    echo "docker-volumes/broker-login/password is gone, and with it the way to the broker's accounts: remove docker-volumes/broker/accounts.json" \
      "and start again; the trainer makes all accounts anew" >&2
    exit 1
  }
  head -c 24 /dev/urandom | base64 | tr '+/' '-_' >$password_file.new
  mv $password_file.new $password_file
fi
if [ ! -s $accounts ]; then
  rm -f $accounts.new
  mosquitto_ctrl dynsec init $accounts.new trainer "$(cat $password_file)" >/dev/null
  mv $accounts.new $accounts
fi

plugin=$(find /usr/lib -name mosquitto_dynamic_security.so | head -n 1)
[ -n "$plugin" ] || { echo "this image of mosquitto has no mosquitto_dynamic_security.so: take eclipse-mosquitto 2.0 or later" >&2; exit 1; }

# with_tls KEY VALUE...: a listener with the certificate
with_tls() {
  printf '%s %s\n' "$@" certfile /tls/cert.pem keyfile /tls/key.pem tls_version tlsv1.2
}

{
  cat <<CONFIGURATION
per_listener_settings false
allow_anonymous false
plugin $plugin
plugin_opt_config_file $accounts
persistence true
persistence_location /mosquitto/data/
autosave_interval 30
max_packet_size 16842752
max_queued_messages 100000
max_queued_bytes 67108864
log_dest stderr
log_timestamp_format %Y-%m-%dT%H:%M:%S
connection_messages false
listener 1883
max_connections 2000
CONFIGURATION
  if [ "${CIRAME_BROKER_WEBSOCKETS:-false}" = true ]; then
    printf 'listener 9001\nprotocol websockets\n'
  fi
  if [ -s /tls/cert.pem ] && [ -s /tls/key.pem ]; then
    with_tls listener 8883
    [ "${CIRAME_BROKER_WEBSOCKETS:-false}" != true ] || with_tls listener 9443 protocol websockets
  fi
} >/tmp/mosquitto.conf

# How the health check signs in, out of the list of processes.
mkdir -p /tmp/login
printf '%s\n' '-u trainer' "-P $(cat $password_file)" >/tmp/login/mosquitto_sub

exec mosquitto -c /tmp/mosquitto.conf
