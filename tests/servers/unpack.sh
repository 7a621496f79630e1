#!/bin/bash
# Fetches a mail server from Debian and unpacks it into a folder, without installing anything.
#
# usage: unpack.sh courier | cyrus
#
# The packages of these servers conflict with that of Dovecot, so they cannot be installed beside it.  Each of them, and each
# library of theirs that this machine lacks, is fetched by "apt-get download" and unpacked by "dpkg -x" into
# TARGET/servers/MAKE (TARGET is CARGO_TARGET_DIR or "target").  Prints that folder.  Instant when it is there; its file
# "versions" says what it holds.  When the packages cannot be had, prints why and exits with 69.
set -euo pipefail

no() { echo "skipped: the packages of $make cannot be had: $*" >&2; exit 69; }

make=${1:-}
case $make in
  courier) packages=(courier-imap courier-authlib-userdb) ;;
  cyrus) packages=(cyrus-imapd) ;;
  *) sed -n '2,10p' "$0" >&2; exit 2 ;;
esac
cd "$(dirname "$0")/../.."
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
folder=$target/servers/$make
[ ! -f "$folder/versions" ] || { echo "$folder"; exit 0; }
command -v apt-get >/dev/null && command -v dpkg >/dev/null || no "this is not a Debian system"

mkdir -p "$target/servers"
work=$(mktemp -d -p "$target/servers" --suffix=".$make")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM HUP
mkdir "$work/packages" "$work/root"
# What an installation would bring that is not here yet; only asked, nothing is done.
timeout 60 apt-get -s install -y --no-install-recommends "${packages[@]}" >"$work/plan" 2>"$work/said" \
  || no "$(tail -n 1 "$work/said")"
mapfile -t wanted < <(awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }' "$work/plan")
[ ${#wanted[@]} -gt 0 ] || no "apt names none"
as=()
[ "$(id -u)" != 0 ] || as=(-o APT::Sandbox::User=root)
(cd "$work/packages" && timeout 300 apt-get -qq "${as[@]}" download "${wanted[@]}" >../said 2>&1) \
  || no "$(tail -n 1 "$work/said")"
for package in "$work/packages"/*.deb; do
  dpkg -x "$package" "$work/root"
  dpkg-deb -W --showformat '${Package} ${Version}\n' "$package" >>"$work/versions"
done
chmod 755 "$work/root"
mv "$work/versions" "$work/root/versions"
# Whoever was faster has the same.
mv -T "$work/root" "$folder" 2>/dev/null || [ -f "$folder/versions" ] || no "$folder is in the way"
echo "$folder"
