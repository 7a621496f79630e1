//! How what a filter says was written: its parts are called by that in errors.

/// Where a filter was written: errors name a flag, or a key of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Flags,
    File,
}

impl Form {
    /// What the person who wrote `key` calls it.
    pub fn field(self, key: &str) -> String {
        match self {
            Form::Flags => format!("--{key}"),
            Form::File => key.to_owned(),
        }
    }
}
