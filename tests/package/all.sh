#!/bin/bash
# What needs a bare Debian or a browser. usage: all.sh PROGRAM, as root; `make test-package` calls it
set -euo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")"
for script in *.sh; do
  [ "$script" != all.sh ] || continue
  # 77: it said that it was skipped.
  "./$script" "$program" || [ $? = 77 ]
done
