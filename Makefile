# make test      what the project asks of every change: packages, format, lints, all tests, and some of them once more with a
#                private PostgreSQL
# make lint      format, lints and what deny.toml says of dependencies; installs nothing
# make test-postgres   all tests with a private PostgreSQL in the place of database files; POSTGRES=17 unpacks that release for it
# make quick     the tests that need no server and no root, in a minute after the build; installs nothing
# make demo      the main job on private servers, from customer mail to answered cases; with DB=postgres on PostgreSQL, and
#                with HOSTS=2 DB=postgres on several machines
# make promises  the promises of the manual page: the same tests as in "make test", with the program that is shipped, and
#                far longer (an hour or more); prints its table
# make makes     fetching, filing, sending and audit with Courier and Cyrus, unpacked and not installed, in the place of Dovecot
# make bench     side by side with mbsync and others on a private Dovecot, screens in a large archive, and a mail on SQLite
#                beside PostgreSQL: asserted nowhere
# make corpus    how mail is read, scored against other parsers (skipped where the corpus is not there)
# make build     target/release/espomail
# make install   binary, manual, examples and completion for bash, fish and zsh below PREFIX (default /usr/local) and DESTDIR
# make deb       target/package/espomail_VERSION_MACHINE.deb
# make dist      what a release consists of, in target/dist: sources with all crates, a binary, the package, checksums
# make test-package   the package on a bare Debian in a folder, and the page of reports in a browser; needs root and the network
# make install-service   as root, after that: a service user owns the database, a group may run espomail through sudo
#
# "test", "test-postgres" and "demo" install missing Debian packages (root or sudo); no service is started.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PREFIX ?= /usr/local
JOBS ?= 2
# Tests wait for disks and servers more than they work.
export RUST_TEST_THREADS ?= 4
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: build test test-postgres quick lint demo promises makes bench corpus install install-service deb dist test-package

build:
	cargo build --release --locked -j$(JOBS)

# The last line sums up all test programs; one that died without a result counts as a failure. Those that run with a private
# PostgreSQL come after a line that says so, and tests about database files say there that they are skipped, as
# those about PostgreSQL do elsewhere.
SUM = awk ' \
  { print; fflush() } \
  /^With PostgreSQL/ { there = 1; before = passed } \
  /^ +(Running|Doc-tests) / { failed++ } \
  /skipped: about (a database file|PostgreSQL)/ { passed--; skipped++ } \
  /^test result:/ { passed += $$4; failed += $$6 - 1; skipped += $$8 } \
  END { printf "%d passed, %d failed, %d skipped", passed, failed, skipped; \
    if (there) printf " (with PostgreSQL: %d passed)", passed - before; print "" }'

# Lints and tests need one build: clippy compiles the crate here, as "cargo clippy" lets it, and makes code too. Any other
# call of cargo builds the crate again, without clippy; what it depends on is shared. Where nothing was built before, nothing is
# kept for the next build of a part.
test: export RUSTC_WORKSPACE_WRAPPER := clippy-driver
test: export CLIPPY_ARGS := -Dwarnings
test: export CARGO_INCREMENTAL := $(if $(wildcard $(TARGET)/debug),1,0)
test:
	tests/install-packages.sh
	cargo fmt --check
	cargo test --no-run --tests --bench '*' --locked -j$(JOBS)
	{ $(TEST_ALL) || failed=1; echo "With PostgreSQL:"; tests/with-postgres.sh $(SHELL) -c '$(TEST_CHOSEN)' || failed=1; \
	  exit $${failed:-0}; } 2>&1 | $(SUM)

