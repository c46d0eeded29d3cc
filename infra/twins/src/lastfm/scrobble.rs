//! Now playing, scrobbles and loved tracks, with what Last.fm ignores and why.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};

use super::api::{Ask, Refusal};
use super::reply::Element;
use super::state::{Account, NowPlaying, Scrobble, State};

/// The most scrobbles of one call.
pub const MOST_SCROBBLES: usize = 50;

/// Older ones are never stored.
const OLDEST: TimeDelta = TimeDelta::days(14);

/// Not documented; Last.fm's own client calls the server's limit "something like 12 hours".
const FURTHEST_AHEAD: TimeDelta = TimeDelta::hours(12);

/// The window of the daily limit. Whether it rolls is not documented.
const DAY: TimeDelta = TimeDelta::hours(24);

/// Shorter tracks are ignored, in seconds.
const SHORTEST: i64 = 30;

/// How long a track of unknown length is shown. Not documented.
const SHOWN: TimeDelta = TimeDelta::minutes(10);

/// How a scrobble older than 14 days is answered; all three were seen, and it is never stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldAnswer {
    /// Ignored with code 3, as documented.
    Code3,
    /// Ignored with code 1, as if the artist were filtered.
    Code1,
    /// Called accepted.
    Accepted,
}

/// What becomes of one scrobble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Stored,
    /// Called accepted and not stored: a repeat, or too old.
    AcceptedOnly,
    Ignored(u8),
}

/// `track.updateNowPlaying`.
pub(crate) fn update_now_playing(
    state: &mut State,
    ask: &Ask,
    user: &str,
) -> Result<Element, Refusal> {
    let (artist, track) = (ask.required("artist")?, ask.required("track")?);
    let code = filtered(artist, track, ask.value("albumArtist"));
    if code == 0 {
        let length = ask
            .value("duration")
            .and_then(|seconds| seconds.parse().ok())
            .filter(|seconds| *seconds > 0);
        state.account(user).now_playing = Some(NowPlaying {
            artist: artist.to_owned(),
            track: track.to_owned(),
            album: ask.value("album").map(str::to_owned),
            since: ask.now,
            expires_at: ask.now + length.and_then(TimeDelta::try_seconds).unwrap_or(SHOWN),
        });
    }
    let mut children = names(artist, track, ask.value("album"), ask.value("albumArtist"));
    children.push(ignored_message(code));
    Ok(Element::of("nowplaying", children))
}

/// `track.scrobble`.
pub(crate) fn scrobble(state: &mut State, ask: &Ask, user: &str) -> Result<Element, Refusal> {
    let batch = read_batch(ask)?;
    let (daily_limit, old_answer) = (state.daily_limit, state.old_answer);
    let account = state.account(user);
    let mut answered = Vec::with_capacity(batch.len());
    let (mut accepted, mut ignored) = (0, 0);
    for scrobble in batch {
        let verdict = judge(account, &scrobble, ask.now, daily_limit, old_answer);
        let code = match verdict {
            Verdict::Stored | Verdict::AcceptedOnly => 0,
            Verdict::Ignored(code) => code,
        };
        *(if code == 0 {
            &mut accepted
        } else {
            &mut ignored
        }) += 1;
        let (album, album_artist) = (scrobble.album.as_deref(), scrobble.album_artist.as_deref());
        let mut children = names(&scrobble.artist, &scrobble.track, album, album_artist);
        children.push(Element::text(
            "timestamp",
            scrobble.timestamp.timestamp().to_string(),
        ));
        children.push(ignored_message(code));
        answered.push(Element::of("scrobble", children));
        if verdict == Verdict::Stored {
            account.known.insert(identity(&scrobble));
            account.stored_at.push_back(ask.now);
            account.scrobbles.push(scrobble);
        }
    }
    Ok(Element::of("scrobbles", answered)
        .with("accepted", accepted)
        .with("ignored", ignored))
}

fn judge(
    account: &mut Account,
    scrobble: &Scrobble,
    now: DateTime<Utc>,
    daily_limit: usize,
    old_answer: OldAnswer,
) -> Verdict {
    let code = filtered(
        &scrobble.artist,
        &scrobble.track,
        scrobble.album_artist.as_deref(),
    );
    if code != 0 {
        return Verdict::Ignored(code);
    }
    if scrobble
        .duration
        .is_some_and(|seconds| (1..SHORTEST).contains(&seconds))
    {
        // Seen by multi-scrobbler; which code it was is not recorded.
        return Verdict::Ignored(1);
    }
    if now - scrobble.timestamp > OLDEST {
        return match old_answer {
            OldAnswer::Code3 => Verdict::Ignored(3),
            OldAnswer::Code1 => Verdict::Ignored(1),
            OldAnswer::Accepted => Verdict::AcceptedOnly,
        };
    }
    if scrobble.timestamp - now > FURTHEST_AHEAD {
        return Verdict::Ignored(4);
    }
    if account.known.contains(&identity(scrobble)) {
        return Verdict::AcceptedOnly;
    }
    while account
        .stored_at
        .front()
        .is_some_and(|stored_at| now - *stored_at >= DAY)
    {
        account.stored_at.pop_front();
    }
    if account.stored_at.len() >= daily_limit {
        return Verdict::Ignored(5);
    }
    Verdict::Stored
}

