//! What the two music services share: a track's words, and the time of a listen.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{ItemKind, MediaItem, Outcome, Play, Service};

use crate::seam::time_told;

/// How far ahead a start may lie before it waits: two clocks are never quite equal.
const CLOCK_SKEW: TimeDelta = TimeDelta::minutes(5);
/// How far ahead a start may lie before it is no matter of clocks any more.
const FARTHEST_AHEAD: TimeDelta = TimeDelta::days(1);

/// A track as both services want it: trimmed words without U+0000, what is unknown or empty left out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Song {
    pub(crate) artist: String,
    pub(crate) title: String,
    pub(crate) album: Option<String>,
    /// Only where it differs from the artist.
    pub(crate) album_artist: Option<String>,
    pub(crate) track_number: Option<u32>,
    pub(crate) duration: Option<TimeDelta>,
}

impl Song {
    /// Reads a track's words; an artist's place is taken by the album's where the track names none.
    ///
    /// Of a podcast, which a user may ask for, the show is the artist and the episode the track.
    ///
    /// The error is what becomes of a play without them.
    pub(crate) fn of(media: &MediaItem, service: Service) -> Result<Self, Outcome> {
        if !service.takes(media.kind) && !service.takes_on_request(media.kind) {
            return Err(not_taken(media.kind, service));
        }
        let missing = |what: &str| Outcome::Ignored {
            why: format!("the media server named no {what}"),
        };
        if media.kind == ItemKind::PodcastEpisode {
            let show =
                words(media.show_title.as_deref()).or_else(|| words(media.artist.as_deref()));
            return Ok(Self {
                artist: show.ok_or_else(|| missing("podcast"))?,
                title: words(media.title.as_deref()).ok_or_else(|| missing("title"))?,
                album: None,
                album_artist: None,
                track_number: None,
                duration: media.duration.filter(|length| *length > TimeDelta::zero()),
            });
        }
        let album_artist = words(media.album_artist.as_deref());
        let artist = words(media.artist.as_deref())
            .or_else(|| album_artist.clone())
            .ok_or_else(|| missing("artist"))?;
        let title = words(media.title.as_deref()).ok_or_else(|| missing("title"))?;
        Ok(Self {
            title,
            album: words(media.album.as_deref()),
            album_artist: album_artist
                .filter(|name| !is_nobody(name) && name.to_lowercase() != artist.to_lowercase()),
            artist,
            track_number: media.track_number.filter(|number| *number > 0),
            duration: media.duration.filter(|length| *length > TimeDelta::zero()),
        })
    }
}

/// What becomes of a play of a kind that the service does not take.
pub(crate) fn not_taken(kind: ItemKind, service: Service) -> Outcome {
    Outcome::Ignored {
        why: format!("{} does not take a {kind}", service.title()),
    }
}

/// When the listen began, as the service is told; the error is what becomes of a play that has no usable time.
pub(crate) fn listened_at(
    play: &Play,
    service: Service,
    now: DateTime<Utc>,
) -> Result<DateTime<Utc>, Outcome> {
    let Some(at) = time_told(play, service, play.started_at, play.watched_at) else {
        return Err(Outcome::Ignored {
            why: format!(
                "nobody knows when it was played, and {} keeps no play without a time",
                service.title()
            ),
        });
    };
    let ahead = at - now;
    if ahead > FARTHEST_AHEAD {
        Err(Outcome::Refused {
            why: "its start lies more than a day in the future".to_owned(),
        })
    } else if ahead > CLOCK_SKEW {
        Err(Outcome::Wait {
            until: at,
            why: "its start lies in the future".to_owned(),
        })
    } else {
        Ok(at)
    }
}

fn words(text: Option<&str>) -> Option<String> {
    let text = text?.replace('\0', "");
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// An album artist that stands for no one; Last.fm ignores scrobbles that name one.
fn is_nobody(name: &str) -> bool {
    matches!(
        name.to_lowercase().as_str(),
        "va" | "v.a." | "various" | "various artists" | "unknown" | "unknown artist" | "[unknown]"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{at, play, track};

    #[test]
    fn the_album_artist_stands_in_and_is_told_only_where_it_differs() {
        let mut media = track("Björk", "Jóga");
        media.album_artist = Some(" björk ".to_owned());
        let song = Song::of(&media, Service::LastFm).unwrap();
        assert_eq!(song.album_artist, None);
        media.artist = Some("  ".to_owned());
        assert_eq!(Song::of(&media, Service::LastFm).unwrap().artist, "björk");
        media.artist = Some("Björk".to_owned());
        media.album_artist = Some("VA".to_owned());
        assert_eq!(
            Song::of(&media, Service::LastFm).unwrap().album_artist,
            None
        );
    }

    #[test]
    fn a_podcast_is_told_as_the_track_of_its_show() {
        let mut media = MediaItem::new(ItemKind::PodcastEpisode);
        media.title = Some("The Daily, 20 November".to_owned());
        media.artist = Some("A host".to_owned());
        media.show_title = Some("The Daily".to_owned());
        let song = Song::of(&media, Service::ListenBrainz).unwrap();
        assert_eq!(song.artist, "The Daily");
        assert_eq!(song.title, "The Daily, 20 November");
        media.show_title = None;
        let song = Song::of(&media, Service::LastFm).unwrap();
        assert_eq!(song.artist, "A host");
    }

    #[test]
    fn a_track_without_a_name_and_a_book_are_settled_without_a_call() {
        let mut media = track("Björk", "\0 ");
        let why = |media: &MediaItem| match Song::of(media, Service::LastFm) {
            Err(Outcome::Ignored { why }) => why,
            other => panic!("{other:?}"),
        };
        assert_eq!(why(&media), "the media server named no title");
        media.artist = None;
        assert_eq!(why(&media), "the media server named no artist");
        media.kind = ItemKind::PodcastEpisode;
        assert_eq!(why(&media), "the media server named no podcast");
        media.kind = ItemKind::Book;
        assert_eq!(why(&media), "Last.fm does not take a book");
    }

    #[test]
    fn a_listen_keeps_the_second_it_was_first_told_with() {
        let mut play = play(track("a", "b"), Some(at(0)), Some(at(200)));
        assert_eq!(listened_at(&play, Service::LastFm, at(300)), Ok(at(0)));
        let mut delivery = hub_domain::Delivery::pending();
        delivery.sent_watched_at = Some(at(2));
        play.deliveries.insert(Service::LastFm, delivery);
        assert_eq!(listened_at(&play, Service::LastFm, at(300)), Ok(at(2)));
    }

    #[test]
    fn a_start_in_the_future_waits_for_it_and_an_absurd_one_is_refused() {
        let soon = play(track("a", "b"), Some(at(3600)), None);
        assert!(matches!(
            listened_at(&soon, Service::ListenBrainz, at(0)),
            Err(Outcome::Wait { until, .. }) if until == at(3600)
        ));
        let never = play(track("a", "b"), Some(at(100_000)), None);
        assert!(matches!(
            listened_at(&never, Service::ListenBrainz, at(0)),
            Err(Outcome::Refused { .. })
        ));
        let unknown = play(track("a", "b"), None, None);
        assert!(matches!(
            listened_at(&unknown, Service::ListenBrainz, at(0)),
            Err(Outcome::Ignored { .. })
        ));
    }
}
