//! Everything beyond one function: messages through the whole intake, the program, real servers, kills. Each folder is a
//! kind of test, and `cargo test --test it memory::` runs one; `make quick` runs those that need no server and no root.
//!
//! | kind | what it needs |
//! |---|---|
//! | [`memory`] | nothing: a database in memory, no process |
//! | [`program`] | the program and a home of its own for each test |
//! | [`servers`] | IMAP and SMTP servers on loopback |
//! | [`machine`] | root: users, sudo and file rights in a namespace; terminals |
//! | [`promises`] | servers and time: kills, models, hostile servers, long runs |
//! | [`house`] | the sources |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stderr
)]

mod house;
mod machine;
mod memory;
mod program;
mod promises;
mod servers;
mod support;
