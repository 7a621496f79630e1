//! Templates of automatic replies and answers (B8.4): a short list of variables, and no way to write
//! one that fails when a customer writes. What a template may cost is bounded; it reads no files.

mod error;
mod extent;

use std::collections::HashSet;

use jiff::Timestamp;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context};

pub use error::TemplateError;

/// Every variable a template may use.
pub const VARIABLES: &[&str] = &[
    "case.number",
    "case.name",
    "case.status",
    "user.name",
    "contact.name",
    "sender.name",
    "email.subject",
    "account.name",
    "now",
];

/// Longest template, in bytes.
const MAX_SOURCE: usize = 256 * 1024;
/// Characters of each value: a stranger's words must not become a letter of their own.
const VALUE_MAX: usize = 200;
/// Work one rendering may do: some 50,000 steps or 3 MB of text.
const FUEL: u64 = 50_000;

/// What the variables stand for. Where there is no such thing, the variable is empty; what is longer than 200 characters
/// is cut there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values {
    pub case_number: Option<i64>,
    pub case_name: Option<String>,
    pub case_status: Option<String>,
    /// The assigned user, or the user who answers.
    pub user_name: Option<String>,
    /// The contact of the case.
    pub contact_name: Option<String>,
    /// Display name of who wrote, or the address.
    pub sender_name: String,
    /// Subject of the mail that is answered.
    pub email_subject: String,
    pub account_name: String,
    /// The moment as it is to be shown.
    pub now: String,
}

/// Refuses a template that could fail later: a wrong syntax, a variable that is not in
/// [`VARIABLES`], a filter that does not exist, too much work.
pub fn check(source: &str) -> Result<(), TemplateError> {
    if source.len() > MAX_SOURCE {
        return Err(TemplateError::TooLong { max: MAX_SOURCE });
    }
    extent::check(source)?;
    let environment = environment(AutoEscape::None);
    let template = environment.template_from_str(source).map_err(|error| TemplateError::from_engine(&error))?;
    let unknown: HashSet<String> =
        template.undeclared_variables(true).into_iter().filter(|name| !VARIABLES.contains(&name.as_str())).collect();
    if !unknown.is_empty() {
        return Err(TemplateError::unknown(source, &unknown));
    }
    // Both sides of `{% if contact.name %}`, and what a filter makes of an empty value and of the longest.
    for values in [Values::sample(), Values::default(), Values::longest()] {
        render_text(source, &values)?;
        render_html(source, &values)?;
    }
    Ok(())
}

/// Renders plain text.
pub fn render_text(source: &str, values: &Values) -> Result<String, TemplateError> {
    render(source, values, AutoEscape::None)
}

/// Renders HTML; every value is escaped.
pub fn render_html(source: &str, values: &Values) -> Result<String, TemplateError> {
    render(source, values, AutoEscape::Html)
}

/// Renders a subject: text of one line.
pub fn render_subject(source: &str, values: &Values) -> Result<String, TemplateError> {
    let text = render_text(source, values)?;
    let words: Vec<&str> =
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()).collect();
    Ok(words.join(" "))
}

fn render(source: &str, values: &Values, escape: AutoEscape) -> Result<String, TemplateError> {
    let environment = environment(escape);
    environment.render_str(source, values.context()).map_err(|error| TemplateError::from_engine(&error))
}

fn environment(escape: AutoEscape) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(move |_| escape.clone());
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // The values come from strangers: no template turns their escaping off (`extent` refuses the tag).
    environment.remove_filter("safe");
    environment
}

