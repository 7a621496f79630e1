#!/bin/bash
# The Debian package as a new sysadmin meets it: on a bare Debian in a folder, from installation to purge.
#
# usage: deb.sh PROGRAM      as root; `make test-package` calls it
#
# The folder is made once by debootstrap, from the archive of this machine's apt, and kept packed in target/package.
set -euo pipefail
[ $# = 1 ] || { sed -n '4,6s/^# \?//p' "$0" >&2; exit 2; }
program=$(realpath "$1")
cd "$(dirname "$0")/../.."
. tests/servers/stage.sh
[ "$(id -u)" = 0 ] || fail "must be run as root: it needs chroot"
packages=${CARGO_TARGET_DIR:-$PWD/target}/package
mkdir -p "$packages"

title "1. The same files give the same package, and lintian finds no error"
package=$(contrib/deb/build.sh "$program" "$packages")
again=$(contrib/deb/build.sh "$program" "$packages/again")
cmp "$package" "$again" || fail "two builds differ"
lintian --allow-root --fail-on error "$package"
later=$(VERSION=9.9 contrib/deb/build.sh "$program" "$packages/later")

begin
root=$base/root
bare=$packages/bare-debian.tar
if [ ! -e "$bare" ]; then
  title "   A bare Debian, once"
  . /etc/os-release
  archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -n 1)
  debootstrap --variant=minbase --include=ca-certificates,libssl3,adduser,debconf,sudo \
    "$VERSION_CODENAME" "$base/bare" "$archive" >"$base/debootstrap.log" || fail "$(tail -n 3 "$base/debootstrap.log")"
  rm -rf "$base"/bare/var/cache/apt/archives/*.deb "$base"/bare/var/lib/apt/lists/*
  tar -C "$base/bare" -cf "$bare.part" . && mv "$bare.part" "$bare"
fi
mkdir "$root"
tar -C "$root" -xpf "$bare"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d" && chmod 755 "$root/usr/sbin/policy-rc.d"
cp "$package" "$root/root/espomail.deb"
cp "$later" "$root/root/later.deb"

# on WORDS…: what root types on that Debian; its network is the loopback of this machine.
on() { show "$@"; quietly "$*" || fail "that command ended with exit code $?"; }
show() { printf '\n%s$ %s%s\n' "$bold" "$*" "$plain"; }
quietly() {
  unshare --mount --pid --fork --kill-child -- /bin/sh -c '
    mount -t proc proc "$1/proc" && mount -t tmpfs -o mode=755 none "$1/dev" && touch "$1/dev/null" "$1/dev/urandom" &&
    mount --bind /dev/null "$1/dev/null" && mount --bind /dev/urandom "$1/dev/urandom" && ln -s /proc/self/fd "$1/dev/fd" &&
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 COLUMNS=80 DEBIAN_FRONTEND=noninteractive \
      chroot "$1" /bin/bash -c "$2"' - "$root" "$1" </dev/null
}
# What is not of a package, or only of a run, left out.
files_of() {
  (cd "$root" && find . \( -path ./proc -o -path ./dev -o -path ./tmp -o -path ./root -o -path ./run -o -path ./var/cache -o -path ./var/lib/dpkg -o -path ./var/lib/apt -o -path ./var/log -o -path ./var/backups -o -path './etc/*-' \) -prune -o -print | LC_ALL=C sort)
}
files_of >"$base/before"

title "2. Install: nothing is started"
on "dpkg -i /root/espomail.deb"
expect "database" yes "$(quietly 'test -e /var/lib/espomail/espomail.db && echo yes')"
expect "its owner and mode" "espomail 700" "$(quietly 'stat -c "%U %a" /var/lib/espomail')"
[ -z "$(quietly 'ls /etc/cron.d/espomail /etc/systemd/system/timers.target.wants/espomail.timer 2>/dev/null')" ] ||
  fail "something starts espomail"
on "espomail doctor --offline"
examples=$(quietly 'cd /usr/share/doc/espomail/examples/two-hosts && echo *')
expect "the example of two machines" "$(cd contrib/two-hosts && echo *)" "$examples"

title "3. A mailbox, a mail, an answer"
printf '%s %s\n' support@shop.example u1 ana@shop.example u2 eva@nordlicht.example u11 >>"$base/exim/mailboxes"
echo pw >"$root/root/password" && chmod 600 "$root/root/password"
on "espomail user add ana --email ana@shop.example && espomail team add Support && espomail team member add Support ana"
on "install -m 600 -o espomail /root/password /etc/espomail/support.password"
on "espomail account add support --address support@shop.example --imap 127.0.0.1:$imap --smtp 127.0.0.1:$smtp --tls none \
  --login u1 --secret file:/etc/espomail/support.password --create-case --case-team Support --distribution round-robin"
on "espomail fetch"
post eva@nordlicht.example support@shop.example <<MAIL
From: Eva Berg <eva@nordlicht.example>
To: support@shop.example
Subject: The lamp does not light
Date: @DATE@
Message-ID: <lamp@nordlicht.example>

It stays dark.
MAIL
on "espomail fetch --summary"
on "espomail case list"
expect "cases" 1 "$(quietly 'espomail -q case list | wc -l')"
on "espomail case reply 1 -m 'We are sending a new one.' && espomail send"
delivered
expect "mail in Eva's mailbox" 1 "$(files 11 | wc -l)"
on "espomail status"
on "espomail report volume && espomail events --after 0 --format ndjson | head -n 3"

title "4. Backup and restore"
on "install -d -m 700 -o espomail /var/backups/espomail && espomail db backup /var/backups/espomail/copy.db"
on "espomail case close 1"
on "espomail --yes db restore /var/backups/espomail/copy.db"
expect "cases that are open" 1 "$(quietly 'espomail -q case list is:open | wc -l')"

title "5. Upgrade: a configuration that was changed stays, the rest is new"
echo '# ours' >>"$root/etc/espomail/config.toml"
on "dpkg -i --force-confold /root/later.deb"
expect "our configuration" "# ours" "$(tail -n 1 "$root/etc/espomail/config.toml")"
expect "version" 9.9-1 "$(quietly 'dpkg-query -W -f "\${Version}" espomail')"
expect "cases after the upgrade" 1 "$(quietly 'espomail -q case list is:open | wc -l')"

title "6. Remove: configuration and mail stay"
on "dpkg -r espomail"
expect "program" gone "$(quietly 'test -e /usr/bin/espomail || echo gone')"
expect "mail" there "$(quietly 'test -s /var/lib/espomail/espomail.db && echo there')"
expect "configuration" "# ours" "$(tail -n 1 "$root/etc/espomail/config.toml")"

title "7. Purge: asks before it takes the mail, and else leaves nothing"
on "dpkg -P espomail"
expect "mail" there "$(quietly 'test -s /var/lib/espomail/espomail.db && echo there')"
expect "configuration" gone "$(quietly 'test -e /etc/espomail || echo gone')"
on "dpkg -i /root/espomail.deb"
on "echo 'espomail espomail/purge-database boolean true' | debconf-set-selections && dpkg -P espomail"
files_of >"$base/after"
diff "$base/before" "$base/after" || fail "the lines above were left or taken"
expect "users that stay" "" "$(grep espomail "$root/etc/passwd" "$root/etc/group" || true)"

title "The package holds"
