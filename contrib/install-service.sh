#!/bin/bash
# Sets up enforced mode: a service user owns the database, the group espomail-users may run espomail through sudo.
#
# usage: PREFIX=/usr/local DESTDIR= install-service.sh      after `make install`, as root
#
# May be run again: a configuration that is there is kept, as are user, groups and database. With DESTDIR (for packages)
# only files are placed; users come by sysusers.d and directories by tmpfiles.d then.
set -euo pipefail

contrib=$(dirname "$(realpath "$0")")
prefix=${PREFIX:-/usr/local}
dest=${DESTDIR:-}
program=$prefix/bin/espomail

# What names the program names it below PREFIX.
place() { # MODE FILE TARGET
  install -D -m "$1" <(sed "s|/usr/local/bin/espomail|$program|g" "$contrib/$2") "$dest$3"
}

if [ -z "$dest" ]; then
  [ "$(id -u)" = 0 ] || { echo "install-service: must be run as root" >&2; exit 1; }
  [ -x "$program" ] || { echo "install-service: $program is not there; run make install first" >&2; exit 1; }
  getent passwd espomail >/dev/null ||
    useradd --system --user-group --home-dir /var/lib/espomail --shell /usr/sbin/nologin espomail
  getent group espomail-users >/dev/null || groupadd --system espomail-users
  install -d -m 700 -o espomail -g espomail /var/lib/espomail
fi

place 644 sysusers.conf /usr/lib/sysusers.d/espomail.conf
place 644 tmpfiles.conf /usr/lib/tmpfiles.d/espomail.conf
config=/etc/espomail/config.toml
[ -e "$dest$config" ] || install -D -m 644 "$contrib/../config.example.toml" "$dest$config"

# A rule with a mistake in it would lock everybody out of sudo: it is checked before it gets its name.
PATH=$PATH:/usr/sbin:/sbin
command -v visudo >/dev/null || { echo "install-service: visudo is not there; install sudo" >&2; exit 1; }
rule=$(mktemp)
trap 'rm -f "$rule"' EXIT
sed "s|/usr/local/bin/espomail|$program|g" "$contrib/sudoers" >"$rule"
visudo -cqf "$rule" || { echo "install-service: the rule of sudo is not accepted" >&2; exit 1; }
install -D -m 440 "$rule" "$dest/etc/sudoers.d/espomail"

place 644 crontab /etc/cron.d/espomail
# Started by nobody: cron does it already.
place 644 espomail.service "$prefix/lib/systemd/system/espomail.service"
place 644 espomail.timer "$prefix/lib/systemd/system/espomail.timer"
# The configuration may name a database on a server.
[ -n "$dest" ] || [ -e /var/lib/espomail/espomail.db ] || "$program" whoami >/dev/null 2>&1 || "$program" -q init >/dev/null

if [ -n "$dest" ]; then
  echo "placed below $dest; on the machine itself come systemd-sysusers, systemd-tmpfiles --create and $program init, as root"
  exit
fi
cat <<END
espomail is set up for a team on this machine. For each person:
  usermod -aG espomail-users ana       # may run it; after the next login
  $program user add ana      # as root, who is administrator
They type \`espomail case list\`. To check the set-up, as root: $program doctor
END
