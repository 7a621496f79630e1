#!/usr/bin/env python3
"""The picture of a terminal in the README, of a real run.

usage: picture.py PROGRAM PICTURE.svg      needs faketime

A desk is made in a temporary directory, mail comes in on three days, and commands run on a terminal of 96 columns. What they
print there becomes the picture, with its colours.
"""
import html, os, pty, re, select, subprocess, sys, tempfile, termios, fcntl, struct

COLUMNS, LINES = 96, 60
WIDTH, HEIGHT, MARGIN, BAR = 8.43, 19, 22, 38
NOW = "2026-06-18 09:12:00"

# When, from whom, subject, text; mail of one subject is one conversation.
MAIL = [
    ("2026-06-16 10:02:00", "Eva Berg <eva@nordlicht.example>", "Lamp N4 does not light", "The lamp we got on Monday stays dark. Order 2231."),
    ("2026-06-16 15:40:00", "Kim Lindqvist <kim@fjord.example>", "Invoice 8812 twice", "You sent invoice 8812 twice. Which one is right?"),
    ("2026-06-17 08:31:00", "Luca Moretti <luca@olivo.example>", "Change of address", "From July on we are at Via Roma 5, Torino."),
    ("2026-06-17 16:22:00", "Maja Novak <maja@bistro.example>", "Offer for 40 chairs", "Please send an offer for 40 chairs, black."),
    ("2026-06-18 08:05:00", "Tom Hale <tom@harbour.example>", "Delivery before noon?", "Can you deliver before noon on Friday?"),
]
SHOWN = [
    ["case", "list", "is:open"],
    ["case", "show", "1"],
    ["case", "reply", "1", "-m", "A new lamp is on its way. Please keep the old one.", "--close"],
    ["email", "explain", "1"],
]
PALETTE = ["#1d2129", "#f07178", "#a6da95", "#eed49f", "#8aadf4", "#c6a0f6", "#8bd5ca", "#cad3f5"]
BRIGHT = ["#6e738d", "#f5a097", "#b9e6ab", "#f5e0b7", "#a6c1f7", "#d7bbf9", "#a8e0d8", "#ffffff"]
PAPER, INK, DIM = "#1d2129", "#cad3f5", "#8087a2"


def run(command, when, given=None):
    done = subprocess.run(["faketime", "-f", when, *command], input=given, capture_output=True)
    if done.returncode:
        sys.exit(f"{command}: {done.stderr.decode()}")


def on_terminal(command, when):
    """What a command prints on a terminal."""
    process, master = pty.fork()
    if process == 0:
        os.execvp("faketime", ["faketime", "-f", when, *command])
    fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    text = b""
    while select.select([master], [], [], 20)[0]:
        try:
            chunk = os.read(master, 65536)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    os.waitpid(process, 0)
    return text.decode().replace("\r\n", "\n").rstrip("\n")


