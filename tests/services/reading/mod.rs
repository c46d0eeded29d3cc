//! Reading history back: each client against its service, page by page, while somebody goes on watching and listening.

mod lists;
mod refusals;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Disposition, Precision, Service};
use hub_providers::{
    Account, Activity, HistoryBody, HistoryCursor, HistoryPage, Provider, ProviderError, Reading,
    Record, Tokens,
};
use hub_runtime::HttpClient;

use crate::harness::World;

/// The services that keep plays.
const OF_PLAYS: [Service; 4] = [
    Service::Trakt,
    Service::Simkl,
    Service::LastFm,
    Service::ListenBrainz,
];
/// How many plays somebody has.
const PLAYS: i64 = 500;

/// Somebody's account at a service, and who reads it.
struct Reader<'w> {
    world: &'w World,
    service: Service,
    provider: Provider,
    tokens: Tokens,
}

impl<'w> Reader<'w> {
    fn new(world: &'w World, service: Service) -> Self {
        let app = world.settings.app(service).expect("the service is on");
        let http = HttpClient::for_services(&world.settings).expect("a client");
        let tokens = world.issue(service, "alice");
        Self {
            world,
            service,
            provider: Provider::new(app, http.client()),
            tokens,
        }
    }

    fn account(&self) -> Account<'_> {
        Account {
            tokens: &self.tokens,
            username: "alice",
            url: None,
        }
    }

    async fn activities(&self) -> Activity {
        let activity = self
            .provider
            .activities(&self.account(), self.world.clock.now())
            .await;
        activity.expect("what changed")
    }

    async fn page(&self, cursor: &HistoryCursor) -> Result<HistoryPage, ProviderError> {
        let now = self.world.clock.now();
        self.provider
            .read_history(&self.account(), cursor, now)
            .await
    }

    /// Reads to the end; `between` is told of each page before the next is read.
    async fn read(&self, reading: Reading, between: impl Fn(usize)) -> Vec<Record> {
        let mut cursor = Some(HistoryCursor::begin(reading));
        let mut body: Option<HistoryBody> = None;
        let mut records = Vec::new();
        for number in 1.. {
            let Some(here) = cursor else { break };
            let page = match &body {
                // A body is as good as a call, and Simkl allows no second one.
                Some(body) => body.page(&here, self.world.clock.now()),
                None => self.page(&here).await,
            };
            let page = page.expect("a page");
            assert!(page.records.len() <= hub_providers::reading::MOST_RECORDS);
            records.extend(page.records);
            (cursor, body) = (page.next, page.body);
            between(number);
        }
        records
    }

    /// Adds the play of that number, at that time.
    fn add(&self, number: i64, at: DateTime<Utc>) {
        let twins = &self.world.twins;
        let imdb = format!("tt{:07}", 1_000 + number);
        let title = format!("Title {number}");
        match self.service {
            Service::Trakt => {
                let ids = hub_twins::trakt::Ids {
                    imdb: Some(imdb),
                    ..hub_twins::trakt::Ids::default()
                };
                let kind = hub_twins::trakt::Kind::Movie;
                twins.trakt.add_history("alice", kind, ids, at);
            }
            Service::Simkl => {
                let film = twins.simkl.add_movie(&title, 1999, &[("imdb", &imdb)]);
                twins.simkl.add_watched("alice", film, None, at);
            }
            Service::LastFm => twins.lastfm.add_scrobble("alice", "Low", &title, at),
            Service::ListenBrainz => twins.listenbrainz.add_listen("alice", "Low", &title, at),
            Service::AniList | Service::MyAnimeList | Service::Goodreads | Service::Letterboxd => {
                unreachable!("no plays are kept there")
            }
        }
    }
}

/// When the play of that number was: one each quarter of an hour, the first of them long ago.
fn moment(world: &World, number: i64) -> DateTime<Utc> {
    world.clock.now() - TimeDelta::days(30)
        + TimeDelta::minutes(15) * i32::try_from(number).expect("a small number")
}

fn time_of(record: &Record) -> DateTime<Utc> {
    let told = record.started_at.or(record.watched_at);
    told.expect("a time")
}

/// The records by their remote ids, each there once.
fn once(records: Vec<Record>) -> BTreeMap<String, Record> {
    let count = records.len();
    let named = records.into_iter();
    let named: BTreeMap<String, Record> = named
        .map(|record| (record.remote_id.clone(), record))
        .collect();
    assert_eq!(named.len(), count, "a record came twice");
    named
}

