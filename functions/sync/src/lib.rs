#![doc = include_str!("../README.md")]

mod anime_map;
mod erased;
mod handle;
mod lanes;
mod plays;
mod redrive;
mod sessions;
mod tokens;

use std::sync::Arc;

use anime_map::AnimeMap;
use chrono::TimeDelta;
use hub_domain::Service;
use hub_runtime::queue::{Queues, SendError};
use hub_runtime::settings::DeadLetters;
use hub_runtime::{Clock, HttpClient, Settings};
use hub_store::{StoreError, Table};

/// The most entries of one shard that a tick looks at; what is left is the next tick's.
const A_SHARD: i32 = 200;

/// What the function decides by.
#[derive(Debug, Clone)]
pub struct Behaviour {
    /// Whether anything is sent at all.
    pub scrobble_enabled: bool,
    /// How often the function is ticked.
    pub tick: TimeDelta,
    /// The services that are on.
    pub services: Vec<Service>,
}

/// The function, connected.
#[derive(Clone)]
pub struct Sync {
    table: Table,
    queues: Queues,
    clock: Clock,
    behaviour: Behaviour,
    dead_letters: Vec<(aws_sdk_sqs::Client, DeadLetters)>,
    anime_map: Option<Arc<AnimeMap>>,
}

/// Why a part of a tick could not be done; the next tick does it.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A wake-up was not taken.
    #[error(transparent)]
    Send(#[from] SendError),
    /// Dead letters could not be fetched, brought back or deleted.
    #[error("dead letters could not be brought back: {why}")]
    Letters {
        /// The SDK's words.
        why: String,
    },
    /// A batch came that is none of SQS's.
    #[error("this function takes no records but those of SQS")]
    Foreign,
    /// What Lambda handed over, or is to be handed, is of another form.
    #[error("the invocation is of another form")]
    Form(#[from] serde_json::Error),
}

impl Failure {
    fn letters<E: std::error::Error>(error: E) -> Self {
        let causes = std::iter::successors(error.source(), |cause| cause.source());
        let why = causes.fold(error.to_string(), |words, cause| {
            format!("{words}: {cause}")
        });
        Self::Letters { why }
    }
}

/// What a tick did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ticked {
    /// Lanes woken.
    pub lanes: usize,
    /// Plays whose wake-up was lost, found and woken.
    pub plays: usize,
    /// Sessions closed.
    pub sessions: usize,
    /// Connections whose tokens end soon.
    pub tokens: usize,
    /// Erased users swept a second time.
    pub erased: usize,
    /// Dead letters brought back.
    pub redriven: usize,
    /// Newer lists of anime kept.
    pub anime_maps: usize,
}

impl Sync {
    /// Puts the function together as the settings say.
    pub fn of(settings: &Settings, table: Table, queues: Queues, clock: Clock) -> Self {
        let behaviour = Behaviour {
            scrobble_enabled: settings.scrobble_enabled,
            tick: settings.tick,
            services: settings.writable_services_on().collect(),
        };
        Self {
            table,
            queues,
            clock,
            behaviour,
            dead_letters: Vec::new(),
            anime_map: None,
        }
    }

    /// The same, and the list of anime is fetched each day, where a service needs it.
    #[must_use]
    pub fn fetching(mut self, settings: &Settings, http: &HttpClient) -> Self {
        let url = settings.anime.map_url.clone();
        self.anime_map = Some(Arc::new(AnimeMap::new(url, http.clone())));
        self
    }

    /// The same, and dead letters are brought back each hour.
    #[must_use]
    pub fn redriving(mut self, sqs: &aws_sdk_sqs::Client, queues: Vec<DeadLetters>) -> Self {
        let with_client = |queue| (sqs.clone(), queue);
        self.dead_letters = queues.into_iter().map(with_client).collect();
        self
    }

    /// Does all that is due.
    ///
    /// # Errors
    ///
    /// The first failure, after everything else was done: one sweep never keeps another from running.
    pub async fn tick(&self) -> Result<Ticked, Failure> {
        let now = self.clock.now();
        let mut ticked = Ticked::default();
        let mut first = None;
        let mut note = |result: Result<usize, Failure>, count: &mut usize| match result {
            Ok(done) => *count = done,
            Err(failure) => {
                tracing::error!(
                    error = &failure as &dyn std::error::Error,
                    "a sweep was cut short"
                );
                first.get_or_insert(failure);
            }
        };
        note(self.wake_lanes(now).await, &mut ticked.lanes);
        note(self.wake_plays(now).await, &mut ticked.plays);
        note(self.close_sessions(now).await, &mut ticked.sessions);
        note(self.refresh_tokens(now).await, &mut ticked.tokens);
        note(self.sweep_erased(now).await, &mut ticked.erased);
        note(self.redrive(now).await, &mut ticked.redriven);
        match self.refresh_anime_map(now).await {
            Ok(kept) => ticked.anime_maps = kept,
            // Somebody else's list, and a good copy of it is in use: no failure of the tick.
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the list of anime was not renewed, the last good copy stays in use"
            ),
        }
        if ticked != Ticked::default() {
            let Ticked {
                lanes,
                plays,
                sessions,
                tokens,
                erased,
                redriven,
                anime_maps,
            } = ticked;
            tracing::info!(
                lanes,
                plays,
                sessions,
                tokens,
                erased,
                redriven,
                anime_maps,
                "swept what was due"
            );
        }
        first.map_or(Ok(ticked), Err)
    }
}

/// The shards of the index.
fn due_shards() -> std::ops::Range<u8> {
    0..hub_store::due::SHARDS
}
