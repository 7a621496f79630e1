# shellcheck shell=bash
# What the private servers share: their directory, ports, certificates and the watchdog.
#
# A server lives in one directory made by its script, listens on loopback only and ends when the
# script's standard input closes, so it never outlives who started it, not even after SIGKILL.
# Started by root, the server itself runs as user "mail"; otherwise as the caller.

die() { echo "$(basename "$0"): $*" >&2; exit 1; }

# own_directory DIR: makes DIR and sets the variables DIR, OWNER and AS (prefix to become OWNER).
own_directory() {
  case $1 in *[!A-Za-z0-9._/+-]*) die "$1: only letters, digits and . _ / + - please" ;; esac
  mkdir -p "$1"
  DIR=$(cd "$1" && pwd -P)
  [ -z "$(ls -A "$DIR")" ] || die "$DIR is not empty"
  OWNER=$(id -un) AS=()
  if [ "$(id -u)" = 0 ]; then
    OWNER=mail AS=(setpriv --reuid mail --regid mail --clear-groups)
    chmod 755 "$DIR"
    "${AS[@]}" test -x "$DIR" || die "user mail cannot enter $DIR (set TMPDIR to a directory everybody may enter)"
  fi
  trap finish EXIT
  trap 'exit 143' INT TERM HUP
  again=
  trap 'again=yes' USR1
}

# give_away: hands everything in DIR to the user the server runs as.
give_away() { [ "$(id -u)" != 0 ] || chown -R "$OWNER:$(id -gn "$OWNER")" "$DIR"; }

# free_port: prints a port of loopback nobody listens on, below the range of outgoing connections.
free_port() {
  local port
  while :; do
    port=$((10000 + (RANDOM * 32768 + RANDOM) % 20000))
    (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo $port; return; }
  done
}

# make_certificates DIR: an authority (ca.pem) and a certificate of localhost signed by it.
make_certificates() (
  mkdir -p "$1" && cd "$1"
  new=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
  {
    openssl req -x509 "${new[@]}" -days 30 -subj '/CN=espomail test authority' -keyout ca.key -out ca.pem \
      -addext keyUsage=critical,keyCertSign,cRLSign
    openssl req "${new[@]}" -subj /CN=localhost -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -set_serial 1 -days 30 -out server.pem \
      -extfile <(printf '%s\n' subjectAltName=DNS:localhost,IP:127.0.0.1 basicConstraints=CA:FALSE \
        keyUsage=digitalSignature extendedKeyUsage=serverAuth subjectKeyIdentifier=hash authorityKeyIdentifier=keyid)
  } 2>openssl.log || die "openssl failed: $(tail -n 3 openssl.log)"
)

# What ends the server at once, and what ends when the script shall.
END=TERM UNTIL=(cat)

# greets PORT WORD: true if PORT greets with a line that holds WORD.
greets() {
  local greeting
  { read -rt 5 greeting <"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  case $greeting in *"$2"*) ;; *) return 1 ;; esac
}

# launch PORT WORD COMMAND…: starts the server; true once PORT greets with a line that holds WORD,
# false if the server ended first (another process may have taken the port meanwhile).
launch() {
  local port=$1 word=$2 try
  launched=("$@")
  shift 2
  setsid "${AS[@]}" setpriv --pdeathsig $END "$@" </dev/null >>"$DIR/output.log" 2>&1 &
  server=$!
  echo "$server" >"$DIR/server.pid"
  for ((try = 0; try < 200; try++)); do
    kill -0 "$server" 2>/dev/null || return 1
    ! greets "$port" "$word" || return 0
    sleep .05
  done
  return 1
}

# Ends the server where SIGKILL ended its script together with who started it: a program with the set-user-ID bit, as Exim,
# is not told of its parent's death.
# shellcheck disable=SC2016
GUARD='cat >/dev/null
  while kill -0 "$1" 2>/dev/null; do sleep .2; done
  server=$(cat "$2/server.pid") || exit 0
  kill -KILL -- "-$server"
  [ -z "$3" ] || rm -rf "$2"'

# watch: returns when standard input closes (UNTIL ends) or the server ends; with STAYS the end of the server is waited out.
# On SIGUSR1 the server is stopped and started again, and the file "restarted" says so.  The file "signal" may have another
# signal for that, which only the first of its processes gets.
watch() {
  local try
  setsid bash -c "$GUARD" guard $$ "$DIR" "${REMOVE:-}" <&0 >/dev/null 2>&1 &
  "${UNTIL[@]}" <&0 >/dev/null 2>&1 & # an explicit redirection: jobs read from /dev/null otherwise
  watcher=$!
  while [ -n "$again" ] || { rest || true; [ -n "$again" ]; }; do
    again=
    if [ -f "$DIR/signal" ]; then
      kill -"$(cat "$DIR/signal")" "$server" 2>/dev/null || true
      for ((try = 0; try < 200; try++)); do kill -0 "$server" 2>/dev/null || break; sleep .05; done
    fi
    stop
    for ((try = 0; try < 5; try++)); do
      ! launch "${launched[@]}" || { touch "$DIR/restarted"; break; }
    done
  done
}

rest() { if [ -n "${STAYS:-}" ]; then wait -n "$watcher"; else wait -n "$watcher" "$server"; fi; }

stop() {
  local try
  kill -$END -- "-$server" 2>/dev/null || true
  for ((try = 0; try < 60; try++)); do kill -0 -- "-$server" 2>/dev/null || break; sleep .05; done
  kill -KILL -- "-$server" 2>/dev/null || true
}

finish() {
  trap '' INT TERM HUP USR1
  [ -z "${watcher:-}" ] || kill "$watcher" 2>/dev/null || true
  [ -z "${server:-}" ] || stop
  rm -f "$DIR/server.pid"
  [ -z "${REMOVE:-}" ] || rm -rf "$DIR"
}
