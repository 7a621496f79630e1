//! Whole messages through intake, desk and letters, on a database in memory: no process, no server.

mod damage;
mod desk;
mod intake;
mod loops;
mod search;
mod who;
mod words;
