//! Which sightings are the same play, and which items are the same item.
//!
//! An item is known by aliases: every id that names it, its own media server's id, and its names. A play is known by
//! its interval: two sightings of the same item by the same user that share their time are one play, whatever road
//! they came by; a road that tells two times tells of two plays.

mod items;
mod plays;

pub use items::{Alias, Choice, aliases, awaits_library, choose_item, contradict, fold, item_key};
pub use plays::{Candidate, Seen, find_same};
