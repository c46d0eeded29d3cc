//! What Simkl knows: films, shows and anime entries, found by any of their ids or by title and year.
//!
//! A film or show that nobody registered comes into being when one of its ids is first named, like Trakt's; an anime
//! has to be registered, because an id does not say how its cours are cut.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value, json};

use crate::page::digest;
use crate::samples::{self, Anime, Film, Format, Show};

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

/// The namespaces of ids that the twin knows, of those documented.
pub(crate) const NAMESPACES: [&str; 6] = ["imdb", "tmdb", "tvdb", "mal", "anilist", "anidb"];

#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    items: BTreeMap<u64, Item>,
    /// Episodes by their own TheTVDB number.
    episodes: BTreeMap<String, (u64, u32, u32)>,
    forgotten: HashSet<(String, String)>,
    pub(crate) is_registered_only: bool,
}

impl Catalogue {
    pub(crate) fn of_samples() -> Catalogue {
        let mut catalogue = Catalogue::default();
        for film in samples::FILMS {
            catalogue.add_film(&film);
        }
        for show in samples::SHOWS {
            catalogue.add_show(&show);
        }
        for anime in samples::anime() {
            catalogue.add_anime(anime);
        }
        catalogue
    }

    fn add_film(&mut self, film: &Film) -> u64 {
        let ids = [
            ("imdb", film.imdb.to_owned()),
            ("tmdb", film.tmdb.to_string()),
        ];
        self.add(Kind::Movie, film.title, Some(film.year), ids.into(), None)
    }

    fn add_show(&mut self, show: &Show) -> u64 {
        let ids = [
            ("imdb", show.imdb.to_owned()),
            ("tmdb", show.tmdb.to_string()),
            ("tvdb", show.tvdb.to_string()),
        ];
        let seasons = (1..).zip(show.seasons.iter().copied()).collect();
        self.add(
            Kind::Tv,
            show.title,
            Some(show.year),
            ids.into(),
            Some(seasons),
        )
    }

    pub(crate) fn add_anime(&mut self, anime: Anime) -> u64 {
        let mut ids = BTreeMap::from([
            ("mal", anime.mal.to_string()),
            ("anilist", anime.anilist.to_string()),
            ("anidb", anime.anidb.to_string()),
        ]);
        // The ids of the show belong to all its entries; a film's are its own.
        if anime.parts.is_empty() {
            ids.extend(anime.tmdb.map(|id| ("tmdb", id.to_string())));
            ids.extend(anime.imdb.clone().map(|id| ("imdb", id)));
        }
        let simkl = anime
            .simkl
            .unwrap_or_else(|| made_number(&format!("anime {}", anime.anidb)));
        let item = Item {
            kind: Kind::Anime,
            simkl,
            title: anime.title.clone(),
            year: Some(anime.year),
            ids,
            seasons: Some(BTreeMap::from([(1, anime.aired)])),
            is_airing: !anime.is_finished(),
            anime: Some(anime),
        };
        self.items.insert(simkl, item);
        simkl
    }

    pub(crate) fn add(
        &mut self,
        kind: Kind,
        title: &str,
        year: Option<i64>,
        ids: BTreeMap<&'static str, String>,
        seasons: Option<BTreeMap<u32, u32>>,
    ) -> u64 {
        let simkl = made_number(&format!("{} {title} {year:?} {ids:?}", kind.word()));
        let item = Item {
            kind,
            simkl,
            title: title.to_owned(),
            year,
            ids,
            // A show whose seasons nobody knows may go on.
            is_airing: kind == Kind::Tv && seasons.is_none(),
            seasons,
            anime: None,
        };
        self.items.insert(simkl, item);
        simkl
    }

    pub(crate) fn add_episode_id(&mut self, tvdb: u64, simkl: u64, season: u32, number: u32) {
        self.episodes
            .insert(tvdb.to_string(), (simkl, season, number));
    }

    pub(crate) fn set_airing(&mut self, simkl: u64, is_airing: bool) {
        if let Some(item) = self.items.get_mut(&simkl) {
            item.is_airing = is_airing;
        }
    }

    pub(crate) fn forget(&mut self, namespace: &str, value: &str) {
        self.forgotten
            .insert((namespace.to_owned(), value.to_owned()));
    }

    pub(crate) fn item(&self, simkl: u64) -> Option<&Item> {
        self.items.get(&simkl)
    }

    /// The place of an episode that is named by its own TheTVDB number.
    pub(crate) fn episode(&self, tvdb: &str) -> Option<(u64, u32, u32)> {
        self.episodes.get(tvdb).copied()
    }

    /// Every entry of the anime show that these ids name, in the order of its seasons.
    pub(crate) fn entries(&self, wanted: &Value) -> Vec<&Item> {
        let mut entries: Vec<(&Item, &Anime)> = self
            .items
            .values()
            .filter_map(|item| Some((item, item.anime.as_ref()?)))
            .filter(|(_, anime)| !anime.parts.is_empty() && self.is_show_of(anime, wanted))
            .collect();
        entries.sort_by_key(|(_, anime)| {
            let part = anime.parts.first();
            part.map(|part| (part.season, part.first))
        });
        entries.into_iter().map(|(item, _)| item).collect()
    }

