//! Where an item belongs in an anime list. Nothing is guessed: one place, several to choose from, or what was tried.
//!
//! 1. The user's own rules, and what the item itself carries: the ids of its show with its number, a film's own ids.
//! 2. Most media servers name an episode by its *own* ids, which lead nowhere in the list of anime. Then what the media
//!    server's library knows of it besides; then other ids by which the user's history knows the very item; then what is known of its show from an earlier episode, if that is
//!    no anime at all; then the user's Trakt, and TMDB where the operator has a token, whose answers are kept for 30 days
//!    (three where they did not know the id).
//! 3. An answer counts only if something besides the id says that it is about this item ([`same`]): numbers of TMDB and
//!    TheTVDB mean other things as shows and as episodes, and sources mix them up. What could not be checked is offered.
//!
//! A service that limits, or that does not answer, is waited for; one that the user has not connected is not.

mod aliases;
mod atlas;
mod library;
mod lookups;
mod pauses;
mod same;
#[cfg(test)]
mod tests;
mod weigh;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::anime::{Answer, At, Catalogue, Override, Place, Query, find};
use hub_domain::delivery::Candidate;
use hub_domain::{ItemKind, MediaItem, Secret, UserId};
use hub_providers::EpisodeOf;
use hub_store::{Freshness, StoreError, StoredConnection, Table};
use tokio::sync::OnceCell;

pub(crate) use atlas::Atlas;

use crate::Worker;
use atlas::Chart;
use lookups::{Lookups, Outcome};

/// When it is tried again where the list of anime is not here yet: sync fetches it.
const WITHOUT_A_LIST: TimeDelta = TimeDelta::minutes(10);
/// How long what was tried may be told, in characters.
const MOST_WORDS: usize = 1_000;

/// What finding a place came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Placement {
    /// It is this one.
    Found(Place),
    /// It may be one of these: the user has to choose, which makes a rule.
    Unclear {
        /// Each reference and what became of it, for people.
        tried: String,
        /// What to choose from, the likeliest first.
        candidates: Vec<Candidate>,
    },
    /// There is none.
    NotFound {
        /// Each reference and what became of it, for people.
        tried: String,
    },
    /// The user does not want it there.
    Excluded,
    /// It cannot be told yet.
    Later {
        /// When to ask again.
        until: DateTime<Utc>,
        /// Why, for people.
        why: String,
    },
}

/// Opens the tokens of a connection; nothing where they cannot be opened.
pub(crate) type Open = Arc<dyn Fn(&StoredConnection) -> Option<Secret> + Send + Sync>;

/// Finds places for one round of one user's parcels: what is read or asked for once is not asked for again.
pub(crate) struct Places {
    table: Table,
    user: UserId,
    atlas: Atlas,
    rules: OnceCell<Vec<Override>>,
    lookups: Lookups,
}

impl Places {
    /// Says where an item belongs in a catalogue.
    ///
    /// # Errors
    ///
    /// Those of the table.
    pub(crate) async fn place(
        &self,
        user: UserId,
        media: &MediaItem,
        catalogue: Catalogue,
        now: DateTime<Utc>,
    ) -> Result<Placement, StoreError> {
        debug_assert_eq!(user, self.user, "a round is one user's");
        let Some(chart) = self.atlas.chart(now).await? else {
            return Ok(Placement::Later {
                until: now + WITHOUT_A_LIST,
                why: "the list of anime has not been fetched yet".to_owned(),
            });
        };
        let rules = self.rules().await?;
        let finder = Finder {
            chart: &chart,
            rules,
            catalogue,
        };
        let query = Query::of(media);
        let answer = finder.find(&query);
        if is_settled(&answer) || !may_be_looked_up(media, &query) {
            return Ok(placement(answer, &[], media));
        }
        if let Some(whole) = library::completed(&self.table, self.user, media).await? {
            let by_library = finder.find(&Query::of(&whole));
            if is_settled(&by_library) {
                return Ok(placement(by_library, &[], media));
            }
        }
        let known = aliases::references(&self.table, self.user, media).await?;
        if !known.is_empty() {
            let by_alias = finder.find(&query.clone().with(known));
            if is_settled(&by_alias) {
                return Ok(placement(by_alias, &[], media));
            }
        }
        if let Some(ids) = self.lookups.show_of(media, now).await?
            && finder.is_unknown(&ids)
        {
            let tried = format!(
                "known from an earlier episode of the show: {}",
                said(&finder.find_show(&ids))
            );
            return Ok(Placement::NotFound { tried });
        }
        self.look_up(&finder, media, answer, now).await
    }

