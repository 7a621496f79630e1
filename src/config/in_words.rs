//! Values of the configuration as people write them.

use serde::Serializer;

pub fn level<S: Serializer>(level: &log::LevelFilter, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&level.as_str().to_lowercase())
}

pub mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::units;

    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&units::write_duration(*duration))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        units::duration(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

pub mod size {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use crate::units;

    pub fn serialize<S: Serializer>(size: &u64, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&units::write_size(*size))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u64, D::Error> {
        units::size(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}
