//! Which show an episode is of: media servers name an episode by its own ids, anime lists start from the show's.
//!
//! Two services are asked, each by its own client: the user's Trakt ([`TraktEpisodes`]) and TMDB ([`crate::Tmdb`]). Both
//! answer [`EpisodeOf`], and both number as TMDB does, which is where Trakt has its numbers from
//! (<https://docs.trakt.tv>, "TMDB-based"). The show's ids elsewhere come without a number: TheTVDB's is another.

mod trakt;

use std::error::Error;
use std::fmt;

use chrono::{DateTime, NaiveDate, Utc};
use hub_domain::media::{ExternalId, Namespace};
use hub_domain::{Disposition, MediaItem, Scope};
use serde::{Deserialize, Serialize};

use crate::error::short;

pub use trakt::TraktEpisodes;

/// The most answers to one id that are looked at: an id names one episode, or the service has duplicates.
pub(crate) const MOST_ANSWERS: usize = 5;

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Asked {
    /// The user's Trakt.
    Trakt,
    /// TMDB.
    Tmdb,
}

impl Asked {
    /// Both, in the order in which they are asked.
    pub const ALL: [Self; 2] = [Self::Trakt, Self::Tmdb];

    /// The name in keys.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trakt => "trakt",
            Self::Tmdb => "tmdb",
        }
    }

    /// Says whether it can be asked for an episode by its id of this namespace.
    ///
    /// TMDB finds by foreign ids alone; nobody finds by the episode ids of AniDB.
    pub const fn knows(self, namespace: Namespace) -> bool {
        match self {
            Self::Trakt => matches!(
                namespace,
                Namespace::Tvdb | Namespace::Tmdb | Namespace::Imdb | Namespace::Trakt
            ),
            Self::Tmdb => matches!(namespace, Namespace::Tvdb | Namespace::Imdb),
        }
    }

    /// Under what an answer about an id is kept for later: the namespace, and the value. The same in every process.
    pub fn cache_key(self, id: &ExternalId) -> (String, String) {
        let namespace = format!("episode-{}", self.name());
        (namespace, format!("{}/{}", id.namespace, id.value()))
    }
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trakt => "Trakt",
            Self::Tmdb => "TMDB",
        })
    }
}

/// Which show an episode is of, and where in it, as a service says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpisodeOf {
    /// The show's ids, scope show; TMDB's with the number, which is TMDB's.
    pub show_ids: Vec<ExternalId>,
    /// The season, as TMDB counts.
    pub season: u32,
    /// The episode in it.
    pub episode: u32,
    /// The episode's own ids, scope item.
    #[serde(default)]
    pub ids: Vec<ExternalId>,
    /// The show's title in English, where the service tells it along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub show_title: Option<String>,
    /// The day it was first shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aired_on: Option<NaiveDate>,
}

impl EpisodeOf {
    /// The show's number at TMDB.
    pub fn tmdb_show(&self) -> Option<&str> {
        let mut ids = self.show_ids.iter();
        ids.find(|id| id.namespace == Namespace::Tmdb)
            .map(ExternalId::value)
    }

    /// Adds ids of the show that it does not have yet.
    pub fn learn(&mut self, ids: impl IntoIterator<Item = ExternalId>) {
        for id in ids {
            let is_known = self
                .show_ids
                .iter()
                .any(|known| known.namespace == id.namespace);
            if !is_known {
                self.show_ids.push(id);
            }
        }
    }

    /// The item as it is with what is known now: the show's ids, besides its own.
    pub fn applied_to(&self, item: &MediaItem) -> MediaItem {
        let mut item = item.clone();
        item.ids.extend(self.show_ids.iter().cloned());
        item
    }
}

