//! The sources themselves: which room uses which, what comments and texts may say.

mod colours;
mod doc_comments;
mod foreign_words;
mod layers;
mod manual;
mod plain_english;
mod questions;
mod references;