def spans(line):
    """A line as (text, style) by its escape sequences of colours; others are left out."""
    style, at = {}, 0
    for found in re.finditer(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)", line):
        if found.start() > at:
            yield line[at:found.start()], dict(style)
        at = found.end()
        if found.group(2) != "m":
            continue
        codes = [int(code or 0) for code in found.group(1).split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                style = {}
            elif code in (1, 2, 4, 7):
                style[code] = True
            elif code in (22, 24, 27):
                for one in {22: (1, 2), 24: (4,), 27: (7,)}[code]:
                    style.pop(one, None)
            elif 30 <= code <= 37:
                style["ink"] = PALETTE[code - 30] if code > 30 else DIM
            elif 90 <= code <= 97:
                style["ink"] = BRIGHT[code - 90]
            elif code == 39:
                style.pop("ink", None)
            elif code == 38 and len(codes) > 1 and codes[0] == 5:
                codes.pop(0)
                index = codes.pop(0)
                style["ink"] = (PALETTE + BRIGHT)[index] if index < 16 else INK
    if at < len(line):
        yield line[at:], dict(style)


def picture(lines):
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + BAR + MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-labelledby="t">',
        '<title id="t">espomail in a terminal: the list of open cases, a case, an answer, and why a mail became a case</title>',
        f'<rect width="100%" height="100%" rx="10" fill="{PAPER}"/>',
        *(f'<circle cx="{22 + 20 * n}" cy="20" r="6" fill="{ink}"/>' for n, ink in enumerate(["#f07178", "#eed49f", "#a6da95"])),
        f'<g font-family="ui-monospace, Menlo, Consolas, \'DejaVu Sans Mono\', monospace" font-size="14" fill="{INK}" xml:space="preserve">',
    ]
    for row, line in enumerate(lines):
        column, parts = 0, []
        for text, style in spans(line):
            looks = [f'x="{MARGIN + column * WIDTH:.1f}"', f'textLength="{len(text) * WIDTH:.1f}"']
            looks += ['font-weight="bold"'] if 1 in style else []
            looks += [f'fill="{style.get("ink") or (DIM if 2 in style else INK)}"'] if style.get("ink") or 2 in style else []
            looks += ['text-decoration="underline"'] if 4 in style else []
            if text.strip():
                parts.append(f'<tspan {" ".join(looks)}>{html.escape(text, quote=False)}</tspan>')
            column += len(text)
        if parts:
            out.append(f'<text y="{BAR + (row + 1) * HEIGHT - 5}">{"".join(parts)}</text>')
    return "\n".join([*out, "</g>", "</svg>"]) + "\n"


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip().splitlines()[2])
    program, target = os.path.abspath(sys.argv[1]), sys.argv[2]
    with tempfile.TemporaryDirectory() as home:
        open(f"{home}/config.toml", "w").close()
        os.environ.update(HOME=home, ESPOMAIL_DB=f"{home}/e.db", ESPOMAIL_STATE=f"{home}/state", ESPOMAIL_CONFIG=f"{home}/config.toml", PW="pw", TERM="xterm-256color", LANG="C.UTF-8",
                          TZ="UTC", PAGER="cat", COLORTERM="truecolor")
        start = "2026-06-15 09:00:00"
        os.symlink(program, f"{home}/espomail")
        os.environ["PATH"] = f"{home}:" + os.environ["PATH"]
        espomail = lambda *words, at=start, given=None: run(["espomail", "--no-input", *words], at, given)
        espomail("init")
        espomail("team", "add", "Support")
        for user in ("ana", "budi"):
            espomail("user", "add", user, "--email", f"{user}@shop.example")
            espomail("team", "member", "add", "Support", user)
        espomail("account", "add", "support", "--kind", "group", "--address", "support@shop.example", "--secret", "env:PW",
                 "--smtp", "127.0.0.1:9", "--smtp-tls", "none", "--authserv-id", "mx.shop.example", "--create-case", "--case-team", "Support",
                 "--distribution", "round-robin")
        for number, (at, sender, subject, text) in enumerate(MAIL, 1):
            day = subprocess.run(["date", "-uRd", at], capture_output=True, text=True, check=True).stdout.strip()
            domain = sender.rstrip(">").split("@")[1]
            letter = (f"Authentication-Results: mx.shop.example; dkim=pass header.d={domain}; dmarc=pass header.from={domain}\n"
                      f"From: {sender}\nTo: support@shop.example\nSubject: {subject}\nDate: {day}\n"
                      f"Message-ID: <m{number}@customer.example>\n\nHello,\n\n{text}\n")
            espomail("ingest", "--account", "support", at=at, given=letter.encode())
        espomail("case", "tag", "1", "warranty", at=NOW)
        lines = []
        for words in SHOWN:
            typed = " ".join(f"'{word}'" if " " in word else word for word in words)
            lines += [f"\x1b[1m$ espomail {typed}\x1b[0m", *on_terminal(["espomail", "--as", "ana", *words], NOW).split("\n"), ""]
    with open(target, "w") as file:
        file.write(picture(lines[:-1]))


main()
