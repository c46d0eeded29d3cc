//! Reading: who an account is, what it listened to and what it loves.

use chrono::{DateTime, Utc};

use super::api::{Ask, Refusal};
use super::reply::{Element, USER_NOT_FOUND};
use super::state::{Account, NowPlaying, Scrobble, State};

/// How many a page holds if the request does not say.
const DEFAULT_LIMIT: usize = 50;

/// The largest page; more is an error.
const MOST_A_PAGE: usize = 1000;

/// The last page that can be asked for.
const LAST_PAGE: usize = 1_000_000;

/// `user.getInfo`: the user named, else the session's.
pub(crate) fn info(state: &State, ask: &Ask, session: Option<&str>) -> Result<Element, Refusal> {
    let user = ask
        .value("user")
        .or(session)
        .ok_or(Refusal(6, "Invalid parameters - no user"))?;
    let (name, account) = find(state, user)?;
    let count = |name, count: usize| Element::text(name, count.to_string());
    let different = |of: fn(&Scrobble) -> Option<&str>| {
        account
            .scrobbles
            .iter()
            .filter_map(of)
            .collect::<std::collections::HashSet<_>>()
            .len()
    };
    Ok(Element::of(
        "user",
        vec![
            Element::text("name", name),
            Element::text("realname", ""),
            Element::text("url", format!("https://www.last.fm/user/{name}")),
            Element::text("subscriber", "0"),
            Element::text("type", "user"),
            count("playcount", account.scrobbles.len()),
            count("artist_count", different(|scrobble| Some(&scrobble.artist))),
            count("track_count", different(|scrobble| Some(&scrobble.track))),
            count(
                "album_count",
                different(|scrobble| scrobble.album.as_deref()),
            ),
            Element::text("registered", 1_200_000_000).with("unixtime", "1200000000"),
        ],
    ))
}

/// `user.getRecentTracks`: newest first; what plays now comes on top of page 1, whatever the window.
pub(crate) fn recent_tracks(
    state: &State,
    ask: &Ask,
    session: Option<&str>,
) -> Result<Element, Refusal> {
    let (name, account) = find(state, ask.required("user")?)?;
    // Hidden means hidden from the owner too, unless the call is signed by the owner's session.
    if account.hides_recent && session != Some(name) {
        return Err(Refusal(17, "Login: User required to be logged in"));
    }
    let window = Page::read(ask)?;
    let second = |name| match ask.value(name) {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse::<i64>()
            .map(Some)
            .map_err(|_| Refusal(6, "Invalid parameters")),
    };
    let (from, to) = (second("from")?, second("to")?);
    let mut scrobbles = account.oldest_first();
    scrobbles.retain(|scrobble| {
        let second = scrobble.timestamp.timestamp();
        from.is_none_or(|from| second >= from) && to.is_none_or(|to| second < to)
    });
    scrobbles.reverse();
    let is_extended = ask.value("extended") == Some("1");
    let show = |artist: &str, track: &str, album: Option<&str>, time: Option<DateTime<Utc>>| {
        let is_loved = account
            .loved
            .contains_key(&(artist.to_owned(), track.to_owned()));
        shown_track(artist, track, album, time, is_extended.then_some(is_loved))
    };
    let mut tracks = Vec::new();
    if let Some(NowPlaying {
        artist,
        track,
        album,
        ..
    }) = account.playing(ask.now)
        && window.page == 1
    {
        tracks.push(show(artist, track, album.as_deref(), None).with("nowplaying", "true"));
    }
    tracks.extend(window.cut(&scrobbles).map(|scrobble| {
        show(
            &scrobble.artist,
            &scrobble.track,
            scrobble.album.as_deref(),
            Some(scrobble.timestamp),
        )
    }));
    Ok(window.label(
        Element::of("recenttracks", tracks).with("user", name),
        scrobbles.len(),
    ))
}

/// `user.getLovedTracks`: newest first.
pub(crate) fn loved_tracks(state: &State, ask: &Ask) -> Result<Element, Refusal> {
    let (name, account) = find(state, ask.required("user")?)?;
    let window = Page::read(ask)?;
    let mut loved: Vec<_> = account.loved.iter().collect();
    loved.sort_by_key(|(_, loved_at)| std::cmp::Reverse(**loved_at));
    let tracks = window
        .cut(&loved)
        .map(|((artist, track), loved_at)| {
            let artist = Element::of(
                "artist",
                vec![
                    Element::text("name", artist.as_str()),
                    Element::text("mbid", ""),
                ],
            );
            let name = Element::text("name", track.as_str());
            Element::of(
                "track",
                vec![artist, name, Element::text("mbid", ""), date(**loved_at)],
            )
        })
        .collect();
    Ok(window.label(
        Element::of("lovedtracks", tracks).with("user", name),
        loved.len(),
    ))
}

fn shown_track(
    artist: &str,
    track: &str,
    album: Option<&str>,
    time: Option<DateTime<Utc>>,
    loved: Option<bool>,
) -> Element {
    let mut children = vec![
        match loved {
            None => Element::text("artist", artist).with("mbid", ""),
            Some(_) => Element::of(
                "artist",
                vec![Element::text("name", artist), Element::text("mbid", "")],
            ),
        },
        Element::text("album", album.unwrap_or_default()).with("mbid", ""),
        Element::text("name", track),
        Element::text("mbid", ""),
        Element::text("streamable", "0"),
    ];
    children.extend(loved.map(|is_loved| Element::text("loved", if is_loved { "1" } else { "0" })));
    children.extend(time.map(date));
    Element::of("track", children)
}

fn date(time: DateTime<Utc>) -> Element {
    Element::text("date", time.format("%d %b %Y, %H:%M").to_string())
        .with("uts", time.timestamp().to_string())
}

fn find<'a>(state: &'a State, user: &str) -> Result<(&'a str, &'a Account), Refusal> {
    let found = state
        .users
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(user));
    found
        .map(|(name, account)| (name.as_str(), account))
        .ok_or(Refusal(6, USER_NOT_FOUND))
}

/// The page that was asked for.
struct Page {
    page: usize,
    limit: usize,
}

impl Page {
    fn read(ask: &Ask) -> Result<Page, Refusal> {
        let number = |name, default| match ask.value(name) {
            None | Some("") => Ok(default),
            Some(text) => text.parse().map_err(|_| Refusal(6, "Invalid parameters")),
        };
        let (page, limit) = (number("page", 1)?, number("limit", DEFAULT_LIMIT)?);
        if !(1..=LAST_PAGE).contains(&page) {
            return Err(Refusal(6, "page param out of bounds (1-1000000)"));
        }
        if !(1..=MOST_A_PAGE).contains(&limit) {
            return Err(Refusal(6, "limit param out of bounds (1-1000)"));
        }
        Ok(Page { page, limit })
    }

    fn cut<'a, T>(&self, all: &'a [T]) -> impl Iterator<Item = &'a T> {
        all.iter()
            .skip((self.page - 1).saturating_mul(self.limit))
            .take(self.limit)
    }

    fn label(&self, element: Element, total: usize) -> Element {
        element
            .with("page", self.page.to_string())
            .with("perPage", self.limit.to_string())
            .with("totalPages", total.div_ceil(self.limit).to_string())
            .with("total", total.to_string())
    }
}