    /// Asks which show the episode is of, one service after the other until one knows.
    async fn look_up(
        &self,
        finder: &Finder<'_>,
        media: &MediaItem,
        answer: Answer,
        now: DateTime<Utc>,
    ) -> Result<Placement, StoreError> {
        let Outcome {
            sure,
            unsure,
            notes,
            later,
        } = self.lookups.ask(media, now).await?;
        if let Some(of) = sure {
            self.lookups.keep_show_of(media, &of, now).await?;
            let mut answer = finder.find(&Query::of(&of.applied_to(media)));
            if !is_settled(&answer) {
                // Other ids of the show never place it, its number is another there; they are offered.
                let named = self.lookups.named(of, now).await?;
                answer = finder.find(&Query::of(&named.applied_to(media)));
            }
            return Ok(placement(answer, &notes, media));
        }
        // Whoever has not answered yet may be sure of it.
        if let Some((until, why)) = later {
            return Ok(Placement::Later { until, why });
        }
        if let Some((of, doubt)) = unsure {
            let offered = finder.find(&Query::of(&of.applied_to(media)));
            return Ok(doubted(offered, &doubt, &notes));
        }
        Ok(placement(answer, &notes, media))
    }

    async fn rules(&self) -> Result<&[Override], StoreError> {
        let rules = self
            .rules
            .get_or_try_init(async || {
                let stored = self.table.overrides_as(self.user, Freshness::Now).await?;
                Ok::<_, StoreError>(stored.into_iter().map(|stored| stored.rule).collect())
            })
            .await?;
        Ok(rules)
    }
}

impl Worker {
    /// What places one round of a user's parcels.
    ///
    /// # Errors
    ///
    /// None; what it takes is read when it is needed.
    pub(crate) async fn places(&self, user: UserId) -> Result<Places, StoreError> {
        let sealing = self.sealing.clone();
        let open: Open = Arc::new(move |stored: &StoredConnection| {
            let connection = &stored.connection;
            let opened = sealing.open(connection.user, connection.service, &stored.sealed_tokens);
            let tokens: hub_providers::Tokens = serde_json::from_str(opened.ok()?.reveal()).ok()?;
            Some(tokens.access)
        });
        Ok(self.atlas.places(user, open))
    }
}

/// What a round finds with.
struct Finder<'a> {
    chart: &'a Chart,
    rules: &'a [Override],
    catalogue: Catalogue,
}

impl Finder<'_> {
    fn find(&self, query: &Query) -> Answer {
        find(&self.chart.index, self.rules, query, self.catalogue)
    }

    /// What the list has of a show, whatever the episode.
    fn find_show(&self, ids: &[hub_domain::ExternalId]) -> Answer {
        let mut show = MediaItem::new(ItemKind::Show);
        show.ids = ids.to_vec();
        self.find(&Query::of(&show))
    }

    /// Says whether the list has nothing at all of a show, so that none of its episodes is in it.
    fn is_unknown(&self, ids: &[hub_domain::ExternalId]) -> bool {
        match self.find_show(ids) {
            Answer::NotFound { tried } => {
                // A show of which it has the specials alone is known, and so is one of which it has the other catalogue.
                let is_unknown = |miss| miss == hub_domain::anime::Miss::UnknownShow;
                !tried.is_empty() && tried.iter().all(|tried| is_unknown(tried.result))
            }
            Answer::Found { .. } | Answer::Candidates { .. } | Answer::Excluded => false,
        }
    }
}

