//! The bodies as `ListenBrainz` spells them. Keys of what is unknown are left out: a null may refuse a whole batch.

use hub_domain::{MediaItem, Namespace, Scope};
use serde::{Deserialize, Serialize};

use crate::music::Song;

/// The program that submits; its version has a field of its own.
pub(super) const SUBMISSION_CLIENT: &str = "Scrobble Hub";
/// The longest track, in milliseconds (24 days).
const LONGEST_TRACK: i64 = 2_073_600_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ListenType {
    Single,
    Import,
    PlayingNow,
}

/// The body of `submit-listens`.
#[derive(Debug, Serialize)]
pub(super) struct Submission<'a> {
    pub(super) listen_type: ListenType,
    pub(super) payload: &'a [Listen],
}

#[derive(Debug, Clone, Serialize)]
pub(super) struct Listen {
    /// Seconds since 1970; absent for `playing_now`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) listened_at: Option<i64>,
    track_metadata: TrackMetadata,
}

#[derive(Debug, Clone, Serialize)]
struct TrackMetadata {
    artist_name: String,
    track_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    release_name: Option<String>,
    additional_info: AdditionalInfo,
}

#[derive(Debug, Clone, Serialize)]
struct AdditionalInfo {
    submission_client: &'static str,
    submission_client_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracknumber: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording_mbid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_mbid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release_mbid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    release_group_mbid: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    artist_mbids: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    isrc: Option<String>,
}

impl Listen {
    pub(super) fn of(song: Song, media: &MediaItem, listened_at: Option<i64>) -> Self {
        let own = |namespace| media.own_id(namespace).map(str::to_owned);
        // An album's and an artist's id may come in the item's scope or in a wider one; their namespace says whose they are.
        let wide = |namespace: Namespace| {
            let of_it = move |id: &&hub_domain::ExternalId| id.namespace == namespace;
            media
                .ids
                .iter()
                .filter(of_it)
                .map(|id| id.value().to_owned())
        };
        let mut artist_mbids: Vec<String> = Vec::new();
        for id in &media.ids {
            let is_the_artists = id.namespace == Namespace::ArtistMbid
                // The album's artist may be somebody else.
                && (id.scope == Scope::Item || song.album_artist.is_none());
            if is_the_artists && !artist_mbids.iter().any(|known| known == id.value()) {
                artist_mbids.push(id.value().to_owned());
            }
        }
        Self {
            listened_at,
            track_metadata: TrackMetadata {
                artist_name: song.artist,
                track_name: song.title,
                release_name: song.album,
                additional_info: AdditionalInfo {
                    submission_client: SUBMISSION_CLIENT,
                    submission_client_version: env!("CARGO_PKG_VERSION"),
                    duration_ms: song
                        .duration
                        .map(|length| length.num_milliseconds())
                        .filter(|millis| (1..=LONGEST_TRACK).contains(millis)),
                    tracknumber: song.track_number,
                    recording_mbid: own(Namespace::RecordingMbid),
                    track_mbid: own(Namespace::TrackMbid),
                    release_mbid: wide(Namespace::ReleaseMbid).next(),
                    release_group_mbid: wide(Namespace::ReleaseGroupMbid).next(),
                    artist_mbids,
                    isrc: own(Namespace::Isrc),
                },
            },
        }
    }
}

/// The answer to a submission: `{"status":"ok"}`; Maloja refuses what it does not know with 200 and `error`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Submitted {
    pub(super) status: Option<String>,
    pub(super) error: Option<String>,
}

/// The answer of `validate-token`; an invalid token is a 200 too.
#[derive(Debug, Deserialize)]
pub(super) struct Validation {
    pub(super) valid: Option<bool>,
    pub(super) user_name: Option<String>,
}

/// The body of `feedback/recording-feedback`; any other key is refused.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Feedback {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recording_mbid: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) recording_msid: Option<String>,
    /// 1 love, −1 hate, 0 neither.
    pub(super) score: i8,
}

/// The answer of `metadata/lookup`: empty if nothing matches, and at times the match is another recording.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Match {
    #[serde(default)]
    pub(super) recording_mbid: Option<String>,
    #[serde(default)]
    pub(super) recording_name: Option<String>,
    #[serde(default)]
    pub(super) artist_credit_name: Option<String>,
}

/// The answer of `user/{name}/listens`, newest first.
#[derive(Debug, Deserialize)]
pub(super) struct Listens {
    pub(super) payload: ListensPayload,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListensPayload {
    pub(super) listens: Vec<Listened>,
}

/// One listen of a user.
#[derive(Debug, Deserialize)]
pub(super) struct Listened {
    pub(super) listened_at: i64,
    /// The server's own id of these names, this album, this number and this length.
    pub(super) recording_msid: String,
    pub(super) track_metadata: ListenedTrack,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListenedTrack {
    pub(super) artist_name: String,
    pub(super) track_name: String,
    #[serde(default)]
    pub(super) additional_info: serde_json::Value,
}

impl Listened {
    /// Says whether it is of this track; the server tells names apart by more than case.
    pub(super) fn is_of(&self, artist: &str, title: &str) -> bool {
        let is_same = |one: &str, other: &str| one.trim().to_lowercase() == other.to_lowercase();
        is_same(&self.track_metadata.artist_name, artist)
            && is_same(&self.track_metadata.track_name, title)
    }

    /// Says whether the hub submitted it.
    pub(super) fn is_ours(&self) -> bool {
        let client = self.track_metadata.additional_info.get("submission_client");
        client.and_then(serde_json::Value::as_str) == Some(SUBMISSION_CLIENT)
    }
}

/// The body of `delete-listen`.
#[derive(Debug, Serialize)]
pub(super) struct Deletion<'a> {
    pub(super) listened_at: i64,
    pub(super) recording_msid: &'a str,
}
