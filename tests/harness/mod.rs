//! A whole hub in memory, with services to deliver to and a clock that is turned by hand.

pub(crate) mod clock;
pub(crate) mod events;
pub(crate) mod meter;
pub(crate) mod notices;
pub(crate) mod proxy;
pub(crate) mod receiver;
pub(crate) mod services;
pub(crate) mod world;

pub(crate) use events::*;
pub(crate) use world::{Person, World};
