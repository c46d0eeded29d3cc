//! What a user says of an item: ratings, hearts and lists, each as it stands, and who is to be told.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hub_domain::delivery::State;
use hub_domain::identity::awaits_library;
use hub_domain::names::ServerRef;
use hub_domain::rating::{Feeling, Rating};
use hub_domain::session::Session;
use hub_domain::{
    Action, Aspect, Delivery, Event, ItemKey, ItemKind, MediaItem, Play, Says, Service, Source,
    Statement, StatementId, UserId,
};
use hub_store::{Saved, User, Waiting};

use crate::library::hold_back;
use crate::plays::LOOK_AFTER;
use crate::wakes::Wakes;
use crate::{Failure, Progress};

/// How often a statement is read again that another writer changed.
const MOST_RACES: usize = 8;

/// What a user says, as it came in.
pub(crate) struct Told<'a> {
    pub(crate) aspect: Aspect,
    pub(crate) media: &'a MediaItem,
    pub(crate) server: &'a ServerRef,
    pub(crate) says: Option<Says>,
    pub(crate) since: DateTime<Utc>,
    /// A person said so here. A media server that tells of a heart that is not there tells its own state, which takes
    /// back only what it said before.
    pub(crate) is_explicit: bool,
}

impl Progress {
    /// Keeps a rating or a heart that an event tells of.
    pub(crate) async fn opinion(
        &self,
        user: &User,
        event: &Event,
        only: Option<&[Service]>,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let rating = event.rating.and_then(|points| Rating::new(points).ok());
        let (aspect, says) = match event.action {
            Action::Rate => match rating {
                Some(rating) => {
                    let review = event.review.clone();
                    (Aspect::Rating, Some(Says::Rated { rating, review }))
                }
                None => return Ok(()),
            },
            Action::Unrate => (Aspect::Rating, None),
            Action::Love => (Aspect::Loved, Some(Says::Felt(Feeling::Loved))),
            Action::Unlove => (Aspect::Loved, None),
            Action::Start
            | Action::Resume
            | Action::Progress
            | Action::Pause
            | Action::ScrobblePoint
            | Action::Stop
            | Action::MarkWatched
            | Action::MarkUnwatched => return Ok(()),
        };
        let is_explicit = matches!(event.server.source, Source::Canonical | Source::Queue);
        let told = Told {
            aspect,
            media: &event.media,
            server: &event.server,
            says,
            since: event.occurred_at,
            is_explicit,
        };
        self.state(user, told, only, now, wakes).await
    }

    /// Keeps what a user says, and wakes the lanes of whoever is to be told.
    ///
    /// The newest stands. Saying the same again tells it once more to those that did not take it.
    pub(crate) async fn state(
        &self,
        user: &User,
        told: Told<'_>,
        only: Option<&[Service]>,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let completed = self.completed(user.id, told.media, told.server).await?;
        let told = Told {
            media: completed.as_ref().unwrap_or(told.media),
            ..told
        };
        let item = self.resolve_item(user, told.media, told.server).await?;
        self.stated(user, &item, told, only, now, wakes).await
    }

    /// The same of an item whose name in this history is known.
    pub(crate) async fn stated(
        &self,
        user: &User,
        item: &ItemKey,
        told: Told<'_>,
        only: Option<&[Service]>,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let id = StatementId {
            aspect: told.aspect,
            item: item.clone(),
        };
        let services = self
            .told_of(user.id, told.aspect, told.media.kind, only)
            .await?;
        for _ in 0..MOST_RACES {
            let stands = self.table.statement(user.id, &id).await?;
            let Some(mut next) = next_of(user.id, &id, stands.as_ref(), &told, &services, now)
            else {
                if let Some(stands) = &stands {
                    self.wake_told(wakes, stands);
                    let content_id = stands.media.content_id.as_deref();
                    if let Some(id) = content_id.filter(|_| awaits_library(item, &stands.media)) {
                        wakes.look_again(id);
                    }
                }
                return Ok(());
            };
            let content_id = next.media.content_id.clone();
            if let Some(content_id) = content_id.filter(|_| awaits_library(item, &next.media)) {
                hold_back(next.deliveries.values_mut());
                let what = Waiting::Parcel(id.clone().into());
                self.await_library(user.id, &content_id, what, now, wakes)
                    .await?;
            }
            let due_at = next.is_open().then_some(now + LOOK_AFTER);
            let read = stands.map_or(0, |stands| stands.version);
            if let Saved::Saved(_) = self.table.put_statement(&next, read, due_at).await? {
                tracing::info!(user.id = %user.id, aspect = %told.aspect, kind = %told.media.kind, "statement kept");
                self.wake_told(wakes, &next);
                return Ok(());
            }
        }
        Err(Failure::Contended("statement"))
    }

