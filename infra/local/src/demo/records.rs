//! What the simulated services hold, and what the files for the others say: each record under all its names.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use hub_domain::{Aspect, Service};
use hub_twins::Twins;
use hub_twins::anilist::FuzzyDate;
use hub_twins::trakt::{HistoryEntry, Ids, Kind, Listed};
use serde_json::Value;

use super::files::{Files, Row};
use super::stage::PERSON;

/// A play as a service holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) service: Service,
    /// All names it is known by.
    pub(super) names: BTreeSet<String>,
    /// Where the service keeps days alone, the first moment of the day.
    pub(super) at: Option<DateTime<Utc>>,
}

/// A rating, a heart or an entry of a list as a service holds it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Word {
    pub(super) service: Service,
    pub(super) aspect: Aspect,
    /// All names its item is known by.
    pub(super) names: BTreeSet<String>,
    /// What it says: `9/10`, `loved`, `listed`.
    pub(super) says: String,
}

/// Every play that the services hold.
pub(super) fn plays(twins: &Twins, files: &Files) -> Vec<Record> {
    let record = |service, names, at| Record { service, names, at };
    let trakt = twins.trakt.history(PERSON).into_iter();
    let trakt = trakt.map(|entry| record(Service::Trakt, names(&entry), entry.watched_at));
    let simkl = twins.simkl.plays(PERSON).into_iter();
    let simkl =
        simkl.map(|play| record(Service::Simkl, names_at_simkl(&play), Some(play.watched_at)));
    let track = |service, artist: &str, track: &str, at| {
        let names = BTreeSet::from([format!("{artist} – {track}")]);
        record(service, names, Some(at))
    };
    let lastfm = twins.lastfm.scrobbles(PERSON).into_iter();
    let lastfm = lastfm.map(|one| track(Service::LastFm, &one.artist, &one.track, one.timestamp));
    let listens = twins.listenbrainz.listens(PERSON).into_iter();
    let listens = listens.map(|one| {
        track(
            Service::ListenBrainz,
            &one.artist,
            &one.track,
            one.listened_at,
        )
    });
    // An anime list holds how far an entry was seen: a record for each episode, all on the last day that it knows.
    let seen = |service: Service, entry: u64, progress: u32, day: Option<DateTime<Utc>>| {
        (1..=progress).map(move |episode| {
            let names = BTreeSet::from([format!("{service}:{entry} {episode}")]);
            record(service, names, day)
        })
    };
    let anilist = twins.anilist.list(PERSON).into_iter().flat_map(|entry| {
        let day = day_of(&entry.completed_at).or(day_of(&entry.started_at));
        seen(Service::AniList, entry.media, entry.progress, day)
    });
    let myanimelist = twins.myanimelist.list(PERSON).into_iter();
    let myanimelist = myanimelist.flat_map(|entry| {
        let day = entry.finish_date.or(entry.start_date).map(first_moment);
        let episodes = entry.episodes_watched;
        seen(Service::MyAnimeList, entry.anime, episodes, day)
    });
    // A row without a day is a film that was rated, and a book that was not finished.
    let in_file = |service, row: &Row, day: &str| {
        let at = row.day(day)?;
        Some(record(service, row.names().collect(), Some(at)))
    };
    let books = files.goodreads.0.iter();
    let books = books.filter_map(|row| in_file(Service::Goodreads, row, "Date Read"));
    let films = files.letterboxd.0.iter();
    let films = films.filter_map(|row| in_file(Service::Letterboxd, row, "WatchedDate"));
    let sent = trakt.chain(simkl).chain(lastfm).chain(listens);
    let sent = sent.chain(anilist).chain(myanimelist);
    sent.chain(books).chain(films).collect()
}

