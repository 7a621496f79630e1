//! Every statement of the store: how it finds its rows, and whether another engine would take it.
//!
//! Statements that are whole in the sources are read there. Those that are put together are prepared by [`calls`].

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]

pub mod calls;
pub mod dice;
mod growth;
pub mod literals;
pub mod portable;