    /// Takes what was watched from the watchlist, if its user wants that.
    ///
    /// What was listed after it was watched is meant to be watched again.
    pub(crate) async fn unlist_watched(
        &self,
        user: &User,
        play: &Play,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let Some(watched_at) = play.watched_at.filter(|_| user.settings.unlist_watched) else {
            return Ok(());
        };
        self.take_back(user, play, Aspect::Watchlist, watched_at, now, wakes)
            .await
    }

    /// Keeps that a book is being read, until it is finished.
    pub(crate) async fn note_reading(
        &self,
        user: &User,
        session: &Session,
        event: &Event,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let says = session.made.is_empty().then_some(Says::Listed);
        let told = Told {
            aspect: Aspect::Reading,
            media: &session.media,
            server: &session.server,
            says,
            since: event.occurred_at,
            is_explicit: false,
        };
        self.state(user, told, None, now, wakes).await
    }

    async fn take_back(
        &self,
        user: &User,
        play: &Play,
        aspect: Aspect,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let id = StatementId {
            aspect,
            item: play.item.clone(),
        };
        for _ in 0..MOST_RACES {
            let Some(stands) = self.table.statement(user.id, &id).await? else {
                return Ok(());
            };
            if !stands.is_changed_by(None, since) {
                self.wake_told(wakes, &stands);
                return Ok(());
            }
            let services = self.told_of(user.id, aspect, play.media.kind, None).await?;
            let next = Statement {
                says: None,
                since,
                version: stands.version + 1,
                created_at: now,
                deliveries: pending(&services),
                ..stands.clone()
            };
            let due_at = next.is_open().then_some(now + LOOK_AFTER);
            if let Saved::Saved(_) = self
                .table
                .put_statement(&next, stands.version, due_at)
                .await?
            {
                self.wake_told(wakes, &next);
                return Ok(());
            }
        }
        Err(Failure::Contended("statement"))
    }

    pub(crate) fn wake_told(&self, wakes: &mut Wakes, statement: &Statement) {
        for (service, delivery) in &statement.deliveries {
            if delivery.state == State::Pending && self.behaviour.scrobble_enabled {
                wakes.statement(statement.user, *service, &statement.id);
            }
        }
    }

    /// The services that are told.
    async fn told_of(
        &self,
        user: UserId,
        aspect: Aspect,
        kind: ItemKind,
        only: Option<&[Service]>,
    ) -> Result<Vec<Service>, Failure> {
        let nobody = !Service::WRITABLE
            .iter()
            .any(|service| service.takes_statement(aspect, kind));
        if nobody {
            return Ok(Vec::new());
        }
        let connections = self.table.connections(user).await?;
        let mut services: Vec<Service> = connections
            .into_iter()
            .map(|stored| stored.connection)
            .filter(|connection| {
                let service = connection.service;
                connection.settings.takes_statement(service, aspect, kind)
                    && self.behaviour.services.contains(&service)
                    && only.is_none_or(|only| only.contains(&service))
            })
            .map(|connection| connection.service)
            .collect();
        services.sort();
        Ok(services)
    }
}

fn pending(services: &[Service]) -> BTreeMap<Service, Delivery> {
    services
        .iter()
        .map(|service| (*service, Delivery::pending()))
        .collect()
}

