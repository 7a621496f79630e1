//! The text format of Prometheus, version 0.0.4: pure. Names are the program's own; values of labels may be anything.

use std::fmt::Write as _;

/// Whether a number only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Counter,
    Gauge,
}

/// A metric with its samples.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric {
    name: &'static str,
    measure: Measure,
    help: &'static str,
    samples: Vec<(Vec<(&'static str, String)>, String)>,
}

impl Metric {
    pub fn gauge(name: &'static str, help: &'static str) -> Metric {
        Metric { name, measure: Measure::Gauge, help, samples: Vec::new() }
    }

    /// The name ends with `_total`.
    pub fn counter(name: &'static str, help: &'static str) -> Metric {
        Metric { measure: Measure::Counter, ..Metric::gauge(name, help) }
    }

    /// With a sample that has no labels; nothing where there is no number.
    pub fn only(mut self, value: Option<i64>) -> Metric {
        self.add(&[], value);
        self
    }

    /// Adds a sample; nothing where there is no number.
    pub fn add(&mut self, labels: &[(&'static str, &str)], value: Option<i64>) {
        self.add_text(labels, value.map(|value| value.to_string()));
    }

    /// The same in seconds, of milliseconds.
    pub fn add_milliseconds(&mut self, labels: &[(&'static str, &str)], value: Option<i64>) {
        let text = |value: i64| {
            let (sign, all) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
            format!("{sign}{}.{:03}", all / 1_000, all % 1_000)
        };
        self.add_text(labels, value.map(text));
    }

    fn add_text(&mut self, labels: &[(&'static str, &str)], value: Option<String>) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.samples.extend(value.map(|value| (labels, value)));
    }
}

/// Metrics as a page. One without samples is left out.
pub fn page(metrics: &[Metric]) -> String {
    let mut page = String::new();
    for metric in metrics.iter().filter(|metric| !metric.samples.is_empty()) {
        let Metric { name, measure, help, samples } = metric;
        let measure = match measure {
            Measure::Counter => "counter",
            Measure::Gauge => "gauge",
        };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Writing to a text cannot fail.
        let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {measure}");
        for (labels, value) in samples {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(page, "{name}{labels} {value}");
        }
    }
    page
}

/// The value of a label. The format escapes three characters; other control characters would only confuse people.
fn escaped(value: &str) -> String {
    let mut text = String::new();
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.push('\u{fffd}'),
            c => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_help_type_and_samples_and_labels_are_escaped() {
        let mut failures = Metric::gauge("failures", "Runs in a row \\ failed");
        failures.add(&[("account", "a\"b\\c\nd\u{7}"), ("kind", "group")], Some(3));
        failures.add(&[("account", "ü")], Some(0));
        failures.add(&[("account", "never")], None);
        let mut ahead = Metric::gauge("ahead_seconds", "Clock");
        for value in [Some(-59), Some(3_600_007), None] {
            ahead.add_milliseconds(&[], value);
        }
        let metrics = [
            failures,
            ahead,
            Metric::counter("messages_total", "Messages").only(Some(1_800_000_000)),
            Metric::gauge("nothing", "Unknown").only(None),
        ];
        assert_eq!(
            page(&metrics),
            "# HELP failures Runs in a row \\\\ failed\n# TYPE failures gauge\n\
             failures{account=\"a\\\"b\\\\c\\nd\u{fffd}\",kind=\"group\"} 3\nfailures{account=\"ü\"} 0\n\
             # HELP ahead_seconds Clock\n# TYPE ahead_seconds gauge\nahead_seconds -0.059\nahead_seconds 3600.007\n\
             # HELP messages_total Messages\n# TYPE messages_total counter\nmessages_total 1800000000\n"
        );
    }
}
