//! What goes to a service: prepared, sent, and looked for where its answer was lost.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use hub_domain::{Outcome, Parcel, ParcelId, Play, PlayId, Statement, StatementId};

use super::Provider;
use crate::error::ProviderError;
use crate::seam::{Account, Context, IfLost, OnList, Preparation, Prepared, named};

impl Provider {
    /// Decides what is sent next of a lane's parcels, oldest first: pure, and the same for the same arguments.
    ///
    /// A request holds plays, or plays to be taken back, or statements: the first kind that there is, in this order.
    /// Each parcel is in exactly one of the three parts of the answer.
    pub fn prepare(
        &self,
        parcels: &[Parcel],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation {
        let is_undo = |play: &Play| {
            let delivery = play.deliveries.get(&self.service());
            delivery.is_some_and(|delivery| delivery.undo)
        };
        let (undone, plays): (Vec<Play>, Vec<Play>) = parcels
            .iter()
            .filter_map(Parcel::play)
            .cloned()
            .partition(is_undo);
        let statements: Vec<Statement> = parcels
            .iter()
            .filter_map(Parcel::statement)
            .cloned()
            .collect();
        let ids = |plays: &[Play]| -> Vec<ParcelId> {
            plays.iter().map(|play| play.id.clone().into()).collect()
        };
        let said = || {
            statements
                .iter()
                .map(|statement| statement.id.clone().into())
        };
        let mut later: Vec<ParcelId> = Vec::new();
        let mut preparation = if !plays.is_empty() {
            later.extend(ids(&undone));
            later.extend(said());
            self.prepare_plays(&plays, context, now).named()
        } else if !undone.is_empty() {
            later.extend(said());
            self.prepare_undo(&undone, context, now).named()
        } else {
            self.prepare_statements(&statements, context, now).named()
        };
        preparation.left.append(&mut later);
        preparation
    }

    /// Decides what is sent next of some plays.
    ///
    /// At most 50 plays go into one request to Last.fm, 100 to ListenBrainz and to Trakt's and Simkl's history; one to
    /// their stop and to a compatible server; those of one entry to an anime list.
    pub(crate) fn prepare_plays(
        &self,
        plays: &[Play],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        match self {
            Self::Trakt(client) => client.prepare_plays(plays, now),
            Self::Simkl(client) => client.prepare_plays(plays, now),
            Self::LastFm(client) => client.prepare_plays(plays, now),
            Self::ListenBrainz(client) => client.prepare_plays(plays, context.account_url, now),
            Self::AniList(client) => client.prepare_plays(plays, context, now),
            Self::MyAnimeList(client) => client.prepare_plays(plays, context, now),
            Self::Goodreads(_) | Self::Letterboxd(_) => {
                self.takes_files_alone(plays.iter().map(|play| play.id.clone()))
            }
        }
    }

    /// Decides what is taken back next of some plays that their user removed.
    pub(crate) fn prepare_undo(
        &self,
        plays: &[Play],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        match self {
            Self::Trakt(client) => client.prepare_undo(plays, now),
            Self::Simkl(client) => client.prepare_undo(plays, now),
            Self::LastFm(client) => client.prepare_undo(plays),
            Self::ListenBrainz(client) => client.prepare_undo(plays, context.account_url, now),
            Self::AniList(client) => client.prepare_undo(plays, context),
            Self::MyAnimeList(client) => client.prepare_undo(plays, context),
            Self::Goodreads(_) | Self::Letterboxd(_) => {
                self.takes_files_alone(plays.iter().map(|play| play.id.clone()))
            }
        }
    }

    /// Decides what is told next of some statements.
    pub(crate) fn prepare_statements(
        &self,
        statements: &[Statement],
        context: &Context<'_>,
        now: DateTime<Utc>,
    ) -> Preparation<StatementId> {
        match self {
            Self::Trakt(client) => client.prepare_statements(statements, now),
            Self::Simkl(client) => client.prepare_statements(statements, now),
            Self::LastFm(client) => client.prepare_statements(statements, now),
            Self::ListenBrainz(client) => {
                client.prepare_statements(statements, context.account_url, now)
            }
            Self::AniList(client) => client.prepare_statements(statements, context, now),
            Self::MyAnimeList(client) => client.prepare_statements(statements, context, now),
            Self::Goodreads(_) | Self::Letterboxd(_) => {
                self.takes_files_alone(statements.iter().map(|statement| statement.id.clone()))
            }
        }
    }

    fn takes_files_alone<Id>(&self, ids: impl Iterator<Item = Id>) -> Preparation<Id> {
        let why = format!("{} takes files alone: export one", self.service().title());
        Preparation::all(ids, &Outcome::Ignored { why })
    }

    /// Asks an anime list what stands at some of its entries; one that it does not know is left out of the answer.
    ///
    /// To be asked right before [`Provider::prepare`]; together with the request that follows it counts as one against
    /// [`Provider::limit`]. Other services have no entries, and answer with none.
    ///
    /// # Errors
    ///
    /// As for [`Provider::send`]; nothing was written.
    pub async fn survey(
        &self,
        account: &Account<'_>,
        entries: &BTreeSet<u32>,
        now: DateTime<Utc>,
    ) -> Result<BTreeMap<u32, OnList>, ProviderError> {
        match self {
            Self::AniList(client) => client.survey(account, entries, now).await,
            Self::MyAnimeList(client) => client.survey(account, entries, now).await,
            Self::Trakt(_)
            | Self::Simkl(_)
            | Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => Ok(BTreeMap::new()),
        }
        .map_err(|error| error.hiding(&account.tokens.access))
    }

    /// Sends what was prepared, and reads from the answer's body what became of each parcel in it.
    ///
    /// # Errors
    ///
    /// Says what to do next about all of them. [`hub_domain::Disposition::Permanent`] about several parcels means that
    /// one of them may be at fault: send the halves.
    pub async fn send(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(ParcelId, Outcome)>, ProviderError> {
        let answered = if prepared.undo {
            each!(self, client => client.take_back(account, prepared, now).await).map(named)
        } else if prepared.plays.is_empty() {
            each!(self, client => client.tell(account, prepared, now).await).map(named)
        } else {
            each!(self, client => client.deliver(account, prepared, now).await).map(named)
        };
        answered.map_err(|error| error.hiding(&account.tokens.access))
    }

    /// What to do if the answer to a prepared request is lost.
    pub fn if_lost(&self, prepared: &Prepared, _account_url: Option<&str>) -> IfLost {
        if prepared.undo || prepared.plays.is_empty() {
            // What is said or taken back is so, however often it is told.
            return IfLost::Repeat;
        }
        match self {
            Self::Trakt(client) => client.if_lost(prepared),
            // The anime lists are told a state to be reached. Simkl keeps one watch of an item; ListenBrainz and Last.fm store the same second with the same names once.
            // Compatible servers get every listen at least once; there is nothing to read back.
            Self::Simkl(_)
            | Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::MyAnimeList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => IfLost::Repeat,
        }
    }

    /// Looks which of the plays of a prepared request are at the service; `None` beside a play: it is not there.
    ///
    /// A play that is not in `plays`, or that cannot be looked for, is left out of the answer: nothing is known of it.
    ///
    /// # Errors
    ///
    /// The reading failed: nothing is known, look again later. Never [`hub_domain::Disposition::InDoubt`].
    pub async fn read_back(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        plays: &[Play],
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Option<Outcome>)>, ProviderError> {
        match self {
            Self::Trakt(client) => client
                .read_back(account, prepared, plays, now)
                .await
                .map_err(|error| error.hiding(&account.tokens.access)),
            // A repeat is harmless there, so nothing is read.
            Self::Simkl(_)
            | Self::LastFm(_)
            | Self::ListenBrainz(_)
            | Self::AniList(_)
            | Self::MyAnimeList(_)
            | Self::Goodreads(_)
            | Self::Letterboxd(_) => Ok(Vec::new()),
        }
    }
}
