//! Messages at which a server breaks (promise R12): for every thing it does there, the others come in, and the one is given up
//! after three attempts, asked for once a day, and got when the server can send it after all.

use crate::support::Break::{
    CloseBefore, CloseUnnamed, CloseWithin, Garbage, Long, Oversized, PassesOver, Refuses, Short, Silence,
};
use crate::support::{Break, Sandbox, Scripted, asked, ledger, promise};

const WAYS: [Break; 10] =
    [CloseBefore, CloseWithin, CloseUnnamed, Short, Long, Oversized, Garbage, Silence, Refuses, PassesOver];
const PLACES: usize = 5;

#[test]
fn one_message_holds_up_nothing() {
    // Each way at one place; with the variable set at all of them.
    let all = asked("ESPOMAIL_BREAKS", 0) > 0;
    let is_row = |way: usize, place: usize| all || way % PLACES + 1 == place;
    let places = || 1..=PLACES;
    let rows: Vec<(Break, usize)> = WAYS
        .iter()
        .enumerate()
        .flat_map(|(at, way)| places().filter(move |place| is_row(at, *place)).map(|place| (*way, place)))
        .collect();
    let sandbox = Sandbox::new();
    sandbox.config("reply_timeout = \"1s\"\njobs = 50\njobs_per_host = 50\n");
    sandbox.init();
    let servers: Vec<(String, Scripted)> =
        (0..rows.len()).map(|at| (format!("odd{at}"), Scripted::new(places()))).collect();
    for ((name, server), row) in servers.iter().zip(&rows) {
        let (way, place) = *row;
        server.folder().breaks = Some((place, way));
        server.account(&sandbox, name);
    }
    let others = |place: usize| places().filter(|uid| *uid != place).collect::<Vec<_>>();
    for run in 1..=3 {
        let ended = sandbox.run(&["fetch"]);
        assert!([69, 75].contains(&ended.code) || !all && ended.code == 0, "{ended:#?}");
        for ((name, _), (way, place)) in servers.iter().zip(&rows) {
            let (came, open) = (ledger(&sandbox, name, "'imported', 'duplicate'"), ledger(&sandbox, name, "'missing'"));
            if run >= 2 {
                assert_eq!(came, others(*place), "{way:?} at {place}, run {run}");
            }
            let open_now: &[usize] = if run < 3 { &[*place] } else { &[] };
            assert_eq!(open, open_now, "{way:?} at {place}, run {run}");
        }
    }
    for ((name, _), (way, place)) in servers.iter().zip(&rows) {
        assert_eq!(ledger(&sandbox, name, "'unfetchable'"), [*place], "{way:?} at {place}");
    }
    // Nobody asks for it any more; what comes now comes.
    servers.iter().for_each(|(_, server)| server.add([6]));
    sandbox.run(&["fetch"]).ok();
    for (name, _) in &servers {
        assert_eq!(ledger(&sandbox, name, "'imported', 'duplicate'").last(), Some(&6));
    }
    // The next day the servers have come to their senses.
    servers.iter().for_each(|(_, server)| server.folder().breaks = None);
    sandbox.sql("UPDATE deliveries SET tried_at = tried_at - 86400 WHERE outcome = 'unfetchable'");
    sandbox.run(&["fetch"]).ok();
    for (name, _) in &servers {
        assert_eq!(ledger(&sandbox, name, "'imported', 'duplicate'"), [1, 2, 3, 4, 5, 6], "{name}");
    }
    promise(
        "R12",
        &format!(
            "{} ways to break at a message: others later than the second run, the one not given up after 3",
            rows.len()
        ),
        "0",
    );
}
