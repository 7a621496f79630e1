#!/bin/bash
# Installs the Debian packages that building and testing need, without starting any service.
#
# usage: install-packages.sh [build | package]
#
# build: only what the build needs; package: also what `make test-package` needs
#
# Silent and instant when nothing is missing.  As root, or through sudo.  While it installs, a
# /usr/sbin/policy-rc.d holds services back; what was there before is put back.  Servers that come in
# by this are not started at the next boot either: the tests start their own.  PostgreSQL gets no
# cluster.  Refuses when apt would remove something (another mail server conflicts with exim4).
set -euo pipefail

packages=(build-essential pkg-config libssl-dev)
[ "${1:-}" = build ] || packages+=(dovecot-imapd dovecot-submissiond exim4-daemon-light strace openssl python3 mandoc sudo zsh fish)
# Any version of it will do, also one that did not come by Debian's name for the newest.
[ "${1:-}" = build ] || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)

[ "${1:-}" != package ] || packages+=(dpkg-dev debootstrap lintian chromium)

if ! command -v dpkg-query >/dev/null; then
  echo "not a Debian system: make sure that what these packages have is there: ${packages[*]}" >&2
  exit 0
fi
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "please install as root: ${missing[*]}" >&2; exit 1; }
  echo "installing with sudo: ${missing[*]}" >&2
  exec sudo -- "$BASH" "$(realpath "$0")" "$@"
fi

policy=/usr/sbin/policy-rc.d saved=
common=/etc/postgresql-common cluster=$common/createcluster.d/no-cluster-for-tests.conf
put_back() {
  rm -f "$cluster"
  rmdir "$common/createcluster.d" "$common" 2>/dev/null || true
  rm -f "$policy"
  [ -z "$saved" ] || mv "$saved" "$policy"
}
export DEBIAN_FRONTEND=noninteractive
echo "installing ${missing[*]}" >&2
apt-get update -qq
if apt-get -s install -y --no-install-recommends "${missing[@]}" | grep '^Remv' >&2; then
  echo "apt would remove these packages for ${missing[*]}: nothing was done" >&2
  exit 1
fi
trap put_back EXIT
trap 'exit 1' INT TERM HUP
if [ -e "$policy" ] || [ -L "$policy" ]; then
  mv "$policy" "$policy.saved.$$"
  saved=$policy.saved.$$
fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"
case " ${missing[*]} " in *" postgresql "*)
  mkdir -p "$common/createcluster.d"
  echo 'create_main_cluster = false' >"$cluster"
  ;;
esac
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null >&2

command -v systemctl >/dev/null || exit 0
for package in "${missing[@]}"; do
  case $package in
    dovecot-imapd) systemctl disable --quiet dovecot.service dovecot.socket 2>/dev/null || true ;;
    postgresql) systemctl disable --quiet postgresql.service 2>/dev/null || true ;;
    exim4-daemon-light) systemctl disable --quiet exim4.service exim4-base.timer 2>/dev/null || true ;;
  esac
done
