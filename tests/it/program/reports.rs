//! Reports over 40 cases of five days in March 2026 in Berlin, where the clocks change in the night to the 29th. The figures
//! were computed by hand.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use crate::support::{Desk, no_file, screens};

/// A case. Moments are in UTC, `DD hh:mm` of March; empty = never.
struct Row {
    number: i64,
    opened: &'static str,
    answered: &'static str,
    closed: &'static str,
    status: &'static str,
    user: &'static str,
    teams: &'static str,
    account: &'static str,
    tags: &'static str,
}

const fn row(
    number: i64,
    [opened, answered, closed]: [&'static str; 3],
    [status, user]: [&'static str; 2],
    [teams, account, tags]: [&'static str; 3],
) -> Row {
    Row { number, opened, answered, closed, status, user, teams, account, tags }
}

const S: [&str; 3] = ["Support", "support", ""];
const B: [&str; 3] = ["Billing", "billing", ""];
const NONE: [&str; 3] = ["", "", ""];

/// Days of Berlin begin at 23:00 UTC, and from the 30th on at 22:00. The report is from the 27th to the end of the 31st.
const CASES: [Row; 30] = [
    // From before.
    row(1, ["20 08:00", "20 09:00", "27 10:00"], ["Closed", "ana"], ["Support", "support", "vip"]),
    row(2, ["25 12:00", "", ""], ["Assigned", "ana"], S),
    row(3, ["26 22:59", "26 23:30", "28 23:30"], ["Closed", "budi"], S),
    row(4, ["10 00:00", "", "26 22:00"], ["Closed", "budi"], S),
    // Friday the 27th.
    row(5, ["26 23:00", "27 00:00", "27 12:00"], ["Closed", "ana"], S),
    row(6, ["27 08:00", "27 08:10", "27 09:00"], ["Closed", "ana"], ["Support", "support", "vip"]),
    row(7, ["27 08:00", "27 10:00", "28 08:00"], ["Closed", "budi"], S),
    row(8, ["27 09:00", "29 00:30", "29 02:00"], ["Closed", "budi"], ["Support", "support", "refund"]),
    row(9, ["27 12:00", "", "27 13:00"], ["Rejected", ""], ["Support", "support", "spam"]),
    row(10, ["27 15:00", "", ""], ["New", ""], S),
    row(11, ["27 16:00", "", "30 08:00"], ["Closed", "cici"], B),
    row(12, ["27 22:59", "27 23:01", ""], ["Assigned", "cici"], B),
    // Saturday.
    row(13, ["27 23:00", "28 01:00", "28 02:00"], ["Closed", "cici"], B),
    row(14, ["28 10:00", "28 10:30", ""], ["Pending", "ana"], ["Support Billing", "support", "refund vip"]),
    row(15, ["28 22:59", "29 08:00", "30 21:59"], ["Closed", "ana"], S),
    // Sunday, which has 23 hours.
    row(16, ["28 23:00", "28 23:05", "29 21:59"], ["Closed", "budi"], S),
    row(17, ["29 00:59", "29 01:01", "29 01:30"], ["Closed", "budi"], S),
    row(18, ["29 12:00", "", "29 12:30"], ["Duplicate", "budi"], S),
    row(19, ["29 21:59", "", ""], ["New", ""], NONE),
    // Monday; 22 to 31 are below.
    row(20, ["29 22:00", "29 22:00", "30 22:00"], ["Closed", "cici"], B),
    row(21, ["30 06:00", "30 07:00", ""], ["Assigned", "cici"], ["Billing", "billing", "vip"]),
    row(39, ["30 09:00", "", "30 10:00"], ["Closed", "ana"], NONE),
    // Tuesday.
    row(32, ["31 08:00", "31 08:20", ""], ["Assigned", "ana"], S),
    row(33, ["31 09:00", "", ""], ["New", ""], ["Support", "support", "vip"]),
    row(34, ["31 10:00", "", ""], ["Assigned", "budi"], S),
    row(35, ["31 21:59", "", ""], ["New", ""], B),
    // After it, merged into 14, and opened again.
    row(36, ["31 22:00", "31 22:01", ""], ["New", ""], S),
    row(37, ["31 22:10", "", ""], ["New", ""], S),
    row(38, ["28 12:00", "", "28 13:00"], ["Duplicate", "ana"], ["Support Billing", "support", "vip"]),
    row(40, ["20 12:00", "20 13:00", ""], ["Assigned", "budi"], S),
];

/// Cases 22 to 31: opened on Monday at 8:00, answered after one to ten minutes, closed at 20:00.
const ALIKE: std::ops::RangeInclusive<i64> = 22..=31;

/// Mails: case, moment, writer, status, what is special.
const MAILS: [(i64, &str, &str, &str, &str); 14] = [
    (5, "26 23:00", "", "Archived", ""),
    (5, "27 00:00", "ana", "Sent", ""),
    (12, "27 22:59", "", "Archived", "private"),
    (10, "28 09:00", "", "Archived", "unverified"),
    // From her telephone.
    (14, "28 10:30", "ana", "Archived", ""),
    (38, "28 12:00", "", "Archived", ""),
    (8, "29 00:30", "budi", "Sent", ""),
    (17, "29 00:59", "", "Archived", ""),
    (17, "29 01:01", "budi", "Sent", ""),
    (17, "29 01:02", "", "Sent", "automatic"),
    (17, "29 01:05", "", "Archived", "automatic"),
    (20, "29 22:00", "cici", "Sent", ""),
    (21, "30 07:00", "cici", "Failed", ""),
    // By an administrator who is not a user.
    (31, "30 08:10", "", "Sent", ""),
];

fn seconds(moment: &str) -> String {
    if moment.is_empty() {
        return "NULL".to_owned();
    }
    let moment: Timestamp = format!("2026-03-{}:00Z", moment.replace(' ', "T")).parse().unwrap();
    moment.as_second().to_string()
}

/// The id of a thing by its name; nobody where that is empty.
fn id_of(table: &str, column: &str, name: &str) -> String {
    match name {
        "" => "NULL".to_owned(),
        name => format!("(SELECT id FROM {table} WHERE {column} = '{name}')"),
    }
}

fn add(desk: &Desk, case: &Row, special: &str) {
    let Row { number, opened, answered, closed, status, user, .. } = case;
    let (opened, answered, closed) = (seconds(opened), seconds(answered), seconds(closed));
    let (who, since) = match special {
        // Made by hand: no customer wrote.
        "by hand" => ("", "NULL".to_owned()),
        "asks again" => ("us", seconds("30 12:00")),
        _ if answered == "NULL" => ("us", opened.clone()),
        _ => ("customer", answered.clone()),
    };
    let (user, account) = (id_of("users", "username", user), id_of("accounts", "name", case.account));
    desk.sandbox.sql(&format!(
        "INSERT INTO cases (number, key, name, status, account_id, assigned_user_id, waiting_since, waiting_for, created_at,
            modified_at, closed_at, first_response_at)
        VALUES ({number}, 'k{number}', 'Case {number}', '{status}', {account}, {user}, {since}, '{who}', {opened}, {opened},
            {closed}, {answered})"
    ));
    let id = id_of("cases", "number", &number.to_string());
    if answered != "NULL" {
        desk.sandbox
            .sql(&format!("INSERT INTO case_waits (case_id, since, until) VALUES ({id}, {opened}, {answered})"));
    }
    for team in case.teams.split_whitespace() {
        let team = id_of("teams", "name", team);
        desk.sandbox.sql(&format!("INSERT INTO case_teams (case_id, team_id) VALUES ({id}, {team})"));
    }
    for tag in case.tags.split_whitespace() {
        desk.sandbox.sql(&format!("INSERT INTO case_tags (case_id, tag) VALUES ({id}, '{tag}')"));
    }
}

/// The desk of the table, on the evening after its last day.
fn desk() -> Desk {
    let desk = Desk::new().team("Billing").user("cici", &["Billing"]);
    let desk = desk.piped_account("support", &[]).piped_account("billing", &[]);
    desk.stop_clock();
    desk.at("2026-03-31T22:30:00Z".parse().unwrap());
    desk.sandbox.env("TZ", "Europe/Berlin");
    for case in &CASES {
        let special = match case.number {
            39 => "by hand",
            40 => "asks again",
            _ => "",
        };
        add(&desk, case, special);
    }
    for number in ALIKE {
        let answered = format!("30 08:{:02}", number - 21);
        let answered: &'static str = answered.leak();
        add(&desk, &row(number, ["30 08:00", answered, "30 20:00"], ["Closed", "ana"], S), "");
    }
    // An answer that did not end the first waiting is not the first response.
    let again =
        "INSERT INTO case_waits (case_id, since, until) SELECT id, 1774600000, 1774690000 FROM cases WHERE number = 6";
    desk.sandbox.sql(again);
    desk.sandbox.sql("UPDATE cases SET merged_into_id = (SELECT id FROM cases WHERE number = 14) WHERE number = 38");
    for (place, (case, at, writer, status, special)) in MAILS.iter().enumerate() {
        let (at, case) = (seconds(at), id_of("cases", "number", &case.to_string()));
        let user = id_of("users", "username", writer);
        let automatic = if *special == "automatic" { "auto-submitted" } else { "" };
        let [verified, private] =
            [*special != "unverified", *special == "private"].map(|is| if is { "TRUE" } else { "FALSE" });
        desk.sandbox.sql(&format!(
            "INSERT INTO emails (message_id, status, subject, received_at, created_at, parent_type, parent_id, user_id, automatic,
                verified, private)
            VALUES ('m{place}', '{status}', 'S', {at}, {at}, 'case', {case}, {user}, '{automatic}', {verified}, {private})"
        ));
    }
    desk
}

const MARCH: [&str; 4] = ["--since", "2026-03-27", "--until", "2026-04-01"];

fn report(desk: &Desk, before: &[&str], words: &[&str]) -> Value {
    desk.json(&[before, &["report"], words, &MARCH].concat())
}

/// The figures of each row after its name, and those of all rows together.
fn figures(report: &Value, fields: &[&str]) -> Vec<Value> {
    let of = |row: &Value, name: &Value| {
        let values = fields.iter().map(|field| row[*field].clone());
        Value::Array([name.clone()].into_iter().chain(values).collect())
    };
    let items = report["items"].as_array().unwrap().iter().map(|row| of(row, &row["group"]));
    items.chain([of(&report["total"], &json!("all"))]).collect()
}

#[track_caller]
fn expect(desk: &Desk, words: &str, fields: &[&str], expected: Value) {
    let words: Vec<&str> = words.split(' ').collect();
    let found = figures(&report(desk, &[], &words), fields);
    assert_eq!(Value::Array(found), expected, "{words:?}");
}

#[test]
fn figures_by_day_are_those_computed_by_hand() {
    let desk = desk();
    let volume = ["opened", "closed", "received", "answers"];
    expect(
        &desk,
        "volume",
        &volume,
        json!([
            ["2026-03-27", 8, 4, 2, 1],
            ["2026-03-28", 3, 2, 0, 1],
            ["2026-03-29", 4, 5, 1, 2],
            ["2026-03-30", 13, 13, 0, 2],
            ["2026-03-31", 4, 1, 0, 0],
            ["all", 32, 25, 3, 6],
        ]),
    );
    expect(
        &desk,
        "backlog --by day",
        &["opened", "closed", "open_count", "oldest_seconds"],
        json!([
            ["2026-03-27", 8, 4, 8, 644_400],
            ["2026-03-28", 3, 2, 9, 730_800],
            ["2026-03-29", 4, 5, 8, 813_600],
            ["2026-03-30", 13, 13, 8, 900_000],
            ["2026-03-31", 4, 1, 11, 986_400],
            ["all", 32, 25, 11, 986_400],
        ]),
    );
    expect(
        &desk,
        "first-response --by day",
        &["case_count", "answered", "unanswered", "median_seconds", "p90_seconds"],
        json!([
            ["2026-03-27", 7, 5, 2, 3_600, 142_200],
            ["2026-03-28", 3, 3, 0, 7_200, 32_460],
            ["2026-03-29", 3, 2, 1, 210, 300],
            ["2026-03-30", 12, 12, 0, 330, 600],
            ["2026-03-31", 4, 1, 3, 1_200, 1_200],
            ["all", 29, 23, 6, 480, 7_200],
        ]),
    );
    expect(
        &desk,
        "resolution --by day",
        &["closed", "median_seconds", "p90_seconds"],
        json!([
            ["2026-03-27", 3, 46_800, 612_000],
            ["2026-03-28", 2, 48_600, 86_400],
            ["2026-03-29", 4, 115_170, 174_660],
            ["2026-03-30", 13, 43_200, 169_200],
            ["2026-03-31", 1, 86_400, 86_400],
            ["all", 23, 43_200, 174_660],
        ]),
    );
    expect(
        &desk,
        "volume --by week",
        &volume,
        json!([["2026-W13", 15, 11, 3, 4], ["2026-W14", 17, 14, 0, 2], ["all", 32, 25, 3, 6]]),
    );
    expect(&desk, "volume --by month", &["opened"], json!([["2026-03", 32], ["all", 32]]));
    // In UTC days begin later: there 5 was opened on the 26th, 13 on the 27th, 16 on the 28th, 20 on the 29th, 36 and 37 on the 31st.
    let abroad = report(&desk, &["--utc"], &["volume", "--by", "day"]);
    let opened: Vec<Value> = abroad["items"].as_array().unwrap().iter().map(|row| row["opened"].clone()).collect();
    assert_eq!((json!(opened), &abroad["time_zone"]), (json!([8, 3, 4, 12, 6]), &json!("UTC")));
}

#[test]
fn figures_by_thing_are_those_computed_by_hand() {
    let desk = desk();
    let overview =
        ["open_count", "waiting_count", "opened", "closed", "received", "answers", "first_response_seconds", "trend"];
    expect(
        &desk,
        "workload",
        &overview,
        json!([
            [null, 4, 4, 5, 1, 0, 1, null, [0, 0, 0, 1, 0]],
            ["ana", 3, 1, 16, 15, 1, 2, 480, [1, 1, 0, 0, 0]],
            ["budi", 2, 2, 6, 6, 1, 2, 3_750, [0, 0, 2, 0, 0]],
            ["cici", 2, 0, 5, 3, 1, 1, 1_860, [0, 0, 0, 1, 0]],
            ["all", 11, 7, 32, 25, 3, 6, 480, null],
        ]),
    );
    expect(
        &desk,
        "accounts",
        &overview,
        json!([
            ["support", 7, 5, 24, 21, 2, 5, 480, [6, 2, 3, 10, 3]],
            ["billing", 3, 1, 6, 3, 1, 1, 1_860, [2, 1, 0, 2, 1]],
            [null, 1, 1, 2, 1, 0, 0, null, [0, 0, 1, 1, 0]],
            ["all", 11, 7, 32, 25, 3, 6, 480, null],
        ]),
    );
    expect(&desk, "tags", &["opened"], json!([[null, 26], ["vip", 4], ["refund", 2], ["spam", 1], ["all", 32]]));
    // Case 14 is of both teams, and once in the total.
    expect(
        &desk,
        "volume --by team",
        &["opened", "closed", "received", "answers"],
        json!([["Support", 24, 21, 2, 5], ["Billing", 7, 3, 1, 2], [null, 2, 1, 0, 0], ["all", 32, 25, 3, 6]]),
    );
    expect(
        &desk,
        "backlog --by account",
        &["open_count"],
        json!([["support", 7], ["billing", 3], [null, 1], ["all", 11]]),
    );
    expect(
        &desk,
        "first-response --by user",
        &["answered", "unanswered", "median_seconds"],
        json!([
            ["budi", 4, 1, 3_750],
            ["cici", 4, 1, 1_860],
            ["ana", 15, 0, 480],
            [null, 0, 4, null],
            ["all", 23, 6, 480]
        ]),
    );
}

#[test]
fn roles_narrow_the_figures() {
    let desk = desk();
    let counted = |user: &str| {
        let report = report(&desk, &["--as", user], &["volume", "--by", "month"]);
        let total = &report["total"];
        [&total["opened"], &total["closed"], &total["received"]].map(|number| number.as_i64().unwrap())
    };
    // Usually users see what their teams have. The mail of 12 is private.
    assert_eq!((counted("budi"), counted("cici")), ([24, 21, 2], [7, 3, 0]));
    desk.ok("role unassign Agent team:Support");
    desk.ok("role add Reader");
    desk.ok("role assign Reader budi");
    // At the level all mail of foreign teams has to be seen by itself.
    for (level, expected) in [("own", [6, 6, 1]), ("team", [24, 21, 2]), ("all", [32, 25, 1]), ("no", [0, 0, 0])] {
        desk.ok(&format!("role grant Reader case-read {level}"));
        assert_eq!(counted("budi"), expected, "{level}");
    }
    // Those who read no case see neither names nor numbers.
    for words in ["workload", "accounts", "tags", "volume --by user", "backlog --by team", "first-response --by tag"] {
        let run = desk.run_as("budi", &format!("report {words} --since 2026-03-27")).ok();
        let caption = run.stdout.lines().count();
        assert!(caption == 1 && run.stdout.contains(" to 2026-04-01"), "{words}: {run:#?}");
        let document = desk.json(&format!("--as budi report {words} --since 2026-03-27"));
        assert_eq!(document["items"], json!([]), "{words}");
    }
}

#[test]
fn reports_look_as_they_should() {
    let desk = desk();
    for (name, words) in [
        ("report-workload", "report workload --since 2026-03-27"),
        ("report-volume", "report volume --since 2026-03-27"),
        ("report-backlog", "report backlog --since 2026-03-09 --by week"),
        ("report-first-response", "report first-response --since 2026-03-27"),
        ("report-resolution", "report resolution --since 2026-03-01 --by team"),
        ("report-accounts", "report accounts --since 2026-03-27"),
        ("report-tags", "report tags --since 2026-01-01"),
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        screens(&desk, name, &words);
    }
    screens(&desk, "report-summary", &["report", "summary", "--since", "2026-03-30"]);
    desk.sandbox.env("LC_ALL", "C");
    screens(&desk, "report-workload-ascii", &["report", "workload", "--since", "2026-03-27"]);
}

#[test]
fn fields_that_are_chosen_have_the_headings_of_the_report() {
    let desk = desk();
    for kind in espomail::report::Kind::ALL {
        let fields: Vec<&str> = kind.figures().iter().map(|figure| figure.field).collect();
        let headings: Vec<&str> = kind.figures().iter().map(|figure| figure.heading).collect();
        let run = desk.ok(&["--fields", &fields.join(","), "report", kind.as_str()]);
        let head: Vec<&str> = run.stdout.lines().next().unwrap().split("  ").map(str::trim).collect();
        assert_eq!(head.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>(), headings, "{kind}");
    }
}

#[test]
fn what_cannot_be_reported_is_refused() {
    let desk = desk();
    for (words, code, says) in [
        ("volume --since 2026-04-02", 2, "is not before its end"),
        ("volume --since 2026-03-02 --until 2026-03-02", 2, "is not before its end"),
        ("volume --since soon", 2, "--since: \"soon\" is not a date or time"),
        ("volume --until soon", 2, "--until: \"soon\" is not a date or time"),
        ("volume --since 2001-01-01 --by day", 2, "a report has at most 1100 rows, and by day it would have more"),
        ("workload --by tag", 2, "--by"),
        ("volume --by hour", 2, "--by"),
    ] {
        let run = desk.run(&format!("report {words}"));
        assert!(run.code == code && run.stdout.is_empty() && run.stderr.contains(says), "{words}: {run:#?}");
    }
}

#[test]
fn reports_stay_readable_when_there_is_nothing_or_very_much() {
    let desk = Desk::new();
    desk.stop_clock();
    desk.at("2026-03-31T22:30:00Z".parse().unwrap());
    // Nothing at all.
    let run = desk.run("report workload").ok();
    assert_eq!(run.stdout, "Workload by user · 2026-03-02 to 2026-03-31 · UTC\n");
    assert!(run.stderr.contains("nothing happened in this time that you can see"), "{run:#?}");
    let days = desk.items("report volume");
    assert!(days.len() == 30 && days.iter().all(|day| day["opened"] == 0), "{days:#?}");
    // A year by day with one case, and 200 users.
    add(&desk, &row(1, ["20 08:00", "20 09:00", ""], ["Assigned", "ana"], NONE), "");
    let run = desk.run("report volume --since 2025-04-01 --by day").ok();
    assert_eq!(run.stdout.lines().count(), 367 + 1, "a caption, headings, 365 days and a total");
    for number in 0..200 {
        let user = format!("u{number:03}-with-a-name-that-is-far-too-long-for-a-table");
        desk.sandbox.sql(&format!("INSERT INTO users (username, login, created_at) VALUES ('{user}', '{user}', 0)"));
        let case = row(number + 10, ["21 08:00", "", ""], ["Assigned", user.leak()], NONE);
        add(&desk, &case, "");
    }
    for columns in [20, 40, 60, 80, 140] {
        desk.sandbox.env("COLUMNS", &columns.to_string());
        let run =
            desk.sandbox.call(&["--no-pager", "--color", "never", "report", "workload"]).columns(columns).run().ok();
        let lines: Vec<&str> = run.stdout.lines().collect();
        // A caption of up to three lines, headings, 200 of 201 rows, a total, and what is left out.
        let more = lines.len() - 204;
        assert!(more <= if columns < 60 { 2 } else { 0 }, "{columns}: {run:#?}");
        let widest = lines[1 + more..203 + more].iter().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns, "{columns}: {widest}");
        assert!(lines[203 + more].contains("200 of 201 rows"), "{columns}: {}", lines[203 + more]);
    }
}

