#!/usr/bin/env python3
"""What one screen and one mail cost in a desk with years of mail, beside a small one.

usage: growth.py ESPOMAIL [--small N] [--large N] [--runs N] [--seconds N] [--keep DIR]

Makes a database of each size (ten short mails a case, 200 cases open), runs each command of a desk in both, and prints medians
and the slowest run of the wall time, medians of the CPU time, and ratios. "!" marks what is over the goals: a ratio of CPU
time of 1.3, a slowest run of 50 ms. Nothing is asserted; the exit code is 0. A size that is not ready after --seconds is made
smaller: the table says how many mails there are.
"""
import argparse, hashlib, os, random, shutil, sqlite3, statistics, subprocess, sys, tempfile, time

SEED = 20260101
OPEN = 200
PER_CASE = 10
BATCH = 10_000
RATIO, SLOWEST = 1.3, 0.050
SENDERS = 5_000


def words(rng, count):
    """Some far more frequent than others."""
    return " ".join(f"w{int(rng.random() ** 4 * 20_000)}" for _ in range(count))


class Rows:
    """Rows of one batch, table by table."""

    def __init__(self):
        self.tables = {}

    def add(self, table, **row):
        self.tables.setdefault((table, tuple(row)), []).append(tuple(row.values()))

    def write(self, database):
        for (table, columns), rows in self.tables.items():
            marks = ", ".join("?" * len(columns))
            database.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        database.commit()
        self.tables = {}


def one_case(rows, number, at, is_open):
    rows.add("cases", id=number, number=number, key=f"{number:016x}", name=f"Question {number}", description=f"case {number}",
             status="Assigned" if is_open else "Closed", account_id=1, assigned_user_id=1, created_at=at, modified_at=at,
             closed_at=None if is_open else at, waiting_for="us" if is_open else "", waiting_since=at if is_open else None)
    rows.add("case_teams", case_id=number, team_id=1)
    rows.add("followers", parent_type="case", parent_id=number, user_id=1)
    rows.add("case_waits", case_id=number, since=at, until=at + 60)