/// Says whether nothing that is still to be learned would change the answer.
const fn is_settled(answer: &Answer) -> bool {
    matches!(answer, Answer::Found { .. } | Answer::Excluded)
}

/// Says whether asking may tell more: of an episode that came without a number of any database's own.
fn may_be_looked_up(media: &MediaItem, query: &Query) -> bool {
    let is_numbered = |at| matches!(at, At::Season { .. });
    media.kind == ItemKind::Episode
        && !query
            .references()
            .iter()
            .any(|reference| reference.is_own_number && is_numbered(reference.at))
}

/// The answer for a delivery.
fn placement(answer: Answer, notes: &[String], media: &MediaItem) -> Placement {
    match answer {
        Answer::Found { place, .. } => Placement::Found(place),
        Answer::Excluded => Placement::Excluded,
        Answer::Candidates { choices, tried } => Placement::Unclear {
            tried: told(notes, tried.iter().map(ToString::to_string), media),
            candidates: choices.iter().map(|choice| choice.candidate()).collect(),
        },
        Answer::NotFound { tried } => Placement::NotFound {
            tried: told(notes, tried.iter().map(ToString::to_string), media),
        },
    }
}

/// The answer for a delivery where it is not sure that the lookup was about the item: all of it is only offered.
fn doubted(answer: Answer, doubt: &str, notes: &[String]) -> Placement {
    let with_doubt = |mut candidate: Candidate| {
        candidate.why = format!("{doubt}: {}", candidate.why);
        candidate
    };
    let tried = shortened(notes.iter().cloned());
    match answer {
        Answer::Found { place, by } => Placement::Unclear {
            tried,
            candidates: vec![Candidate {
                entry: place.entry,
                episode: Some(place.last),
                why: format!("{doubt}{}", by_words(by)),
            }],
        },
        Answer::Candidates { choices, .. } => Placement::Unclear {
            tried,
            candidates: choices
                .iter()
                .map(|choice| with_doubt(choice.candidate()))
                .collect(),
        },
        Answer::Excluded | Answer::NotFound { .. } => Placement::NotFound { tried },
    }
}

fn by_words(by: hub_domain::anime::By) -> String {
    use hub_domain::anime::By;
    match by {
        By::Override => String::new(),
        By::List(reference) | By::OtherCatalogue(reference) | By::Named(reference) => {
            format!(": {reference}")
        }
    }
}

/// What was tried, in plain words; never nothing.
fn told(notes: &[String], tried: impl Iterator<Item = String>, media: &MediaItem) -> String {
    let words = shortened(notes.iter().cloned().chain(tried));
    if !words.is_empty() {
        return words;
    }
    match media.kind {
        ItemKind::Episode => "neither its show's ids nor ids of its own that could be looked up \
             came with it"
            .to_owned(),
        ItemKind::Season | ItemKind::Show => "no id of the show came with it".to_owned(),
        ItemKind::Movie
        | ItemKind::Track
        | ItemKind::PodcastEpisode
        | ItemKind::Book
        | ItemKind::Album
        | ItemKind::Artist => "no id came with it that the list of anime could have".to_owned(),
    }
}

fn said(answer: &Answer) -> String {
    match answer {
        Answer::NotFound { tried } => shortened(tried.iter().map(ToString::to_string)),
        Answer::Found { .. } | Answer::Candidates { .. } | Answer::Excluded => String::new(),
    }
}

fn shortened(sentences: impl Iterator<Item = String>) -> String {
    let mut seen = std::collections::BTreeSet::new();
    let kept: Vec<String> = sentences
        .filter(|sentence| seen.insert(sentence.clone()))
        .collect();
    kept.join("; ").chars().take(MOST_WORDS).collect()
}

/// Whether an answer about an id is about the item, see [`same`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Same {
    /// It is.
    Yes,
    /// Nothing speaks for it but the id, and nothing against it; why it is doubted.
    Unsure(String),
    /// It is another item; what it is.
    No(String),
}

/// An answer that is sure, or one that is not with the reason.
pub(crate) type Doubted = (EpisodeOf, String);
