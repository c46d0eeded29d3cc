//! `infra/COSTS.md`: measured counts, and the prices that follow from them.

use std::fmt::Write as _;

use chrono::TimeDelta;
use hub_domain::Service;

use super::prices::{self, Bill, Month, idle_month, of_a_million};
use super::{Costed, MUSIC, Measured, sixty_marks, three, track_with_id};
use crate::harness::{film, happened, track};

/// What sixty marks of items never seen before may cost at one service; 300 is the aim.
pub(super) const SIXTY_MARKS: f64 = 440.0;
/// Where the document is, and how it is written anew.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/COSTS.md");
const WRITE_ANEW: &str = "HUB_WRITE_COSTS";

/// What is dropped in a minute of a player that reports every ten seconds: one of its six posts goes on.
const A_MINUTE: f64 = 5.0;

struct Row {
    what: String,
    measured: Measured,
    aim: Option<f64>,
}

struct Costs {
    rows: Vec<Row>,
    marks: Measured,
    tick: Measured,
}

fn row(what: impl Into<String>, measured: Measured, aim: Option<f64>) -> Row {
    Row {
        what: what.into(),
        measured,
        aim,
    }
}

async fn measure() -> Costs {
    let mut rows = Vec::new();
    let mut music = Vec::new();
    for count in 1..=MUSIC.len() {
        let hub = Box::pin(Costed::at(&MUSIC[..count])).await;
        let (first, known, _) = Box::pin(hub.one_event_plays(&track(), 190)).await;
        hub.world.clock.turn(super::LONG_AFTER);
        let (named, _, _) = Box::pin(hub.one_event_plays(&track_with_id(), 190)).await;
        let [start, point, stop] = Box::pin(hub.three_events(&track(), 200))
            .await
            .map(|(measured, _)| measured);
        music.push([first, known, named, start, point + start + stop]);
    }
    let at_three: Vec<Measured> = std::iter::zip(&music[0], &music[1])
        .map(|(one, two)| three(*one, *two))
        .collect();
    let hub = Box::pin(Costed::at(&MUSIC)).await;
    let event = |what, seconds| happened(&track(), what, hub.world.clock.now(), Some(seconds));
    Box::pin(hub.event(event("start", 0))).await;
    hub.world.clock.turn(TimeDelta::seconds(65));
    let progress = Box::pin(hub.event(event("progress", 65))).await.0;
    hub.world.clock.turn(TimeDelta::seconds(5));
    let first = Box::pin(hub.event(event("progress", 70))).await.0;
    hub.world.clock.turn(TimeDelta::seconds(5));
    let other = Box::pin(hub.event(event("progress", 75))).await.0;
    let mean = (first + other * (A_MINUTE - 1.0)) * (1.0 / A_MINUTE);
    rows.push(row("Progress, dropped, the first of a minute", first, None));
    rows.push(row("Progress, dropped, each other", other, None));
    rows.push(row(
        "Progress, dropped, the mean of a minute's five",
        mean,
        Some(1.3),
    ));
    rows.push(row("Progress that decides nothing", progress, None));
    let aims = [
        ("A play of one event, track first seen", Some(12.0)),
        ("A play of one event, track known", Some(12.0)),
        (
            "A play of one event, track with an external id first seen",
            Some(12.0),
        ),
        ("A start, shown", None),
        ("Start, scrobble point and stop", Some(20.0)),
    ];
    for (index, (what, aim)) in aims.into_iter().enumerate() {
        for (services, measured) in [
            ("1 service", music[0][index]),
            ("2 services", music[1][index]),
            ("3 services", at_three[index]),
        ] {
            rows.push(row(format!("{what}, {services}"), measured, aim));
        }
    }
    let hub = Box::pin(Costed::at(&[Service::Trakt])).await;
    let (first, known, _) = Box::pin(hub.one_event_plays(&film(), 7000)).await;
    rows.push(row(
        "A play of one event, film with two external ids first seen, Trakt",
        first,
        Some(12.0),
    ));
    rows.push(row(
        "A play of one event, film known, Trakt",
        known,
        Some(12.0),
    ));
    let marks = Box::pin(sixty_marks()).await.0;
    hub.meter.take();
    Box::pin(hub.world.hub.sync.tick()).await.expect("a tick");
    hub.meter.take();
    hub.world
        .hub
        .sync
        .tick()
        .await
        .expect("a tick with nothing to do");
    let tick = hub.taken(0.0).0;
    Costs { rows, marks, tick }
}

