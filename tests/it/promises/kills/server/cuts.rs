//! The connection to the server is cut.

use super::*;

#[test]
fn a_connection_that_is_cut_at_any_step_costs_no_mail() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let (mut cuts, mut told) = (0, 0);
    for fate in [Fate::Lost, Fate::Unanswered] {
        for nth in spread(rig.steps, 4) {
            let point = format!("{fate:?} at step {nth} of {}", rig.steps);
            let Some(run) = rig.harmed(Harm::new(Step::Any(nth), fate)) else { continue };
            rig.tells(&point, &run);
            (cuts, told) = (cuts + 1, told + usize::from(run.code == 75));
            rig.recovers(&point);
        }
    }
    assert!(told > 0, "no run noticed");
    let steps = format!("connection to PostgreSQL cut {cuts} times at {} steps", rig.steps);
    promise("R1", &format!("{steps}: lost, doubled or half made"), "0");
}

/// Opening a database takes steps of its own.
#[test]
fn a_command_whose_connection_is_cut_names_the_database() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let database = rig.cutter.host().to_str().unwrap();
    for nth in 1..=12 {
        rig.cutter.set_harm(Some(Harm::new(Step::Any(nth), Fate::Lost)));
        let run = rig.scene.sandbox.run(&["email", "list"]).exits(75);
        assert!(rig.cutter.is_done(), "step {nth}");
        assert!(run.stderr.contains(database) && run.stderr.contains("run it again"), "step {nth}: {run:#?}");
    }
}

/// A run that meets an error, unlike one that dies, raises no message's suspicion.
#[test]
fn mail_at_which_the_connection_is_cut_again_and_again_is_not_put_aside() {
    let rig = Rig::new(Postgres::shared(), fill_with_few);
    let import = rig.steps / 2;
    for nth in [import, import / 2, import / 2, import / 3, import / 3] {
        rig.tells("cut", &rig.harmed(Harm::new(Step::Any(nth), Fate::Lost)).unwrap());
    }
    rig.settle();
    let deaths = "SELECT id || '' FROM deliveries WHERE deaths > 0 OR outcome = 'quarantined'";
    assert_eq!(rig.scene.sandbox.query(deaths), [""; 0]);
    rig.recovers("cut five times");
}