/// What stands once a user has said something; nothing if that changes nothing.
fn next_of(
    user: UserId,
    id: &StatementId,
    stands: Option<&Statement>,
    told: &Told<'_>,
    services: &[Service],
    now: DateTime<Utc>,
) -> Option<Statement> {
    let Some(stands) = stands else {
        if told.says.is_none() && !told.is_explicit {
            return None;
        }
        return Some(Statement {
            user,
            id: id.clone(),
            media: told.media.clone(),
            says: told.says.clone(),
            since: told.since,
            version: 1,
            created_at: now,
            deliveries: pending(services),
            agreed: BTreeMap::new(),
        });
    };
    let media = if is_better(told.media, &stands.media) {
        told.media.clone()
    } else {
        stands.media.clone()
    };
    if stands.is_changed_by(told.says.as_ref(), told.since) {
        return Some(Statement {
            media,
            says: told.says.clone(),
            since: told.since,
            version: stands.version + 1,
            created_at: now,
            deliveries: pending(services),
            ..stands.clone()
        });
    }
    let is_the_same = stands.says == told.says;
    let is_news = is_the_same && told.is_explicit && told.since > stands.since;
    let anew: Vec<Service> = services
        .iter()
        .filter(|service| {
            stands.deliveries.get(service).is_none_or(|delivery| {
                matches!(
                    delivery.state,
                    State::Refused | State::NotFound | State::InDoubt
                )
            })
        })
        .copied()
        .collect();
    if !is_news || anew.is_empty() {
        return None;
    }
    let mut next = Statement {
        media,
        version: stands.version + 1,
        since: told.since,
        created_at: now,
        ..stands.clone()
    };
    next.deliveries.extend(pending(&anew));
    Some(next)
}

/// Says whether more is known of an item than before.
fn is_better(new: &MediaItem, old: &MediaItem) -> bool {
    let worth = |media: &MediaItem| (media.ids.len(), media.title.is_some());
    worth(new) >= worth(old)
}

#[cfg(test)]
mod tests {
    use hub_domain::ItemKey;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn next(
        stands: Option<&Statement>,
        says: Option<Says>,
        seconds: i64,
        is_explicit: bool,
    ) -> Option<Statement> {
        let media = MediaItem::new(ItemKind::Movie);
        let server = ServerRef::unnamed(Source::Canonical);
        let told = Told {
            aspect: Aspect::Watchlist,
            media: &media,
            server: &server,
            says,
            since: at(seconds),
            is_explicit,
        };
        let id = StatementId {
            aspect: Aspect::Watchlist,
            item: ItemKey::new("movie:imdb:tt0133093"),
        };
        let user = "00000000-0000-0000-0000-000000000000".parse().unwrap();
        next_of(user, &id, stands, &told, &[Service::Trakt], at(seconds))
    }

    #[test]
    fn what_nobody_said_is_taken_back_only_by_a_person() {
        assert_eq!(next(None, None, 0, false), None);
        assert_eq!(next(None, None, 0, true).unwrap().says, None);
    }

    #[test]
    fn something_new_is_told_to_all_and_a_repeat_to_none() {
        let first = next(None, Some(Says::Listed), 0, true).unwrap();
        assert_eq!(first.deliveries[&Service::Trakt], Delivery::pending());
        assert_eq!(next(Some(&first), Some(Says::Listed), 5, true), None);
        assert_eq!(next(Some(&first), None, -5, true), None);
        let second = next(Some(&first), None, 5, false).unwrap();
        assert_eq!((second.says, second.version), (None, 2));
    }

    #[test]
    fn who_refused_is_told_again_when_a_person_says_it_again() {
        let mut first = next(None, Some(Says::Listed), 0, true).unwrap();
        let refused = Delivery {
            state: State::Refused,
            ..Delivery::pending()
        };
        first.deliveries.insert(Service::Trakt, refused);
        let again = next(Some(&first), Some(Says::Listed), 5, true).unwrap();
        assert_eq!(again.deliveries[&Service::Trakt], Delivery::pending());
        assert_eq!(again.version, 2);
        assert_eq!(next(Some(&first), Some(Says::Listed), 5, false), None);
        // The message again that said so first.
        assert_eq!(next(Some(&first), Some(Says::Listed), 0, true), None);
    }
}