/// Every rating, heart and entry of a list that the services hold.
pub(super) fn words(twins: &Twins, files: &Files) -> Vec<Word> {
    let word = |service, aspect, names, says: String| Word {
        service,
        aspect,
        names,
        says,
    };
    let of_ten = |points: u32| format!("{points}/10");
    let listed = || "listed".to_owned();
    let mut words = Vec::new();

    for entry in twins.trakt.ratings(PERSON) {
        let says = of_ten(entry.rating.unwrap_or_default().into());
        words.push(word(Service::Trakt, Aspect::Rating, names_of(&entry), says));
    }
    for (aspect, entries) in [
        (Aspect::Watchlist, twins.trakt.watchlist(PERSON)),
        (Aspect::Collection, twins.trakt.collection(PERSON)),
    ] {
        let entries = entries.iter();
        words.extend(entries.map(|entry| word(Service::Trakt, aspect, names_of(entry), listed())));
    }
    for entry in twins.simkl.list(PERSON) {
        let names = ids_at_simkl(&entry.ids).chain([entry.title.clone()]);
        let names: BTreeSet<String> = names.collect();
        if let Some(rating) = entry.rating {
            let says = of_ten(rating.into());
            words.push(word(Service::Simkl, Aspect::Rating, names.clone(), says));
        }
        if entry.status == hub_twins::simkl::Status::PlanToWatch {
            words.push(word(Service::Simkl, Aspect::Watchlist, names, listed()));
        }
    }
    for (artist, track) in twins.lastfm.loved(PERSON) {
        let names = BTreeSet::from([format!("{artist} – {track}")]);
        words.push(word(
            Service::LastFm,
            Aspect::Loved,
            names,
            "loved".to_owned(),
        ));
    }
    for feedback in twins.listenbrainz.feedback(PERSON) {
        let mbid = feedback.recording_mbid;
        let names = mbid.map(|id| format!("recording_mbid:{id}"));
        let says = if feedback.score > 0 { "loved" } else { "hated" };
        let (service, aspect) = (Service::ListenBrainz, Aspect::Loved);
        words.push(word(
            service,
            aspect,
            names.into_iter().collect(),
            says.to_owned(),
        ));
    }
    let anilist = twins.anilist.list(PERSON).into_iter().map(|entry| {
        let is_planned = entry.status == hub_twins::anilist::Status::Planning;
        let points = entry.score_raw / 10;
        (Service::AniList, entry.media, points, is_planned)
    });
    let myanimelist = twins.myanimelist.list(PERSON).into_iter().map(|entry| {
        let is_planned = entry.status == hub_twins::myanimelist::Status::PlanToWatch;
        (Service::MyAnimeList, entry.anime, entry.score, is_planned)
    });
    for (service, entry, points, is_planned) in anilist.chain(myanimelist) {
        let names = BTreeSet::from([format!("{service}:{entry}")]);
        match (points, is_planned) {
            // What is rated and not begun is planned there: an entry has to stand somewhere.
            (1.., _) => words.push(word(service, Aspect::Rating, names, of_ten(points))),
            (0, true) => words.push(word(service, Aspect::Watchlist, names, listed())),
            (0, false) => {}
        }
    }
    for row in &files.goodreads.0 {
        if let Some(stars) = row.cell("My Rating").filter(|stars| *stars != "0") {
            let reviewed = row.cell("My Review").map_or("", |_| ", reviewed");
            let says = format!("{stars}/5{reviewed}");
            let names = row.names().collect();
            words.push(word(Service::Goodreads, Aspect::Rating, names, says));
        }
    }
    for row in &files.letterboxd.0 {
        if let Some(points) = row.cell("Rating10") {
            let says = format!("{points}/10");
            let names = row.names().collect();
            words.push(word(Service::Letterboxd, Aspect::Rating, names, says));
        }
    }
    for row in &files.letterboxd_watchlist.0 {
        let names = row.names().collect();
        let (service, aspect) = (Service::Letterboxd, Aspect::Watchlist);
        words.push(word(service, aspect, names, listed()));
    }
    words
}

fn spelled(ids: &Ids) -> impl Iterator<Item = String> {
    [
        ids.imdb.clone().map(|id| format!("imdb:{id}")),
        ids.tmdb.map(|id| format!("tmdb:{id}")),
        ids.tvdb.map(|id| format!("tvdb:{id}")),
    ]
    .into_iter()
    .flatten()
}

/// Every name of a record of Trakt's: its ids, those of its show with its number, and its title or number alone.
fn names(entry: &HistoryEntry) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = spelled(&entry.ids).collect();
    match (entry.kind, entry.season.zip(entry.number)) {
        (Kind::Episode, Some((season, number))) => {
            let number = format!("{season}x{number:02}");
            let shows = entry.show_ids.iter().flat_map(spelled);
            names.extend(shows.map(|show| format!("{show} {number}")));
            names.insert(number);
        }
        (Kind::Movie | Kind::Show | Kind::Episode, _) => names.extend(entry.title.clone()),
    }
    names
}

fn names_of(entry: &Listed) -> BTreeSet<String> {
    spelled(&entry.ids).chain(entry.title.clone()).collect()
}

/// Every name of a record of Simkl's, which knows an episode by its show and number alone.
fn names_at_simkl(play: &hub_twins::simkl::Play) -> BTreeSet<String> {
    let ids = ids_at_simkl(&play.ids);
    let title = std::iter::once(play.title.clone());
    match play.season.zip(play.number) {
        Some((season, number)) => {
            let number = format!("{season}x{number:02}");
            let shows = ids.chain(title).map(|show| format!("{show} {number}"));
            shows.chain([number.clone()]).collect()
        }
        None => ids.chain(title).collect(),
    }
}

fn ids_at_simkl(ids: &Value) -> impl Iterator<Item = String> {
    let ids = ids.as_object().into_iter().flatten();
    ids.filter_map(|(name, id)| Some(format!("{name}:{}", id.as_str()?)))
}

fn day_of(date: &FuzzyDate) -> Option<DateTime<Utc>> {
    let (year, month, day) = (date.year?, date.month?, date.day?);
    NaiveDate::from_ymd_opt(
        i32::try_from(year).ok()?,
        u32::try_from(month).ok()?,
        u32::try_from(day).ok()?,
    )
    .map(first_moment)
}

fn first_moment(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}
