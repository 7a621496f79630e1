#!/bin/bash
# Runs a command with a private PostgreSQL, so that tests in it use that instead of database files.
#
# usage: with-postgres.sh [OPTION OF tests/servers/postgres.sh…] [--] COMMAND…
#
# ESPOMAIL_TEST_DB is "postgres" there, and ESPOMAIL_TEST_SERVER the URL of the server without a database, as in
# "postgresql:///?host=/tmp/…/socket&user=espomail".  The server ends with the command, and when this script is killed.
set -euo pipefail

options=()
while :; do
  case ${1:-} in
    --port | --minutes) options+=("$1" "$2"); shift 2 ;;
    --) shift; break ;;
    --*) options+=("$1"); shift ;;
    *) break ;;
  esac
done
[ $# -gt 0 ] || { sed -n '4p' "$0" >&2; exit 2; }

# Each test has a database of some hundred files: in memory, where that has room and nothing has to be kept.
room=$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1 || true)
[[ ${room:-0} -lt 4000 || " ${options[*]} " == *" --fsync "* ]] || place=/dev/shm
place=${place:-${TMPDIR:-/tmp}}
# What one of this user left that was killed itself: its server has ended with it and has taken its own directory away.
for left in "$place"/pg.*.postgres; do
  number=${left##*/pg.} number=${number%%.*}
  [ ! -O "$left" ] || [ -e "$left/server" ] || [ -e "/proc/$number" ] || rm -rf "$left"
done
base=$(mktemp -d "$place/pg.$$.XXXXXX.postgres")
chmod 755 "$base"
mkfifo "$base/alive"
exec 9<>"$base/alive" 8>"$base/ready"
script=
clean_up() {
  exec 9>&-
  [ -z "$script" ] || wait "$script" 2>/dev/null || true
  rm -rf "$base"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP
# Only this script holds the other end of the pipe: the server ends with it.
"$(dirname "$0")/servers/postgres.sh" --rm "${options[@]}" start "$base/server" <"$base/alive" >&8 2>&1 8>&- 9>&- &
script=$!
exec 8>&-
for ((try = 0; try < 1200; try++)); do
  ! grep -q '^ready' "$base/ready" || break
  kill -0 "$script" 2>/dev/null || break
  sleep .05
done
server=$(sed -n 's/^ready server=\([^ ]*\).*/\1/p' "$base/ready")
[ -n "$server" ] || { cat "$base/ready" >&2; exit 1; }
export ESPOMAIL_TEST_DB=postgres ESPOMAIL_TEST_SERVER=$server
"$@" 9>&-
