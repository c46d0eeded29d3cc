//! `/api/v1/scrobble`.

mod connections;
mod events;
mod history;
mod plays;
mod queue;