TEST_ALL = CARGO_TERM_COLOR=never cargo test --locked -j$(JOBS) --no-fail-fast
# What tells most of the other engine in little time: every statement of the store, the two engines against each other, whole
# messages, and the program with its lists and changes. The tests of files and sources have run already, and those of
# kills, cut connections and several machines have servers of their own.
TEST_CHOSEN = export ESPOMAIL_QUERIES=500 ESPOMAIL_READS=1; \
	  $(TEST_ALL) --lib -- store:: --skip older:: --skip growth:: --skip portable:: --skip letters:: || failed=1; \
	  $(TEST_ALL) --test it -- memory::intake program::bulk || failed=1; \
	  exit $${failed:-0}

test-postgres:
	tests/install-packages.sh
	$(if $(POSTGRES),found=$$(tests/servers/postgres-release.sh $(POSTGRES) $(TARGET)/postgres-$(POSTGRES)); export ESPOMAIL_TEST_PGBIN=$$found;) \
	{ echo "With PostgreSQL:"; \
	  CARGO_TERM_COLOR=never tests/with-postgres.sh cargo test --locked -j$(JOBS) --no-fail-fast; } 2>&1 | $(SUM)

# What is next to the code, and the folders of tests/it that need no server.
TEST_QUICKLY = CARGO_TERM_COLOR=never cargo test --locked -j$(JOBS) --no-fail-fast
quick:
	{ $(TEST_QUICKLY) --lib || failed=1; $(TEST_QUICKLY) --test it -- memory:: program:: house:: || failed=1; \
	  exit $${failed:-0}; } 2>&1 | $(SUM)

lint:
	cargo fmt --check
	cargo clippy --all-targets --locked -j$(JOBS) -- -D warnings
	cargo clippy --no-default-features --locked -j$(JOBS) -- -D warnings
	@if ! command -v cargo-deny >/dev/null; then echo "skipped: cargo-deny is not installed"; exit; fi; \
	  cargo deny --locked check licenses bans sources; \
	  if cargo deny fetch db 2>/dev/null; then cargo deny --locked check advisories; \
	  else echo "skipped: the database of advisories cannot be fetched"; fi

# DB=postgres puts its database on a private PostgreSQL, on which HOSTS machines work then.
HOSTS ?= 1
demo:
	@tests/install-packages.sh
	@HOSTS=$(HOSTS) $(if $(filter postgres,$(DB)),tests/with-postgres.sh) tests/demo.sh

POINTS ?= 600
ROUNDS ?= 200
DAYS ?= 200
MAILS ?= 100000
MACHINES ?= 1000
# SHIPPED is what is installed; POISONED differs in nothing but the triggers of src/intake/poison.rs and leases that tests can
# make shorter.
promises: TEST = CARGO_TERM_COLOR=never cargo test --locked -j$(JOBS)
promises: SHIPPED = ESPOMAIL_BINARY=$(TARGET)/release/espomail
promises: POISONED = ESPOMAIL_BINARY=$(TARGET)/release/espomail-poison
# What needs those triggers elsewhere.
promises: ABROAD = discovery machine_that_slept
promises:
	tests/install-packages.sh
	cargo build --release --locked -j$(JOBS) --features poison
	cp $(TARGET)/release/espomail $(TARGET)/release/espomail-poison
	cargo build --release --locked -j$(JOBS)
	@echo "POINTS=$(POINTS) ROUNDS=$(ROUNDS) DAYS=$(DAYS) MAILS=$(MAILS), $$(date -u +%F)"
	ESPOMAIL_POINTS=$(POINTS) ESPOMAIL_ROUNDS=$(ROUNDS) ESPOMAIL_DAYS=$(DAYS) ESPOMAIL_STOPS=400 ESPOMAIL_BREAKS=1 \
	  ESPOMAIL_GUESSES=10000 ESPOMAIL_SHARE=1 ESPOMAIL_CONVERSED=10000 ESPOMAIL_RENEWALS=200 ESPOMAIL_TOKEN_MESSAGES=5000 $(SHIPPED) $(TEST) -- kills overlap model misbehaviour \
	  broken_messages contradictions certificates starttls guesses roles_matrix renewals oauth::dovecot who stops --skip poison --skip four_machines --nocapture 2>&1 | $(TABLE)
	ESPOMAIL_MAILS=1000 $(POISONED) $(TEST) --test it -- poison --nocapture 2>&1 | $(TABLE)
	ESPOMAIL_POINTS=$(MACHINES) $(POISONED) $(TEST) --test it -- four_machines --nocapture 2>&1 | $(TABLE)
	ESPOMAIL_PRODUCTS=1 $(SHIPPED) $(TEST) --test it -- products --test-threads=1 --nocapture 2>&1 | $(TABLE)
	ESPOMAIL_MAILS=$(MAILS) $(POISONED) $(TEST) --test it -- soak --nocapture 2>&1 | $(TABLE)
	ESPOMAIL_DAMAGES=10 ESPOMAIL_WORDS=10000 ESPOMAIL_RESTORES=200 ESPOMAIL_QUERIES=30 ESPOMAIL_LOOP_DAYS=3 $(SHIPPED) $(TEST) --test it -- --skip poison --skip four_machines --skip soak --skip what_cannot_be_imported_is_named_or_kept $(addprefix --skip ,$(ABROAD)) 2>&1 | $(TABLE)
	$(POISONED) $(TEST) --test it -- $(ABROAD) 2>&1 | $(TABLE)
	$(SHIPPED) JOBS=$(JOBS) tests/servers/makes.sh
	$(TEST) --config profile.dev.package.clap_builder.debug-assertions=true --lib -- the_grammar 2>&1 | $(TABLE)

