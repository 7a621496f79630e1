#!/bin/bash
# The main job from end to end on private servers: customer mail becomes cases, agents answer them.  In tests/with-postgres.sh
# the database is on that server, which "make demo DB=postgres" does; with HOSTS=2 other machines work on it as well.
# Touches nothing but a temporary directory, listens on loopback only, cleans up after itself.
set -euo pipefail
cd "$(dirname "$0")/.."

. tests/servers/stage.sh

# espomail ARGS…: with the database and configuration of the demo; run ARGS…: shows the command first.
espomail() { (cd "$home" && HOME=$home "$bin" "${place[@]}" --config "$home/config.toml" --no-input "$@"); }
run() { show "$@"; espomail "$@" || fail "that command ended with exit code $?"; }
# on NAME ARGS…: a machine of that name (where this script may give one) with a state directory of its own.
on() {
  local name=$1 named=()
  shift
  ! unshare -u true 2>/dev/null || named=(unshare -u sh -c 'hostname "$0" && exec "$@"' "$name")
  mkdir -p -m 700 "$home/$name"
  (cd "$home" && HOME=$home "${named[@]}" "$bin" "${place[@]}" --state "$home/$name" --config "$home/config.toml" --no-input "$@")
}
show() {
  local word words=espomail
  for word; do case $word in *[!A-Za-z0-9@%_+=:,./-]*) words+=" '$word'" ;; *) words+=" $word" ;; esac; done
  printf '\n%s%s%s\n' "$bold" "$(fold -s -w 74 <<<"\$ $words" | sed '2,$s/^/    /; $!s/ *$/ \\/')" "$plain"
}

tests/install-packages.sh
echo "Building: a few minutes the first time"
cargo build --release --locked -j2
bin=${CARGO_TARGET_DIR:-$PWD/target}/release/espomail
begin
home=$base/home
mkdir -m 700 "$home"
printf '%s@shop.example %s\n' support u1 ana u21 budi u22 citra u23 dewi u24 >>"$base/exim/mailboxes"
place=(--db "$home/espomail.db")
if [ "${ESPOMAIL_TEST_DB:-}" = postgres ]; then
  place=(--db "${ESPOMAIL_TEST_SERVER/'///?'/'///espomail?'}" --state "$home/state")
fi
title "On 127.0.0.1: Dovecot on port $imap (IMAP), Exim on port $smtp (SMTP)"
echo "Each espomail below has its database and configuration in a temporary directory."
[ "${ESPOMAIL_TEST_DB:-}" != postgres ] || echo "Its database is on PostgreSQL: ${place[1]}"

title "1. Three agents and one on holiday, and the mailbox support@shop.example"
(umask 077 && echo pw >"$home/password" && : >"$home/config.toml")
printf 'Hello {{ sender.name }},\n\nthank you. This is case {{ case.number }}.\n' >"$home/thanks.txt"
run init
run team add Support
for user in ana budi citra dewi; do
  run user add $user --email $user@shop.example && run team member add Support $user
done
run user away dewi
run template add Thanks --subject 'We have your message' --body thanks.txt
run account add support --kind group --address support@shop.example --imap "127.0.0.1:$imap" --smtp "127.0.0.1:$smtp" \
  --tls none --login u1 --secret "file:$home/password" --since 2020-01-01 --team Support --case-team Support \
  --create-case --distribution round-robin --auto-reply Thanks --shared

title "2. Eight messages come in by SMTP"
for mail in tests/demo/*.eml; do
  name=$(basename "$mail" .eml) address=$(header From "$mail" | sed 's/.*<\(.*\)>/\1/')
  echo "$address u1${name%%-*}" >>"$base/exim/mailboxes"
  post "$address" support@shop.example <"$mail"
  printf '%-17s %s\n' "$name" "$address"
done
expect "messages in the mailbox" 8 "$(files 1 | wc -l)"

title "3. One fetch, as cron runs it: it says nothing when all is well"
run fetch
for agent in ana:3 budi:2 citra:2 dewi:0; do
  run --as ${agent%:*} case list --mine
  expect "cases of ${agent%:*}" ${agent#*:} "$(espomail -q --as ${agent%:*} case list --mine | wc -l)"
done

title "4. What the customers got: one answer each, none to the list and the robot"
delivered
for customer in 1:1 2:1 3:1 4:1 5:1 6:0 7:0 8:1; do
  expect "auto-replies to customer ${customer%:*}" ${customer#*:} "$(files 1${customer%:*} | wc -l)"
  [ ${customer#*:} = 0 ] || { headers "$(files 1${customer%:*})"; echo; }
done

title "   and what the agents got: a notice for each case that is theirs"
for agent in ana:21:3 budi:22:2 citra:23:2 dewi:24:0; do
  IFS=: read -r name box count <<<"$agent"
  expect "notices to $name" "$count" "$(files $box | wc -l)"
done
headers "$(files 21 | head -n 1)"

title "5. ana answers case 1, and Eva gets it"
run --as ana case reply 1 -m 'Please try again now.'
run send
delivered
expect "mail in Eva's mailbox" 2 "$(files 11 | wc -l)"
answer=$(files 11 | tail -n 1)
headers "$answer"

title "6. Eva answers in her mail program; it joins the case"
post eva@nordlicht.example support@shop.example <<MAIL
From: Eva Berg <eva@nordlicht.example>
To: $(header Reply-To "$answer")
Subject: Re: $(header Subject "$answer")
Date: @DATE@
Message-ID: <followup-1@nordlicht.example>
In-Reply-To: $(header Message-ID "$answer")
References: $(header References "$answer") $(header Message-ID "$answer")

That did it, thank you!
MAIL
run fetch
run case show 1
run email explain "$(espomail -q email list case:1 | sort -n | tail -n 1)"
expect "cases" 7 "$(espomail -q case list | wc -l)"

title "7. Another fetch has nothing to do and says nothing"
show fetch
expect "output of the second fetch" "" "$(espomail fetch 2>&1)"
run status

if [ "${ESPOMAIL_TEST_DB:-}" = postgres ] && [ "${HOSTS:-1}" -gt 1 ]; then
  title "8. $HOSTS machines fetch with one database, all at once"
  for ((n = 1; n <= 12; n++)); do
    post "c$n@many.example" support@shop.example <<MAIL
From: Customer $n <c$n@many.example>
To: support@shop.example
Subject: Question $n of many
Date: @DATE@
Message-ID: <many-$n@many.example>

Where is my order $n?
MAIL
  done
  show fetch support
  running=()
  for ((n = 1; n <= HOSTS; n++)); do
    on "web$n" fetch support &
    running+=($!)
  done
  for process in "${running[@]}"; do wait "$process" || fail "a machine ended with exit code $?"; done
  on web1 fetch support
  expect "cases" 19 "$(espomail -q case list --all --limit 0 | wc -l)"
  run host list
  [ "$(espomail -q host list | wc -l)" -ge "$HOSTS" ] || unshare -u true 2>/dev/null || echo "(machines of one name: this needs root)"
fi

title "All of this was checked. With your own mailbox:"
cat <<'TEXT'
  espomail init
  espomail user add anna --email anna@example.org
  espomail team add Support && espomail team member add Support anna
  espomail account add support --address support@example.org \
    --imap imap.example.org --smtp smtp.example.org --secret stdin \
    --team Support --case-team Support --create-case --distribution round-robin
  espomail fetch -v
and in crontab:   * * * * * /usr/local/bin/espomail fetch
TEXT
