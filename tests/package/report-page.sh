#!/bin/bash
# usage: tests/package/report-page.sh ESPOMAIL [DIRECTORY]
#
# Makes pages of reports from a small database and looks at them with headless Chromium, on a telephone and on a desk: the
# pictures must show something, and nothing may stick out at the right. With DIRECTORY the pictures stay there.
# Needs chromium and python3; without Chromium it says so and ends with 77.
set -euo pipefail

program=$(readlink -f "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shots=${2:-$work/shots}
mkdir -p "$shots"
chromium=$(command -v chromium || command -v chromium-browser || true)
[ -n "$chromium" ] || { echo "skipped: Chromium is not installed"; exit 77; }

espomail() { "$program" --db "$work/desk.db" --state "$work/state" "$@" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }; }
export TZ=Europe/Berlin LANG=C.UTF-8
espomail init
for team in Support Billing; do espomail team add "$team"; done
for user in ana budi cici; do
  espomail user add "$user" --email "$user@staff.example"
  espomail team member add Support "$user"
done
PW=secret espomail account add support --kind group --address support@desk.example --secret env:PW \
  --case-team Support --create-case --smtp 127.0.0.1:9 --smtp-tls none
for number in $(seq 1 24); do
  printf 'From: Kim <kim%s@customer.example>\r\nTo: support@desk.example\r\nSubject: Question %s\r\nMessage-ID: <%s@customer.example>\r\nDate: %s\r\n\r\nHello?\r\n' \
    "$number" "$number" "$number" "$(date -R)" | espomail ingest --account support
  user=$(echo ana ana budi cici | cut -d' ' -f$((number % 4 + 1)))
  espomail case assign "$number" "$user"
  [ $((number % 3)) = 0 ] || espomail case note "$number" --answered -m 'Called.'
  [ $((number % 2)) = 0 ] || espomail case close "$number"
  espomail case tag "$number" "$(echo vip refund billing | cut -d' ' -f$((number % 3 + 1)))"
done

# A PNG of one colour packs to almost nothing; python3 counts the colours and looks for what sticks out.
look() {
  python3 -I - "$@" <<'END'
import sys, zlib, struct
data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
place, packed = 8, b""
while place < len(data):
    size, kind = struct.unpack(">I4s", data[place:place + 8])
    body = data[place + 8:place + 8 + size]
    if kind == b"IHDR":
        width, height, depth, colour = struct.unpack(">IIBB", body[:10])
    if kind == b"IDAT":
        packed += body
    place += size + 12
assert depth == 8 and colour in (2, 6), (depth, colour)
bytes_of_pixel = 3 if colour == 2 else 4
raw, line, rows = zlib.decompress(packed), width * bytes_of_pixel, []
before = bytearray(line)
for y in range(height):
    kind, now = raw[y * (line + 1)], bytearray(raw[y * (line + 1) + 1:(y + 1) * (line + 1)])
    for x in range(line):
        a = now[x - bytes_of_pixel] if x >= bytes_of_pixel else 0
        b, c = before[x], before[x - bytes_of_pixel] if x >= bytes_of_pixel else 0
        if kind == 1: now[x] = (now[x] + a) & 255
        elif kind == 2: now[x] = (now[x] + b) & 255
        elif kind == 3: now[x] = (now[x] + (a + b) // 2) & 255
        elif kind == 4:
            p = a + b - c
            pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
            now[x] = (now[x] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
    rows.append(bytes(now))
    before = now
pixel = lambda x, y: rows[y][x * bytes_of_pixel:x * bytes_of_pixel + 3]
paper = pixel(0, 0)
inked = sum(pixel(x, y) != paper for y in range(0, height, 3) for x in range(0, width, 3)) * 9 / (width * height)
colours = {pixel(x, y) for y in range(0, height, 3) for x in range(0, width, 3)}
edge = {pixel(width - 1, y) for y in range(height)}
print(f"{sys.argv[1]}: {width}x{height}, {len(colours)} colours, {inked:.0%} not paper")
assert inked > 0.05 and len(colours) > 20, "the page is blank"
assert edge == {paper}, "something sticks out at the right"
assert (sum(paper) > 3 * 128) == (sys.argv[2] == "light"), f"the page is not {sys.argv[2]}"
END
}

for report in "workload" "volume --by day" "first-response --by day" "tags"; do
  name=$(echo "$report" | tr -d ' -')
  # shellcheck disable=SC2086 # the words of the report
  espomail report $report --html "$work/$name.html"
  for width in 390 1280; do
    for scheme in light dark; do
      dark=$([ $scheme = dark ] && echo --blink-settings=preferredColorScheme=0 || echo --blink-settings=preferredColorScheme=1)
      # A telephone is looked at in a frame: a window is not as narrow as that.
      printf '<!DOCTYPE html><meta charset="utf-8"><style>html{color-scheme:light dark}body{margin:0}iframe{border:0;width:%spx;height:1000px}</style><iframe src="%s"></iframe>' \
        "$width" "$name.html" >"$work/frame.html"
      timeout 60 "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars \
        --user-data-dir="$work/profile" --host-resolver-rules="MAP * ~NOTFOUND" "$dark" --window-size="$width,1000" \
        --screenshot="$shots/$name-$width-$scheme.png" "file://$work/frame.html" >"$work/log" 2>&1 ||
        { cat "$work/log"; exit 1; }
      look "$shots/$name-$width-$scheme.png" "$scheme"
    done
  done
done
