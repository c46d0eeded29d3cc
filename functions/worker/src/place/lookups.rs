//! Asking which show an episode is of: what is known already, then the user's Trakt, then TMDB.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::media::{ExternalId, Namespace};
use hub_domain::{Disposition, Health, MediaItem, Secret, Service, UserId};
use hub_providers::tmdb::{LIMIT_CALLS, LIMIT_PER};
use hub_providers::{Asked, EpisodeOf, LookupError, Tmdb, TraktEpisodes};
use hub_store::{StoreError, Table};
use tokio::sync::OnceCell;

use super::pauses::{Counted, Pauses, Until};
use super::weigh::{own_ids, show_key, unaskable, weigh};
use super::{Doubted, Open};

/// How long "unknown" is believed: what is new is added within days.
const UNKNOWN_LASTS: TimeDelta = TimeDelta::days(3);
/// How long a show is believed to be of this id: shows are merged and split at times.
const SHOW_LASTS: TimeDelta = TimeDelta::days(7);
/// How long a service is left alone that did not answer.
const AFTER_FAILURE: TimeDelta = TimeDelta::minutes(5);
/// How long to wait for tokens that are being renewed.
const WHILE_RENEWED: TimeDelta = TimeDelta::minutes(2);
/// The most questions of one round, and how long a round may take to ask them: the function has other things to do.
const MOST_QUESTIONS: u32 = 12;
const MOST_TIME: Duration = Duration::from_secs(12);
/// When what did not fit into a round is asked for.
const NEXT_ROUND: TimeDelta = TimeDelta::seconds(5);
/// How far ahead of its slot a question to TMDB may go; see `TMDB_COST`.
const AHEAD: TimeDelta = TimeDelta::seconds(2);
/// What a question to TMDB costs: as if the window were a quarter longer, for those that go ahead of their slots.
fn tmdb_cost() -> TimeDelta {
    LIMIT_PER * 5 / (LIMIT_CALLS * 4)
}

/// What asking came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The episode, beyond doubt.
    pub(crate) sure: Option<EpisodeOf>,
    /// An episode that may be another, and why.
    pub(crate) unsure: Option<Doubted>,
    /// What was tried, for people.
    pub(crate) notes: Vec<String>,
    /// A service that would have to be waited for, until when, and why.
    pub(crate) later: Option<Until>,
}

/// Whether a service can be asked now.
enum Access {
    Open(Secret),
    Closed(String),
    Later(DateTime<Utc>, String),
}

/// What one id came to at one service.
enum Told {
    Known(Vec<EpisodeOf>),
    /// It cannot be asked, however long one waits.
    Closed(String),
    Later(DateTime<Utc>, String),
}

/// One round of questions.
pub(crate) struct Lookups {
    table: Table,
    user: UserId,
    trakt: Option<TraktEpisodes>,
    tmdb: Option<Tmdb>,
    open: Open,
    pauses: Arc<Pauses>,
    access: OnceCell<Arc<Access>>,
    /// Why a service is asked no more in this round.
    closed: Mutex<BTreeMap<Asked, String>>,
    asked: Mutex<u32>,
    since: Instant,
}

impl Lookups {
    pub(crate) fn new(
        table: Table,
        user: UserId,
        (trakt, tmdb): (Option<TraktEpisodes>, Option<Tmdb>),
        open: Open,
        pauses: Arc<Pauses>,
    ) -> Self {
        Self {
            table,
            user,
            trakt,
            tmdb,
            open,
            pauses,
            access: OnceCell::new(),
            closed: Mutex::default(),
            asked: Mutex::new(0),
            since: Instant::now(),
        }
    }

    /// The ids of the show of which an earlier episode was looked up.
    pub(crate) async fn show_of(
        &self,
        media: &MediaItem,
        now: DateTime<Utc>,
    ) -> Result<Option<Vec<ExternalId>>, StoreError> {
        match show_key(media) {
            Some(key) => self.table.lookup("episode-show", &key, now).await,
            None => Ok(None),
        }
    }

