#!/bin/bash
# Private Courier IMAP on loopback, in the foreground, until standard input closes.
#
# usage: courier.sh [--rm] DIR
#
# The same as dovecot.sh with a server of another make, out of the folder of unpack.sh.  DIR must be new or empty; --rm
# removes it at the end.  Prints one line when it serves: "ready imap=PORT imaps=PORT plain=PORT"; the last port has the same
# mailboxes and does not offer UIDPLUS.  Accounts u1 … u9999, password "pw"; Maildirs in DIR/mail/USER, made with their
# folder Sent at the first login.  All folders are below "INBOX.", names are in modified UTF-7, there is no MOVE and no
# SPECIAL-USE.  Courier's paths are compiled in: it runs in a mount namespace with an /etc and a /run of its own.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd -P)
. "$here/common.sh"

[ "${1:-}" != --rm ] || { REMOVE=yes; shift; }
[ $# = 1 ] || { sed -n '2,12p' "$0" >&2; exit 2; }
PATH=$PATH:/usr/sbin
root=$("$here/unpack.sh" courier)
own_directory "$1"
mkdir -p "$DIR/mail" "$DIR"/etc/{courier,ssl} "$DIR/run/courier/authdaemon"
make_certificates "$DIR/tls"
cat "$DIR/tls/server.key" "$DIR/tls/server.pem" >"$DIR/etc/courier/imapd.pem"
uid=$(id -u "$OWNER") gid=$(id -g "$OWNER") word="XPRIVATE$$"
cp -L /etc/{passwd,group,nsswitch.conf,hosts,ld.so.cache,services,protocols} "$DIR/etc/" 2>/dev/null || true
# Its TLS wants a user and a group of this name.
echo "courier:x:$uid:$gid::/:/bin/false" >>"$DIR/etc/passwd"
echo "courier:x:$gid:" >>"$DIR/etc/group"
cp -L /etc/ssl/openssl.cnf "$DIR/etc/ssl/" 2>/dev/null || true
export LD_LIBRARY_PATH=$root/usr/lib:$root/usr/lib/x86_64-linux-gnu:$root/lib/x86_64-linux-gnu:$root/usr/lib/courier-authlib

# Courier keeps accounts and secrets apart, each in a file of its own.
pw=$(openssl passwd -1 -salt espomail pw)
users() { # FIELDS: with %u for the user
  for ((i = 1; i <= 9999; i++)); do printf '%s\t%s\n' "u$i" "${1//%u/u$i}"; done
  echo .
}
data() { "$root/usr/lib/courier/courier-authlib/makedatprog" - "$DIR/etc/courier/$1.tmp" "$DIR/etc/courier/$1.dat"; }
users "uid=$uid|gid=$gid|home=$DIR/mail|mail=$DIR/mail/%u|_=" | data userdb
users "systempw=$pw" | data userdbshadow
cat >"$DIR/etc/courier/authdaemonrc" <<CONF
authmodulelist="authuserdb"
authmodulelistorig="authuserdb"
daemons=8
authdaemonvar=/run/courier/authdaemon
CONF

# Between login and session: the Maildir of a new account and its folder for sent mail.
cat >"$DIR/session" <<CONF
#!/bin/bash
imapd=$root/usr/bin/imapd
maildir=\$1
CONF
cat >>"$DIR/session" <<'CONF'
for folder in "$maildir" "$maildir/.Sent"; do
  [ ! -d "$folder/cur" ] || continue
  made=$(mktemp -d -p "${maildir%/*}" --suffix=.made)
  mkdir "$made"/{tmp,new,cur}
  # Two first sessions at the same time would each choose a UIDVALIDITY.
  echo "1 $((EPOCHSECONDS - 1000000000)) 1" >"$made/courierimapuiddb"
  [ "$folder" = "$maildir" ] || touch "$made/maildirfolder"
  mv -T "$made" "$folder" 2>/dev/null || rm -rf "$made"
done
# The file of quotas that a test may lay down.
[ ! -f "$maildir/quota" ] || MAILDIRQUOTA=$(<"$maildir/quota")
export MAILDIRQUOTA
exec "$imapd" "$@"
CONF
chmod 755 "$DIR/session"

write_program() { # IMAP_PORT IMAPS_PORT PLAIN_PORT
  cat >"$DIR/program" <<CONF
set -euo pipefail
trap 'exit 0' TERM
mount --bind "$DIR/etc" /etc
mount --bind "$DIR/run" /run
capability="IMAP4rev1 CHILDREN NAMESPACE THREAD=ORDEREDSUBJECT THREAD=REFERENCES SORT QUOTA IDLE $word"
export IMAP_KEYWORDS=1 IMAP_ACL=1 IMAP_MAILBOX_SANITY_CHECK=1 IMAP_USELOCKS=1 IMAP_IDLE_TIMEOUT=1 IMAP_UMASK=022
export IMAP_STARTTLS=YES IMAP_TLS_REQUIRED=0 COURIERTLS=$root/usr/bin/couriertls
export TLS_CERTFILE=/etc/courier/imapd.pem TLS_VERIFYPEER=NONE SENDMAIL=/bin/false HEADERFROM=X-IMAP-Sender
export IMAP_TRASHFOLDERNAME=Trash IMAP_MOVE_EXPUNGE_TO_TRASH=0 IMAP_CHECK_ALL_FOLDERS=0 IMAP_ENHANCEDIDLE=0
become=(${become[*]})
rm -f /run/courier/authdaemon/socket
set -a; . /etc/courier/authdaemonrc; set +a
"\${become[@]}" $root/usr/lib/courier/courier-authlib/authdaemond &
# Who watches folders; without it each login waits two seconds for it.
export GAM_CLIENT_ID=$word
"\${become[@]}" $root/usr/libexec/gam_server --notimeout "\$GAM_CLIENT_ID" &
listen() { # PORT UIDPLUS TLS…
  local port=\$1 uidplus=\$2
  shift 2
  IMAP_CAPABILITY="\$capability\$uidplus" IMAP_CAPABILITY_TLS="\$capability\$uidplus AUTH=PLAIN" \\
    "\${become[@]}" $root/usr/sbin/couriertcpd -address=127.0.0.1 -maxprocs=500 -maxperip=500 -nodnslookup -noidentlookup \\
    "\$port" "\$@" $root/usr/lib/courier/courier/imaplogin "$DIR/session" Maildir &
}
for ((try = 0; try < 100; try++)); do [ ! -S /run/courier/authdaemon/socket ] || break; sleep .05; done
listen $2 " UIDPLUS" \$COURIERTLS -server -tcpd
listen $3 ""
listen $1 " UIDPLUS"
wait -n
CONF
}

# The namespace starts as the caller, and the program in it becomes the owner.
become=("${AS[@]}") AS=()
# A namespace of mounts: of root, or of a user who may not become anybody else.
namespace=(unshare -m --propagation private)
[ "$(id -u)" = 0 ] || namespace=(unshare -c -m --keep-caps --propagation private)
# Of processes, too: authdaemond leaves the group of processes, and so nothing outlives the first of them.
namespace+=(-p --fork --kill-child)
"${namespace[@]}" true 2>/dev/null || die "no namespace of mounts and processes can be made"
for attempt in 1 2 3 4 5; do
  imap=$(free_port) imaps=$(free_port) plain=$(free_port)
  write_program "$imap" "$imaps" "$plain"
  give_away
  chmod 600 "$DIR/etc/courier/imapd.pem"
  if launch "$imap" "$word" "${namespace[@]}" bash "$DIR/program"; then
    echo "ready imap=$imap imaps=$imaps plain=$plain"
    watch
    exit 0
  fi
done
die "Courier did not start: $(tail -n 5 "$DIR/output.log" 2>&1)"
