#!/bin/bash
# Runs the tests of fetching, filing, sending and audit with IMAP servers of other makes in the place of Dovecot.
#
# usage: makes.sh [MAKE...]      courier, cyrus, dovecot; without one: courier and cyrus
#
# Prints one line for each make, and each test that failed.  A server whose packages cannot be had is skipped with a word.
# ESPOMAIL_TEST_IMAP=MAKE does the same for any other call of the tests.
set -euo pipefail
cd "$(dirname "$0")/../.."

tests=(makes fetching audit returns mail_folders personal group_sending letters support_works)
[ $# -gt 0 ] || set -- courier cyrus
worst=0
for make in "$@"; do
  version=$make
  if [ "$make" != dovecot ]; then
    folder=$(tests/servers/unpack.sh "$make") || { [ $? = 69 ] || exit 1; continue; }
    version=$(awk '$1 ~ /^(courier-imap|cyrus-imapd)$/ { print $1, $2 }' "$folder/versions")
  fi
  # A session that a server does not end must not end in waiting for ever.
  ESPOMAIL_TEST_IMAP=$make CARGO_TERM_COLOR=never timeout -k 10 "${MAKES_TIME:-1200}" \
    cargo test --locked -j"${JOBS:-2}" --test it -- "${tests[@]/#/servers::}" --nocapture 2>&1 |
    awk -v version="$version" '
      { sub(/^test .* \.\.\. skipped/, "skipped") }
      /^skipped/ && !seen[$0]++ { print }
      / FAILED$|panicked at|^error/ { print; fflush() }
      /^test result:/ { passed = $4; failed = $6; ended = 1 }
      END {
        printf "%s: %d tests of fetching, filing, sending and audit passed, %d failed%s\n", version, passed, failed,
          ended ? "" : ", and it came to no end"
        exit failed > 0 || !ended
      }' || worst=1
done
exit $worst
