#!/usr/bin/env bash
# Runs the containers of CiRA ME on this machine. `./deploy.sh help` lists the commands.
set -euo pipefail
here=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd)
cd "$here"

usage() {
  cat <<'TEXT'
./deploy.sh COMMAND

  setup                      check this machine, make .env, propose a free subnet
  build [SERVICE...]         build the images: from dist/ where it has programs of this version, else from the sources
  start [dev|prod] [--mqtt] [--mqtts] [--websockets] [--demo|--no-demo]
                             start everything and wait until it is healthy; what is said here is remembered
  stop                       stop the containers; all data stays
  restart [SERVICE...]       stop and start them again
  logs [SERVICE...]          follow the logs
  status                     health, ports, memory, disk
  backup                     write backups/YYYYMMDD_HHMMSS.tar.gz while everything runs
  restore FILE               put a backup in the place of the data; asks before
  update                     newer sources and images, then start; a backup is written before
  clean [--data]             remove our containers, network and images; with --data also all data; asks before
  tls [CERT KEY]             HTTPS with these files, or with an authority and certificate made here (--name NAME for more names)
  help                       this text

--yes answers the questions. Settings stand in .env; .env.example explains them. docs/operations.md has the rest.
TEXT
}

say() { printf '%s\n' "$*"; }
fail() {
  printf 'deploy: %s\n' "$*" >&2
  exit 1
}

# value NAME DEFAULT: a setting, as docker compose sees it: the environment before .env
value() {
  if [ -n "${!1:-}" ]; then
    printf '%s' "${!1}"
  else
    local found=''
    [ ! -f .env ] || found=$(sed -n "s/^$1=//p" .env | tail -n 1)
    printf '%s' "${found:-$2}"
  fi
}

# remember NAME VALUE: writes a setting into .env
remember() {
  touch .env
  local kept
  kept=$(grep -v "^$1=" .env || true)
  printf '%s\n%s=%s\n' "$kept" "$1" "$2" | sed '/./,$!d' >.env.new
  mv .env.new .env
}

# ask QUESTION WORD: goes on only if WORD is typed
ask() {
  [ "$yes" = no ] || return 0
  [ -t 0 ] || fail "this needs an answer: run it in a terminal, or add --yes"
  local answer
  read -r -p "$1 Type $2 to go on: " answer
  [ "$answer" = "$2" ] || fail "nothing was changed"
}

volumes() { value CIRAME_VOLUMES ./docker-volumes; }
backups() { value CIRAME_BACKUPS ./backups; }
project() { value COMPOSE_PROJECT_NAME cirame; }

need_engine() {
  command -v docker >/dev/null || fail "docker is not installed: https://docs.docker.com/engine/install/"
  docker info >/dev/null 2>&1 || fail "the docker engine does not answer: is it running, and is $(id -un) in the group docker?"
  docker compose version >/dev/null 2>&1 || fail "docker has no compose plugin (2.20 or later): https://docs.docker.com/compose/install/"
}

# --- subnets -----------------------------------------------------------------------------------------------------------------------------

