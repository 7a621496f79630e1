#!/bin/bash
# Private Dovecot on loopback, in the foreground, until standard input closes.
#
# usage: dovecot.sh [--rm] [--strict | --introspect URL CA] [--relay PORT] [--no-move] DIR [IMAP_PORT IMAPS_PORT]
#
# DIR must be new or empty; --rm removes it at the end.  Ports not given are chosen.  Prints one line
# when it serves: "ready imap=PORT imaps=PORT".  Accounts u1 … u9999, password "pw"; Maildirs in
# DIR/mail/USER (INBOX is the top, other folders .NAME, \Sent is "Sent", \Junk is "Unwanted" once it is there); STARTTLS on the IMAP port;
# clients trust DIR/tls/ca.pem.  Plain text passwords are taken without TLS too, and for XOAUTH2 and
# OAUTHBEARER a JSON web token with the user as "sub", signed HS256 with "espomail-test-token-secret".
#
#   --strict           takes only tokens that DIR/token.key (ES256, kid "first") has signed for
#                      "https://issuer.example", "espomail" and scope "imap", with the user as "upn"
#   --introspect       asks URL whether a token is active, and whose ("upn"); CA signed its certificate
#   --relay            submission too, with the same logins, by the SMTP server at PORT of loopback
#                      (needs dovecot-submissiond); then the line ends with "submission=PORT"
#   --no-move          offers no MOVE
set -euo pipefail
. "$(dirname "$0")/common.sh"

mode=usual relay= offered=
while :; do
  case ${1:-} in
    --rm) REMOVE=yes; shift ;;
    --strict) mode=strict; shift ;;
    --introspect) mode=introspect url=$2 authority=$3; shift 3 ;;
    --relay) relay=$2; shift 2 ;;
    --no-move) offered='imap_capability = IMAP4rev1 LITERAL+ UIDPLUS ID ENABLE SPECIAL-USE LIST-EXTENDED NAMESPACE'; shift ;;
    *) break ;;
  esac
done
[ $# = 1 ] || [ $# = 3 ] || { sed -n '2,17p' "$0" >&2; exit 2; }
PATH=$PATH:/usr/sbin
command -v dovecot >/dev/null || die "dovecot is missing: run tests/install-packages.sh"
own_directory "$1"
mkdir -p "$DIR/run" "$DIR/state" "$DIR/mail"
make_certificates "$DIR/tls"
uid=$(id -u "$OWNER") gid=$(id -g "$OWNER") group=$(id -gn "$OWNER") word="private-$$"
for ((i = 1; i <= 9999; i++)); do echo "u$i:{PLAIN}pw:$uid:$gid::$DIR/mail/u$i::"; done >"$DIR/users"

mkdir -p "$DIR/keys/default/HS256" "$DIR/keys/default/ES256"
case $mode in
  usual)
    printf %s espomail-test-token-secret | base64 >"$DIR/keys/default/HS256/default"
    cat >"$DIR/oauth2.conf" <<CONF
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$DIR/keys/
username_attribute = sub
CONF
    ;;
  strict)
    openssl ecparam -name prime256v1 -genkey -noout -out "$DIR/token.key"
    openssl ec -in "$DIR/token.key" -pubout -out "$DIR/keys/default/ES256/first" 2>/dev/null
    cat >"$DIR/oauth2.conf" <<CONF
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=$DIR/keys/
username_attribute = upn
issuers = https://issuer.example
client_id = espomail
scope = imap
CONF
    ;;
  introspect)
    cp "$authority" "$DIR/issuer.pem"
    cat >"$DIR/oauth2.conf" <<CONF
introspection_mode = post
introspection_url = $url
tls_ca_cert_file = $DIR/issuer.pem
active_attribute = active
active_value = true
username_attribute = upn
CONF
    ;;
esac
[ "$mode" = usual ] || case $(dovecot --version) in 2.[0-3].*) ;; *) die "--$mode is written for Dovecot 2.3" ;; esac

# What Dovecot 2.4 calls by other names than 2.3.
settings_of_version() {
  case $(dovecot --version) in
    2.[0-3].*)
      unlimited='service_count = 0' reused='service_count = 500'
      cat <<CONF
ssl_cert = <$DIR/tls/server.pem
ssl_key = <$DIR/tls/server.key
disable_plaintext_auth = no
mail_location = maildir:$DIR/mail/%u
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = $DIR/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5
  args = scheme=PLAIN username_format=%u $DIR/users
}
userdb {
  driver = passwd-file
  args = username_format=%u $DIR/users
}
CONF
      ;;
    *)
      unlimited='restart_request_count = unlimited' reused='restart_request_count = 500'
      cat <<CONF
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
ssl_server_cert_file = $DIR/tls/server.pem
ssl_server_key_file = $DIR/tls/server.key
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = $DIR/mail/%{user}
mail_inbox_path = $DIR/mail/%{user}
oauth2 {
  introspection_mode = local
  username_attribute = sub
  oauth2_local_validation {
    dict fs {
      fs posix {
        prefix = $DIR/keys/
      }
    }
  }
}
passdb passwd-file {
  passwd_file_path = $DIR/users
}
userdb passwd-file {
  passwd_file_path = $DIR/users
}
CONF
      ;;
  esac
}

write_configuration() { # IMAP_PORT IMAPS_PORT
  {
    settings_of_version # first: 2.4 wants its version on the first line
    cat <<CONF
base_dir = $DIR/run
state_dir = $DIR/state
log_path = $DIR/dovecot.log
protocols = imap${relay:+ submission}
listen = 127.0.0.1
login_greeting = Dovecot $word ready.
default_internal_user = $OWNER
default_internal_group = $group
default_login_user = $OWNER
ssl = yes
auth_mechanisms = plain login cram-md5 xoauth2 oauthbearer
auth_failure_delay = 0s
mail_uid = $uid
mail_gid = $gid
first_valid_uid = 1
first_valid_gid = 1
mail_max_userip_connections = 1000
mail_fsync = never
namespace inbox {
  inbox = yes
  separator = /
  mailbox Sent {
    auto = create
    special_use = \Sent
  }
  mailbox Unwanted {
    special_use = \Junk
  }
}
$offered
service imap-login {
  chroot =
  $unlimited
  process_min_avail = 1
  inet_listener imap {
    port = $1
  }
  inet_listener imaps {
    port = $2
    ssl = yes
  }
}
service imap {
  process_limit = 500
  $reused
}
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
CONF
    [ -z "$relay" ] || cat <<CONF
submission_relay_host = 127.0.0.1
submission_relay_port = $relay
hostname = mail.espomail.example
service submission-login {
  chroot =
  $unlimited
  inet_listener submission {
    port = $submission
  }
}
CONF
  } >"$DIR/dovecot.conf"
}

for attempt in 1 2 3 4 5; do
  imap=${2:-$(free_port)} imaps=${3:-$(free_port)} submission=$(free_port)
  write_configuration "$imap" "$imaps"
  give_away
  if launch "$imap" "$word" dovecot -F -c "$DIR/dovecot.conf"; then
    echo "ready imap=$imap imaps=$imaps${relay:+ submission=$submission}"
    watch
    exit 0
  fi
done
die "Dovecot did not start: $(tail -n 3 "$DIR/output.log" "$DIR/dovecot.log" 2>&1)"
