//! The statements that make the tables.

pub(super) const SCHEMA: &str = include_str!("../../../../schema.postgres.sql");
