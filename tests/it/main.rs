//! Everything that needs the program as a whole: real IMAP and SMTP servers on loopback, a home of
//! its own for every test, kills and cut connections.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stderr
)]

mod assignment;
mod attachments;
mod audit;
mod auto_reply;
mod bad_input;
mod broken_messages;
mod case_work;
mod certificates;
mod clumsy_servers;
mod command_log;
mod contradictions;
mod corners;
mod damage;
mod dated;
mod desk;
mod doc_comments;
mod enforced;
mod failures;
mod fetching;
mod filters;
mod followers;
mod group_sending;
mod guesses;
mod hostile;
mod import_export;
mod kills;
mod layers;
mod left_alone;
mod letters;
mod loops;
mod mail_folders;
mod misbehaviour;
mod model;
mod monitoring;
mod overlap;
mod personal;
mod poison;
mod privacy;
mod products;
mod quotations;
mod reading;
mod records;
mod references;
mod repair;
mod returns;
mod roles;
mod roles_matrix;
mod rules;
mod search;
mod secrets;
mod soak;
mod starttls;
mod stops;
mod support;
mod support_works;
mod terminals;
mod threading;
mod told;
mod unattended;
mod undelivered;
mod who;
