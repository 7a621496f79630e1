#!/bin/bash
# What needs a bare Debian or a browser. usage: all.sh PROGRAM, as root; `make test-package` calls it
set -euo pipefail
cd "$(dirname "$0")"
for script in *.sh; do
  [ "$script" = all.sh ] || "./$script" "$@"
done
