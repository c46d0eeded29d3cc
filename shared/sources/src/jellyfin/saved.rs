//! `UserDataSaved`: what the server wrote down about a user and an item, and why.
//!
//! `Played` is what a person said only where the reason is `TogglePlayed`. Everywhere else it is the server's
//! bookkeeping: starting a track sets it at once, starting a rewatch takes it back.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Action, ItemKind, MediaItem};

use super::{clock, event};
use crate::making;
use crate::outcome::{BodyError, Ignored, Translated};
use crate::values::Fields;

/// How near to "now" a date has to come by the server's offset to be a local time that calls itself UTC.
const SECONDS_OF_NOW: TimeDelta = TimeDelta::seconds(15);

/// What a playback may take beyond its length: pauses, buffering.
const PAUSES: TimeDelta = TimeDelta::minutes(5);

/// The length of a track that names none.
const LONG_TRACK: TimeDelta = TimeDelta::minutes(15);

/// Translates what was saved, by the reason that the server gives.
pub(super) fn translate(
    root: &Fields<'_>,
    item: MediaItem,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let reason = root
        .text("SaveReason")
        .unwrap_or_default()
        .to_ascii_lowercase();
    match reason.as_str() {
        "toggleplayed" => Ok(match root.boolean("Played") {
            Some(true) => making::answer(event(root, Action::MarkWatched, item, received_at)),
            Some(false) => making::answer(event(root, Action::MarkUnwatched, item, received_at)),
            None => Translated::ignored(Ignored::NoValue),
        }),
        "updateuserrating" | "updateuserdata" => {
            opinion(root, item, reason == "updateuserrating", received_at)
        }
        "playbackfinished" if item.kind == ItemKind::Track => {
            Ok(offline_listen(root, item, received_at))
        }
        _ => Ok(Translated::ignored(Ignored::SavedState)),
    }
}

/// A rating, a love, or both.
fn opinion(
    root: &Fields<'_>,
    item: MediaItem,
    is_rating: bool,
    received_at: DateTime<Utc>,
) -> Result<Translated, BodyError> {
    let rating = root.number("Rating")?.filter(|rating| *rating > 0.0);
    if rating.is_some_and(|rating| rating > 10.0) {
        return Err(BodyError::at("Rating", "a rating from 0 to 10 is expected"));
    }
    let mut events = Vec::new();
    if let Some(rating) = rating {
        let mut rated = event(root, Action::Rate, item.clone(), received_at);
        rated.rating = Some(rating);
        events.push(rated);
    }
    match root.boolean("Favorite") {
        Some(true) => events.push(event(root, Action::Love, item, received_at)),
        // The button that takes a favourite back saves the rating as well. A rating or a like beside it means that
        // something else was pressed, and then nothing is taken back.
        Some(false) if is_rating && rating.is_none() && !root.is_true("Likes") => {
            events.push(event(root, Action::Unlove, item, received_at));
        }
        Some(false) | None => {}
    }
    if events.is_empty() {
        return Ok(Translated::ignored(Ignored::NoValue));
    }
    Ok(Translated::Events(events))
}

/// A track that was heard away from the server and is reported now.
fn offline_listen(root: &Fields<'_>, item: MediaItem, received_at: DateTime<Utc>) -> Translated {
    let now = clock(root).unwrap_or(received_at);
    let Some(saved) = root.time("LastPlayedDate") else {
        return Translated::ignored(Ignored::OnlinePlay);
    };
    let offset = root.offset("Timestamp").unwrap_or_default();
    let (heard_at, is_repaired) = repaired(saved, offset, now);
    // The server's own playbacks set the date when they begin; their end comes by `PlaybackStop`.
    let longest = item.duration.unwrap_or(LONG_TRACK) + PAUSES;
    let is_online = !is_repaired && now - heard_at <= longest;
    if heard_at > now + SECONDS_OF_NOW || is_online {
        return Translated::ignored(Ignored::OnlinePlay);
    }
    let mut event = event(root, Action::ScrobblePoint, item, received_at);
    event.occurred_at = heard_at.min(received_at);
    event.flags.offline = true;
    event.flags.derived = is_repaired;
    making::answer(event)
}

/// Synced plays may carry local time that calls itself UTC: shifted back where that explains it.
fn repaired(saved: DateTime<Utc>, offset: TimeDelta, now: DateTime<Utc>) -> (DateTime<Utc>, bool) {
    if offset.is_zero() {
        return (saved, false);
    }
    let shifted = saved - offset;
    let is_future = saved - now >= TimeDelta::hours(1);
    let is_now = (shifted - now).abs() <= SECONDS_OF_NOW;
    if is_future || is_now {
        (shifted, true)
    } else {
        (saved, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_time_that_calls_itself_utc_is_shifted_and_a_true_one_is_not() {
        let now = DateTime::from_timestamp(1_755_292_782, 0).unwrap();
        let two = TimeDelta::hours(2);
        let minutes = |minutes| now + TimeDelta::minutes(minutes);
        for (saved, offset, expected) in [
            (minutes(120), two, (now, true)),
            (minutes(90), two, (minutes(-30), true)),
            (minutes(-30), two, (minutes(-30), false)),
            (minutes(-300), -TimeDelta::hours(5), (now, true)),
            (minutes(-600), -TimeDelta::hours(5), (minutes(-600), false)),
            (minutes(120), TimeDelta::zero(), (minutes(120), false)),
        ] {
            assert_eq!(
                repaired(saved, offset, now),
                expected,
                "{saved} at {offset}"
            );
        }
    }
}
