//! Events on their way to `progress`, or aside.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use hub_domain::{Event, ServerRef, Service, Source, UserId};
use hub_runtime::queue::{EventMessage, Incoming, MOST_BYTES};
use hub_store::{ApiToken, Freshness};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ApiState;
use crate::admitted::Posted;
use crate::drop::{Rules, decides_nothing};
use crate::owner::{ADDRESS, Way, way_of};
use crate::problem::Problem;

/// The most servers that are remembered as known.
const MOST_KNOWN: usize = 10_000;

/// What became of what was handed in.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Taken)]
pub(crate) struct Taken {
    /// Events that the hub keeps or could do without: progress that decides nothing counts here, too.
    pub(crate) accepted: usize,
    /// Events of accounts that nobody has claimed yet; `GET /api/v1/sources/accounts` lists them.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) set_aside: usize,
    /// Events that are not about playback.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) ignored: usize,
    /// Why it was ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for a reference"
)]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// The servers of which it was written down already that a user's addresses hear of them.
#[derive(Debug, Default)]
pub(crate) struct KnownServers(Mutex<HashSet<(UserId, Source, String)>>);

impl KnownServers {
    fn is_known(&self, user: UserId, server: &ServerRef) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(user, server.source, server.id.clone()))
    }

    fn note(&self, user: UserId, server: &ServerRef) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST_KNOWN {
            known.clear();
        }
        known.insert((user, server.source, server.id.clone()));
    }
}

impl Taken {
    /// All of it.
    pub(crate) fn whole(accepted: usize) -> Self {
        Self {
            accepted,
            ..Self::default()
        }
    }
}

/// Hands in events that are the user's own, whatever account they name.
pub(crate) async fn hand_in(
    state: &ApiState,
    user: UserId,
    events: Vec<Event>,
    road: &str,
    read: Option<(&Posted, DateTime<Utc>)>,
) -> Result<Taken, Problem> {
    let accepted = events.len();
    let ways: Vec<_> = events
        .into_iter()
        .map(|event| (vec![user], event))
        .collect();
    send_along(state, ways, road, read).await?;
    Ok(Taken::whole(accepted))
}

/// Hands in events that came by a token which stands in a media server: each goes to whose account it is of.
pub(crate) async fn hand_in_for(
    state: &ApiState,
    token: &ApiToken,
    events: Vec<Event>,
    road: &str,
    read: Option<(&Posted, DateTime<Utc>)>,
) -> Result<Taken, Problem> {
    let (mut taken, mut ways) = (Taken::default(), Vec::new());
    for event in events {
        match way_of(state, token, &event).await? {
            Way::Users(users) => {
                taken.accepted += 1;
                ways.push((users, event));
            }
            Way::Aside {
                server,
                account_key,
            } => {
                set_aside(state, token.user, &server, &account_key, &event).await?;
                taken.set_aside += 1;
            }
        }
    }
    send_along(state, ways, road, read).await?;
    Ok(taken)
}

/// Sends events to their users, and remembers by what word they came and when that was read.
async fn send_along(
    state: &ApiState,
    ways: Vec<(Vec<UserId>, Event)>,
    road: &str,
    read: Option<(&Posted, DateTime<Utc>)>,
) -> Result<(), Problem> {
    let each = |(users, event): &(Vec<UserId>, Event)| {
        let event = event.clone();
        let users = users.clone();
        users.into_iter().map(move |user| (user, event.clone()))
    };
    send(state, ways.iter().flat_map(each).collect(), road, None).await?;
    if let Some((posted, read_at)) = read {
        for (users, event) in &ways {
            state.admitted.remember(posted, event, users, read_at);
        }
    }
    Ok(())
}

