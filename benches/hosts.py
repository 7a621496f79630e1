#!/usr/bin/env python3
"""What 1, 2, 4 and 8 machines do together with one PostgreSQL: each has a state directory of its own, all are on this machine.

usage: tests/with-postgres.sh --fsync benches/hosts.py ESPOMAIL [--accounts N] [--mails N] [--hosts 1,2,4,8]

Prints, for mail that is received only (a filter skips it), is archived, and opens cases: mails a second over all machines, the share of their time in
which they wait for the turn to write (sampled), and median, 99th percentile and maximum of a command that writes meanwhile.
Nothing is asserted; the exit code is 0.
"""
import argparse, os, random, statistics, subprocess, sys, tempfile, threading, time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare

WAITING = """SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'espomail %' AND wait_event_type = 'Lock'"""


class Desk:
    def __init__(self, program, directory, server, name):
        self.program, self.directory, self.name = program, directory, name
        self.psql = sorted(os.path.join("/usr/lib/postgresql", v, "bin/psql") for v in os.listdir("/usr/lib/postgresql"))[-1]
        self.database = server.replace("///?", "///espomail?") + f"&schema={name}"
        self.plain = server.replace("///?", "///espomail?")
        self.run(0, "init")

    def command(self, host, *words):
        state = f"{self.directory}/{self.name}-{host}"
        os.makedirs(state, mode=0o700, exist_ok=True)
        config = f"{self.directory}/config.toml"
        if not os.path.exists(config):
            open(config, "w").write("jobs = 4\njobs_per_host = 50\n")
        return [self.program, "--db", self.database, "--state", state, "--config", config, *words]

    def run(self, host, *words):
        done = subprocess.run(self.command(host, *words), capture_output=True, text=True, env={"HOME": self.directory, "PATH": "/usr/bin:/bin"})
        if done.returncode not in (0, 75):
            sys.exit(f"{words}: {done.stderr}")
        return done

    def ask(self, sql):
        return subprocess.run([self.psql, "-XAtqc", sql, self.plain], capture_output=True, text=True).stdout.strip()

    def fetch(self, hosts, mails):
        """All machines fetch until every mail is there: seconds, share of time spent waiting, times of a command that writes."""
        over, waits, writes = threading.Event(), [], []
        count = f"SELECT count(*) FROM {self.name}.deliveries WHERE outcome <> 'received'"

        def work(host):
            while not over.is_set():
                self.run(host, "fetch", "--no-send", *self.names)
                if int(self.ask(count)) >= mails:
                    over.set()

        def sample():
            while not over.is_set():
                waits.append(int(self.ask(WAITING) or 0))

        def write():
            number = 0
            while not over.is_set():
                number += 1
                begun = time.monotonic()
                self.run(99, "team", "add", f"t{number}")
                writes.append(time.monotonic() - begun)

        threads = [threading.Thread(target=work, args=(host,)) for host in range(hosts)]
        threads += [threading.Thread(target=sample), threading.Thread(target=write)]
        begun = time.monotonic()
        for thread in threads:
            thread.start()
        over.wait()
        took = time.monotonic() - begun
        for thread in threads:
            thread.join()
        return took, statistics.mean(waits or [0]) / hosts, sorted(writes or [0])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("espomail")
    arguments.add_argument("--accounts", type=int, default=16)
    arguments.add_argument("--mails", type=int, default=25, help="of each account")
    arguments.add_argument("--hosts", default="1,2,4,8")
    given = arguments.parse_args()
    server = os.environ.get("ESPOMAIL_TEST_SERVER") or sys.exit("run it within tests/with-postgres.sh")
    rng = random.Random(compare.SEED)
    with tempfile.TemporaryDirectory(suffix=".hosts") as work:
        os.chmod(work, 0o755)
        dovecot = compare.Server(f"{work}/dovecot")
        with open(f"{work}/password", "w") as file:
            file.write("pw\n")
        os.chmod(f"{work}/password", 0o600)
        number = 0
        for account in range(given.accounts):
            letters = []
            for _ in range(given.mails):
                number += 1
                letters.append(f"From: c{number}@c{number}.example\r\nTo: a{account}@bench.example\r\nSubject: Question {number}\r\n"
                               f"Date: Mon, 01 Jun 2026 10:00:00 +0000\r\nMessage-ID: <h{number}@c.example>\r\n\r\n"
                               + "\r\n".join(" ".join(rng.choice(compare.WORDS) for _ in range(12)) for _ in range(20)) + "\r\n")
            dovecot.fill(f"u{account + 1}", [letter.encode() for letter in letters])
        mails = given.accounts * given.mails
        print(f"{mails} mails of {given.accounts} accounts; medians and p99 of a command that writes, in ms")
        print(f"{'':<10}{'hosts':>6}{'mails/s':>10}{'waiting':>10}{'median':>9}{'p99':>9}{'max':>9}")
        for kind in ("receive", "archive", "cases"):
            for hosts in map(int, given.hosts.split(",")):
                desk = Desk(given.espomail, work, server, f"{kind}{hosts}")
                desk.run(0, "team", "add", "Support")
                if kind == "receive":
                    desk.run(0, "filter", "add", "all", "--scope", "global", "--if", "subject=*", "--do", "skip")
                desk.names = [f"a{account}" for account in range(given.accounts)]
                for account, name in enumerate(desk.names):
                    more = ["--create-case", "--case-team", "Support"] if kind == "cases" else []
                    desk.run(0, "account", "add", name, "--kind", "group", "--address", f"{name}@bench.example", "--imap",
                             f"127.0.0.1:{dovecot.imap}", "--tls", "none", "--login", f"u{account + 1}", "--secret",
                             f"file:{work}/password", "--since", "2020-01-01", *more)
                took, waiting, writes = desk.fetch(hosts, mails)
                at = lambda share: 1000 * writes[min(len(writes) - 1, int(len(writes) * share))]
                print(f"{kind:<10}{hosts:>6}{mails / took:>10.0f}{waiting:>10.0%}{at(.5):>9.0f}{at(.99):>9.0f}{at(1):>9.0f}", flush=True)
        dovecot.close()


if __name__ == "__main__":
    main()
