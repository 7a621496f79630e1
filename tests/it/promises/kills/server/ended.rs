//! The server is restarted, or ends what a run has begun.

use super::*;
use crate::support::Stop;

#[test]
fn a_server_that_is_restarted_costs_no_mail() {
    let postgres = Postgres::own();
    let rig = Rig::new(&postgres, fill_with_few);
    let (mut told, mut restarts) = (0, 0);
    for stop in [Stop::Fast, Stop::Immediate] {
        for nth in spread(rig.steps, 3) {
            let fate = if nth % 2 == 0 { Fate::Heard } else { Fate::Unanswered };
            let point = format!("{stop:?} restart at step {nth} of {}, {fate:?}", rig.steps);
            let harm = Harm::with(Step::Any(nth), fate, postgres.restart(stop));
            let Some(run) = rig.harmed(harm) else { continue };
            rig.tells(&point, &run);
            (told, restarts) = (told + usize::from(run.code == 75), restarts + 1);
            rig.recovers(&point);
        }
    }
    assert!(told > 0, "no run noticed");
    promise(
        "R1",
        &format!("PostgreSQL restarted at {restarts} steps (fast, immediate): lost, doubled or half made"),
        "0",
    );
}
