//! `/api/v1/scrobble`.

mod connections;
mod dropped;
mod events;
mod history;
mod plays;
mod queue;
