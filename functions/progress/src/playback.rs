//! An event of a playback: session → plays → live signals.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use hub_domain::delivery::State;
use hub_domain::live::Playing;
use hub_domain::session::{Made, Observed, Session, SessionKey};
use hub_domain::threshold::Rule;
use hub_domain::{Delivery, Event, ItemKind, MediaItem, Play, Service};
use hub_store::{Saved, StoredConnection, User, Waiting};

use crate::library::let_go;
use crate::plays::Sighted;
use crate::wakes::Wakes;
use crate::{Failure, Progress, is_fresh};

/// How often a session is read again that another writer changed.
const MOST_RACES: usize = 5;

impl Progress {
    /// Handles one event of a playback.
    pub(crate) async fn playback(
        &self,
        user: &User,
        event: &Event,
        only: Option<&[Service]>,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let Some(rule) = self.rule_of(user, &event.media) else {
            return Ok(());
        };
        let connections = self
            .connections_for(user.id, event.media.kind, only)
            .await?;
        let key = SessionKey::of(event);
        for _ in 0..MOST_RACES {
            let stored = self.table.session(user.id, &key, now).await?;
            let (mut session, version) = match stored {
                Some((session, version)) => (session, Some(version)),
                None => (Session::new(user.id, event), None),
            };
            let shown = session.live.as_ref().map(|live| live.sequence);
            let was_nameless = session.media.is_nameless();
            match session.observe(event) {
                Observed::Nothing => return Ok(()),
                Observed::Repeated => {
                    // The same message again, perhaps after a crash behind its writes: wake what is not settled.
                    if was_nameless && let Some(id) = &session.media.content_id {
                        wakes.look_again(id);
                    }
                    return self.wake_unsettled(&session, wakes).await;
                }
                Observed::New => {}
            }
            if was_nameless || version.is_none() {
                let is_new = version.is_none();
                self.name(user, &mut session, is_new, now, wakes).await?;
            }
            let holds = self
                .make_plays(user, &mut session, rule, &connections, now, wakes)
                .await?;
            self.release_held(&session, rule, &connections, now, wakes)
                .await?;
            if session.media.kind == ItemKind::Book {
                self.note_reading(user, &session, event, now, wakes).await?;
            }
            // Its silence has to be noticed only where a delivery waits for it; the sweep moves the entry on by itself.
            let due_at = holds.then(|| session.silent_at());
            match self
                .table
                .put_session(&session, version, due_at, now)
                .await?
            {
                Saved::Saved(_) => {
                    self.show(&session, rule, shown, &connections, event, now, wakes);
                    return Ok(());
                }
                Saved::Conflict => {}
            }
        }
        Err(Failure::Contended("session"))
    }

    /// How much of an item has to be played; `None` for what is never played.
    pub(crate) fn rule_of(&self, user: &User, media: &MediaItem) -> Option<Rule> {
        let thresholds = self.behaviour.thresholds.with(&user.settings.thresholds);
        thresholds.of(media.kind)
    }

    /// Asks the library what a session plays, if its event did not say; until it does, the session waits for it.
    async fn name(
        &self,
        user: &User,
        session: &mut Session,
        is_new: bool,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let completed = self
            .completed(user.id, &session.media, &session.server)
            .await?;
        if let Some(media) = completed {
            session.media = media;
        }
        let Some(id) = session.media.content_id.clone() else {
            return Ok(());
        };
        if !session.media.is_nameless() {
            // Named by the library or by this event, and so are the plays that were made before.
            for made in &session.made {
                self.name_play(user, &made.play, &id, &session.media, now, wakes)
                    .await?;
            }
        } else if is_new && session.server.has_library() {
            let what = Waiting::Session(session.key.clone());
            self.await_library(user.id, &id, what, now, wakes).await?;
        }
        Ok(())
    }

