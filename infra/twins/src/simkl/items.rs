//! One film, show or anime entry, and how answers show it.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::samples::{Anime, Format};

/// The lists that Simkl keeps apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A film that is no anime.
    Movie,
    /// A show that is no anime.
    Tv,
    /// An anime entry, films included.
    Anime,
}

impl Kind {
    /// The word of `simkl_type` and of searches: `movie`, `tv`, `anime`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Movie => "movie",
            Kind::Tv => "tv",
            Kind::Anime => "anime",
        }
    }

    /// The word of lists: `movies`, `shows`, `anime`.
    pub(crate) fn list(self) -> &'static str {
        match self {
            Kind::Movie => "movies",
            Kind::Tv => "shows",
            Kind::Anime => "anime",
        }
    }

    /// The word of the activities: `movies`, `tv_shows`, `anime`.
    pub(crate) fn activity(self) -> &'static str {
        match self {
            Kind::Movie => "movies",
            Kind::Tv => "tv_shows",
            Kind::Anime => "anime",
        }
    }
}

/// What a request says an item is; only a show may turn out to be an anime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    Movie,
    Show,
    Anime,
}

/// One item. A film, an anime film too, has no episodes: it is watched as a whole.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) simkl: u64,
    pub(crate) title: String,
    pub(crate) year: Option<i64>,
    /// As answers show them: strings.
    pub(crate) ids: BTreeMap<&'static str, String>,
    /// How many episodes each season has; none: any episode is taken for one that was shown.
    pub(crate) seasons: Option<BTreeMap<u32, u32>>,
    pub(crate) is_airing: bool,
    /// For an anime: how it is cut.
    pub(crate) anime: Option<Anime>,
}

impl Item {
    pub(crate) fn has_episode(&self, season: u32, number: u32) -> bool {
        number > 0
            && self.seasons.as_ref().is_none_or(|seasons| {
                seasons
                    .get(&season)
                    .is_some_and(|episodes| number <= *episodes)
            })
    }

    /// Every episode that was shown, specials left out.
    pub(crate) fn episodes(&self) -> Vec<(u32, u32)> {
        let Some(seasons) = &self.seasons else {
            return Vec::new();
        };
        seasons
            .iter()
            .filter(|(season, _)| **season > 0)
            .flat_map(|(season, episodes)| (1..=*episodes).map(|number| (*season, number)))
            .collect()
    }

    /// The total of episodes; 0 while it is not known.
    pub(crate) fn total_episodes(&self) -> usize {
        match &self.anime {
            Some(anime) => anime
                .episodes
                .and_then(|episodes| usize::try_from(episodes).ok())
                .unwrap_or_default(),
            None => self.episodes().len(),
        }
    }

    /// Whether it is one thing to watch and not many.
    pub(crate) fn is_film(&self) -> bool {
        self.kind == Kind::Movie
            || self
                .anime
                .as_ref()
                .is_some_and(|anime| anime.format == Format::Movie)
    }

    pub(crate) fn anime_type(&self) -> Option<&'static str> {
        self.anime.as_ref().map(|anime| match anime.format {
            Format::Tv => "tv",
            Format::Movie => "movie",
            Format::Special => "special",
        })
    }

    pub(crate) fn runtime_minutes(&self) -> i64 {
        match self.kind {
            Kind::Movie => 90,
            Kind::Tv => 45,
            Kind::Anime => 25,
        }
    }

    /// The item as answers show it. Most ids are strings.
    pub(crate) fn described(&self) -> Value {
        json!({"title": self.title, "year": self.year, "ids": self.ids()})
    }

    pub(crate) fn ids(&self) -> Value {
        let mut ids = Map::new();
        ids.insert("simkl".to_owned(), self.simkl.into());
        ids.insert("slug".to_owned(), slug(&self.title).into());
        for (namespace, value) in &self.ids {
            ids.insert((*namespace).to_owned(), value.clone().into());
        }
        Value::Object(ids)
    }
}

fn slug(title: &str) -> String {
    let words = title
        .to_lowercase()
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect::<Vec<_>>();
    words.join("-")
}