    fn is_show_of(&self, anime: &Anime, wanted: &Value) -> bool {
        let names = [
            ("tvdb", anime.tvdb_show.map(|id| id.to_string())),
            ("tmdb", anime.tmdb.map(|id| id.to_string())),
            ("imdb", anime.imdb.clone()),
        ];
        names.into_iter().any(|(namespace, known)| {
            known.is_some() && id(wanted, namespace).filter(|id| self.knows(namespace, id)) == known
        })
    }

    /// Finds what a request means: by the item's own ids, then by those of an anime's show, then by title and year.
    pub(crate) fn resolve(&mut self, said: Said, wanted: &Value) -> Option<u64> {
        if let Some(simkl) = id(wanted, "simkl").and_then(|id| id.parse().ok()) {
            return self
                .items
                .get(&simkl)
                .filter(|item| fits(said, item))
                .map(|item| item.simkl);
        }
        let names: Vec<(&'static str, String)> = NAMESPACES
            .into_iter()
            .filter_map(|namespace| Some((namespace, id(wanted, namespace)?)))
            .collect();
        let known: Vec<_> = names
            .iter()
            .filter(|(namespace, value)| self.knows(namespace, value))
            .cloned()
            .collect();
        for (namespace, value) in &known {
            let found = self
                .items
                .values()
                .find(|item| fits(said, item) && item.ids.get(namespace) == Some(value));
            if let Some(item) = found {
                return Some(item.simkl);
            }
        }
        if said != Said::Movie
            && let Some(entry) = self.entries(wanted).first()
        {
            return Some(entry.simkl);
        }
        let title = wanted.get("title").and_then(Value::as_str);
        let year = wanted.get("year").and_then(number);
        let by_title = self.items.values().find(|item| {
            fits(said, item)
                && title.is_some_and(|title| title.eq_ignore_ascii_case(&item.title))
                && (year.is_none() || year == item.year)
        });
        if let Some(item) = by_title {
            return Some(item.simkl);
        }
        let strongest = known
            .iter()
            .find(|(namespace, value)| is_well_formed(namespace, value))?;
        let kind = match said {
            Said::Movie => Kind::Movie,
            Said::Show => Kind::Tv,
            Said::Anime => return None,
        };
        if self.is_registered_only {
            return None;
        }
        let made = format!("{} {}", kind.word(), strongest.1);
        let ids = known.iter().cloned().collect();
        Some(self.add(kind, title.unwrap_or(&made), year, ids, None))
    }

    /// Items that have exactly this id.
    pub(crate) fn search(&self, namespace: &str, value: &str, said: Option<Said>) -> Vec<&Item> {
        let wanted = json!({"ids": {namespace: value}});
        let has = |item: &&Item| {
            item.ids.get(namespace).is_some_and(|id| id == value)
                || (namespace == "simkl" && item.simkl.to_string() == value)
        };
        let mut found: Vec<&Item> = self
            .items
            .values()
            .filter(|item| self.knows(namespace, value) && has(item))
            .collect();
        if found.is_empty() {
            found = self.entries(&wanted).into_iter().take(1).collect();
        }
        found.retain(|item| said.is_none_or(|said| fits(said, item)));
        found
    }

    fn knows(&self, namespace: &str, value: &str) -> bool {
        !self
            .forgotten
            .contains(&(namespace.to_owned(), value.to_owned()))
    }
}

fn fits(said: Said, item: &Item) -> bool {
    match said {
        // An anime film is found among the movies, too.
        Said::Movie => item.is_film(),
        Said::Show => item.kind != Kind::Movie,
        Said::Anime => item.kind == Kind::Anime,
    }
}

/// One id of an item in a request, number or string; null, 0 and "" say nothing.
pub(crate) fn id(item: &Value, namespace: &str) -> Option<String> {
    let text = match item.get("ids")?.get(namespace)? {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(text).filter(|text| !text.is_empty() && text != "0")
}

/// A whole number, spelled as a number or as a string.
pub(crate) fn number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
}

fn is_well_formed(namespace: &str, value: &str) -> bool {
    let digits = match namespace {
        "imdb" => value.strip_prefix("tt"),
        "tmdb" | "tvdb" => Some(value),
        _ => None,
    };
    digits.is_some_and(|digits| {
        !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
    })
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

/// A number that follows from a text, above those that the samples have.
fn made_number(text: &str) -> u64 {
    let number = digest(&format!("simkl {text}"))
        .get(..12)
        .and_then(|digits| u64::from_str_radix(digits, 16).ok())
        .unwrap_or_default();
    3_000_000 + number % 90_000_000
}
