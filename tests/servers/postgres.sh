#!/bin/bash
# Private PostgreSQL on a socket, in the foreground, until standard input closes or the time is over.
#
# usage: postgres.sh [--rm] [--fsync] [--port PORT] [--minutes N] [--wal DIR] [--primary | --standby-of DIR] start DIR
#        postgres.sh stop DIR
#
# DIR must be new or empty; --rm removes it at the end.  Prints one line when it serves:
# "ready server=URL", a URL without the name of a database, for a role "espomail" that may create some and owns the one called
# "espomail".  The superuser is "postgres".  Nobody is asked for a password, so only root and the caller reach the socket,
# DIR/socket.  On SIGUSR1 the server is stopped and started again, and the file DIR/restarted says so; a file DIR/signal with
# QUIT lets it end without a shutdown.
#
#   --fsync        what was committed is on the disk, for tests that kill the server; left out, it is in memory only
#   --port PORT    listens on that port of loopback too, for tests that cut connections; 0 chooses one.  The line ends with
#                  "port=PORT" then
#   --minutes N    how long it runs at most (120)
#   --wal DIR      has its write-ahead log in DIR, which belongs to its user; where it crashes for good, it comes again on
#                  SIGUSR1
#   --primary      others can be its standby
#   --standby-of DIR   begins as a copy of the one in DIR, and follows it
#
# ESPOMAIL_TEST_PGBIN is the directory of the programs of another release than the newest that is installed.
#
# "stop" ends the server in DIR and returns when it has ended.
set -euo pipefail
. "$(dirname "$0")/common.sh"

usage() { sed -n '4,5p' "$0" >&2; exit 2; }
fsync=off port= minutes=120 wal=() primary= of=
while :; do
  case ${1:-} in
    --rm) REMOVE=yes; shift ;;
    --fsync) fsync=on; shift ;;
    --port) port=$2; shift 2 ;;
    --minutes) minutes=$2; shift 2 ;;
    --wal) wal=(-X "$2" --wal-segsize=1) STAYS=yes; shift 2 ;;
    --primary) primary=yes; shift ;;
    --standby-of) of=$(cd "$2" && pwd -P) primary=yes; shift 2 ;;
    *) break ;;
  esac
done
[ $# = 2 ] || usage

# The newest that is installed. Debian keeps it out of PATH, where other systems have it.
client=$(find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1)
client=${client:-$(command -v initdb)} || die "the server of PostgreSQL is missing: run tests/install-packages.sh"
client=$(dirname "$client")
# Of another one the tools of its clients may be missing.
bin=${ESPOMAIL_TEST_PGBIN:-$client}

case $1 in
  start) ;;
  stop)
    DIR=$(cd "$2" && pwd -P) AS=()
    [ -f "$DIR/data/postmaster.pid" ] || exit 0
    owner=$(stat -c %U "$DIR/data")
    [ "$(id -u)" != 0 ] || AS=(setpriv --reuid "$owner" --regid "$(id -g "$owner")" --clear-groups)
    # It may end meanwhile.
    (cd / && "${AS[@]}" "$bin/pg_ctl" -D "$DIR/data" -s -m fast -t 30 stop) || [ ! -f "$DIR/data/postmaster.pid" ]
    exit
    ;;
  *) usage ;;
esac

own_directory "$2"
END=INT                                                   # ends it although clients are connected
UNTIL=(timeout --foreground -k 1 "$((minutes * 60))" cat) # a test run that hangs keeps standard input open
mkdir "$DIR/socket"
# The longest path of a socket is 107 bytes.
[ $((${#DIR} + 21)) -le 107 ] || die "$DIR: this path is too long for a socket (set TMPDIR to a shorter one)"
give_away
chmod 700 "$DIR/socket"
[ "$(id -u)" = 0 ] || chmod 700 "$DIR"
cd / # not every folder can be entered by the user that runs the server

# One that has a data directory is started by nobody else, so no word is needed to know it by.
greets() { "$client/pg_isready" -q -t 5 -h "$DIR/socket" -p "$1" -U postgres -d postgres; }

make() {
  if [ -n "$of" ]; then
    "${AS[@]}" timeout 60 "$client/pg_basebackup" -D "$DIR/data" -h "$of/socket" -U postgres -R -X stream -c fast
    return
  fi
  "${AS[@]}" timeout 60 "$bin/initdb" -D "$DIR/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-sync --no-instructions \
    "${wal[@]}"
}
make >"$DIR/initdb.log" 2>&1 || die "initdb failed: $(tail -n 3 "$DIR/initdb.log")"

write_configuration() { # PORT
  cat >"$DIR/data/espomail.conf" <<CONF
listen_addresses = '${port:+127.0.0.1}'
port = $1
unix_socket_directories = '$DIR/socket'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 32MB
# In its directory, which goes with it.
dynamic_shared_memory_type = mmap
jit = off
wal_level = $([ -n "$primary" ] && echo replica || echo minimal)
min_wal_size = 32MB
max_wal_size = 256MB
max_wal_senders = $([ -n "$primary" ] && echo 4 || echo 0)
fsync = $fsync
full_page_writes = $fsync
log_line_prefix = '%m %p %a '
CONF
}
[ -n "$of" ] || echo "include 'espomail.conf'" >>"$DIR/data/postgresql.conf"

for attempt in 1 2 3 4 5; do
  listen=${port:-5432}
  [ "$listen" != 0 ] || listen=$(free_port)
  write_configuration "$listen"
  give_away
  if launch "$listen" - "$bin/postgres" -D "$DIR/data"; then
    [ -n "$of" ] || said=$("$client/psql" -Xqh "$DIR/socket" -p "$listen" -U postgres -v ON_ERROR_STOP=1 postgres 2>&1 <<SQL
CREATE ROLE espomail LOGIN CREATEDB;
CREATE DATABASE espomail OWNER espomail;
SQL
    ) || die "psql failed: $said"
    at="host=$DIR/socket&user=espomail"
    [ -z "$port" ] || at="$at&port=$listen"
    echo "ready server=postgresql:///?$at${port:+ port=$listen}"
    watch
    exit 0
  fi
done
die "PostgreSQL did not start: $(tail -n 3 "$DIR/output.log" 2>&1)"