/// A moment as templates show it.
pub fn shown(now: Timestamp) -> String {
    now.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

impl Values {
    /// Values as they may come, to try a template with.
    pub fn sample() -> Values {
        let text = |text: &str| Some(text.to_owned());
        Values {
            case_number: Some(1),
            case_name: text("Printer on fire"),
            case_status: text("New"),
            user_name: text("Ada"),
            contact_name: text("Joe"),
            sender_name: "Joe".into(),
            email_subject: "Printer on fire".into(),
            account_name: "Support".into(),
            now: "2026-01-01 12:00".into(),
        }
    }

    /// Values of the greatest length, of letters, blanks and signs that HTML writes longer.
    fn longest() -> Values {
        let long: String = "ab <&> A1é".chars().cycle().take(VALUE_MAX).collect();
        let text = || Some(long.clone());
        Values {
            case_number: Some(i64::MAX),
            case_name: text(),
            case_status: text(),
            user_name: text(),
            contact_name: text(),
            sender_name: long.clone(),
            email_subject: long.clone(),
            account_name: long.clone(),
            now: long.clone(),
        }
    }

    fn context(&self) -> Value {
        let number = self.case_number.map_or_else(|| Value::from(""), Value::from);
        let cut = |text: &str| text.chars().take(VALUE_MAX).collect::<String>();
        let text = |value: &Option<String>| value.as_deref().map(cut).unwrap_or_default();
        context! {
            case => context! { number, name => text(&self.case_name), status => text(&self.case_status) },
            user => context! { name => text(&self.user_name) },
            contact => context! { name => text(&self.contact_name) },
            sender => context! { name => cut(&self.sender_name) },
            email => context! { subject => cut(&self.email_subject) },
            account => context! { name => cut(&self.account_name) },
            now => cut(&self.now),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::string_slice)]
    use super::*;

    #[test]
    fn every_variable_is_rendered() {
        let source: String = VARIABLES.iter().map(|name| format!("{{{{ {name} }}}}|")).collect();
        check(&source).unwrap();
        let text = render_text(&source, &Values::sample()).unwrap();
        assert_eq!(text, "1|Printer on fire|New|Ada|Joe|Joe|Printer on fire|Support|2026-01-01 12:00|");
        assert_eq!(render_text(&source, &Values::default()).unwrap(), "|||||||||");
    }

    #[test]
    fn good_templates() {
        for source in [
            "",
            "Hello",
            "Hi {{ contact.name or sender.name }}",
            "{% if case.number %}[#{{ case.number }}]{% endif %}",
            "{{ case.name | upper | default('x') }}",
            "{% set x = case.name %}{{ x }}",
            "{# case.nmae #}",
            "{% for c in [1, 2] %}{{ c }}{% endfor %}",
        ] {
            assert_eq!(check(source), Ok(()), "{source}");
        }
    }

    #[test]
    fn bad_templates_are_refused_with_line_and_help() {
        for (source, message) in [
            ("Hi\n{{ case.nmae }}", "line 2: there is no variable case.nmae; did you mean case.name?"),
            ("{{ contactname }}", "line 1: there is no variable contactname; did you mean contact.name?"),
            ("{{ case }}", "line 1: there is no variable case; did you mean case.number?"),
            (
                "{% if now %}{% else %}\n{{ xyzzy.plugh }}{% endif %}",
                "line 2: there is no variable xyzzy.plugh; known are case.number,",
            ),
            ("{{ case.name.first }}", "line 1: there is no variable case.name.first; did you mean case.name?"),
            ("{{ case['number'] }}", "line 1: there is no variable case;"),
            ("x\n{{ now", "line 2: {{ is not closed by }}"),
            ("{% if now %}", "line 1: {% if %} or another block is not closed"),
            ("{{ now | nofilter }}", "line 1: there is no filter nofilter"),
            ("{{ sender.name | safe }}", "line 1: there is no filter safe"),
            ("{% autoescape false %}{{ now }}{% endautoescape %}", "line 1: autoescape blocks are not possible"),
            ("{% include 'x' %}", "line 1: "),
            ("{% set x = {} %}{{ x.y }}", "line 1: a variable that is used there has no value"),
            ("{{ range(9) }}", "line 1: there is no variable range;"),
            ("{{ now * 9999999999 }}", "line 1: "),
            (
                "{% for a in [1,2,3,4,5,6,7,8,9] %}{% for b in [1,2,3,4,5,6,7,8,9] %}{% for c in [1,2,3,4,5,6,7,8,9] %}\
              {% for d in [1,2,3,4,5,6,7,8,9] %}{% for e in [1,2,3,4,5,6,7,8,9] %}{{ e }}{% endfor %}{% endfor %}{% endfor %}\
              {% endfor %}{% endfor %}",
                "line 1: it takes too long",
            ),
            // With short values it does not.
            (
                "{% for a in email.subject %}{% for b in sender.name %}{{ a }}{% endfor %}{% endfor %}",
                "line 1: it takes too long",
            ),
        ] {
            let error = check(source).expect_err(source).to_string();
            assert!(error.starts_with(message), "{source}: {error}");
        }
        assert_eq!(check(&"x".repeat(MAX_SOURCE + 1)), Err(TemplateError::TooLong { max: MAX_SOURCE }));
    }

    /// What passes the check can be rendered with any text that a stranger writes.
    #[test]
    fn no_value_is_too_long_for_a_template_that_was_taken() {
        let long = "<&\" ".repeat(20_000);
        let values = Values {
            case_name: Some(long.clone()),
            contact_name: Some(long.clone()),
            sender_name: long.clone(),
            email_subject: long,
            ..Values::sample()
        };
        let chain = format!("{{{{ email.subject{} }}}}", " ~ email.subject".repeat(20)).repeat(20);
        let mut taken = 0;
        for source in [
            "{% for c in email.subject %}{{ c }}{% endfor %}",
            "{% for c in email.subject %}{% for d in [1, 2, 3] %}{{ c }}{% endfor %}{% endfor %}",
            "{{ email.subject | replace('<', case.name) | replace('<', case.name) }}",
            "{{ case.name | list | join(sender.name) }}",
            chain.as_str(),
        ] {
            if check(source).is_ok() {
                taken += 1;
                assert!(render_html(source, &values).is_ok() && render_text(source, &values).is_ok(), "{source}");
            }
        }
        assert!(taken >= 3, "{taken}");
        let subject = render_subject("{{ email.subject }}", &values).unwrap();
        assert!(subject.chars().count() <= VALUE_MAX, "{subject}");
    }

    #[test]
    fn deep_and_long_templates_end() {
        for (open, middle, close) in [
            ("{{ ", "(", ""),
            ("{{ ", "not ", "now }}"),
            ("{{ ", "-", "1 }}"),
            ("{{ 1", "+1", " }}"),
            ("{{ now", "|upper", " }}"),
            ("{{ now", ".a", " }}"),
            ("{{ now", "()", " }}"),
            ("{{ now", " if 1 else 1", " }}"),
            ("{{ 1", "**1", " }}"),
            ("", "{% if now %}", ""),
            ("{% if now %}", "{% elif now %}", "{% endif %}"),
            ("", "{% for a in [] %}", ""),
            ("", "{% set x %}", ""),
            ("", "{{ now|upper|upper|upper|upper|upper|upper|upper|upper|upper }}{# #}", ""),
        ] {
            let source = |times: usize| format!("{open}{}{close}", middle.repeat(times));
            assert!(check(&source((MAX_SOURCE - 100) / middle.len())).is_err(), "{middle}");
            // The most that the limits let through must not overflow the stack.
            for times in [480 / middle.len(), 498] {
                check(&source(times)).ok();
            }
        }
    }

    #[test]
    fn hostile_values_stay_text() {
        let values = Values {
            sender_name: "<script>{{ now }}&\"".into(),
            email_subject: "a\r\nBcc: x\u{0}\ty".into(),
            ..Values::default()
        };
        assert_eq!(render_text("{{ sender.name }}", &values).unwrap(), "<script>{{ now }}&\"");
        assert_eq!(
            render_html("<b>{{ sender.name }}</b>", &values).unwrap(),
            "<b>&lt;script&gt;{{ now }}&amp;&quot;</b>"
        );
        assert_eq!(render_subject("Re:\n {{ email.subject }} ", &values).unwrap(), "Re: a Bcc: x y");
    }
}
