#!/bin/bash
# Makes what a release consists of, from the last commit: sources with all crates, a binary that needs nothing but the C
# library, the Debian package, and the checksums.
#
# usage: dist.sh DIRECTORY      `make dist` calls it; needs git, cargo, the network for the crates, and dpkg-dev
set -euo pipefail
[ $# = 1 ] || { sed -n '5s/^# \?//p' "$0" >&2; exit 2; }
source=$(realpath "$(dirname "$0")/..")
[ -z "$(git -C "$source" status --porcelain)" ] || { echo "dist.sh: there are changes without a commit" >&2; exit 1; }
mkdir -p "$1"
target=$(realpath "$1")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)
grep -q "^## $version" "$source/CHANGELOG.md" || echo "note: CHANGELOG.md has no heading for $version yet" >&2
SOURCE_DATE_EPOCH=$(git -C "$source" log -1 --format=%ct)
export SOURCE_DATE_EPOCH
work=$(mktemp -d --suffix=.dist)
trap 'rm -rf "$work"' EXIT
packed() { # DIRECTORY: DIRECTORY.tar.xz, the same bytes from the same files
  tar -C "$work" --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner -cf - "$1" |
    xz -T1 -6 >"$target/$1.tar.xz"
}

name=espomail-$version
git -C "$source" archive --prefix="$name/" HEAD | tar -C "$work" -x
# What it prints says that these crates are to be used; with --quiet it does not.
(cd "$work/$name" && cargo vendor --locked >>.cargo/config.toml)
packed "$name"

# It is built from these sources alone, and no crate of this machine is in reach. OpenSSL comes with it; the C library stays
# outside, because names of hosts and users are looked up through it.
machine=$(uname -m)-linux
build=${CARGO_TARGET_DIR:-$source/target}/dist-build
(cd "$work/$name" && CARGO_HOME=$work/cargo CARGO_TARGET_DIR=$build cargo build --release --locked --offline --features vendored-openssl -j"${JOBS:-2}")
make -s -C "$source" install PROGRAM="$build/release/espomail" PREFIX="" DESTDIR="$work/$name-$machine"
cp "$source"/{README.md,CHANGELOG.md,LICENSE} "$work/$name-$machine"
packed "$name-$machine"
"$source/contrib/deb/build.sh" "$build/release/espomail" "$target" >/dev/null
(cd "$target" && sha256sum -- *.tar.xz *.deb >SHA256SUMS && cat SHA256SUMS)
