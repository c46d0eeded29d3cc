#![doc = include_str!("../README.md")]

pub mod anime;
pub mod answer;
pub mod app;
pub mod connection;
pub mod delivery;
pub mod event;
pub mod identity;
pub mod live;
pub mod media;
pub mod names;
pub mod parcel;
pub mod play;
pub mod rating;
pub mod retry;
pub mod secret;
pub mod service;
pub mod session;
pub mod statement;
pub mod threshold;
pub mod units;
pub mod user;

pub use answer::{Disposition, Outcome};
pub use connection::{Connection, ConnectionSettings, Health};
pub use delivery::{Delivery, State};
pub use event::{Action, Event, Flags};
pub use live::LiveState;
pub use media::{ExternalId, ItemKind, MediaItem, Namespace, Scope};
pub use names::{Account, ItemKey, PlayId, Player, ServerRef, Source, UserId};
pub use parcel::{Parcel, ParcelId};
pub use play::{Play, Precision, Sighting};
pub use secret::Secret;
pub use service::{Service, SignIn};
pub use statement::{Agreed, Aspect, Says, Statement, StatementId};
pub use threshold::{Rule, Thresholds};
pub use user::UserSettings;