    /// Keeps which show an episode is of, for the next ones.
    pub(crate) async fn keep_show_of(
        &self,
        media: &MediaItem,
        of: &EpisodeOf,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(key) = show_key(media) else {
            return Ok(());
        };
        let known = self.show_of(media, now).await?;
        let ids: Vec<ExternalId> = of
            .show_ids
            .iter()
            .cloned()
            .map(|mut id| {
                id.numbering = None;
                id
            })
            .collect();
        if known.as_ref() == Some(&ids) {
            return Ok(());
        }
        self.table
            .put_lookup_for("episode-show", &key, &ids, SHOW_LASTS, now)
            .await
    }

    /// The same with what else its show is called, where TMDB tells.
    pub(crate) async fn named(
        &self,
        mut of: EpisodeOf,
        now: DateTime<Utc>,
    ) -> Result<EpisodeOf, StoreError> {
        let has_tvdb = of.show_ids.iter().any(|id| id.namespace == Namespace::Tvdb);
        let Some(show) = of.tmdb_show().map(str::to_owned).filter(|_| !has_tvdb) else {
            return Ok(of);
        };
        let known: Option<Vec<ExternalId>> = self.table.lookup("tmdb-show", &show, now).await?;
        let ids = match known {
            Some(ids) => ids,
            None => {
                let Some(tmdb) = &self.tmdb else {
                    return Ok(of);
                };
                if self.may_ask(Asked::Tmdb, now).await?.is_some() {
                    // They only add to what is offered: nothing waits for them.
                    return Ok(of);
                }
                match tmdb.external_ids(&show, now).await {
                    Ok(ids) => {
                        self.table.put_lookup("tmdb-show", &show, &ids, now).await?;
                        ids
                    }
                    Err(error) => {
                        self.failed(&error, now);
                        return Ok(of);
                    }
                }
            }
        };
        of.learn(ids);
        Ok(of)
    }

    /// Asks which show an episode is of, by its own ids, until somebody knows.
    pub(crate) async fn ask(
        &self,
        media: &MediaItem,
        now: DateTime<Utc>,
    ) -> Result<Outcome, StoreError> {
        let mut outcome = Outcome::default();
        let own = own_ids(media);
        for asked in Asked::ALL {
            let mut was_asked = false;
            for id in own.iter().filter(|id| asked.knows(id.namespace)) {
                was_asked = true;
                match self.told(asked, id, now).await? {
                    Told::Known(answers) => {
                        if let Some(sure) = weigh(media, asked, id, answers, &mut outcome) {
                            outcome.sure = Some(sure);
                            return Ok(outcome);
                        }
                    }
                    Told::Closed(why) => {
                        outcome.notes.push(format!("{asked}: {why}"));
                        break;
                    }
                    Told::Later(until, why) => {
                        let why = format!("{asked}: {why}");
                        let is_sooner = |(at, _): &Until| until < *at;
                        if outcome.later.as_ref().is_none_or(is_sooner) {
                            outcome.later = Some((until, why));
                        }
                        break;
                    }
                }
            }
            if !was_asked && !media.ids.is_empty() {
                outcome.notes.push(format!("{asked}: {}", unaskable(media)));
            }
        }
        Ok(outcome)
    }

    async fn told(
        &self,
        asked: Asked,
        id: &ExternalId,
        now: DateTime<Utc>,
    ) -> Result<Told, StoreError> {
        let (namespace, value) = asked.cache_key(id);
        let known: Option<Vec<EpisodeOf>> = self.table.lookup(&namespace, &value, now).await?;
        if let Some(known) = known {
            return Ok(Told::Known(known));
        }
        if let Some(why) = self.closed().get(&asked) {
            return Ok(Told::Closed(why.clone()));
        }
        let access = match asked {
            Asked::Trakt => self.trakt_access(now).await?,
            Asked::Tmdb => Arc::new(match self.tmdb {
                Some(_) => Access::Open(Secret::new("")),
                None => Access::Closed("the operator of this hub has set no token".to_owned()),
            }),
        };
        let access = match &*access {
            Access::Open(access) => access,
            Access::Closed(why) => return Ok(Told::Closed(why.clone())),
            Access::Later(until, why) => return Ok(Told::Later(*until, why.clone())),
        };
        if let Some((until, why)) = self.may_ask(asked, now).await? {
            return Ok(Told::Later(until, why));
        }
        let answer = match (asked, &self.trakt, &self.tmdb) {
            (Asked::Trakt, Some(trakt), _) => trakt.find(access, id, now).await,
            (Asked::Tmdb, _, Some(tmdb)) => tmdb.find(id, now).await,
            (Asked::Trakt | Asked::Tmdb, _, _) => return Ok(Told::Known(Vec::new())),
        };
        match answer {
            Ok(answers) => {
                let lasts = if answers.is_empty() {
                    UNKNOWN_LASTS
                } else {
                    hub_store::lookup::LOOKUP_LASTS
                };
                self.table
                    .put_lookup_for(&namespace, &value, &answers, lasts, now)
                    .await?;
                Ok(Told::Known(answers))
            }
            Err(error) => Ok(self.failed(&error, now)),
        }
    }

