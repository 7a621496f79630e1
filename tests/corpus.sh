#!/bin/bash
# Scores how mail is read against the expectations of other parsers: usage: corpus.sh ESPOMAIL [options of score.py]
# The corpus lies outside of the project; where it is missing, this says so and does nothing.
set -euo pipefail
binary=$(realpath "$1") corpus=$(dirname "$0")/../../shared/mail-corpus
shift
[ -d "$corpus" ] || { echo "corpus: skipped, $corpus is not there"; exit 0; }
cd "$corpus"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The scorer wants the group of each file, and what a bounce says side by side with the rest.
python3 - >"$work/expected" <<'PYTHON'
import json
for line in open("dev/expected.jsonl"):
    wanted = json.loads(line)
    print(json.dumps({**wanted, "source": wanted["file"].split("/")[0]}))
PYTHON
(cd dev && find . -name '*.eml' -printf '%P\0' | sort -z | xargs -0 "$binary" --format ndjson email show) |
  python3 -c '
import json, sys
for line in sys.stdin:
    shown = json.loads(line)
    bounce = shown["bounce"] or {}
    print(json.dumps({**shown, "bounce_hard": bounce.get("hard"), "bounce_recipients": bounce.get("recipients")}))' >"$work/got"
python3 score.py "$work/expected" "$work/got" "$@"
