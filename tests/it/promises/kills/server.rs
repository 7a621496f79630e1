//! A database server that is gone for a moment, at every step of a run (promise R1): the run goes on or says so, and the
//! next one makes of it what an undisturbed one makes.

use std::sync::Arc;

use super::{Scene, recover_and_compare, scene_in, undisturbed};
use crate::support::{Cutter, Harm, Postgres, Sandbox, asked, is_on_server, promise};

/// True, with a word in the output, where the database is a file in this run.
fn no_server() -> bool {
    if !is_on_server() {
        eprintln!("skipped: about a database server");
    }
    !is_on_server()
}

/// The steps of a run at which harm is done, spread evenly, and whether the server still does each.
fn points(all: usize, usual: usize) -> Vec<(usize, bool)> {
    let points = asked("ESPOMAIL_POINTS", usual).min(all);
    (1..=points).map(|point| ((all * point).div_ceil(points), point % 2 == 0)).collect()
}

/// Runs `fetch` with harm at each of these points; how many runs ended with an error.
fn harmed(what: &str, server: &str, usual: usize, deed: &Arc<dyn Fn() + Send + Sync>) {
    let wanted = undisturbed();
    let through = |scene: &Scene| {
        let cutter = Cutter::new(server);
        scene.sandbox.connect_through(cutter.host());
        cutter
    };
    let counted = scene_in(Sandbox::on(server));
    let cutter = through(&counted);
    counted.sandbox.run(&["fetch"]).ok();
    let all = cutter.steps();
    let (points, mut told) = (points(all, usual), 0);
    for &(nth, is_served) in &points {
        let point = format!("{what} at step {nth} of {all}, {}", if is_served { "done" } else { "not done" });
        let scene = scene_in(Sandbox::on(server));
        let cutter = through(&scene);
        cutter.set_harm(Some(Harm { nth, is_served, deed: Arc::clone(deed) }));
        let run = scene.sandbox.run(&["fetch"]);
        assert!(cutter.is_done() || nth * 10 > all * 9, "{point}: not reached");
        assert!([0, 75].contains(&run.code), "{point}: {run:#?}");
        // A run that failed says which database it lost; one that did not says nothing.
        assert_eq!(run.code == 75, run.stderr.contains(cutter.host().to_str().unwrap()), "{point}: {run:#?}");
        told += usize::from(run.code == 75);
        cutter.set_harm(None);
        let doubtful = scene.sandbox.canon().contains("\"in doubt\"");
        recover_and_compare(&scene, &point, &wanted, doubtful);
    }
    assert!(told > 0, "{what}: no run noticed");
    promise("R1", &format!("{what} at {} of {all} steps: lost, doubled or half made", points.len()), "0");
}

#[test]
fn a_connection_that_is_cut_costs_no_mail() {
    if no_server() {
        return;
    }
    let server = std::env::var("ESPOMAIL_TEST_SERVER").unwrap();
    let nothing: Arc<dyn Fn() + Send + Sync> = Arc::new(|| {});
    harmed("connection cut", &server, 12, &nothing);
}

#[test]
fn a_server_that_is_restarted_costs_no_mail() {
    if no_server() {
        return;
    }
    let server = Postgres::own();
    let restart: Arc<dyn Fn() + Send + Sync> = Arc::new(server.restart());
    harmed("server restarted", &server.server, 4, &restart);
}
