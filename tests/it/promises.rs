//! What the manual promises, with figures: kills, overlapping runs, a model as the oracle, hostile servers, long runs.
//! `make promises` does the same far longer.

mod broken_messages;
mod certificates;
mod contradictions;
mod guesses;
mod kills;
mod misbehaviour;
mod model;
mod overlap;
mod poison;
mod products;
mod roles_matrix;
mod soak;
mod starttls;
mod stops;
