#!/bin/bash
# Private Cyrus IMAP on loopback, in the foreground, until standard input closes.
#
# usage: cyrus.sh [--rm] DIR
#
# The same as dovecot.sh with a server of another make, out of the folder of unpack.sh.  DIR must be new or empty; --rm
# removes it at the end.  Prints one line when it serves: "ready imap=PORT imaps=PORT".  Accounts u1 … u9999, password "pw",
# made with their folder Sent (\Sent) at the first login or delivery; "admin" is an administrator.  All folders are below
# "INBOX.".  exim.sh delivers by LMTP to the socket that DIR/lmtp names.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"

[ "${1:-}" != --rm ] || { REMOVE=yes; shift; }
[ $# = 1 ] || { sed -n '2,11p' "$0" >&2; exit 2; }
root=$("$here/unpack.sh" cyrus)
own_directory "$1"
mkdir -p "$DIR"/{state,spool,run,mail} "$DIR"/state/{db,proc,lock,quota,user,socket,log,ptclient,msg,sieve,sync,backup,rpm}
make_certificates "$DIR/tls"
word="private-$$"
export LD_LIBRARY_PATH=$root/usr/lib:$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu
bin=$root/usr/lib/cyrus/bin
echo "$DIR/run/lmtp" >"$DIR/lmtp"

cat >"$DIR/imapd.conf" <<CONF
configdirectory: $DIR/state
defaultpartition: default
partition-default: $DIR/spool
proc_path: $DIR/state/proc
mboxname_lockpath: $DIR/state/lock
lmtpsocket: $DIR/run/lmtp
cyrus_user: $OWNER
servername: $word
admins: admin
altnamespace: no
unixhierarchysep: no
allowplaintext: yes
sasl_pwcheck_method: saslauthd
sasl_saslauthd_path: $DIR/run/mux
sasl_mech_list: PLAIN LOGIN
tls_server_cert: $DIR/tls/server.pem
tls_server_key: $DIR/tls/server.key
autocreate_quota: 0
autocreate_post: yes
autocreate_inbox_folders: Sent
xlist-sent: Sent
specialuse_protect: \\Important
duplicatesuppression: no
munge8bit: no
delete_mode: immediate
expunge_mode: immediate
imapidlepoll: 1
CONF

# The daemon that says whether a password is right: four strings come, one goes back, each after its length.
cat >"$DIR/run/passwords.py" <<'CONF'
import os, re, socket, struct, sys, threading

def take(stream):
    return stream.read(struct.unpack("!H", stream.read(2))[0]).decode()

def answer(connection):
    with connection, connection.makefile("rb") as stream:
        login, password, _service, _realm = (take(stream) for _ in range(4))
        known = re.fullmatch(r"admin|u[1-9][0-9]{0,3}", login) and password == "pw"
        said = b"OK" if known else b"NO"
        connection.sendall(struct.pack("!H", len(said)) + said)

server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(100)
while True:
    threading.Thread(target=answer, args=(server.accept()[0],), daemon=True).start()
CONF

write_program() { # IMAP_PORT IMAPS_PORT
  cat >"$DIR/cyrus.conf" <<CONF
START {
  recover cmd="$bin/ctl_cyrusdb -C $DIR/imapd.conf -r"
}
SERVICES {
  imap cmd="$bin/imapd -C $DIR/imapd.conf" listen="127.0.0.1:$1" prefork=2 maxchild=300 maxforkrate=300
  imaps cmd="$bin/imapd -s -C $DIR/imapd.conf" listen="127.0.0.1:$2" prefork=0 maxchild=100
  lmtp cmd="$bin/lmtpd -a -C $DIR/imapd.conf" listen="$DIR/run/lmtp" prefork=1 maxchild=50
}
EVENTS {
}
CONF
  cat >"$DIR/program" <<CONF
rm -f $DIR/run/mux
python3 $DIR/run/passwords.py $DIR/run/mux &
exec $bin/master -D -C $DIR/imapd.conf -M $DIR/cyrus.conf -p $DIR/run/master.pid
CONF
}

for attempt in 1 2 3 4 5; do
  imap=$(free_port) imaps=$(free_port)
  write_program "$imap" "$imaps"
  give_away
  if launch "$imap" "$word" bash "$DIR/program"; then
    echo "ready imap=$imap imaps=$imaps"
    watch
    exit 0
  fi
done
die "Cyrus did not start: $(tail -n 5 "$DIR/output.log" 2>&1)"