/// Sets an event aside; written down first is the way from the address's user to the server.
async fn set_aside(
    state: &ApiState,
    user: UserId,
    server: &ServerRef,
    account_key: &str,
    event: &Event,
) -> Result<(), Problem> {
    let bytes = serde_json::to_vec(event).map_or(usize::MAX, |bytes| bytes.len());
    if bytes > MOST_BYTES {
        return Err(Problem::too_large(
            "An event is larger than can be kept (256 KiB).",
        ));
    }
    let now = state.clock.now();
    if !state.known_servers.is_known(user, server) {
        state
            .table
            .assign_account(server, ADDRESS, &[user], now)
            .await?;
        state.known_servers.note(user, server);
    }
    state
        .table
        .set_aside(server, account_key, event, now)
        .await?;
    tracing::info!(user.id = %user, source = %server.source, "an event of an unknown account was set aside");
    Ok(())
}

/// Sends events to `progress`, all or none; what can decide nothing stays here.
pub(crate) async fn send(
    state: &ApiState,
    events: Vec<(UserId, Event)>,
    road: &str,
    services: Option<&[Service]>,
) -> Result<(), Problem> {
    let now = state.clock.now();
    let (mut messages, mut passed_on) = (Vec::new(), Vec::new());
    for (user, event) in events {
        if is_droppable(state, user, &event).await {
            tracing::debug!(user.id = %user, road, "progress that decides nothing was dropped");
            continue;
        }
        let mut message = EventMessage::new(user, road, Incoming::Event(Box::new(event.clone())));
        message.services = services.map(<[Service]>::to_vec);
        messages.push(message);
        passed_on.push((user, event));
    }
    state.queues.send_events(&messages).await?;
    for (user, event) in &passed_on {
        state.recent.passed_on(*user, event, now);
        tracing::info!(user.id = %user, road, action = ?event.action, "an event was accepted");
    }
    Ok(())
}

/// Says whether an event decides nothing. Where that cannot be found out, it is passed on.
async fn is_droppable(state: &ApiState, user: UserId, event: &Event) -> bool {
    let now = state.clock.now();
    let Some(last) = state.recent.last(user, event, now) else {
        return false;
    };
    let rules = match state.recent.rules(user, now) {
        Some(rules) => rules,
        None => match read_rules(state, user).await {
            Some(rules) => {
                state.recent.learn(user, &rules, now);
                rules
            }
            None => return false,
        },
    };
    decides_nothing(&last, event, &rules)
}

async fn read_rules(state: &ApiState, user: UserId) -> Option<Rules> {
    let lately = Freshness::Lately;
    let profile = state.table.user_as(user, lately).await.ok()??;
    let connections = state.table.connections_as(user, lately).await.ok()?;
    Some(Rules {
        thresholds: state.settings.thresholds.with(&profile.settings.thresholds),
        own_percents: connections
            .iter()
            .filter_map(|stored| stored.connection.settings.scrobble_threshold_percent)
            .collect(),
    })
}

/// Sends the events that were set aside of an account to the users it was assigned to, with their original times, and
/// says how many there were.
///
/// Sent first, dropped afterwards: a crash in between sends them again, and identity finds them to be the same plays.
pub(crate) async fn replay_aside(
    state: &ApiState,
    server: &ServerRef,
    account_key: &str,
    users: &[UserId],
) -> Result<usize, Problem> {
    /// Events read at once.
    const PAGE: i32 = 100;
    let mut replayed = 0;
    if users.is_empty() {
        return Ok(0);
    }
    loop {
        let page = state
            .table
            .aside_page(server, account_key, PAGE, None, state.clock.now())
            .await?;
        if page.is_empty() {
            return Ok(replayed);
        }
        let (places, events): (Vec<String>, Vec<Event>) = page.into_iter().unzip();
        replayed += events.len();
        let messages: Vec<EventMessage> = users
            .iter()
            .flat_map(|user| {
                events.iter().map(move |event| {
                    let road = format!("webhook:{}", event.server.source);
                    EventMessage::new(*user, road, Incoming::Event(Box::new(event.clone())))
                })
            })
            .collect();
        state.queues.send_events(&messages).await?;
        state.table.drop_aside(server, account_key, &places).await?;
    }
}
