//! The program with mail servers: Dovecot (or another make, see [`crate::support::Make`]) and Exim, or one of ours that
//! answers by script.

#[cfg(feature = "postgres")]
mod apart;
mod assignment;
mod attachments;
mod audit;
mod auto_reply;
mod bad_input;
mod cage;
mod clumsy_servers;
mod command_log;
mod connecting;
mod database_answers;
#[cfg(feature = "postgres")]
mod database_away;
#[cfg(feature = "postgres")]
mod database_full;
#[cfg(feature = "postgres")]
mod database_large;
mod database_passwords;
mod database_server;
mod database_whole;
mod discovery;
mod examples;
#[cfg(feature = "postgres")]
mod failover;
mod failures;
mod fetching;
mod filters;
mod followers;
mod group_sending;
mod guide;
mod hostile;
mod hosts;
mod import_export;
mod junk;
mod left_alone;
mod letters;
mod mail_folders;
mod makes;
mod monitoring;
mod oauth;
mod on_disk;
mod personal;
mod private_postgres;
mod repair;
mod returns;
#[cfg(feature = "postgres")]
mod sealed;
mod secrets;
mod support_works;
mod threading;
mod told;
mod unattended;
mod undelivered;
mod upgrade;