#[test]
fn a_range_without_dates_is_the_last_thirty_days() {
    let desk = Desk::new();
    desk.stop_clock();
    desk.sandbox.env("TZ", "Europe/Berlin");
    desk.at("2026-04-02T10:00:00Z".parse().unwrap());
    let report = desk.json("report backlog");
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let first = zone.to_timestamp("2026-03-04T00:00".parse::<DateTime>().unwrap()).unwrap();
    assert_eq!((&report["since"], &report["until"]), (&json!(first.to_string()), &json!("2026-04-02T10:00:00Z")));
    assert_eq!((&report["grouped_by"], &report["time_zone"]), (&json!("day"), &json!("Europe/Berlin")));
    assert_eq!(report["items"].as_array().unwrap().len(), 30);
    // A weekday is the last one.
    let report = desk.json("report volume --since monday --until tuesday");
    assert_eq!(report["items"].as_array().unwrap().iter().map(|row| &row["group"]).collect::<Vec<_>>(), ["2026-03-30"]);
}

/// The rows of the table of a page: what each cell says.
fn table(page: &roxmltree::Document<'_>) -> Vec<Vec<String>> {
    let text = |node: roxmltree::Node<'_, '_>| {
        node.descendants().filter(|n| n.is_text()).filter_map(|n| n.text()).collect::<String>().trim().to_owned()
    };
    let rows = page.descendants().filter(|node| node.has_tag_name("tr"));
    rows.map(|row| row.children().filter(|cell| cell.is_element()).map(text).collect()).collect()
}