/// The services of the hub that was measured: in the tests all of them are on.
const MEASURED_SERVICES: f64 = Service::WRITABLE.len() as f64;
/// The shards that a tick asks for a service's lanes, and for each other kind.
const SHARDS: f64 = hub_store::due::SHARDS as f64;

/// A count to a hundredth, since a mean may be no decimal number.
fn shown(count: f64) -> f64 {
    (count * 100.0).round() / 100.0
}

fn write(costs: &Costs) -> String {
    let mut text = String::new();
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    line(HEAD);
    line(
        "| | write units | read units | SQS requests, FIFO + standard | wake-ups | calls | log bytes |",
    );
    line("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for Row { what, measured, .. } in &costs.rows {
        line(&format!(
            "| {what} | {} | {} | {} + {} | {} | {} | {} |",
            shown(measured.write_units),
            shown(measured.read_units),
            shown(measured.fifo_requests),
            shown(measured.standard_requests),
            shown(measured.wakes),
            shown(measured.functions_calls),
            shown(measured.log_bytes),
        ));
    }
    line(&format!(
        "| 60 episodes marked at once, each with an external id and first seen, Trakt | {} | {} | {} + {} | {} | {} | |",
        costs.marks.write_units,
        costs.marks.read_units,
        costs.marks.fifo_requests,
        costs.marks.standard_requests,
        costs.marks.wakes,
        costs.marks.functions_calls,
    ));
    line(PRICES);
    line(
        "| a million of | DynamoDB writes | reads | SQS | HTTP API | Lambda | logs | together | aim |",
    );
    line("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
    for Row {
        what,
        measured,
        aim,
    } in &costs.rows
    {
        let bill = of_a_million(measured);
        let Bill {
            writes,
            reads,
            queues,
            http,
            lambda,
            logs,
        } = bill;
        let total = bill.total();
        let aim = aim.map_or_else(String::new, |aim| {
            let word = if total <= aim { "met" } else { "**missed**" };
            format!("{aim} $: {word}")
        });
        line(&format!(
            "| {what} | {writes:.2} | {reads:.2} | {queues:.2} | {http:.2} | {lambda:.2} | {logs:.2} | **{total:.2} $** | {aim} |"
        ));
    }
    line(MISSED);
    line(
        "| a month of idling | polling | ticks | table | alarms | secret | together | with what is always free |",
    );
    line("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for services in [1.0, 3.0, 8.0] {
        let other = services - MEASURED_SERVICES;
        let reads = costs.tick.read_units + other * SHARDS / 2.0;
        let calls = costs.tick.functions_calls + other * SHARDS;
        let month = idle_month(services, reads, calls, false);
        let Month {
            polling,
            ticks,
            table,
            alarms,
            secret,
        } = month;
        let free = idle_month(services, reads, calls, true).total();
        line(&format!(
            "| {services} service{} | {polling:.2} | {ticks:.2} | {table:.2} | {alarms:.2} | {secret:.2} | **{:.2} $** | **{free:.2} $** |",
            if services > 1.0 { "s" } else { "" },
            month.total(),
        ));
    }
    line(ASSUMED);
    line("| | price in us-east-1 | AWS's page | as seen |");
    line("| --- | ---: | --- | --- |");
    for price in prices::ALL {
        line(&format!(
            "| {} | {} $ a {} | <{}> | {} |",
            price.of, price.dollars, price.per, price.source, price.seen
        ));
    }
    let _ = write!(text, "\n{FOOT}");
    text
}

const HEAD: &str = "# What the hub costs on AWS

Written by `tests/flows/costs`: the counts come from a door in front of the embedded table and queues, through which each
call of the functions goes, and the prices from those counts. A test fails when this page and the computation differ;
`HUB_WRITE_COSTS=1 cargo test -p hub-tests costs` writes it anew.

## Counted

A write unit is a started KB of an item; entering or leaving the index is one more, moving in it two, and a condition that
fails costs as much. Three services are two measured ones and once more what the second added. Each alias, that is each
external id beyond those named, adds a unit when its item is seen for the first time. Calls are those that the functions
make to AWS; receiving and deleting messages is the mapping's, and is among the requests.

Of a player that reports every ten seconds one post a minute goes on. The first that is dropped after it reads whose it is
and their thresholds, and the others are dropped by what the sandbox remembers of both.
";
const PRICES: &str = "
## A million of them

In dollars, without any free tier.
";
const MISSED: &str = "
Where an aim is missed, this is what it would take:

- Reads are about a tenth of a play's price. What the version of a write or a second look checks again is read as it was a
  moment ago, for half a unit; whose token it is, what an alias stands for, a session, a lane and a connection's tokens
  are read as they are now, since a play might come twice or go to somebody else if they were not.
- Each service costs three requests of SQS, three write units and four or five reads a play, and no batch ever forms while
  plays are rare. The template's `BatchingWindow` gathers wake-ups: with two in each batch the requests to receive and
  to delete, and the invocations, are halved, at the price of the wait.
- Message groups on the workers' queues (fairness among users) add a quarter to each of their requests. Without them one
  user's backlog may delay another's wake-up, not their lane.
- A start shown costs a service three write units (its turn, taking the lane, letting it go) and three requests. Who needs
  no \"now playing\" switches `live_signals` off for the connection, and start, point and stop cost little more than the
  point.
- A track's external id adds a unit when it is seen for the first time, which at three services is the sixteenth.
- Sixty marks of items never seen before cost seven units each: two aliases, the item's list, the play with its entry in the
  index, and the settlement which takes it out. 300 for all would need one entry in the index for a batch of plays instead
  of one each, and the item's first list within its first alias.

## A month in which nothing happens

The largest part of it is polling: each queue that feeds a function is asked by five pollers, which wait 20 seconds each,
so about 648,000 times a month. A service that is off has neither queue nor worker.
";
const ASSUMED: &str = "
Free is taken to mean a million requests of SQS, a million invocations and 400,000 GB-seconds of Lambda, 14 million
schedules, ten alarms and 5 GB of logs a month, always. What is free for the first year only (a million HTTP requests) is
left out, and so are storage and point-in-time recovery, which begin to matter at gigabytes: a play is under a KB.

## Assumed, and not measured

- 256 MB of memory, the template's default. Within a function a call to AWS takes 5 ms, a call to a service 200 ms, and an
  invocation 2 ms besides.
- Lambda's own lines are off (system logs at WARN), access logs too. CloudWatch adds 26 bytes to a line.
- Each message is a batch of its own, which is dear; at a thousand plays a minute batches form by themselves.
- Nothing here was billed by AWS yet.

## Prices

AWS's own pages could not be read from here: each price was taken from what others wrote of them, as named, and has to be
checked against the page before it is relied upon.
";
const FOOT: &str = "The embedded table works units out as DynamoDB does (its figures were captured from it); failed conditions and the sizes
of items are computed in `tests/harness/meter.rs`. `tests/flows/costs/metering.rs` holds both to cases worked out by hand.
";

#[tokio::test]
async fn the_document_tells_what_was_measured() {
    let text = write(&Box::pin(measure()).await);
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for whoever runs the tests"
    )]
    let is_to_be_written = std::env::var(WRITE_ANEW).is_ok();
    if is_to_be_written {
        std::fs::write(FILE, &text).expect("a file to write");
    }
    let written = std::fs::read_to_string(FILE).unwrap_or_default();
    if written != text {
        let differing = std::iter::zip(written.lines(), text.lines()).find(|(is, now)| is != now);
        panic!(
            "infra/COSTS.md is out of date; {WRITE_ANEW}=1 writes it anew. It says and is: {differing:#?}"
        );
    }
}
