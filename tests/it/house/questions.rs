//! Every question and prompt of the sources is walked in both modes.

use std::collections::BTreeMap;

use super::layers::sources;
use crate::machine::questions::QUESTIONS;

/// What asks somebody at a terminal, or lets them write in their editor.
const ASKING: &[&str] = &["ctx.confirm(", "ctx.confirm_tried(", "ui.ask(", "ui.prompt(", "Sheet::open("];

#[test]
fn every_question_of_the_program_has_a_row_in_both_modes() {
    let mut asked = BTreeMap::<String, usize>::new();
    for (path, text) in sources() {
        // It asks for the others.
        let path = path.display().to_string();
        let count: usize = ASKING.iter().map(|asking| text.matches(asking).count()).sum();
        if count > 0 && path != "cli/confirm.rs" {
            asked.insert(path, count);
        }
    }
    let mut walked = BTreeMap::<String, usize>::new();
    for question in QUESTIONS {
        *walked.entry(question.source.to_owned()).or_default() += 1;
    }
    assert_eq!(asked, walked, "tests/it/machine/questions.rs has a row for each question of each file");
}
