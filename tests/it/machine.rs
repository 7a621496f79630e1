//! A machine with users, sudo, file rights and terminals; needs root and skips itself, saying so, without.

mod day;
mod enforced;
#[cfg(feature = "postgres")]
mod enforced_on_server;
mod full_disk;
pub mod questions;
mod screens;
mod state;
mod terminals;
mod tokens;