fn parsed(text: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    roxmltree::Document::parse_with_options(text, options).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// What would run, or be asked of a server.
#[track_caller]
fn needs_nothing_else(text: &str) {
    for sign in ["<script", "javascript:", "@import", "url(", "<link", "<iframe", "<object", "<embed", "<base", "<form"]
    {
        assert!(!text.to_lowercase().contains(sign), "{sign}: {text}");
    }
    let document = parsed(text);
    for node in document.descendants().filter(|node| node.is_element()) {
        for attribute in node.attributes() {
            let name = attribute.name();
            assert!(
                !["src", "href", "srcset", "action", "data", "poster"].contains(&name) && !name.starts_with("on"),
                "{node:?}"
            );
            assert!(!attribute.value().contains("//"), "{node:?}");
        }
    }
}

#[test]
fn pages_have_the_figures_of_json_and_need_nothing_else() {
    let desk = desk();
    desk.sandbox.sql("UPDATE users SET username = '<b>&\"c' WHERE username = 'cici'");
    desk.sandbox.sql("UPDATE teams SET name = 'Größe' WHERE name = 'Billing'");
    for words in [
        "workload",
        "workload --by team",
        "first-response",
        "first-response --by user",
        "resolution --by team",
        "backlog",
        "backlog --by week",
        "volume",
        "volume --by month",
        "accounts",
        "tags",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        let document = report(&desk, &[], &words);
        let run = desk.ok(&[&["report"], &words[..], &MARCH, &["--html", "-"]].concat());
        let page = run.stdout;
        assert!(page.is_ascii() && page.lines().all(|line| line.len() < 900), "a mail can carry it: {words:?}");
        assert!(page.len() < 60_000, "{words:?}: {} bytes", page.len());
        needs_nothing_else(&page);
        assert!(page.contains("prefers-color-scheme:dark") && page.contains("width=device-width"), "{words:?}");
        let rows = table(&parsed(&page));
        let items = document["items"].as_array().unwrap();
        assert_eq!(rows.len(), items.len() + if items.len() > 1 { 2 } else { 1 }, "{words:?}: {rows:?}");
        for (cells, item) in rows[1..].iter().zip(items.iter().chain([&document["total"]])) {
            let name = item["group"].as_str().unwrap_or(if cells[0].starts_with('(') { &cells[0] } else { "Total" });
            assert_eq!(cells[0], name, "{words:?}");
            let figures = item
                .as_object()
                .unwrap()
                .iter()
                .filter(|(field, _)| !["group", "id", "starts_at", "ends_at", "trend"].contains(&field.as_str()));
            for ((field, value), cell) in figures.zip(&cells[1..]) {
                let is_same = match value {
                    Value::Null => cell == "\u{2013}",
                    _ if field.ends_with("_seconds") => cell.ends_with(['s', 'm', 'h', 'd']),
                    number => cell.parse().ok() == number.as_i64(),
                };
                assert!(is_same, "{words:?}: {field} of {name} is {value} and {cell}");
            }
        }
    }
    let page = desk.ok(&[&["report", "first-response", "--html", "-"][..], &MARCH].concat()).stdout;
    assert_eq!(table(&parsed(&page)).last().unwrap(), &["Total", "29", "23", "6", "8m", "2h"]);
}

#[test]
fn a_summary_has_the_rows_of_all_reports() {
    let desk = desk();
    let summary = desk.json(&[&["report", "summary"][..], &MARCH].concat());
    for kind in ["workload", "first-response", "resolution", "backlog", "volume", "accounts", "tags"] {
        let field = format!("report_{}", kind.replace('-', "_"));
        assert_eq!(summary[&field], report(&desk, &[], &[kind])["items"], "{kind}");
    }
    let page = desk.ok(&[&["report", "summary", "--html", "-"][..], &MARCH].concat()).stdout;
    needs_nothing_else(&page);
    let titles: Vec<_> =
        parsed(&page).descendants().filter(|n| n.has_tag_name("h2")).map(|n| n.text().unwrap().to_owned()).collect();
    assert_eq!(titles, ["Volume", "Backlog", "First response", "Resolution", "Workload", "Accounts", "Tags"]);
    let run = desk.run("--format csv report summary");
    assert!(run.code == 2 && run.stderr.contains("espomail --format csv report volume"), "{run:#?}");
}

#[test]
fn pictures_are_xml_and_need_nothing_else() {
    let desk = desk();
    for words in ["volume", "first-response --by week", "workload", "tags", "backlog --by team"] {
        let words: Vec<&str> = words.split(' ').collect();
        let picture = desk.ok(&[&["report"], &words[..], &MARCH, &["--svg", "-"]].concat()).stdout;
        let picture_without_name = picture.replace("xmlns=\"http://www.w3.org/2000/svg\" ", "");
        needs_nothing_else(&picture_without_name);
        let document = parsed(&picture);
        let bars = document.descendants().filter(|node| node.attribute("class") == Some("bar")).count();
        assert!(
            document.root_element().has_tag_name(("http://www.w3.org/2000/svg", "svg")) && bars > 1,
            "{words:?}: {picture}"
        );
    }
}

#[test]
fn a_page_takes_the_place_of_the_last_one() {
    let desk = desk();
    let file = desk.sandbox.path("page.html");
    let words = ["report", "volume", "--html", file.to_str().unwrap()];
    desk.sandbox.file("page.html", b"old");
    let run = desk.ok(&[&["--dry-run"], &words[..]].concat());
    assert!(run.stderr.contains("report written to") && std::fs::read(&file).unwrap() == b"old", "{run:#?}");
    desk.ok(&words);
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("</html>\n"));
    let left = std::fs::read_dir(desk.sandbox.path(""))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with(".page.html"));
    assert_eq!(left.count(), 0, "nothing is left aside");
    desk.sandbox.file("config.toml", b"");
    rustix::fs::mkfifoat(rustix::fs::CWD, desk.sandbox.path("pipe"), rustix::fs::Mode::RUSR).unwrap();
    if !no_file() {
        let database = desk.sandbox.db().display().to_string();
        let run = desk.sandbox.run(&["report", "volume", "--html", &database]).exits(2);
        run.says("belongs to espomail itself");
        desk.ok("db check");
    }
    assert_eq!(desk.ok("report volume --chart").stdout, desk.ok("report volume").stdout);
    for (words, code, says) in [
        ("--json report volume --html -", 2, "--html: cannot be used with --format"),
        ("--format csv report volume --svg -", 2, "--svg: cannot be used with --format"),
        ("--fields group report volume --html -", 2, "--html: cannot be used with"),
        ("--json report volume --chart", 2, "--chart: cannot be used with --format"),
        ("report volume --html - --svg -", 2, "--html and --svg cannot be together"),
        ("report volume --html nowhere/page.html", 65, "--html: cannot write nowhere/page.html"),
        ("report volume --html /", 2, "--html: \"/\" is not the name of a file"),
        ("report volume --html pipe", 2, "--html: pipe is there and is not a plain file"),
        ("report volume --svg config.toml", 2, "config.toml belongs to espomail itself"),
        ("metrics --textfile pipe", 2, "--textfile: pipe is there and is not a plain file"),
        ("metrics --textfile config.toml", 2, "config.toml belongs to espomail itself"),
    ] {
        let run = desk.run(words);
        assert!(run.code == code && run.stderr.contains(says), "{words}: {run:#?}");
    }
}