def one_mail(rows, rng, mail, number, at, count, is_recent):
    sender = f"c{number % SENDERS}@customer.example"
    rare = " rare" if mail % max(1, count // 20) == 0 else ""
    common = " common" if mail % 10 == 7 else ""
    text = words(rng, 20) + rare + common
    rows.add("raw_messages", id=mail, size=len(text), sha256=hashlib.sha256(text.encode()).digest(), codec="none", data=text.encode())
    rows.add("emails", id=mail, message_id=f"m{mail}@customer.example", raw_id=mail, status="Archived", subject=f"Question {number}",
             from_name=f"Customer {number % SENDERS}", from_address=sender, date=at, received_at=at, parent_type="case",
             parent_id=number, created_at=at)
    rows.add("email_bodies", email_id=mail, text=text)
    rows.add("email_addresses", email_id=mail, field="from", position=0, address=sender, name="")
    rows.add("email_addresses", email_id=mail, field="to", position=0, address="support@desk.example", name="")
    if mail % PER_CASE:
        first = mail - mail % PER_CASE
        rows.add("email_references", email_id=mail, position=0, message_id=f"m{first}@customer.example")
    else:
        rows.add("case_people", case_id=number, address=sender, role="customer", opened=1, reason="opened the case",
                 email_id=mail, since=at)
        rows.add("outbox", id=number, kind="auto-reply", account_id=1, case_id=number, message_id=f"r{number}@desk.example",
                 subject="Re", envelope_from="", raw_id=mail, state="sent", next_try_at=at, created_at=at, settled_at=at)
        rows.add("outbox_recipients", outbox_id=number, address=sender, state="sent")
        rows.add("auto_replies", account_id=1, address=sender, case_id=number, email_id=mail, outbox_id=number, created_at=at)
    rows.add("email_teams", email_id=mail, team_id=1)
    rows.add("email_users", email_id=mail, user_id=1, read=0 if is_recent else 1)
    rows.add("deliveries", account_id=1, folder="INBOX", uidvalidity=1, uid=mail, internal_date=at, size=len(text),
             outcome="imported", email_id=mail, received_at=at)
    for step in ("arrived", "parent", "case"):
        rows.add("email_decisions", email_id=mail, step=step, decision="so", created_at=at)
    rows.add("notes", parent_type="case", parent_id=number, kind="email-received", email_id=mail, created_at=at)
    rows.add("notifications", user_id=1, kind="email", parent_type="case", parent_id=number, email_id=mail, text="mail",
             created_at=at, read_at=None if is_recent else at)
    rows.add("log_entries", at=at, uid=0, caller_uid=0, command="case close", outcome="done")


class Desk:
    """A database of the program, filled past it: an import of so much mail would take hours."""

    def __init__(self, program, directory, count, seconds):
        self.program, self.database = program, f"{directory}/{count}.db"
        self.environment = {"PATH": os.environ["PATH"], "HOME": directory, "USER": "root", "TZ": "UTC", "PW": "x"}
        if os.path.exists(self.database):
            self.mails = count
            return
        for line in ("init", "team add Support", "user add ana --email ana@staff.example", "team member add Support ana",
                     "account add support --kind group --address support@desk.example --secret env:PW --smtp 127.0.0.1:9 "
                     "--smtp-tls none --case-team Support --create-case --distribution round-robin"):
            self.run(*line.split())
        started = time.monotonic()
        self.mails = self.fill(count, started + seconds)
        made = time.monotonic()
        # The first search puts into the full-text index what is not in it.
        self.run("email", "list", "rare")
        size = os.path.getsize(self.database) >> 20
        print(f"{self.mails:,} mails: made in {made - started:.0f} s, indexed in {time.monotonic() - made:.0f} s, {size:,} MiB",
              flush=True)

    def fill(self, count, until):
        database = sqlite3.connect(self.database)
        database.executescript("PRAGMA synchronous = off; PRAGMA cache_size = -400000")
        rows, rng, now = Rows(), random.Random(SEED), int(time.time())
        # The accounts were added before the first mail came.
        database.execute("UPDATE log_entries SET at = ?", (now - 60 * count - 7_200,))
        mails = 0
        for mail in range(1, count + 1):
            number, at = mail // PER_CASE + 1, now - 60 * (count - mail) - 3_600
            if mail % PER_CASE == 0 or mail == 1:
                one_case(rows, number, at, number % max(1, count // PER_CASE // OPEN) == 0)
            one_mail(rows, rng, mail, number, at, count, count - mail < 40)
            if mail % BATCH == 0 or mail == count:
                rows.write(database)
                mails = mail
                if time.monotonic() > until:
                    break
        database.execute("UPDATE instance SET next_case = (SELECT max(number) + 1 FROM cases)")
        database.commit()
        database.close()
        return mails

    def run(self, *arguments, given=b""):
        """Wall and CPU time of one command."""
        started = time.monotonic()
        child = subprocess.Popen([self.program, "--db", self.database, *arguments], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=self.environment)
        child.stdin.write(given)
        child.stdin.close()
        shown, said = child.stdout.read(), child.stderr.read()
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - started
        # `check` ends with what it finds.
        if child.returncode not in ((0, 1, 2, 3) if arguments[-1] == "check" else (0,)):
            sys.exit(f"{' '.join(arguments)}: {child.returncode} {said.decode()}")
        return wall, used.ru_utime + used.ru_stime, shown


def letter(run, is_reply):
    answers = f"References: <m{PER_CASE * (run + 1)}@customer.example>\r\n" if is_reply else ""
    number = (run + 1 + 1) % SENDERS if is_reply else 0
    sender = f"c{number}@customer.example" if is_reply else f"new{run}@other.example"
    return (f"From: <{sender}>\r\nTo: support@desk.example\r\nSubject: Broken {run}\r\n{answers}"
            f"Message-ID: <n{run}{is_reply}@other.example>\r\n\r\nIt is broken.\r\n").encode()


COMMANDS = [
    ("case list", "case list"),
    ("case list, a user", "--as ana case list"),
    ("case list --all", "case list --all"),
    ("case list --sort waiting", "case list --sort waiting"),
    ("case show", "case show 50"),
    ("case show, a user", "--as ana case show 50"),
    ("email list", "email list"),
    ("email list, a user", "--as ana email list"),
    ("email list --folder inbox, a user", "--as ana email list --folder inbox"),
    ("email show", "email show 50"),
    ("email list, a rare word", "email list rare"),
    ("email list, a common word", "email list common"),
    ("email list, a common word, a user", "--as ana email list common"),
    ("case list, a rare word", "case list --all rare"),
    ("case list, a common word", "case list --all common"),
    ("status", "status"),
    ("check", "check"),
    ("the day of a user", "--as ana"),
    ("notification list", "--as ana notification list"),
    ("outbox list", "outbox list"),
    ("outbox list --all", "outbox list --all"),
    ("log list", "log list"),
    ("log list --since", "log list --since 2h"),
]


def measure(desk, arguments, runs, given):
    times = [desk.run(*arguments, given=given(run)) for run in range(runs)]
    walls, own = [time[0] for time in times], [time[1] for time in times]
    return statistics.median(walls), max(walls), statistics.median(own)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("espomail")
    arguments.add_argument("--small", type=int, default=10_000)
    arguments.add_argument("--large", type=int, default=100_000)
    arguments.add_argument("--runs", type=int, default=30)
    arguments.add_argument("--seconds", type=int, default=600)
    arguments.add_argument("--keep", help="make the databases here and leave them, or take those that are here")
    given = arguments.parse_args()
    directory = given.keep or tempfile.mkdtemp(prefix="espomail-growth-")
    os.makedirs(directory, exist_ok=True)
    try:
        desks = [Desk(os.path.abspath(given.espomail), directory, count, given.seconds) for count in (given.small, given.large)]
        rows = [(name, line.split(), lambda run: b"") for name, line in COMMANDS]
        ingest = "ingest --account support".split()
        rows.append(("a mail that opens a case", ingest, lambda run: letter(run, False)))
        rows.append(("a mail that joins a case", ingest, lambda run: letter(run, True)))
        print(f"{'ms, of ' + str(given.runs) + ' runs':36} {'median':>15} {'slowest':>15} {'CPU':>15} {'ratio':>6}")
        for name, line, mail in rows:
            (few, few_worst, few_own), (many, worst, own) = [measure(desk, line, given.runs, mail) for desk in desks]
            over = "!" if own / few_own > RATIO or worst > SLOWEST else ""
            pair = lambda one, other: f"{one * 1000:7.1f} {other * 1000:7.1f}"
            print(f"{name:36} {pair(few, many)} {pair(few_worst, worst)} {pair(few_own, own)} {own / few_own:6.2f} {over}", flush=True)
    finally:
        if not given.keep:
            shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
