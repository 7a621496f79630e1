//! Whole messages through intake, desk and letters, on a database in memory: no process, no server.

mod damage;
mod desk;
mod loops;
pub(crate) mod rules;
mod who;
