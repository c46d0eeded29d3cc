#![doc = include_str!("../README.md")]

mod base_item;
mod emby;
mod envelope;
mod guid;
mod jellyfin;
mod jellyfin_unofficial;
mod kodi;
mod making;
mod outcome;
mod plex;
mod shape;
mod tautulli;
#[cfg(test)]
mod testing;
mod values;

use chrono::{DateTime, Utc};
use hub_domain::Source;

pub use outcome::{BodyError, EventName, Ignored, Translated};

use crate::shape::Shape;
use crate::values::Fields;

/// Reads what a webhook posted, and says what happened.
///
/// `source` is what the address says; a body that is unmistakably another source's is read as that source's, and
/// the events name the source that they are really from. `received_at` is the hub's clock.
///
/// # Errors
///
/// A body that cannot be read, with the field where one is to blame. What can be read and is no playback event is
/// [`Translated::Ignored`], never an error.
pub fn translate(
    source: Source,
    content_type: Option<&str>,
    body: &[u8],
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let value = envelope::open(content_type, body).map_err(|error| error.hinted(source))?;
    let root = Fields::of(&value).ok_or_else(BodyError::not_an_object)?;
    match shape::recognise(source, &root) {
        Shape::Plex => plex::translate(&root, received_at),
        Shape::JellyfinFlat => jellyfin::translate(&root.folded(), received_at),
        Shape::JellyfinUnofficial => jellyfin_unofficial::translate(&root.folded(), received_at),
        Shape::JellyfinAsPlex => jellyfin_unofficial::as_plex::translate(&root, received_at),
        Shape::JellyfinQuery => Ok(Translated::ignored(Ignored::NoItem)),
        Shape::Emby => emby::translate(&root.folded(), received_at),
        Shape::Tautulli => tautulli::translate(&root, received_at),
        Shape::KodiScrobbler => kodi::scrobbler::translate(&root, received_at),
        Shape::KodiJsonRpc => kodi::json_rpc::translate(&root, received_at),
        Shape::KodiMovary => kodi::add_ons::movary(&root, received_at),
        Shape::KodiRyot => kodi::add_ons::ryot(&root, received_at),
        Shape::Unknown => Ok(Translated::ignored(Ignored::UnknownShape)),
    }
}