/// A question about an id that was not answered.
#[derive(Debug, thiserror::Error)]
#[error("{asked} did not {operation}")] // "TMDB did not say which show an episode is of"
pub struct LookupError {
    /// Who was asked.
    pub asked: Asked,
    /// What was asked: a verb and its object.
    pub operation: &'static str,
    /// What to do next.
    pub disposition: Disposition,
    /// Why, for people; at most 200 characters, no secret, no body.
    pub why: String,
    /// What happened underneath, where anything did.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

impl LookupError {
    pub(crate) fn new(
        asked: Asked,
        operation: &'static str,
        disposition: Disposition,
        why: impl AsRef<str>,
    ) -> Self {
        Self {
            asked,
            operation,
            // A question changes nothing, whether it was heard or not.
            disposition: crate::http::Effect::Reads.judge(disposition),
            why: short(why.as_ref()),
            source: None,
        }
    }

    #[must_use]
    pub(crate) fn caused_by(mut self, source: Box<dyn Error + Send + Sync>) -> Self {
        self.source = Some(source);
        self
    }

    /// Until when nothing is to be asked there, if the answer named a time.
    pub const fn until(&self) -> Option<DateTime<Utc>> {
        match &self.disposition {
            Disposition::RateLimited { until }
            | Disposition::AccountPaused { until }
            | Disposition::AddressBlocked { until } => Some(*until),
            Disposition::Retryable
            | Disposition::Auth
            | Disposition::InDoubt
            | Disposition::Permanent
            | Disposition::NotFound
            | Disposition::AppRefused => None,
        }
    }
}

/// Ids as a service writes them; what is none (0, "", null) is left out.
pub(crate) fn ids_of<'a>(
    scope: Scope,
    told: impl IntoIterator<Item = (Namespace, Option<String>)> + 'a,
) -> Vec<ExternalId> {
    told.into_iter()
        .filter_map(|(namespace, raw)| ExternalId::new(namespace, scope, &raw?).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use hub_domain::ItemKind;

    use super::*;
    use crate::testing::{at, id};

    fn titan() -> EpisodeOf {
        EpisodeOf {
            show_ids: vec![id(Namespace::Tmdb, Scope::Show, "1429").numbered(4, 17)],
            season: 4,
            episode: 17,
            ids: Vec::new(),
            show_title: None,
            aired_on: None,
        }
    }

    #[test]
    fn an_answer_keeps_its_stored_format() {
        let stored = serde_json::json!({
            "show_ids": [{"namespace": "tmdb", "scope": "show", "value": "1429",
                "numbering": {"season": 4, "episode": 17}}],
            "season": 4, "episode": 17, "ids": [],
        });
        assert_eq!(serde_json::to_value(titan()).unwrap(), stored);
        assert_eq!(
            serde_json::from_value::<EpisodeOf>(stored).unwrap(),
            titan()
        );
        let own = id(Namespace::Tvdb, Scope::Item, "8960000");
        let key = ("episode-trakt".to_owned(), "tvdb/8960000".to_owned());
        assert_eq!(Asked::Trakt.cache_key(&own), key);
    }

    #[test]
    fn what_is_learned_later_is_added_once_and_goes_to_the_item() {
        let mut of = titan();
        let tvdb = id(Namespace::Tvdb, Scope::Show, "267440");
        of.learn([tvdb.clone(), id(Namespace::Tmdb, Scope::Show, "9")]);
        of.learn([id(Namespace::Tvdb, Scope::Show, "8")]);
        assert_eq!(of.show_ids[1..], [tvdb]);
        let item = of.applied_to(&MediaItem::new(ItemKind::Episode));
        assert_eq!(item.show_id(Namespace::Tvdb), Some("267440"));
        assert_eq!(
            item.ids[0].numbering.map(|n| (n.season, n.episode)),
            Some((4, 17))
        );
    }

    #[test]
    fn a_lost_question_is_asked_again() {
        let error = |next| LookupError::new(Asked::Tmdb, "answer", next, "?").disposition;
        assert_eq!(error(Disposition::InDoubt), Disposition::Retryable);
        let limited = Disposition::RateLimited { until: at(9) };
        assert_eq!(error(limited.clone()), limited);
    }
}