makes:
	tests/install-packages.sh
	JOBS=$(JOBS) tests/servers/makes.sh

# Of all that the tests say: what was shown, and what failed.
TABLE = awk '/^(test .* )?promise / { sub(/^(test .* )?promise /, ""); print; fflush() } / FAILED$$|panicked at|^test result: F|^error/ { print; fflush(); failed = 1 } END { exit failed }'

# BENCH="--messages 20000 --runs 1" and the like; GROWTH="--large 1000000" takes half an hour.
bench: build
	benches/compare.py target/release/espomail $(BENCH)
	benches/growth.py target/release/espomail $(GROWTH)
	tests/with-postgres.sh --fsync cargo bench --locked -j$(JOBS) --bench engines
	tests/with-postgres.sh --fsync benches/hosts.py target/release/espomail $(HOSTS_BENCH)

corpus: build
	tests/corpus.sh target/release/espomail

PROGRAM ?= $(TARGET)/release/espomail
install:
	install -D -m 755 $(PROGRAM) $(DESTDIR)$(PREFIX)/bin/espomail
	install -D -m 644 contrib/completions/espomail.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/espomail
	install -D -m 644 contrib/completions/_espomail $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_espomail
	install -D -m 644 contrib/completions/espomail.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/espomail.fish
	install -D -m 644 config.example.toml $(DESTDIR)$(PREFIX)/share/doc/espomail/examples/config.toml
	install -D -m 644 CHANGELOG.md $(DESTDIR)$(PREFIX)/share/doc/espomail/CHANGELOG.md
	install -D -m 644 contrib/crontab $(DESTDIR)$(PREFIX)/share/doc/espomail/examples/crontab
	for file in contrib/two-hosts/*; do install -D -m 644 "$$file" "$(DESTDIR)$(PREFIX)/share/doc/espomail/examples/two-hosts/$${file##*/}"; done
	for page in man/*; do install -D -m 644 "$$page" "$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}"; done

install-service:
	PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) contrib/install-service.sh

# The Debian package, with a unit and a timer that nothing starts, and without a line for cron.
deb: build
	contrib/deb/build.sh $(PROGRAM) $(TARGET)/package

# Of the last commit.
dist:
	contrib/dist.sh $(TARGET)/dist

test-package: build
	tests/install-packages.sh package
	tests/package/all.sh $(PROGRAM)