fn identity(scrobble: &Scrobble) -> (i64, String, String) {
    (
        scrobble.timestamp.timestamp(),
        scrobble.artist.clone(),
        scrobble.track.clone(),
    )
}

/// Reads `artist[0]`, `track[0]` … and the plain `artist`, `track` …, in the order of their indices.
fn read_batch(ask: &Ask) -> Result<Vec<Scrobble>, Refusal> {
    let mut batch: BTreeMap<usize, BTreeMap<&str, &str>> = BTreeMap::new();
    for (name, value) in &ask.parameters {
        let (field, index) = match name.split_once('[') {
            None => (name.as_str(), 0),
            Some((field, index)) => {
                let index = index.strip_suffix(']').and_then(|index| index.parse().ok());
                (
                    field,
                    index.ok_or(Refusal(6, "Invalid parameters - the index is not a number"))?,
                )
            }
        };
        if FIELDS.contains(&field) {
            batch.entry(index).or_default().insert(field, value);
        }
    }
    // Indices begin at 0, so that one of 50 and more is one too many as well.
    if batch.len() > MOST_SCROBBLES || batch.keys().any(|index| *index >= MOST_SCROBBLES) {
        return Err(Refusal(
            6,
            "Invalid parameters - at most 50 scrobbles a call",
        ));
    }
    if batch.is_empty() {
        return Err(MISSING);
    }
    batch
        .values()
        .map(|fields| read_one(fields, ask.now))
        .collect()
}

fn read_one(fields: &BTreeMap<&str, &str>, now: DateTime<Utc>) -> Result<Scrobble, Refusal> {
    let field = |name| fields.get(name).copied();
    let given = |name| {
        field(name)
            .filter(|value| !value.is_empty())
            .map(str::to_owned)
    };
    let seconds: i64 = field("timestamp")
        .ok_or(MISSING)?
        .parse()
        .map_err(|_| Refusal(6, "Invalid parameters - the timestamp is not a number"))?;
    // Milliseconds instead of seconds are a time far ahead, whatever the calendar can hold.
    let timestamp = DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
    Ok(Scrobble {
        artist: field("artist").ok_or(MISSING)?.to_owned(),
        track: field("track").ok_or(MISSING)?.to_owned(),
        album: given("album"),
        album_artist: given("albumArtist"),
        timestamp,
        duration: field("duration").and_then(|seconds| seconds.parse().ok()),
        track_number: given("trackNumber"),
        mbid: given("mbid"),
        chosen_by_user: field("chosenByUser") != Some("0"),
        received_at: now,
    })
}

const FIELDS: [&str; 11] = [
    "artist",
    "track",
    "timestamp",
    "album",
    "albumArtist",
    "trackNumber",
    "duration",
    "mbid",
    "chosenByUser",
    "context",
    "streamId",
];

const MISSING: Refusal = Refusal(
    6,
    "Invalid parameters - Your request is missing a required parameter",
);

/// `track.love` and `track.unlove`; doing it twice changes nothing.
pub(crate) fn love(
    state: &mut State,
    ask: &Ask,
    user: &str,
    is_loved: bool,
) -> Result<(), Refusal> {
    let names = (
        ask.required("artist")?.to_owned(),
        ask.required("track")?.to_owned(),
    );
    let loved = &mut state.account(user).loved;
    if is_loved {
        loved.entry(names).or_insert(ask.now);
    } else {
        loved.remove(&names);
    }
    Ok(())
}

/// 1 if the artist's name is filtered, 2 if the track's is, else 0.
fn filtered(artist: &str, track: &str, album_artist: Option<&str>) -> u8 {
    let is_one_of = |name: &str, filtered: &[&str]| {
        filtered
            .iter()
            .any(|filtered| name.trim().eq_ignore_ascii_case(filtered))
    };
    if is_one_of(
        artist,
        &[
            "",
            "unknown",
            "unknown artist",
            "[unknown]",
            "[unknown artist]",
            "various",
            "va",
        ],
    ) {
        1
    } else if is_one_of(track, &["", "unknown", "[unknown]"]) {
        2
    } else {
        // An album artist of "VA" made scrobbles be ignored, says multi-scrobbler.
        u8::from(album_artist.is_some_and(|name| name.eq_ignore_ascii_case("va")))
    }
}

fn names(
    artist: &str,
    track: &str,
    album: Option<&str>,
    album_artist: Option<&str>,
) -> Vec<Element> {
    [
        ("artist", Some(artist)),
        ("track", Some(track)),
        ("album", album),
        ("albumArtist", album_artist),
    ]
    .into_iter()
    .map(|(name, text)| {
        // `#text` is missing where there is nothing to say.
        let element = match text.filter(|text| !text.is_empty()) {
            Some(text) => Element::text(name, text),
            None => Element::empty(name),
        };
        element.with("corrected", "0")
    })
    .collect()
}

fn ignored_message(code: u8) -> Element {
    Element::text("ignoredMessage", "").with("code", code.to_string())
}
