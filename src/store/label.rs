//! Enums that are stored, shown and typed as text labels (EspoCRM's words).

use std::str::FromStr;

/// A label that is none of an enum's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be one of {known}, not \"{given}\"")]
pub struct UnknownLabel {
    /// All labels, separated by commas.
    pub known: String,
    /// What was given.
    pub given: String,
}

/// A label of an enum, or `word`, which lists take in the place of one: `None`.
///
/// # Errors
/// It is neither; the error names both.
pub fn or_word<T: FromStr<Err = UnknownLabel>>(given: &str, word: &str) -> Result<Option<T>, UnknownLabel> {
    match given.parse() {
        Ok(label) => Ok(Some(label)),
        Err(_) if given.eq_ignore_ascii_case(word) => Ok(None),
        Err(UnknownLabel { known, given }) => Err(UnknownLabel { known: format!("{known}, {word}"), given }),
    }
}

impl UnknownLabel {
    /// None of these.
    pub fn among<L: Label>(offered: &[L], given: &str) -> UnknownLabel {
        UnknownLabel {
            known: offered.iter().map(|label| label.text()).collect::<Vec<_>>().join(", "),
            given: given.chars().take(40).collect(),
        }
    }
}

/// An enum of labels, for code that serves all of them.
pub trait Label: Copy + 'static {
    /// Every value in its order.
    const VALUES: &'static [Self];

    /// As it is stored, shown and typed.
    fn text(self) -> &'static str;
}

/// Declares an enum whose variants are stored, shown and parsed as text labels.
macro_rules! labels {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $label:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant),+ }

        impl $name {
            /// Every value in its order.
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            /// The label in the database, on the command line and in JSON.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $label),+ }
            }
        }

        impl $crate::store::label::Label for $name {
            const VALUES: &'static [$name] = $name::ALL;

            fn text(self) -> &'static str {
                self.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::store::label::UnknownLabel;

            fn from_str(given: &str) -> Result<$name, Self::Err> {
                let found = $name::ALL.iter().copied().find(|v| v.as_str().eq_ignore_ascii_case(given));
                found.ok_or_else(|| $crate::store::label::UnknownLabel::among($name::ALL, given))
            }
        }
    };
}
pub(crate) use labels;

#[cfg(test)]
mod tests;
