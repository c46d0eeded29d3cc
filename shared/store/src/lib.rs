#![doc = include_str!("../README.md")]

mod batch;
mod error;
mod item;
mod key;
mod table;
#[cfg(test)]
mod testing;

pub mod account;
pub mod alias;
pub mod aside;
pub mod assign;
pub mod circuit;
pub mod connection;
pub mod delivery;
pub mod due;
pub mod erase;
pub mod history;
pub mod ignored;
pub mod lane;
pub mod limiter;
pub mod lookup;
pub mod oauth_state;
pub mod open;
pub mod play;
pub mod refresh;
pub mod seen;
pub mod session;
pub mod token;
pub mod user;

pub use account::Binding;
pub use alias::AliasEntry;
pub use circuit::Circuit;
pub use connection::StoredConnection;
pub use delivery::{Retried, Settlement};
pub use due::{DueKey, shard_of};
pub use error::StoreError;
pub use history::{Cursor, Filter, HistoryPage, Page};
pub use ignored::Ignored;
pub use key::Key;
pub use lane::{Frozen, Lane, LaneTaken, Release};
pub use oauth_state::OAuthState;
pub use play::{Amendment, PutPlay};
pub use refresh::{RefreshLease, TokensStored};
pub use seen::SeenDays;
pub use table::{Freshness, Saved, Table};
pub use token::{ApiToken, TokenScope};
pub use user::{User, UserListing};
