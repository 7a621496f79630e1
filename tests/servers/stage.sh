# shellcheck shell=bash
# For scripts that tell a story with private servers: a Dovecot and an Exim in a temporary directory, and what people would see.

bold='' plain='' servers=()
[ ! -t 1 ] || { bold=$'\e[1m' plain=$'\e[0m'; }
export COLUMNS=80

title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
fail() { printf '\n%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; exit 1; }
expect() { [ "$2" = "$3" ] || fail "$1: expected $2, got $3"; } # WHAT WANTED FOUND

# begin: makes the directory $base and starts the servers, on the ports $imap and $smtp; all ends with the script.
begin() {
  base=$(mktemp -d --suffix=".$(basename "$0" .sh)")
  chmod 755 "$base" && mkfifo "$base/alive" && exec 9<>"$base/alive"
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  serve dovecot.sh "$base/dovecot"
  serve exim.sh "$base/exim" "$base/dovecot"
}

# serve SCRIPT ARGS…: starts a private server, which ends when descriptor 9 is closed here.
serve() {
  local try
  "tests/servers/$1" "${@:2}" <"$base/alive" >"$base/$1.out" 2>&1 9>&- &
  servers+=($!)
  for ((try = 0; try < 300; try++)); do
    ! grep -q '^ready' "$base/$1.out" || { eval "$(sed -n 's/^ready //p' "$base/$1.out")"; return; }
    kill -0 $! 2>/dev/null || break
    sleep .05
  done
  fail "$(cat "$base/$1.out")"
}
clean_up() {
  exec 9>&-
  [ ${#servers[@]} = 0 ] || wait "${servers[@]}" 2>/dev/null || true
  rm -rf "$base"
}

# post SENDER RECIPIENT: sends the message on standard input; delivered: waits till all mail arrived.
post() {
  sed "s/@DATE@/$(date -R)/; s/\r*\$/\r/" >"$base/message"
  python3 -c 'import smtplib, sys
smtplib.SMTP("127.0.0.1", int(sys.argv[1])).sendmail(sys.argv[2], [sys.argv[3]], open(sys.argv[4], "rb").read())' \
    "$smtp" "$1" "$2" "$base/message"
  delivered
}
delivered() {
  local try
  for ((try = 0; try < 600; try++)); do [ -n "$(ls "$base/exim/spool/input")" ] || return 0; sleep .05; done
  fail "mail stays in the queue: $(tail -n 3 "$base/exim/log/mainlog")"
}
files() { find "$base/dovecot/mail/u$1/new" -type f -printf '%T@ %p\n' 2>/dev/null | sort -n | cut -d' ' -f2-; } # oldest first
header() { sed 's/\r$//; /^$/q' "$2" | sed -e ':a;N;$!ba;s/\n[ \t]\+/ /g' | sed -n "s/^$1: *//Ip"; } # NAME FILE
headers() { for name in From To Subject; do printf '    %-8s %s\n' "$name:" "$(header "$name" "$1")"; done; }
