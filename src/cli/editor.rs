//! The editor that a text is written in: a file of one's own ([`page`]), or on the other side of sudo ([`remote`]), and the
//! files that the text names ([`attach`]).

pub mod attach;
pub mod page;
pub mod remote;
