#!/bin/bash
# Private Exim on loopback, in the foreground, until standard input closes.
#
# usage: exim.sh [--rm] DIR DOVECOT_DIR [SMTP_PORT SMTPS_PORT]
#
# DIR must be new or empty; --rm removes it at the end.  Ports not given are chosen.  Prints one line
# when it serves: "ready smtp=PORT smtps=PORT".  STARTTLS on the first port, TLS at once on the second,
# certificate and authority of the Dovecot beside it (DOVECOT_DIR/tls); AUTH PLAIN and LOGIN as u1 …
# u9999 with password "pw", also without TLS; XOAUTH2 with anything that looks like a token of theirs.
# Nothing ever leaves this machine:
#   DIR/mailboxes      lines "ADDRESS USER" or "*@DOMAIN USER", read again for each message: delivered
#                      into DOVECOT_DIR/mail/USER, or to the LMTP socket that DOVECOT_DIR/lmtp names; name+tag@… also as name@…
#   @rejects.example   550 at RCPT (full@: 552, spam@: 554), as every address not in the file
#   @tempfail.example  451 at RCPT
#   @bounces.example   taken, then bounced to the envelope sender (null sender: dropped)
# DIR/spool/input is empty when all is delivered; DIR/log/mainlog tells.
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ "${1:-}" != --rm ] || { REMOVE=yes; shift; }
[ $# = 2 ] || [ $# = 4 ] || { sed -n '2,17p' "$0" >&2; exit 2; }
PATH=$PATH:/usr/sbin
command -v exim4 >/dev/null || die "exim4 is missing: run tests/install-packages.sh"
own_directory "$1"
dovecot=$(cd "$2" && pwd -P)
[ -f "$dovecot/tls/server.pem" ] || die "$2 is not a directory of dovecot.sh"
mkdir -p "$DIR/spool" "$DIR/log"
for ((i = 1; i <= 9999; i++)); do echo "u$i: pw"; done >"$DIR/users"
touch "$DIR/mailboxes"
uid=$(id -u "$OWNER") gid=$(id -g "$OWNER") word="private-$$"

# A Maildir of the user that an address leads to, or, where the server beside says so, its LMTP socket.
routers() {
  local name search user
  for name in mailbox tagged domain; do
    echo "$name:"
    [ $name != tagged ] || echo "  local_part_suffix = +*"
    search=lsearch
    [ $name != domain ] || search=lsearch*@
    user="\${lookup{\$local_part@\$domain}$search{$DIR/mailboxes}{\$value}fail}"
    if [ -f "$dovecot/lmtp" ]; then
      printf '  driver = redirect\n  data = %s\n' "${user/\$value/\$value@mailbox.invalid}"
    else
      printf '  driver = accept\n  address_data = %s\n  transport = maildir\n' "$user"
    fi
  done
  [ ! -f "$dovecot/lmtp" ] || printf 'users:\n  driver = accept\n  domains = mailbox.invalid\n  transport = lmtp\n'
}

# One user for everything: Exim started with -C by an ordinary user has no other rights, and its
# own daemon's deliveries are such a start (exim_user, deliver_drop_privilege).  The limits Exim has
# per connection would make bursts of test mail wait in the queue.  A bounce comes from a "hop":
# Exim hands the message to itself with the greeting "hop", and refuses it there.
write_configuration() { # SMTP_PORT SMTPS_PORT
  cat >"$DIR/exim.conf" <<CONF
HOP = hop.bounces.example
REFUSAL = \${if eq{\$local_part}{full}{552 5.2.2 <\$local_part@\$domain>: mailbox full}\\
  {\${if eq{\$local_part}{spam}{554 5.7.1 <\$local_part@\$domain>: message refused as spam}\\
  {550 5.1.1 <\$local_part@\$domain>: user unknown}}}}
exim_user = $uid
exim_group = $gid
deliver_drop_privilege = true
unknown_login = espomail-test
unknown_username = espomail-test
primary_hostname = mail.espomail.example
qualify_domain = espomail.example
spool_directory = $DIR/spool
log_file_path = $DIR/log/%slog
pid_file_path = $DIR/spool/exim.pid
notifier_socket =
keep_environment =
helo_lookup_domains =
host_lookup_order = byaddr
local_interfaces = 127.0.0.1
disable_ipv6 = true
daemon_smtp_ports = $1 : $2
tls_on_connect_ports = $2
daemon_startup_retries = 0
smtp_banner = mail.espomail.example ESMTP Exim $word
smtp_connect_backlog = 200
tls_advertise_hosts = *
tls_certificate = $dovecot/tls/server.pem
tls_privatekey = $dovecot/tls/server.key
smtputf8_advertise_hosts = *
dsn_advertise_hosts = *
message_size_limit = 100M
bounce_return_size_limit = 100M
ignore_bounce_errors_after = 0s
timeout_frozen_after = 1m
smtp_accept_max = 0
smtp_accept_max_per_connection = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_nonmail = 100000
rfc1413_query_timeout = 0s
acl_smtp_connect = connected
acl_smtp_rcpt = recipient

begin acl
connected:
  accept control = dkim_disable_verify
recipient:
  deny   domains = rejects.example
         message = REFUSAL
  defer  domains = tempfail.example
         message = 451 4.2.1 <\$local_part@\$domain>: mailbox not available now, try again later
  deny   domains = bounces.example
         condition = \${if eq{\$sender_helo_name}{HOP}}
         message = REFUSAL
  accept domains = bounces.example
  deny   !verify = recipient
         message = 550 5.1.1 <\$local_part@\$domain>: user unknown
  accept

begin routers
hop:
  driver = manualroute
  domains = bounces.example
  route_list = * 127.0.0.1
  self = send
  transport = hop
  no_more
$(routers)
others:
  driver = redirect
  domains = staff.example : customer.example : elsewhere.example
  data = :blackhole:

begin transports
maildir:
  driver = appendfile
  directory = $dovecot/mail/\$address_data
  maildir_format
  create_directory
  directory_mode = 0700
  mode = 0600
  return_path_add
  envelope_to_add
  delivery_date_add
  user = $uid
  group = $gid
lmtp:
  driver = lmtp
  socket = $(cat "$dovecot/lmtp" 2>/dev/null || echo /nowhere)
  batch_max = 1
  return_path_add
  envelope_to_add
  delivery_date_add
  user = $uid
  group = $gid
hop:
  driver = smtp
  port = $1
  allow_localhost
  helo_data = HOP
  hosts_avoid_tls = *
  hosts_try_dane =

begin retry
* * F,1h,10s

begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = \${if eq{\$auth3}{\${lookup{\$auth2}lsearch{$DIR/users}{\$value}fail}}}
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = Username:: : Password::
  server_condition = \${if eq{\$auth2}{\${lookup{\$auth1}lsearch{$DIR/users}{\$value}fail}}}
  server_set_id = \$auth1
xoauth2:
  driver = plaintext
  public_name = XOAUTH2
  server_prompts = :
  server_condition = \${if match{\$auth1}{\\N^user=u\d+\x01auth=Bearer ey[\w.-]+\x01\x01\$\\N}}
  server_set_id = \${extract{user}{\${tr{\$auth1}{\x01}{ }}}}
CONF
}

for attempt in 1 2 3 4 5; do
  smtp=${3:-$(free_port)} smtps=${4:-$(free_port)}
  write_configuration "$smtp" "$smtps"
  give_away
  if launch "$smtp" "$word" exim4 -C "$DIR/exim.conf" -bdf -q10s; then
    echo "ready smtp=$smtp smtps=$smtps"
    watch
    exit 0
  fi
done
die "Exim did not start: $(tail -n 3 "$DIR/output.log" "$DIR"/log/* 2>&1)"
