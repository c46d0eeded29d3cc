//! What has to be at the services in the end, and whether it is.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{ItemKind, Service};
use hub_twins::Twins;
use hub_twins::trakt::{HistoryEntry, Ids, Kind};
use serde::Deserialize;

use super::stage::PERSON;
use crate::failure::Failure;

const EXPECTED: &str = include_str!("../../../../events/demo.json");

/// How far the time of a service with stops may lie from the true one: a play that counted less than two minutes ago is
/// told by a stop, which is dated when it arrives. Trakt keeps minutes as well.
const STOP_EXACTNESS: TimeDelta = TimeDelta::minutes(2);

/// A play that the samples are known to make.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// What people call it.
    pub(super) label: String,
    /// Movie, episode or track.
    pub(super) kind: ItemKind,
    /// The name by which the service's record is known: `imdb:tt0113277`, `tvdb:73871 1x01`, `Björk – Jóga`.
    pub(super) known_as: String,
    /// When it was played: music by its beginning, everything else by when it counted.
    pub(super) at: DateTime<Utc>,
    /// The state in which it ends where that is not at the service, and why.
    #[serde(default)]
    pub(super) instead: Option<String>,
    /// The same, at some services only.
    #[serde(default)]
    pub(super) instead_at: BTreeMap<Service, String>,
}

impl Expected {
    /// The names by which a service may know it: Simkl knows no ids of episodes, and goes by the number.
    fn names_at(&self, service: Service) -> impl Iterator<Item = &str> {
        let is_number = |word: &&str| {
            word.split_once('x').is_some_and(|(season, number)| {
                season.parse::<u32>().is_ok() && number.parse::<u32>().is_ok()
            })
        };
        let number = (service == Service::Simkl)
            .then(|| self.label.split(' ').find(is_number))
            .flatten();
        std::iter::once(self.known_as.as_str()).chain(number)
    }
}

/// A record that a simulated service holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Record {
    pub(super) service: Service,
    /// All names it is known by.
    pub(super) names: BTreeSet<String>,
    pub(super) at: Option<DateTime<Utc>>,
}

/// The plays that the samples are known to make.
pub(super) fn expected() -> Result<Vec<Expected>, Failure> {
    serde_json::from_str(EXPECTED).map_err(|error| {
        Failure::because("The list of the samples' plays is not understood", &error)
    })
}

/// Everything that the services hold.
pub(super) fn records(twins: &Twins) -> Vec<Record> {
    let trakt = twins.trakt.history(PERSON).into_iter().map(|entry| Record {
        service: Service::Trakt,
        names: names(&entry),
        at: entry.watched_at,
    });
    let simkl = twins.simkl.plays(PERSON).into_iter().map(|play| Record {
        service: Service::Simkl,
        names: names_at_simkl(&play),
        at: Some(play.watched_at),
    });
    let track = |service, artist: String, track: String, at| Record {
        service,
        names: BTreeSet::from([format!("{artist} – {track}")]),
        at: Some(at),
    };
    let lastfm = twins.lastfm.scrobbles(PERSON).into_iter();
    let lastfm = lastfm.map(|one| track(Service::LastFm, one.artist, one.track, one.timestamp));
    let listens = twins.listenbrainz.listens(PERSON).into_iter();
    let listens = listens.map(|one| {
        track(
            Service::ListenBrainz,
            one.artist,
            one.track,
            one.listened_at,
        )
    });
    trakt.chain(simkl).chain(lastfm).chain(listens).collect()
}

/// Every name of a record of Trakt's: its ids, those of its show with its number, and its title or number alone.
fn names(entry: &HistoryEntry) -> BTreeSet<String> {
    let spelled = |ids: &Ids| {
        [
            ids.imdb.clone().map(|id| format!("imdb:{id}")),
            ids.tmdb.map(|id| format!("tmdb:{id}")),
            ids.tvdb.map(|id| format!("tvdb:{id}")),
        ]
        .into_iter()
        .flatten()
    };
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

/// Every name of a record of Simkl's, which knows an episode by its show and number alone.
fn names_at_simkl(play: &hub_twins::simkl::Play) -> BTreeSet<String> {
    let ids = play.ids.as_object().into_iter().flatten();
    let ids = ids.filter_map(|(name, id)| Some(format!("{name}:{}", id.as_str()?)));
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

/// One expected play, and the time that each service holds it under.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) expected: Expected,
    pub(super) held: Vec<(Service, Held)>,
}

/// What a service holds of a play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// It takes no such items.
    NotTaken,
    /// Nothing, as expected, for this reason.
    Instead(String),
    /// Nothing.
    Missing,
    /// Once, at this time.
    At(DateTime<Utc>),
    /// More than once.
    Times(usize),
}

