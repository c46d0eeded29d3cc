//! The unofficial Jellyfin plugin's "Plex" format: made for services that read Plex's webhooks.
//!
//! - `Account.id` is a GUID, and `user` is true for everybody.
//! - `duration` is ticks ÷ 1,000: ten times too large for milliseconds.
//! - There is no position, no `Guid`, and no season or episode but in the guid's path, which holds the show's id.
//! - "Marked as played" comes as `media.scrobble`, without a session and so without a player.

use chrono::{DateTime, Utc};
use hub_domain::{Action, ItemKind, MediaItem, Source};

use crate::base_item::plain_guid;
use crate::guid;
use crate::making::{self, show_title_and_year};
use crate::outcome::{BodyError, EventName, Ignored, Translated};
use crate::plex;
use crate::values::Fields;

/// Milliseconds in one unit of its `duration`, which is 1,000 ticks of 100 ns.
const DURATION_UNIT: f64 = 0.1;

/// Translates the "Plex" format.
pub(crate) fn translate(
    root: &Fields<'_>,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let Some(name) = root.text("event") else {
        return Ok(Translated::ignored(Ignored::NoEvent));
    };
    let player = root.object("Player");
    let player = making::player(player.text("uuid"), player.text("title"));
    let action = match name.as_str() {
        "media.play" => Action::Start,
        "media.resume" => Action::Resume,
        "media.pause" => Action::Pause,
        "media.stop" => Action::Stop,
        "media.scrobble" if player.id.is_none() && player.name.is_none() => Action::MarkWatched,
        "media.scrobble" => Action::ScrobblePoint,
        // The format leaves the rating out.
        "media.rate" => return Ok(Translated::ignored(Ignored::NoValue)),
        _ => {
            let reason = Ignored::UnknownEvent(EventName::new(&name));
            return Ok(Translated::ignored(reason));
        }
    };
    let Some(metadata) = root.try_object("Metadata") else {
        return Ok(Translated::ignored(Ignored::NoItem));
    };
    let kind = match metadata.text("type").as_deref() {
        Some("movie") => ItemKind::Movie,
        Some("episode") => ItemKind::Episode,
        Some("track") => ItemKind::Track,
        Some(_) => return Ok(Translated::ignored(Ignored::UnsupportedKind)),
        None => return Ok(Translated::ignored(Ignored::NoItem)),
    };
    let server = root.object("Server");
    let server = making::server(
        Source::Jellyfin,
        plain_guid(server.text("uuid")),
        server.text("title"),
    );
    let item = item(&metadata, kind)?;
    let mut event = making::event(server, action, item, None, received_at);
    let account = root.object("Account");
    event.account = making::account(plain_guid(account.text("id")), account.text("title"));
    event.player = player;
    Ok(making::answer(event))
}

fn item(metadata: &Fields<'_>, kind: ItemKind) -> Result<MediaItem, BodyError> {
    let mut item = MediaItem::new(kind);
    item.title = metadata.text("title");
    item.year = metadata.year("year")?;
    item.duration = metadata.duration("duration", DURATION_UNIT)?;
    item.ids = plex::ids(metadata, kind);
    match kind {
        ItemKind::Episode => {
            let show = metadata.text("grandparentTitle");
            (item.show_title, item.show_year) = show_title_and_year(show);
            let numbering = metadata
                .text("guid")
                .and_then(|guid| guid::numbering(&guid));
            item.season = metadata
                .count("parentIndex")?
                .or(numbering.map(|numbering| numbering.season));
            item.episode = metadata
                .count("index")?
                .or(numbering.map(|numbering| numbering.episode));
        }
        ItemKind::Track => {
            item.album = metadata.text("parentTitle");
            item.album_artist = metadata.text("grandparentTitle");
            item.artist = item.album_artist.clone();
        }
        ItemKind::Movie
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Show
        | ItemKind::Season
        | ItemKind::Album
        | ItemKind::Artist => {}
    }
    Ok(item)
}
