#!/usr/bin/env python3
"""Side by side: espomail, mbsync, fetchmail, getmail6 and plain SQLite on the same mail, on one private Dovecot.

usage: compare.py ESPOMAIL [--messages N] [--runs N]

Prints medians of wall and own CPU time, peak memory, and ratios. Tools that are not installed are said and left out
(Debian: isync fetchmail getmail6). Speed is measured here and asserted nowhere; the exit code is 0.
"""
import argparse, base64, imaplib, os, random, shutil, socket, statistics, subprocess, sys, tempfile, threading, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SEED = 20260101
WORDS = "order invoice delivery account question thank please today number customer machine broken replace Größe früh".split()


def mail(n, rng):
    """One message: median about 9 KB, mean about 40 KB, a few of some MB; text, HTML, attachments, threads."""
    size = min(int(rng.lognormvariate(9.1, 1.7)), 7_000_000)
    text = lambda count: " ".join(rng.choice(WORDS) for _ in range(count))
    head = (f"From: Customer {n} <c{n % 997}@customer.example>\r\nTo: desk@bench.example\r\nSubject: {text(5)}\r\n"
            f"Date: Mon, {1 + n % 28:02} Jun 2026 10:{n % 60:02}:00 +0000\r\nMessage-ID: <m{n}@customer.example>\r\n")
    if n % 3 == 0 and n > 10:
        head += f"In-Reply-To: <m{n - 7}@customer.example>\r\nReferences: <m{n - 7}@customer.example>\r\n"
    body = "\r\n".join(text(12) for _ in range(max(2, min(size, 20_000) // 90)))
    if size < 20_000:
        return (head + f"Content-Type: text/plain; charset=utf-8\r\n\r\n{body}\r\n").encode()
    lines = base64.encodebytes(rng.randbytes(size * 3 // 4)).replace(b"\n", b"\r\n")
    start = (head + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; "
             f"boundary=c\r\n\r\n--c\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{body[:4000]}\r\n--c\r\nContent-Type: text/html; "
             f"charset=utf-8\r\n\r\n<p>{body[:6000]}</p>\r\n--c--\r\n--b\r\nContent-Type: application/pdf; name=a{n}.pdf\r\n"
             "Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment\r\n\r\n")
    return start.encode() + lines + b"--b--\r\n"


class Server:
    """tests/servers/dovecot.sh, which ends when its standard input closes."""

    def __init__(self, directory):
        self.directory = directory
        self.script = subprocess.Popen([f"{ROOT}/tests/servers/dovecot.sh", "--rm", directory], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        ready = self.script.stdout.readline().split()
        self.imap, self.imaps = (int(word.split("=")[1]) for word in ready[1:])

    def fill(self, user, messages):
        with imaplib.IMAP4("127.0.0.1", self.imap) as imap:
            imap.login(user, "pw")
            for message in messages:
                imap.append("INBOX", None, None, message)

    def close(self):
        self.script.stdin.close()
        self.script.wait(30)


class Lag:
    """A proxy that holds every byte back for half a round trip, and counts the turns."""

    def __init__(self, upstream, round_trip):
        self.upstream, self.delay, self.turns = upstream, round_trip / 2, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            server = socket.create_connection(("127.0.0.1", self.upstream))
            talk = {"last": None}
            for name, source, sink in (("up", client, server), ("down", server, client)):
                source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                threading.Thread(target=self.pump, args=(name, source, sink, talk), daemon=True).start()

    def pump(self, name, source, sink, talk):
        queue, ready = [], threading.Condition()

        def send():
            while True:
                with ready:
                    while not queue:
                        ready.wait()
                    due, data = queue.pop(0)
                time.sleep(max(0, due - time.monotonic()))
                try:
                    sink.sendall(data) if data else sink.shutdown(socket.SHUT_WR)
                except OSError:
                    return
                if not data:
                    return
        threading.Thread(target=send, daemon=True).start()
        data = b"."
        while data:
            try:
                data = source.recv(1 << 18)
            except OSError:
                data = b""
            if data and name == "down" and talk["last"] == "up":
                self.turns += 1
            talk["last"] = name
            with ready:
                queue.append((time.monotonic() + self.delay, data))
                ready.notify()


class Sink:
    """An SMTP server that takes everything."""

    def __init__(self):
        self.listener, self.taken = socket.create_server(("127.0.0.1", 0)), 0
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines, say = client.makefile("rb"), lambda text: client.sendall(text + b"\r\n")
        say(b"220 sink")
        for line in lines:
            verb = line[:4].upper()
            if verb == b"DATA":
                say(b"354 go")
                while lines.readline() != b".\r\n":
                    pass
                self.taken += 1
            if verb == b"QUIT":
                return say(b"221 bye")
            say(b"250 ok")


def timed(argv, env=None, user=None):
    """Seconds of wall, seconds of own CPU, peak RSS in MB (by /proc: the kernel's own count includes this script's before exec)."""
    started = time.monotonic()
    child = subprocess.Popen(argv, user=user, group=user, extra_groups=user and [], env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    peak = [0.0]

    def watch():
        while True:
            try:
                with open(f"/proc/{child.pid}/status") as status:
                    peak[0] = next((int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")), peak[0])
            except OSError:
                return
            time.sleep(0.004)
    threading.Thread(target=watch, daemon=True).start()
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode not in (0, 1):
        print(f"  {argv[0]} ended with {child.returncode}: {said[-300:].decode(errors='replace')}", file=sys.stderr)
    return time.monotonic() - started, usage.ru_utime + usage.ru_stime, peak[0]


class Espomail:
    name = "espomail"

    def __init__(self, binary, home):
        self.binary, self.home = binary, home

    def start(self, users, port, tls=False, cases=None):
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)
        with open(f"{self.home}/c.toml", "w") as config:
            config.write('auto_reply_max_age = "3650d"\nauto_reply_per_hour = 0\nauto_reply_per_day = 0\nauto_reply_breaker = 0\ncase_burst = 0\n')
        self.env = {"PW": "pw"}
        self.do("init")
        extra = []
        if cases:
            self.do("team", "add", "Support")
            for agent in ("ana", "budi", "citra"):
                self.do("user", "add", agent)
                self.do("team", "member", "add", "Support", agent)
            subprocess.run([*self.argv("template", "add", "ack"), "--subject", "Received", "--body", "-"], input=b"Case {{ case.number }}\n",
                           check=True, stdout=subprocess.DEVNULL)
            extra = ["--create-case", "--case-team", "Support", "--distribution", "round-robin", "--auto-reply", "ack", "--smtp",
                     f"127.0.0.1:{cases}"]
        for user in users:
            mode = ["--tls", "implicit", "--ca", tls] if tls else ["--tls", "none"]
            self.do("account", "add", user, "--address", f"{user}@bench.example", "--imap", f"localhost:{port}", *mode, "--login", user,
                    "--secret", "env:PW", "--since", "1990-01-01", "--after", "keep", *extra)

    def argv(self, *arguments):
        return [self.binary, "--config", f"{self.home}/c.toml", "--db", f"{self.home}/e.db", "--no-input", *arguments]

    def do(self, *arguments):
        subprocess.run(self.argv(*arguments), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **self.env})

    def go(self):
        return timed(self.argv("fetch"), self.env)

    def move(self, users, port):
        for user in users:
            self.do("account", "edit", user, "--imap", f"localhost:{port}")


class Mbsync:
    name, needs = "mbsync", "mbsync"

    def __init__(self, home):
        self.home = home

    def start(self, users, port, tls=False, cases=None):
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(f"{self.home}/mail")
        self.configure(users, port, tls)

    move = lambda self, users, port: self.configure(users, port)

    def configure(self, users, port, tls=False):
        # Up to isync 1.4 the keywords are SSLType and Master/Slave-free Far/Near; 1.5 says TLSType.
        mode = f"SSLType IMAPS\nCertificateFile {tls}" if tls else "SSLType None"
        with open(f"{self.home}/rc", "w") as rc:
            for user in users:
                rc.write(f"IMAPAccount {user}\nHost localhost\nPort {port}\nUser {user}\nPass pw\n{mode}\nAuthMechs PLAIN LOGIN\n\n"
                         f"IMAPStore {user}-far\nAccount {user}\n\nMaildirStore {user}-near\nPath {self.home}/mail/{user}/\n"
                         f"Inbox {self.home}/mail/{user}/INBOX\n\nChannel {user}\nFar :{user}-far:\nNear :{user}-near:\nSync Pull New\n"
                         "Create Near\nSyncState *\n\n")
                os.makedirs(f"{self.home}/mail/{user}", exist_ok=True)

    def go(self):
        return timed(["mbsync", "-q", "-c", f"{self.home}/rc", "-a"])


class Fetchmail(Mbsync):
    name, needs = "fetchmail", "fetchmail"

    def configure(self, users, port, tls=False):
        with open(f"{self.home}/rc", "w") as rc:
            rc.write("set no bouncemail\n")
            for user in users:
                rc.write(f"poll localhost protocol imap port {port} username {user} password pw sslproto '' keep fetchall "
                         f"mda \"cat >> {self.home}/mbox\"\n")
        os.chmod(f"{self.home}/rc", 0o600)

    def go(self):
        return timed(["fetchmail", "-f", f"{self.home}/rc", "-s", "-i", f"{self.home}/ids", "--pidfile", f"{self.home}/pid"])


class Getmail(Mbsync):
    """Refuses to run as root, and is then run as user mail."""
    name, needs = "getmail", "getmail"
    user = "mail" if os.geteuid() == 0 else None

    def configure(self, users, port, tls=False):
        for user in users:
            for part in ("cur", "new", "tmp"):
                os.makedirs(f"{self.home}/mail/{user}/{part}")
            with open(f"{self.home}/rc.{user}", "w") as rc:
                rc.write(f"[retriever]\ntype = SimpleIMAPRetriever\nserver = 127.0.0.1\nport = {port}\nusername = {user}\npassword = pw\n"
                         f"use_peek = true\n[destination]\ntype = Maildir\npath = {self.home}/mail/{user}/\n[options]\ndelete = false\nverbose = 0\n")
        self.users = users
        if self.user:
            subprocess.run(["chown", "-R", f"{self.user}:{self.user}", self.home], check=True)

    def go(self):
        return timed(["getmail", f"--getmaildir={self.home}", *(f"--rcfile=rc.{user}" for user in self.users)], user=self.user)


class Floor:
    """The same bytes off a raw connection into one SQLite transaction: what no archive can beat by much."""
    name = "floor"

    def __init__(self, home):
        self.home = home

    def start(self, users, port, tls=False, cases=None):
        self.user, self.port = users[0], port
        shutil.rmtree(self.home, ignore_errors=True)
        os.makedirs(self.home)

    def go(self):
        program = f"""
import imaplib, sqlite3
db = sqlite3.connect({self.home!r} + "/f.db"); db.execute("PRAGMA journal_mode = wal"); db.execute("PRAGMA synchronous = full")
db.execute("CREATE TABLE m (raw BLOB)")
imap = imaplib.IMAP4("localhost", {self.port}); imap.login({self.user!r}, "pw"); imap.select("INBOX", True)
_, rows = imap.uid("FETCH", "1:*", "(BODY.PEEK[])")
with db:
    db.executemany("INSERT INTO m VALUES (?)", ((row[1],) for row in rows if isinstance(row, tuple)))
"""
        return timed([sys.executable, "-c", program])


def median(tool, start, runs, again=False):
    """Medians over runs; each from a fresh start unless `again`."""
    rows = []
    for _ in range(runs):
        if not again:
            start(tool)
        # mbsync waits for the end of a second in which its Maildir was changed.
        time.sleep(1.1)
        rows.append(tool.go())
    return [statistics.median(column) for column in zip(*rows)]


def table(title, results, count, must=""):
    print(f"\n{title}" + (f"   (must: {must})" if must else ""))
    base = results.get("mbsync")
    for name, (wall, cpu, rss) in results.items():
        ratio = f"{wall / base[0]:6.2f} x mbsync" if base else ""
        own = f"own CPU {1000 * cpu / count:6.3f} ms a mail" if count else f"own CPU {1000 * cpu:6.1f} ms"
        print(f"  {name:10} {wall:8.3f} s  {own:25}  {rss:6.1f} MB  {ratio}")
    sys.stdout.flush()


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("espomail")
    arguments.add_argument("--messages", type=int, default=5000)
    arguments.add_argument("--runs", type=int, default=3)
    options = arguments.parse_args()
    binary, runs, many = os.path.abspath(options.espomail), options.runs, options.messages
    work = tempfile.mkdtemp(prefix="bench.")
    os.chmod(work, 0o755)
    server = Server(f"{work}/dovecot")
    try:
        rng = random.Random(SEED)
        messages = [mail(n, rng) for n in range(many)]
        total = sum(map(len, messages))
        print(f"{many} messages, {total / many / 1024:.1f} KiB each on average, seed {SEED}, {os.cpu_count()} cores, medians of {runs} runs")
        server.fill("u1", messages[:1000])
        server.fill("u2", messages)
        server.fill("u3", messages[:500])
        small = [f"u{n}" for n in range(11, 61)]
        for n, user in enumerate(small):
            server.fill(user, messages[n * 20:n * 20 + 20])
        espomail, mbsync, floor = Espomail(binary, f"{work}/e"), Mbsync(f"{work}/m"), Floor(f"{work}/f")
        tools = [espomail, floor]
        for tool in (mbsync, Fetchmail(f"{work}/fm"), Getmail(f"{work}/gm")):
            if shutil.which(tool.needs):
                tools.append(tool)
            else:
                print(f"{tool.needs} is not installed: left out")
        plain = [tool for tool in tools if tool is espomail or tool is mbsync]
        ca = f"{server.directory}/tls/ca.pem"

        start = lambda user: lambda tool: tool.start([user], server.imap)
        table("First fetch of 1000", {t.name: median(t, start("u1"), runs) for t in tools}, 1000)
        table(f"First fetch of {many}", {t.name: median(t, start("u2"), runs) for t in tools if t.name not in ("fetchmail", "getmail")}, many,
              "wall <= 0.8 x mbsync and <= 2 x floor, CPU <= 0.6 ms, memory <= 60 MB")
        size = os.path.getsize(f"{work}/e/e.db")
        print(f"  database {size / total:.2f} x the raw bytes   (must: <= 0.9)")
        table(f"Nothing new on {many}", {t.name: median(t, None, runs, again=True) for t in plain}, 0, "<= 0.5 x mbsync")
        fresh = [mail(many + n, rng) for n in range(10)]
        server.fill("u2", fresh)
        table(f"10 new on {many}", {t.name: median(t, None, 1, again=True) for t in plain}, 10, "<= 1 x mbsync")
        lag = Lag(server.imap, 0.02)
        for tool in plain:
            tool.move(["u2"], lag.port)
        results, turns = {}, {}
        for tool in plain:
            lag.turns = 0
            results[tool.name], turns[tool.name] = median(tool, None, 1, again=True), lag.turns
        table(f"Nothing new on {many}, 20 ms round trip", results, 0, "<= 4 round trips")
        print(f"  round trips: {turns}")
        results = {}
        for tool in plain:
            lag.turns = 0
            results[tool.name], turns[tool.name] = median(tool, lambda t: t.start(["u1"], lag.port), 1), lag.turns
        table("First fetch of 1000, 20 ms round trip", results, 1000, "<= 1 x mbsync")
        print(f"  round trips: {turns}")
        results = {}
        for tool in plain:
            tool.start(small, server.imap)
            tool.go()
            tool.move(small, lag.port)
            results[tool.name] = median(tool, None, 1, again=True)
        table("Nothing new in 50 accounts, 20 ms round trip", results, 0, "<= 0.15 x mbsync")
        table(f"First fetch of {many} over TLS", {t.name: median(t, lambda t: t.start(["u2"], server.imaps, tls=ca), runs) for t in plain}, many,
              "<= 0.8 x mbsync")
        sink = Sink()
        row = median(espomail, lambda t: t.start(["u3"], server.imap, cases=sink.port), runs)
        print(f"\n500 mails to cases and automatic replies: {1000 * row[0] / 500:.2f} ms a mail, own CPU {1000 * row[1] / 500:.2f} ms   "
              f"(must: <= 5 ms)   {sink.taken // runs} replies a run")
    finally:
        server.close()
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