#[test]
fn the_recipe_of_the_manual_mails_a_page() {
    let desk = desk();
    let manual = include_str!("../../../man/espomail-report.1");
    let script = manual.split("#!/bin/sh\n").nth(1).unwrap().split("\n.Ed").next().unwrap();
    let mail = desk.sandbox.path("mail.eml");
    let program = format!("{} {} ", crate::support::program().display(), desk.sandbox.place_in_shell());
    let script = script.replace("espomail report", &format!("{program}report"));
    let script = script.replace("/usr/sbin/sendmail -t", &format!("cat > '{}'", mail.display()));
    let run =
        std::process::Command::new("/bin/sh").args(["-c", &script, "weekly", "boss@desk.example"]).output().unwrap();
    assert!(run.status.success() && run.stdout.is_empty(), "{run:?}");
    let text = std::fs::read_to_string(&mail).unwrap();
    let (head, page) = text.split_once("\n\n").unwrap();
    assert!(head.starts_with("To: boss@desk.example\nSubject: The help desk, week "), "{head}");
    assert!(head.contains("\nContent-Type: text/html; charset=utf-8"), "{head}");
    needs_nothing_else(page);
    assert!(page.starts_with("<!DOCTYPE html>\n") && text.is_ascii(), "{text}");
}

#[test]
fn a_report_without_headings_has_no_title_and_one_on_few_columns_stays_within_them() {
    let desk = desk();
    let range = "--since 2026-03-25 --until 2026-04-07";
    let bare = desk.ok(&format!("--format table --no-headers report volume --by week {range}")).stdout;
    assert!(bare.starts_with("2026-W13"), "{bare}");
    // The first day of the range, not the Monday before it.
    assert!(bare.contains("2026-W13 Mar 25") && bare.contains("2026-W14 Mar 30"), "{bare}");
    for report in ["volume --by week", "workload", "backlog", "first-response", "resolution", "accounts"] {
        for width in [30, 39] {
            desk.sandbox.env("COLUMNS", &width.to_string());
            let words = format!("--no-pager --color never report {report} {range}");
            let words: Vec<&str> = words.split(' ').collect();
            let shown = desk.sandbox.call(&words).columns(width).run().ok().stdout;
            let widest = shown.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!(widest <= width, "{report} {width}: {widest}\n{shown}");
        }
    }
}
