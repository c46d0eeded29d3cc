//! What the samples, and what is said besides, are known to come to.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hub_domain::{Aspect, ItemKind, Service};
use serde::Deserialize;

use crate::failure::Failure;

const EXPECTED: &str = include_str!("../../../../events/demo.json");

/// What a service that looked for an item and did not find it is expected to end with.
pub(super) const NOT_FOUND: &str = "not found";

/// All that is expected in the end.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expectations {
    /// The plays, in the order of time.
    pub(super) plays: Vec<Expected>,
    /// The ratings, hearts and lists.
    pub(super) said: Vec<ExpectedWord>,
}

/// A play that the samples are known to make.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// What people call it, and the hub.
    pub(super) label: String,
    /// Movie, episode, track or book.
    pub(super) kind: ItemKind,
    /// The name by which the service's record is known: `imdb:tt0113277`, `tvdb:73871 1x01`, `Björk – Jóga`.
    pub(super) known_as: String,
    /// The names where a service has its own: at the anime lists the entry and its episode, `anilist:131681 1`.
    #[serde(default)]
    pub(super) known_at: BTreeMap<Service, String>,
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
    pub(super) fn names_at(&self, service: Service) -> impl Iterator<Item = &str> {
        let is_number = |word: &&str| {
            word.split_once('x').is_some_and(|(season, number)| {
                season.parse::<u32>().is_ok() && number.parse::<u32>().is_ok()
            })
        };
        let own = self.known_at.get(&service);
        let number = (service == Service::Simkl && own.is_none())
            .then(|| self.label.split(' ').find(is_number))
            .flatten();
        let name = own.unwrap_or(&self.known_as).as_str();
        std::iter::once(name).chain(number)
    }

    /// The state in which it ends at a service that will not hold it: at the anime lists, all that is no anime.
    pub(super) fn instead_at(&self, service: Service) -> Option<&str> {
        let is_no_anime = service.catalogue().is_some() && !self.known_at.contains_key(&service);
        let told = self.instead_at.get(&service).or(self.instead.as_ref());
        told.map(String::as_str)
            .or(is_no_anime.then_some(NOT_FOUND))
    }

    /// Says whether a service keeps such items; Goodreads and Letterboxd by what their importers are handed.
    pub(super) const fn is_kept_by(&self, service: Service) -> bool {
        match service {
            Service::Goodreads => matches!(self.kind, ItemKind::Book),
            Service::Letterboxd => matches!(self.kind, ItemKind::Movie),
            Service::Trakt
            | Service::Simkl
            | Service::LastFm
            | Service::ListenBrainz
            | Service::AniList
            | Service::MyAnimeList => service.takes(self.kind),
        }
    }
}

/// A rating, a heart or an entry of a list that is known to be told.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedWord {
    /// What people call it, and the demonstration: `Arrival: 8.7`.
    pub(super) label: String,
    /// What is said.
    pub(super) aspect: Aspect,
    /// The names by which services may know the item.
    pub(super) known_as: Vec<String>,
    /// What each service holds of it, on its own scale, or [`NOT_FOUND`]; the others hold nothing.
    pub(super) held: BTreeMap<Service, String>,
}

/// Everything that is expected.
pub(super) fn all() -> Result<Expectations, Failure> {
    serde_json::from_str(EXPECTED).map_err(|error| {
        Failure::because("The list of the samples' plays is not understood", &error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_in_the_binary_is_understood() {
        let Expectations { plays, said } = all().unwrap();
        assert!(plays.is_sorted_by_key(|play| play.at) && !plays.is_empty());
        for service in Service::ALL {
            let is_there =
                |play: &Expected| play.is_kept_by(service) && play.instead_at(service).is_none();
            assert!(plays.iter().any(is_there), "{service} gets nothing");
            assert!(
                said.iter().any(|word| word.held.contains_key(&service)),
                "{service} is told nothing"
            );
        }
    }

    #[test]
    fn an_episode_is_known_by_its_number_or_by_what_the_service_calls_it() {
        let mut play = Expected {
            label: "Attack on Titan 4x17 Judgment".to_owned(),
            kind: ItemKind::Episode,
            known_as: "tvdb:267440 4x17".to_owned(),
            known_at: BTreeMap::new(),
            at: DateTime::UNIX_EPOCH,
            instead: None,
            instead_at: BTreeMap::new(),
        };
        let names = |play: &Expected, service| {
            let names = play.names_at(service).map(str::to_owned);
            names.collect::<Vec<_>>()
        };
        assert_eq!(names(&play, Service::Trakt), ["tvdb:267440 4x17"]);
        assert_eq!(names(&play, Service::Simkl), ["tvdb:267440 4x17", "4x17"]);
        assert_eq!(play.instead_at(Service::AniList), Some(NOT_FOUND));
        let own = "anilist:131681 1".to_owned();
        play.known_at.insert(Service::AniList, own.clone());
        assert_eq!(names(&play, Service::AniList), [own]);
        assert_eq!(play.instead_at(Service::AniList), None);
    }
}