# number ADDRESS: an IPv4 address as a number
number() {
  local a b c d
  IFS=. read -r a b c d <<<"$1"
  echo $(((10#$a << 24) + (10#$b << 16) + (10#$c << 8) + 10#$d))
}

# overlap NETWORK NETWORK: whether two networks in CIDR form share an address
overlap() {
  local shorter=${1#*/}
  [ "${2#*/}" -ge "$shorter" ] || shorter=${2#*/}
  [ "$shorter" -gt 0 ] || return 0
  [ $(($(number "${1%/*}") >> (32 - shorter))) = $(($(number "${2%/*}") >> (32 - shorter))) ]
}

# What the host routes and docker's other networks use; not the default route, and not our own network.
used_networks() {
  local own=''
  own=$(docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{end}}' "$(project)-network" 2>/dev/null || true)
  {
    ip -4 route show table all type unicast 2>/dev/null | awk '$1 ~ /^[0-9]/ {print ($1 ~ /\//) ? $1 : $1 "/32"}'
    docker network ls -q | xargs -r docker network inspect -f '{{range .IPAM.Config}}{{.Subnet}}{{"\n"}}{{end}}' | grep -v : | grep / || true
  } | sort -u | { [ -z "$own" ] && cat || grep -vxF "$own" || true; }
}

# The used network that this one overlaps; none where it is free.
taken_by() {
  local network
  while read -r network; do
    if overlap "$1" "$network"; then
      echo "$network"
      return
    fi
  done <<<"$2"
}

check_subnet() {
  local wanted used taken candidate
  wanted=$(value CIRAME_SUBNET 172.20.0.0/16)
  [[ $wanted =~ ^([0-9]{1,3}\.){3}[0-9]{1,3}/[0-9]{1,2}$ ]] || fail "CIRAME_SUBNET=$wanted is no network such as 172.20.0.0/16"
  used=$(used_networks)
  taken=$(taken_by "$wanted" "$used")
  [ -n "$taken" ] || return 0
  for candidate in 172.{21..31}.0.0/16 10.{200..254}.0.0/16 192.168.{128..254}.0/24; do
    if [ -z "$(taken_by "$candidate" "$used")" ]; then
      fail "the subnet $wanted overlaps $taken, which this machine uses: put CIRAME_SUBNET=$candidate, which is free, into .env"
    fi
  done
  fail "the subnet $wanted overlaps $taken, which this machine uses: put a free one as CIRAME_SUBNET into .env"
}

# --- commands ----------------------------------------------------------------------------------------------------------------------------

setup() {
  need_engine
  if [ ! -f .env ]; then
    cp .env.example .env
    say "made .env; what it says can be changed at any time"
    if [ "$(id -u)" != 0 ]; then
      remember CIRAME_UID "$(id -u)"
      remember CIRAME_GID "$(id -g)"
      say "the containers will run as you, $(id -u):$(id -g), so that docker-volumes/ stays yours"
    fi
  fi
  check_subnet
  local folder path wrong=0 uid
  uid=$(value CIRAME_UID 10001)
  for folder in data models datasets broker broker-login edge edge-login tls; do
    path=$(volumes)/$folder
    mkdir -p "$path"
    [ -n "$(find "$path" -mindepth 1 ! -name .gitkeep 2>/dev/null | head -n 1)" ] || continue
    [ "$(stat -c %u "$path")" = "$uid" ] || {
      wrong=1
      say "$path belongs to user $(stat -c %u:%g "$path"), the containers run as $uid:$(value CIRAME_GID 10001): sudo chown -R $uid:$(value CIRAME_GID 10001) $path"
    }
  done
  [ $wrong = 0 ] || fail "mend the folders above, then run setup again"
  local memory_mb
  memory_mb=$(awk '/^MemTotal:/ {print int($2 / 1024)}' /proc/meminfo)
  say "ready: $(nproc) processors, $memory_mb MB of memory, $(df -h --output=avail "$here" | tail -n 1 | tr -d ' ') free; subnet $(value CIRAME_SUBNET 172.20.0.0/16)"
  [ "$memory_mb" -ge 3500 ] || say "less than 4 GB of memory: small data sets only"
  say "next: ./deploy.sh build (unless images come from a registry), ./deploy.sh start"
}

# shellcheck disable=SC2120 # what follows the command is handed over at the end of this file
build() {
  need_engine
  local from=source version processor
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
  case $(uname -m) in x86_64) processor=amd64 ;; *) processor=arm64 ;; esac
  if [ "$(cat dist/edge/VERSION 2>/dev/null)" = "$version" ] && [ -f "dist/edge/cirame-edge-$processor" ] &&
    [ -f "dist/trainer/cirame-trainer-$processor" ] && [ -f web/dist/index.html ]; then
    from=dist
  fi
  from=$(value CIRAME_BUILD_FROM "$from")
  # What the trainer hands out to boards.
  if [ "$(cat dist/edge/VERSION 2>/dev/null)" = "$version" ]; then
    mkdir -p "$(volumes)/edge-programs"
    install -t "$(volumes)/edge-programs" dist/edge/VERSION dist/edge/cirame-edge-*
  fi
  say "building from $from"
  CIRAME_BUILD_FROM=$from CIRAME_REVISION=$(git rev-parse --short HEAD 2>/dev/null || echo unknown) docker compose build "$@"
}

# shellcheck disable=SC2120 # as above
start() {
  local mode='' files option mqtt='' mqtts='' tls='' is_chosen=no
  files=$(value COMPOSE_FILE compose.yaml)
  for option in "$@"; do
    case $option in
      dev | prod) mode=$option is_chosen=yes ;;
      --mqtt) mqtt=:compose.mqtt.yaml is_chosen=yes ;;
      --mqtts) mqtts=:compose.mqtts.yaml is_chosen=yes ;;
      --websockets) remember CIRAME_BROKER_WEBSOCKETS true ;;
      --demo) remember CIRAME_DEMO true ;;
      --no-demo) remember CIRAME_DEMO false ;;
      *) fail "start does not know $option: it knows dev, prod, --mqtt, --mqtts, --websockets, --demo and --no-demo" ;;
    esac
  done
  [[ $files != *compose.tls.yaml* ]] || tls=:compose.tls.yaml
  if [ -z "$mode" ]; then
    mode=dev
    [[ $files != *compose.prod.yaml* ]] || mode=prod
  fi
  # Where nothing is said about it, what was said last stays.
  if [ $is_chosen = no ]; then
    [[ $files != *compose.mqtt.yaml* ]] || mqtt=:compose.mqtt.yaml
    [[ $files != *compose.mqtts.yaml* ]] || mqtts=:compose.mqtts.yaml
  fi
  if [ -n "$mqtts" ] && [ ! -s "$(volumes)/tls/cert.pem" ]; then
    fail "--mqtts needs a certificate: ./deploy.sh tls makes one"
  fi
  files=compose.yaml
  [ "$mode" = dev ] || files+=:compose.prod.yaml
  remember COMPOSE_FILE "$files$tls$mqtt$mqtts"
  need_engine
  check_subnet
  docker compose up -d --remove-orphans || why
  wait_healthy
  local scheme=http port
  port=$(value CIRAME_WEB_PORT 3030)
  [ -z "$tls" ] || { scheme=https; port=$(value CIRAME_HTTPS_PORT 3443); }
  say "the console is on $scheme://localhost:$port"
  if [ -f "$(volumes)/data/first-login" ]; then
    say "sign in as admin; the password stands in $(volumes)/data/first-login until then"
  fi
}

