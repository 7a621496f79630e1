//! Statements are written so that SQLite and PostgreSQL both take them.