fn everything(activity: &Activity) -> Reading {
    Reading {
        since: None,
        expects_plays: activity.has_plays,
    }
}

#[tokio::test]
async fn five_hundred_plays_are_read_once_each_while_plays_are_added() {
    for service in OF_PLAYS {
        let world = World::new().await;
        let reader = Reader::new(&world, service);
        let never = reader.activities().await;
        assert!(!never.has_plays, "{service}");
        let moments: Vec<DateTime<Utc>> = (0..PLAYS).map(|n| moment(&world, n)).collect();
        for (number, at) in (0..).zip(&moments) {
            reader.add(number, *at);
        }
        let activity = reader.activities().await;
        assert!(
            activity.has_plays && activity.mark != never.mark,
            "{service}"
        );
        assert!(activity.plays.is_none_or(|plays| plays == 500), "{service}");

        // After the first page: one now, one of what was read already, and one of what comes later.
        let (newest, late, later) = (
            world.clock.now(),
            moments[497] + TimeDelta::minutes(1),
            moments[3] + TimeDelta::minutes(1),
        );
        let between = |number| {
            if number == 1 {
                world.clock.turn(TimeDelta::minutes(1));
                reader.add(PLAYS, newest);
                reader.add(PLAYS + 1, late);
                reader.add(PLAYS + 2, later);
            }
        };
        let records = once(reader.read(everything(&activity), between).await);
        let mut times: Vec<DateTime<Utc>> = records.values().map(time_of).collect();
        times.sort_unstable();
        let mut expected = moments;
        if service != Service::Simkl {
            // It answered with everything before anything was added.
            expected.push(later);
            expected.sort_unstable();
        }
        assert_eq!(times, expected, "{service}");
        let precision = if service == Service::Trakt {
            Precision::Minute
        } else {
            Precision::Second
        };
        assert!(records.values().all(|it| it.precision == precision));
        if service == Service::Simkl {
            assert_eq!(world.twins.simkl.misuses(), Vec::<String>::new());
            assert_eq!(world.twins.simkl.calls("/sync/all-items/"), 1);
        }

        // What was added shows in the activities, and is in all that is read then.
        let now = reader.activities().await;
        assert_ne!(now.mark, activity.mark, "{service}");
        let since = if service == Service::Simkl {
            activity.changed_at.map(|at| at - TimeDelta::seconds(1))
        } else {
            Some(late)
        };
        let part = Reading {
            since,
            expects_plays: true,
        };
        let part = once(reader.read(part, |_| ()).await);
        let has = |at| part.values().any(|record| time_of(record) == at);
        assert!(has(newest) && has(late), "{service}");
        assert!(service == Service::Simkl || part.len() == 4, "{service}");
        assert_eq!(reader.activities().await.mark, now.mark, "{service}");
    }
}

#[tokio::test]
async fn plays_that_are_removed_while_pages_are_read_end_the_reading() {
    let world = World::new().await;
    let reader = Reader::new(&world, Service::Trakt);
    for number in 0..150 {
        reader.add(number, moment(&world, number));
    }
    let first = reader.page(&HistoryCursor::begin(Reading::default())).await;
    let first = first.expect("a page");
    let id = first.records[0].remote_id.parse().expect("a number");
    assert!(world.twins.trakt.remove_history("alice", id));
    let error = reader.page(&first.next.expect("a second page")).await;
    let error = error.expect_err("a refusal");
    assert_eq!(error.disposition, Disposition::Permanent);
    assert!(error.why.contains("counted 150"), "{}", error.why);
}

#[tokio::test]
async fn plays_without_a_time_are_read_as_such() {
    let world = World::new().await;
    let reader = Reader::new(&world, Service::Simkl);
    let unknown = DateTime::from_timestamp(1, 0).expect("a moment");
    reader.add(1, unknown);
    let activity = reader.activities().await;
    let records = reader.read(everything(&activity), |_| ()).await;
    assert_eq!((records.len(), records[0].watched_at), (1, None));
    assert_eq!(records[0].precision, Precision::Unknown);
}

#[tokio::test]
async fn a_hidden_history_is_read_by_its_owner() {
    let world = World::new().await;
    let reader = Reader::new(&world, Service::LastFm);
    reader.add(1, moment(&world, 1));
    world.twins.lastfm.hide_recent("alice", true);
    let activity = reader.activities().await;
    assert_eq!(reader.read(everything(&activity), |_| ()).await.len(), 1);
}
