//! Every question and prompt of the program, asked once in each mode: a terminal of the enforced mode shows what one of the
//! advisory mode shows. A test of the house finds questions of the sources without a row.

use crate::support::{Mode, Modes, Typed};

/// A question of the program.
pub struct Question {
    /// The file of src that asks it.
    pub source: &'static str,
    /// Words that are shown when it is asked.
    pub asked: &'static str,
    /// What asks it. `DRAFT` is the draft that mail came after, `OTHER` one that is as new as its case.
    line: &'static str,
    /// What is waited for, and typed then.
    steps: &'static [(&'static str, &'static str)],
    /// A no is walked, too.
    and_no: bool,
    /// In enforced mode only root is allowed to do it.
    by_root: bool,
}

const fn question(source: &'static str, asked: &'static str, line: &'static str) -> Question {
    Question { source, asked, line, steps: &[("[y/N] ", "y\n")], and_no: true, by_root: false }
}

const fn typed(
    source: &'static str,
    asked: &'static str,
    line: &'static str,
    steps: &'static [(&str, &str)],
) -> Question {
    Question { source, asked, line, steps, and_no: false, by_root: false }
}

const PASSWORD: &[(&str, &str)] = &[("Password: ", "geheim-7\n")];

pub const QUESTIONS: &[Question] = &[
    typed(
        "cli/account/discover.rs",
        "Use these servers?",
        "espomail account add neu --address neu@gmail.com --no-test",
        &[("[y/N] ", "y\n"), ("Password: ", "geheim-7\n")],
    ),
    typed("cli/account/secret.rs", "Password: ", "espomail account edit spare --secret stdin", PASSWORD),
    question("cli/account.rs", "Delete account spare?", "espomail account delete spare"),
    question("cli/account.rs", "Look at everything in spare again?", "espomail account reset spare"),
    question("cli/case/change.rs", "Case #2 is assigned to budi. Take it?", "espomail case take 2"),
    typed(
        "cli/case/link.rs",
        "Is that contact Jonas Weber, too?",
        "espomail case link 4 contact/1",
        &[("[y/N] ", "y\n")],
    ),
    typed(
        "cli/case/link.rs",
        "get a copy of answers?",
        "espomail case link 4 contact/1",
        &[("[y/N] ", "n\n"), ("[y/N] ", "y\n")],
    ),
    question(
        "cli/case/targets.rs",
        "Close 1 case that matches subject:kettle?",
        "espomail case close --query subject:kettle",
    ),
    question("cli/case/order.rs", "Merge case #3 into #4?", "espomail case merge 3 4"),
    Question {
        by_root: true,
        ..question("cli/db/restore.rs", "Put the backup of ", "espomail db restore /usr/local/copy.db")
    },
    question("cli/db/prune.rs", "Remove what is older than 30d for good: ", "espomail db prune --older 30d --kind log"),
    question("cli/email/link.rs", "Delete email 3 for good, for everybody?", "espomail email delete 3 --reason spam"),
    question("cli/filter/change.rs", "Delete the filter noise?", "espomail filter delete noise"),
    question("cli/folder.rs", "Delete folder Later?", "espomail folder delete Later"),
    question("cli/letter.rs", "Delete draft ", "espomail email delete DRAFT"),
    question("cli/letter.rs", "Send anyway?", "espomail email send DRAFT"),
    question("cli/letter.rs", "Send it?", "espomail email reply 12 -m Danke."),
    // The editor writes a letter, and changes a draft.
    typed("cli/letter.rs", "draft ", "EDITOR=~/types espomail case reply 2 --draft", &[]),
    typed("cli/letter.rs", "draft ", "EDITOR=~/types espomail email edit OTHER", &[]),
    question(
        "cli/outbox.rs",
        "Send it with the next run?",
        "espomail outbox retry $(espomail -q case reply 2 -m Later --at 2031-01-02T09:00 | head -n 1)",
    ),
    question(
        "cli/quarantine.rs",
        " away for good?",
        "espomail quarantine discard $(espomail -q quarantine list) --reason spam",
    ),
    question(
        "cli/record/change.rs",
        "Delete company Kontor Weber GmbH?",
        "espomail record delete company 'Kontor Weber GmbH'",
    ),
    question(
        "cli/record/erase.rs",
        "Erase contact Jonas Weber with all their mail?",
        "espomail record erase contact 'Jonas Weber'",
    ),
    question("cli/search.rs", "Delete search late?", "espomail search delete late"),
    question("cli/role.rs", "Delete role Extra?", "espomail role delete Extra"),
    question("cli/team.rs", "Delete team Empty?", "espomail team delete Empty"),
    question("cli/template.rs", "Delete template Ack?", "espomail template delete Ack"),
    question("cli/user/name.rs", "Delete user typo?", "espomail user delete typo"),
];

