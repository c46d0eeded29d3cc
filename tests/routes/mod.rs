//! The HTTP function, address by address: what it takes, what it refuses, and what it says then.

pub(crate) mod asking;
mod every;
mod export;
mod health;
mod kept;
mod library;
mod openapi;
mod scrobble;
mod sources;
mod unavailable;
mod user;
mod users;
mod webhooks;
mod webhooks_reference;