    /// Makes a play of every viewing, and of every part of it, that met the lowest threshold that applies.
    ///
    /// Says whether a delivery of one of them is held for a higher threshold.
    pub(crate) async fn make_plays(
        &self,
        user: &User,
        session: &mut Session,
        rule: Rule,
        connections: &[StoredConnection],
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<bool, Failure> {
        let mut holds = false;
        let library_id = session.media.content_id.clone();
        let lowest = connections
            .iter()
            .map(|stored| threshold_of(stored, rule))
            .fold(rule.percent, f64::min);
        for part in 0..session.media.parts() {
            for viewing in session.due(&rule.at(lowest), part) {
                let watched_at = viewing.met_at.unwrap_or(viewing.until);
                let sighted = Sighted {
                    media: session.media.part(part),
                    library_id: library_id.as_deref(),
                    server: &session.server,
                    road: &session.key.0,
                    started_at: viewing.started_at,
                    watched_at,
                    began_percent: viewing.began_percent,
                    progress_percent: viewing.percent,
                    manual: false,
                    precision: hub_domain::Precision::Second,
                    suggested: None,
                };
                let media = session.media.part(part);
                let is_met = |percent: f64| {
                    session
                        .viewings(&rule.at(percent), part)
                        .iter()
                        .any(|other| {
                            other.started_at == viewing.started_at && other.met_at.is_some()
                        })
                };
                let deliveries: BTreeMap<_, _> = connections
                    .iter()
                    .map(|stored| {
                        let own = threshold_of(stored, rule);
                        let delivery = if is_met(own) {
                            Delivery::pending()
                        } else {
                            Delivery::held(own)
                        };
                        (stored.connection.service, delivery)
                    })
                    .collect();
                holds |= deliveries
                    .values()
                    .any(|delivery| delivery.state == State::Held);
                let play = self
                    .record_play(user, sighted, deliveries, now, wakes)
                    .await?;
                tracing::info!(user.id = %user.id, play.id = %play, kind = %media.kind, source = %session.server.source, "play made");
                session.made.push(Made {
                    play,
                    part,
                    started_at: viewing.started_at,
                    until: viewing.until,
                });
            }
        }
        Ok(holds)
    }

    /// Lets go the deliveries whose connection asked for more than the play needed, once that is met.
    async fn release_held(
        &self,
        session: &Session,
        rule: Rule,
        connections: &[StoredConnection],
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<(), Failure> {
        let higher: Vec<_> = connections
            .iter()
            .filter(|stored| {
                stored
                    .connection
                    .settings
                    .scrobble_threshold_percent
                    .is_some()
            })
            .collect();
        let Some(made) = session.made.last().filter(|_| !higher.is_empty()) else {
            return Ok(());
        };
        let Some(play) = self.table.play(session.user, &made.play).await? else {
            return Ok(());
        };
        for stored in higher {
            let service = stored.connection.service;
            let is_held = play
                .deliveries
                .get(&service)
                .is_some_and(|delivery| delivery.state == State::Held);
            let own = rule.at(threshold_of(stored, rule));
            let is_met = || {
                session
                    .viewings(&own, made.part)
                    .iter()
                    .any(|viewing| viewing.met_at.is_some() && made.is_of(viewing))
            };
            if is_held && is_met() {
                let delivery = let_go(&play.item, &play.media);
                self.table
                    .update_delivery(session.user, &play.id, service, &delivery, true)
                    .await?;
                if delivery.state == State::Pending {
                    self.wake(wakes, &play, service, now);
                }
            }
        }
        Ok(())
    }

    /// Wakes every lane that has not settled a play of this session.
    async fn wake_unsettled(&self, session: &Session, wakes: &mut Wakes) -> Result<(), Failure> {
        let made: Vec<_> = session
            .made
            .iter()
            .rev()
            .take(4)
            .map(|made| made.play.clone())
            .collect();
        if made.is_empty() {
            return Ok(());
        }
        for play in self.table.plays(session.user, &made).await? {
            self.wake_open(wakes, &play);
        }
        Ok(())
    }

    /// Asks for the session to be shown where that is wanted, if there is something new to show.
    #[expect(
        clippy::too_many_arguments,
        reason = "what is shown hangs on all of it"
    )]
    fn show(
        &self,
        session: &Session,
        rule: Rule,
        shown: Option<u64>,
        connections: &[StoredConnection],
        event: &Event,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) {
        let Some(live) = session
            .live
            .as_ref()
            .filter(|live| Some(live.sequence) != shown)
        else {
            return;
        };
        let is_worth_it = is_fresh(event.received_at, now)
            && !event.flags.offline
            && self.behaviour.scrobble_enabled;
        let is_known = !(session.server.has_library() && session.media.is_nameless());
        if !is_worth_it || !is_known || session.live_state(&rule, now).is_none() {
            return;
        }
        for stored in connections
            .iter()
            .filter(|stored| stored.connection.settings.live_signals)
        {
            let is_paused = live.playing == Playing::Paused;
            wakes.live(
                session.user,
                stored.connection.service,
                &session.key,
                live.sequence,
                now,
                is_paused,
            );
        }
    }

    /// Wakes a service for a play, unless nothing is to be sent at present.
    pub(crate) fn wake(
        &self,
        wakes: &mut Wakes,
        play: &Play,
        service: Service,
        _now: DateTime<Utc>,
    ) {
        if self.behaviour.scrobble_enabled {
            wakes.play(play.user, service, &play.id, play.manual);
        }
    }

    /// Wakes every service at which a play is open and ready.
    pub(crate) fn wake_open(&self, wakes: &mut Wakes, play: &Play) {
        for (service, delivery) in &play.deliveries {
            if delivery.state == State::Pending && self.behaviour.scrobble_enabled {
                wakes.play(play.user, *service, &play.id, play.manual);
            }
        }
    }

    /// The connections that plays of a kind go to.
    pub(crate) async fn connections_for(
        &self,
        user: hub_domain::UserId,
        kind: hub_domain::ItemKind,
        only: Option<&[Service]>,
    ) -> Result<Vec<StoredConnection>, Failure> {
        let mut connections = self.table.connections(user).await?;
        connections.retain(|stored| {
            let connection = &stored.connection;
            connection.settings.enabled
                && connection.settings.takes(connection.service, kind)
                && self.behaviour.services.contains(&connection.service)
                && only.is_none_or(|only| only.contains(&connection.service))
        });
        Ok(connections)
    }
}

fn threshold_of(stored: &StoredConnection, rule: Rule) -> f64 {
    stored
        .connection
        .settings
        .scrobble_threshold_percent
        .unwrap_or(rule.percent)
}