/// The same questions where more happens in between: files that are sent, other answers, another screen.
const MORE: &[Question] = &[
    typed("", "Password: ", "espomail account secret spare --secret stdin", PASSWORD),
    typed(
        "",
        "Password of SMTP: ",
        "espomail account edit spare --secret stdin --smtp-secret stdin",
        &[("Password of IMAP: ", "geheim-7\n"), ("Password of SMTP: ", "geheim-8\n")],
    ),
    question("", "Send it?", "espomail email reply 12 -m Danke. --attach ~/file.txt"),
    question("", "Send it?", "espomail email reply 12 -F ~/file.txt"),
    typed("", "in the outbox", "EDITOR=~/types espomail email reply 12", &[("[y/N] ", "y\n")]),
    // Somebody who is asked after the editor and says no has a draft.
    typed(
        "",
        "nothing was changed; what you wrote is draft",
        "EDITOR=~/types espomail email reply 12",
        &[("[y/N] ", "n\n")],
    ),
    typed("", "ended with exit code 3; what you wrote is draft", "EDITOR=~/fails espomail case reply 2", &[]),
    typed("", "cancelled: nothing was changed", "EDITOR=true espomail case reply 2", &[]),
    // Neither yes nor no is asked again; the end of the input is a no.
    typed("", "team Empty deleted", "espomail team delete Empty", &[("[y/N] ", "perhaps\n"), ("[y/N] ", "YES\n")]),
    typed("", "nothing was changed", "espomail team delete Empty", &[("[y/N] ", "\n")]),
    typed("", "nothing was changed", "espomail team delete Empty", &[("[y/N] ", "\u{4}")]),
    typed("", "nothing was changed", "espomail email reply 12 -F ~/file.txt", &[("[y/N] ", "\u{4}")]),
    typed("", "not confirmed", "espomail --no-input team delete Empty", &[]),
    typed("", "not confirmed", "espomail --no-input email reply 12 -F ~/file.txt", &[]),
    typed("", "team Empty deleted", "espomail -y team delete Empty", &[]),
    typed("", "no password was typed", "espomail account secret spare --secret stdin", &[("Password: ", "\n")]),
    // A text that is typed, to its end.
    typed(
        "",
        "note",
        "echo typing; espomail case note 2 -F -; espomail stream case/2",
        &[("typing", "she called\n\u{4}")],
    ),
    typed("", "the text is missing", "espomail case note 2", &[]),
    typed("", "dry run", "espomail --dry-run team delete Empty", &[]),
    // The window is another one from one command to the next.
    typed(
        "",
        "Lieferung",
        "espomail case list; stty cols 60; espomail case list; stty cols 120 rows 40; espomail case list",
        &[],
    ),
];

fn shop() -> Option<Modes> {
    let modes = Modes::shop(
        "espomail -q user edit ana --type admin && espomail -q user add typo && espomail -q role add Extra &&
        espomail -q team add Empty && echo x | espomail -q template add Ack --subject s --body - &&
        espomail -q filter add noise --scope global --if subject=noise --do no-case &&
        espomail -q --as ana folder add Later && espomail -q --as ana search add late is:waiting &&
        echo pw | espomail -q account add spare --kind group --address spare@desk.example --imap imap.example.org --secret stdin &&
        espomail -q --as ana email send --to a@b.example --subject Other -m x --draft --account support &&
        espomail -q --as ana case reply 2 -m 'Guten Tag' --draft &&
        printf 'From: weber@kontor.example\\nTo: support@desk.example\\nSubject: [#2] und noch etwas\\nMessage-ID: <late@kontor.example>\\n\\nBitte.\\n' |
            espomail ingest --account support &&
        espomail -q filter add unread --scope global --if subject=unreadable --do skip &&
        printf 'From: a@b.example\\nTo: support@desk.example\\nSubject: unreadable\\n\\nx\\n' | espomail ingest --account support &&
        python3 -c 'import sqlite3; d = sqlite3.connect(\"/var/lib/espomail/espomail.db\"); d.execute(\"UPDATE deliveries SET outcome = \\\"quarantined\\\" WHERE outcome = \\\"skipped\\\"\"); d.commit()' &&
        espomail -q db backup /var/lib/espomail/copy.db && mv /var/lib/espomail/copy.db /usr/local/ && chmod 644 /usr/local/copy.db",
    )?;
    let files = "printf '#!/bin/sh\\necho typed by ana >>\"$1\"\\n' >types && (cat types && echo exit 3) >fails && chmod 755 types fails && echo 'a file' >file.txt";
    modes.machine.run("ana", files).ok();
    Some(modes)
}

/// Walks a question in both modes from the same rows; what is wrong with what is seen.
fn walk(modes: &Modes, question: &Question, steps: &[(&str, &str)]) -> Option<String> {
    let Question { line, by_root, asked, .. } = question;
    // What the drafts are called.
    let find = |subject: &str| format!("$(espomail -q email list --folder drafts {subject})");
    let script = line.replace("DRAFT", &find("Lieferung")).replace("OTHER", &find("Other"));
    let typed = Typed { columns: 100, rows: 1000, script: &script, steps };
    let [enforced, advisory] = Mode::BOTH.map(|mode| {
        modes.begin(mode);
        let run = modes.typed(if *by_root && mode == Mode::Enforced { "root" } else { "ana" }, &typed);
        let shown = run.stdout.replace(mode.directory(), "DIRECTORY");
        // By the second at which it is asked.
        let shown = match shown.split_once(".before-restore-") {
            Some((before, after)) => format!("{before}.{}", after.get(16..).unwrap_or_default()),
            None => shown,
        };
        format!("{shown}exit code {}", run.code)
    });
    let faults = [
        (enforced != advisory, "the modes differ"),
        (!advisory.contains(asked), "it is not asked"),
        (advisory.contains("never seen"), "more is waited for"),
        (advisory.contains("geheim"), "the password is shown"),
    ];
    let faults: Vec<&str> = faults.into_iter().filter(|(is, _)| *is).map(|(_, fault)| fault).collect();
    (!faults.is_empty()).then(|| {
        format!("{line} {steps:?}: {}\n--- enforced\n{enforced}\n--- advisory\n{advisory}\n", faults.join(", "))
    })
}

#[test]
fn every_question_is_the_same_in_both_modes() {
    let Some(modes) = shop() else { return };
    let mut faults = Vec::new();
    for question in QUESTIONS.iter().chain(MORE) {
        if question.and_no {
            faults.extend(walk(&modes, question, &[("[y/N] ", "n\n")]));
        }
        faults.extend(walk(&modes, question, question.steps));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