/// Compares what is expected with what is held, and says in sentences what is wrong.
pub(super) fn compare(expected: &[Expected], records: &[Record]) -> (Vec<Row>, Vec<String>) {
    let mut wrong = Vec::new();
    let mut claimed = vec![false; records.len()];
    let mut rows = Vec::new();
    for play in expected {
        let mut held = Vec::new();
        for service in Service::ALL {
            let mut times = Vec::new();
            for (at, record) in records.iter().enumerate() {
                if record.service == service && is_of(play, record) {
                    times.extend(record.at);
                    claimed[at] = true;
                }
            }
            let instead = play.instead_at.get(&service).or(play.instead.as_ref());
            let state = match (service.takes(play.kind), instead, times.as_slice()) {
                (false, _, []) => Held::NotTaken,
                (_, Some(state), []) => Held::Instead(state.clone()),
                (true, None, []) => {
                    wrong.push(format!("{} is missing at {}.", play.label, service.title()));
                    Held::Missing
                }
                (true, None, [at]) => Held::At(*at),
                (_, _, times) => {
                    wrong.push(format!(
                        "{} is {} times at {}.",
                        play.label,
                        times.len(),
                        service.title()
                    ));
                    Held::Times(times.len())
                }
            };
            held.push((service, state));
        }
        rows.push(Row {
            expected: play.clone(),
            held,
        });
    }
    for (record, _) in records
        .iter()
        .zip(claimed)
        .filter(|(_, is_claimed)| !is_claimed)
    {
        let name = record.names.first().map_or("something", String::as_str);
        let at = record
            .at
            .map_or_else(|| "an unknown time".to_owned(), |at| at.to_rfc3339());
        wrong.push(format!(
            "{} holds {name} at {at}, which nobody played.",
            record.service.title()
        ));
    }
    (rows, wrong)
}

fn is_of(play: &Expected, record: &Record) -> bool {
    let is_time = record.at.is_some_and(|at| match record.service {
        Service::Trakt | Service::Simkl => (at - play.at).abs() < STOP_EXACTNESS,
        Service::LastFm | Service::ListenBrainz => at == play.at,
    });
    is_time
        && play
            .names_at(record.service)
            .any(|name| record.names.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn heat() -> Expected {
        Expected {
            label: "Heat".to_owned(),
            kind: ItemKind::Movie,
            known_as: "imdb:tt0113277".to_owned(),
            at: at("2026-11-14T22:33:18Z"),
            instead: None,
            instead_at: BTreeMap::from([(Service::Simkl, "elsewhere".to_owned())]),
        }
    }

    fn record(service: Service, name: &str, time: &str) -> Record {
        Record {
            service,
            names: BTreeSet::from([name.to_owned()]),
            at: Some(at(time)),
        }
    }

    #[test]
    fn a_play_that_is_there_once_with_its_time_is_right() {
        let records = [record(
            Service::Trakt,
            "imdb:tt0113277",
            "2026-11-14T22:33:00Z",
        )];
        let (rows, wrong) = compare(&[heat()], &records);
        assert_eq!(wrong, Vec::<String>::new());
        let held: Vec<&Held> = rows[0].held.iter().map(|(_, held)| held).collect();
        assert_eq!(
            held,
            [
                &Held::At(at("2026-11-14T22:33:00Z")),
                &Held::Instead("elsewhere".to_owned()),
                &Held::NotTaken,
                &Held::NotTaken
            ]
        );
    }

    #[test]
    fn missing_doubled_late_and_unknown_plays_are_told() {
        let missing = compare(&[heat()], &[]).1;
        assert_eq!(missing, ["Heat is missing at Trakt."]);
        let once = record(Service::Trakt, "imdb:tt0113277", "2026-11-14T22:33:00Z");
        let doubled = compare(&[heat()], &[once.clone(), once]).1;
        assert_eq!(doubled, ["Heat is 2 times at Trakt."]);
        let late = compare(
            &[heat()],
            &[record(
                Service::Trakt,
                "imdb:tt0113277",
                "2026-11-15T09:00:00Z",
            )],
        )
        .1;
        assert_eq!(late.len(), 2, "{late:?}");
        let unknown = compare(
            &[],
            &[record(Service::LastFm, "a – b", "2026-11-15T09:00:00Z")],
        )
        .1;
        assert_eq!(
            unknown,
            ["Last.fm holds a – b at 2026-11-15T09:00:00+00:00, which nobody played."]
        );
    }

    #[test]
    fn music_is_right_to_the_second() {
        let joga = Expected {
            kind: ItemKind::Track,
            known_as: "Björk – Jóga".to_owned(),
            at: at("2026-11-19T17:00:00Z"),
            ..heat()
        };
        let both = |second: &str| {
            [Service::LastFm, Service::ListenBrainz].map(|service| {
                record(
                    service,
                    "Björk – Jóga",
                    &format!("2026-11-19T17:00:{second}Z"),
                )
            })
        };
        assert_eq!(
            compare(std::slice::from_ref(&joga), &both("00")).1,
            Vec::<String>::new()
        );
        assert_eq!(compare(&[joga], &both("01")).1.len(), 4);
    }

    #[test]
    fn a_play_that_a_service_cannot_know_is_right_when_it_is_not_there() {
        let unknown = Expected {
            instead: Some("not found".to_owned()),
            ..heat()
        };
        let (rows, wrong) = compare(&[unknown], &[]);
        assert_eq!(
            (rows[0].held[0].1.clone(), wrong),
            (Held::Instead("not found".to_owned()), Vec::new())
        );
    }

    #[test]
    fn the_list_in_the_binary_is_understood() {
        let plays = expected().unwrap();
        assert!(plays.is_sorted_by_key(|play| play.at) && !plays.is_empty());
    }
}