# What the containers that are not well have said last.
why() {
  local container
  for container in $(docker compose ps -a -q); do
    case $(docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{end}} {{.State.ExitCode}}' "$container") in
      'running healthy '* | 'exited  0') ;;
      *)
        say "--- $(docker inspect -f '{{.Name}}' "$container" | tr -d /)"
        docker logs --tail 8 "$container" 2>&1
        docker inspect -f '{{if .State.Health}}{{range .State.Health.Log}}{{.Output}}{{end}}{{end}}' "$container" | tail -n 3
        ;;
    esac
  done >&2
  fail "not everything started: what the containers said stands above"
}

wait_healthy() {
  local container deadline=$(($(date +%s) + 120))
  for container in $(docker compose ps -q); do
    while [ "$(docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}' "$container")" != healthy ]; do
      [ "$(date +%s)" -lt $deadline ] || why
      sleep 1
    done
  done
}

status() {
  need_engine
  docker compose ps -a --format 'table {{.Name}}\t{{.Status}}\t{{.Ports}}'
  local running
  mapfile -t running < <(docker compose ps -q)
  [ ${#running[@]} = 0 ] || docker stats --no-stream --format 'table {{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.NetIO}}' "${running[@]}"
  du -sh "$(volumes)" "$(backups)" 2>/dev/null || true
  [ -z "$(docker compose ps -q trainer)" ] || docker compose exec -T trainer /cirame-trainer doctor || true
}

backup() {
  need_engine
  [ -n "$(docker compose ps -q --status running trainer)" ] || fail "the trainer does not run: ./deploy.sh start, then backup"
  local file
  mkdir -p "$(backups)"
  file=$(backups)/$(date +%Y%m%d_%H%M%S).tar.gz
  # Whole, or not there; for its owner alone, since password digests and keys are in it.
  if ! (umask 077 && docker compose exec -T trainer /cirame-trainer backup - >"$file.writing"); then
    rm -f "$file.writing"
    fail "no backup was written"
  fi
  mv "$file.writing" "$file"
  say "$file"
}

restore() {
  local file=${1:-}
  [ -n "$file" ] || fail "restore needs a file, such as $(find "$(backups)" -name '*.tar.gz' 2>/dev/null | sort | tail -n 1)"
  [[ $file == /* ]] || [ ! -f "$called_from/$file" ] || file=$called_from/$file
  [ -f "$file" ] || fail "there is no file $1"
  need_engine
  local trainer=(docker compose run --rm -T --no-deps trainer)
  "${trainer[@]}" backup --check - <"$file" || fail "this backup is not whole; nothing was changed"
  ask "The data in $(volumes) is replaced by what $(basename "$file") has." restore
  docker compose run --rm -T volumes
  docker compose stop edge trainer
  "${trainer[@]}" restore - <"$file" || fail "the backup was not restored; the trainer is stopped"
  docker compose up -d || why
  wait_healthy
  say "restored from $file"
}

update() {
  need_engine
  if [ -n "$(docker compose ps -q --status running trainer)" ]; then backup; fi
  # A name without a registry's: built here.
  if [ -d .git ] && [[ "$(value CIRAME_IMAGES cirame)" != */* ]]; then
    git pull --ff-only || fail "the sources could not be brought up to date; nothing was changed"
    build
  else
    docker compose pull || fail "the images could not be brought up to date; nothing was changed"
  fi
  start
}

clean() {
  need_engine
  local data=no
  [ "${1:-}" != --data ] || data=yes
  if [ $data = yes ]; then
    ask "Containers, network, images AND ALL DATA in $(volumes) are removed (backups stay)." everything
  else
    ask "Containers, network and images of $(project) are removed; the data in $(volumes) stays." clean
  fi
  local images image
  images=$(docker compose config --images | grep "^$(value CIRAME_IMAGES cirame)/" | sort -u || true)
  docker compose --profile '*' down --remove-orphans --volumes
  for image in $images; do
    docker image rm "$image" >/dev/null 2>&1 && say "removed $image" || true
  done
  if [ $data = yes ]; then
    # As the containers' user, whose files these are: whoever calls this may not be allowed to.
    docker run --rm --network none --user 0:0 --entrypoint /bin/sh -v "$(readlink -f "$(volumes)"):/docker-volumes" eclipse-mosquitto:2.0.22 -c \
      'for folder in data models datasets broker broker-login edge edge-login; do find "/docker-volumes/$folder" -mindepth 1 ! -name .gitkeep -delete; done'
    say "removed the data in $(volumes); certificates stay"
  fi
}

tls() {
  local folder names=() files=() hosts='' name
  while [ $# -gt 0 ]; do
    case $1 in
      --name) names+=("${2:?--name needs a name}"); shift ;;
      *) files+=("$1") ;;
    esac
    shift
  done
  folder=$(volumes)/tls
  mkdir -p "$folder"
  [ -w "$folder" ] || fail "$folder belongs to user $(stat -c %u:%g "$folder"), you are $(id -u): run this with sudo"
  if [ ${#files[@]} = 2 ]; then
    local cert=${files[0]} key=${files[1]}
    [ -f "$cert" ] || cert=$called_from/$cert
    [ -f "$key" ] || key=$called_from/$key
    [ "$(openssl x509 -in "$cert" -noout -pubkey)" = "$(openssl pkey -in "$key" -pubout)" ] || fail "the key does not belong to the certificate"
    openssl x509 -in "$cert" -noout -checkend 0 >/dev/null || fail "the certificate has expired"
    install -m 644 "$cert" "$folder/cert.pem"
    install -m 600 "$key" "$folder/key.pem"
  elif [ ${#files[@]} = 0 ]; then
    names+=(localhost "$(hostname)")
    for name in "${names[@]}"; do
      if [[ $name =~ ^[0-9.]+$|: ]]; then hosts+=",IP:$name"; else hosts+=",DNS:$name"; fi
    done
    hosts+=",IP:127.0.0.1"
    for name in $(hostname -I 2>/dev/null || true); do hosts+=",IP:$name"; done
    # The authority's key is in a folder that no container sees.
    local authority
    authority=$(volumes)/authority
    mkdir -p "$authority"
    chmod 700 "$authority"
    if [ ! -s "$authority/key.pem" ]; then
      openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/CN=CiRA ME $(hostname)" \
        -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign \
        -keyout "$authority/key.pem" -out "$authority/cert.pem" 2>/dev/null
      chmod 600 "$authority/key.pem"
    fi
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=${names[0]}" -keyout "$folder/key.pem" -out "$folder/request.pem" 2>/dev/null
    openssl x509 -req -in "$folder/request.pem" -CA "$authority/cert.pem" -CAkey "$authority/key.pem" -CAcreateserial -days 825 -out "$folder/cert.pem" \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n' "${hosts#,}") 2>/dev/null
    cp "$authority/cert.pem" "$folder/ca.pem"
    cat "$folder/ca.pem" >>"$folder/cert.pem"
    rm -f "$folder/request.pem"
    chmod 600 "$folder/key.pem"
    say "browsers and boards must trust $folder/ca.pem; names: ${hosts#,}"
  else
    fail "tls takes a certificate and its key, or nothing"
  fi
  # shellcheck disable=SC2016 # nginx's variable, not the shell's
  printf 'map "" $public_port {\n  default %s;\n}\n' "$(value CIRAME_HTTPS_PORT 3443)" >"$folder/public_port.conf"
  if [ "$(id -u)" = 0 ]; then chown -R "$(value CIRAME_UID 10001):$(value CIRAME_GID 10001)" "$folder"; fi
  local files_of_compose
  files_of_compose=$(value COMPOSE_FILE compose.yaml)
  [[ $files_of_compose == *compose.tls.yaml* ]] || remember COMPOSE_FILE "${files_of_compose}:compose.tls.yaml"
  say "HTTPS comes with ./deploy.sh start"
}

called_from=${OLDPWD:-$here}
yes=no
arguments=()
for argument in "$@"; do
  if [ "$argument" = --yes ]; then yes=yes; else arguments+=("$argument"); fi
done
set -- "${arguments[@]}"
command=${1:-help}
[ $# = 0 ] || shift
case $command in
  setup | build | start | backup | restore | update | status | clean | tls) $command "$@" ;;
  stop) need_engine && docker compose stop ;;
  restart) need_engine && docker compose restart "$@" ;;
  logs) need_engine && docker compose logs -f --tail 200 "$@" ;;
  help | --help | -h) usage ;;
  *)
    usage >&2
    fail "there is no command $command"
    ;;
esac