    /// Takes a turn to ask; else until when not, and why.
    async fn may_ask(&self, asked: Asked, now: DateTime<Utc>) -> Result<Option<Until>, StoreError> {
        if let Some(pause) = self.pauses.of(self.pause_key(asked), now) {
            return Ok(Some(pause));
        }
        let is_over = {
            let mut count = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            *count += 1;
            *count > MOST_QUESTIONS || self.since.elapsed() > MOST_TIME
        };
        if is_over {
            let why = "more episodes to be looked up than fit in one turn".to_owned();
            return Ok(Some((now + NEXT_ROUND, why)));
        }
        if let (Asked::Tmdb, Some(tmdb)) = (asked, &self.tmdb) {
            let host = tmdb.host();
            let slot = self
                .table
                .reserve(&host, "lookups", tmdb_cost(), now)
                .await?;
            if slot > now + AHEAD {
                let why = "its limit is used up for the moment".to_owned();
                return Ok(Some((slot, why)));
            }
        }
        Ok(None)
    }

    /// What a question that was not answered means for those that follow.
    fn failed(&self, error: &LookupError, now: DateTime<Utc>) -> Told {
        let asked = error.asked;
        tracing::warn!(
            error = error as &dyn std::error::Error, why = %error.why, user.id = %self.user,
            disposition = ?error.disposition, "could not look up which show an episode is of"
        );
        let closed = |why: String| {
            self.closed().insert(asked, why.clone());
            Told::Closed(why)
        };
        match &error.disposition {
            Disposition::Auth => closed("it no longer accepts your sign-in".to_owned()),
            Disposition::AppRefused
            | Disposition::Permanent
            | Disposition::NotFound
            | Disposition::AccountPaused { .. } => closed(error.why.clone()),
            Disposition::RateLimited { .. }
            | Disposition::AddressBlocked { .. }
            | Disposition::Retryable
            | Disposition::InDoubt => {
                let until = error.until().unwrap_or(now + AFTER_FAILURE);
                let key = self.pause_key(asked);
                self.pauses.keep(key, until, error.why.clone(), now);
                Told::Later(until, error.why.clone())
            }
        }
    }

    const fn pause_key(&self, asked: Asked) -> Counted {
        match asked {
            Asked::Trakt => (asked, Some(self.user)),
            Asked::Tmdb => (asked, None),
        }
    }

    async fn trakt_access(&self, now: DateTime<Utc>) -> Result<Arc<Access>, StoreError> {
        let access = self
            .access
            .get_or_try_init(async || {
                if self.trakt.is_none() {
                    let why = "it is switched off on this hub".to_owned();
                    return Ok(Arc::new(Access::Closed(why)));
                }
                let stored = self.table.connection(self.user, Service::Trakt).await?;
                let usable = stored.filter(|stored| stored.connection.settings.enabled);
                let Some(stored) = usable else {
                    let why = "not connected; with it, episodes are found by their own ids";
                    return Ok(Arc::new(Access::Closed(why.to_owned())));
                };
                let connection = &stored.connection;
                if connection.health != Health::Ok {
                    let why = "your connection to it does not work at the moment".to_owned();
                    return Ok(Arc::new(Access::Closed(why)));
                }
                if connection.token_expires_at.is_some_and(|end| end <= now) {
                    let why = "your sign-in is being renewed".to_owned();
                    return Ok(Arc::new(Access::Later(now + WHILE_RENEWED, why)));
                }
                Ok::<_, StoreError>(Arc::new(match (self.open)(&stored) {
                    Some(access) => Access::Open(access),
                    None => Access::Closed("your sign-in cannot be read".to_owned()),
                }))
            })
            .await?;
        Ok(Arc::clone(access))
    }

    fn closed(&self) -> std::sync::MutexGuard<'_, BTreeMap<Asked, String>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
