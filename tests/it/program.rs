//! The program as people and scripts start it, without any server: mail comes in by `ingest` or `import`.

mod bulk;
mod case_work;
mod colour;
mod command_line;
mod completions;
mod dated;
mod day;
mod editor;
mod errors;
mod fifty;
mod json;
mod listing;
mod opening;
mod pager;
mod people;
mod privacy;
mod quotations;
mod reading;
mod records;
mod roles;
mod screens;
mod search;
mod searches;
mod shown;
mod snooze;
mod tags;
