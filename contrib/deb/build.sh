#!/bin/bash
# Makes the Debian package of a program that was built; the same files give the same bytes.
#
# usage: build.sh PROGRAM DIRECTORY     `make deb` calls it
#
# VERSION is another version than that of Cargo.toml. Nothing is installed here, and no right of root is needed.
set -euo pipefail

[ $# = 2 ] || { sed -n '4,6s/^# \?//p' "$0" >&2; exit 2; }
source=$(realpath "$(dirname "$0")/../..")
program=$(realpath "$1") target=$2
[ -x "$program" ] || { echo "build.sh: there is no program $1; run make build first" >&2; exit 1; }
for tool in dpkg-deb dpkg-shlibdeps visudo; do
  command -v "$tool" >/dev/null || [ -x "/usr/sbin/$tool" ] ||
    { echo "build.sh: $tool is missing; install dpkg-dev and sudo" >&2; exit 1; }
done
version=${VERSION:-$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)}
machine=$(dpkg --print-architecture)
# Of the last commit, or where there is no history, of the newest entry of the list of changes.
moment=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || stat -c %Y "$source/CHANGELOG.md")}
export SOURCE_DATE_EPOCH=$moment
maintainer='The espomail developers <espomail@packages.invalid>'
umask 022

stage=$(mktemp -d --suffix=.deb)
trap 'rm -rf "$stage"' EXIT
root=$stage/root doc=$stage/root/usr/share/doc/espomail
make -s -C "$source" install install-service PROGRAM="$program" DESTDIR="$root" PREFIX=/usr >/dev/null
# The timer takes its place, once somebody enables it; a line for cron would begin before there is a mailbox.
rm "$root/etc/cron.d/espomail"
rmdir "$root/etc/cron.d"
gzip -9n "$root"/usr/share/man/man*/*
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$root/usr/bin/espomail"
gzip -9nc "$source/CHANGELOG.md" >"$doc/changelog.gz"
gzip -9n >"$doc/changelog.Debian.gz" <<END
espomail ($version-1) stable; urgency=medium

  * Release $version: see changelog.gz.

 -- $maintainer  $(date --utc --date="@$moment" -R)
END
cat >"$doc/copyright" <<END
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: espomail

Files: *
Copyright: $(sed -n 's/^Copyright (c) //p' "$source/LICENSE" | head -n 1)
License: Expat or Apache-2.0

License: Expat
$(sed -n '/^Permission is hereby/,/^SOFTWARE/{s/^$/./;s/^/ /;p}' "$source/LICENSE")

License: Apache-2.0
 On Debian systems, the text of this licence is in /usr/share/common-licenses/Apache-2.0.
END
# The one question is asked at the end, by postrm.
install -D -m 644 <(echo "espomail: no-debconf-config") "$root/usr/share/lintian/overrides/espomail"

mkdir "$root/DEBIAN" "$stage/debian"
install -m 755 "$source"/contrib/deb/{postinst,prerm,postrm} "$root/DEBIAN"
install -m 644 "$source/contrib/deb/templates" "$root/DEBIAN"
(cd "$root" && find etc -type f -printf '/%p\n' | LC_ALL=C sort) >"$root/DEBIAN/conffiles"
printf 'Source: espomail\n\nPackage: espomail\nArchitecture: any\n' >"$stage/debian/control"
(cd "$stage" && dpkg-shlibdeps -O -e "$root/usr/bin/espomail") >"$stage/needs" 2>"$stage/said" || { cat "$stage/said" >&2; exit 1; }
libraries=$(sed -n 's/^shlibs:Depends=//p' "$stage/needs")
cat >"$root/DEBIAN/control" <<END
Package: espomail
Version: $version-1
Architecture: $machine
Maintainer: $maintainer
Section: mail
Priority: optional
Depends: ${libraries:+$libraries, }adduser, debconf (>= 0.5) | debconf-2.0
Recommends: ca-certificates, sudo
Suggests: man-db, systemd
Installed-Size: $(du -sk --apparent-size "$root" | cut -f 1)
Description: mailboxes become cases that a team answers from the shell
 espomail fetches mail by IMAP and makes a case of the first mail of every
 thread. It gives the case to an agent, sends an automatic reply, and sends
 the answers of the agent from the address of the group.
 .
 It is one program with one SQLite database, or a schema of PostgreSQL. It is
 not a daemon: systemd or cron starts it every minute.
END
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | LC_ALL=C sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
find "$root" -exec touch --no-dereference --date="@$moment" {} +
mkdir -p "$target"
package=$target/espomail_$version-1_$machine.deb
dpkg-deb --root-owner-group --uniform-compression -Zxz --build "$root" "$package" >/dev/null
echo "$package"
