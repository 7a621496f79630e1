//! The program with mail servers: Dovecot (or another make, see [`crate::support::Make`]) and Exim, or one of ours that
//! answers by script.

mod assignment;
mod attachments;
mod audit;
mod auto_reply;
mod bad_input;
mod clumsy_servers;
mod command_log;
mod connecting;
mod database_passwords;
mod database_server;
mod discovery;
mod examples;
mod failures;
mod fetching;
mod filters;
mod followers;
mod group_sending;
mod hostile;
mod import_export;
mod left_alone;
mod letters;
mod mail_folders;
mod makes;
mod monitoring;
mod oauth;
mod personal;
mod private_postgres;
mod repair;
mod returns;
mod secrets;
mod support_works;
mod threading;
mod told;
mod unattended;
mod undelivered;
