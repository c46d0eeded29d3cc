//! `hub demo`: every sample event posted to a real hub before simulated services, on a clock that is turned.
//!
//! The hub is the one of `hub serve`: the same router behind the same socket, the same functions over the same embedded
//! stores, only in memory. What is turned is time, so that six days of playing take seconds.

mod expected;
mod files;
mod records;
mod report;
mod said;
mod samples;
mod sign_in;
mod stage;
mod verify;
mod watch;
mod world;

use std::io::Write;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use hub_runtime::{Clock, Settings, telemetry};

use crate::cli::Demo;
use crate::failure::Failure;
use crate::output::{Output, time};
use crate::serve::interrupted;
use crate::variables::environment;
use report::Report;
use said::Said;
use samples::Sample;
use stage::Stage;
use watch::Watch;

/// How long before the first sample the clock begins: everybody signs in first.
const BEFORE: TimeDelta = TimeDelta::minutes(10);
/// How far the clock is turned at a time while something is on its way.
const STEP: TimeDelta = TimeDelta::seconds(1);
/// How many such steps are taken before the next sample comes, whatever is still on its way.
const MOST_STEPS: usize = 30;
/// How far the clock is turned at a time while something waits for its time.
const STRIDE: TimeDelta = TimeDelta::minutes(5);
/// How long nothing has to happen before the hub ticks while nothing is on its way.
const QUIET: TimeDelta = TimeDelta::hours(1);
/// How far the clock is turned at a time while nothing is on its way: a tick finds the same whenever it comes.
const LEAP: TimeDelta = TimeDelta::hours(4);
/// How long after the last sample the hub is watched: the longest silence closes a session after four hours.
const AFTERWARDS: TimeDelta = TimeDelta::hours(8);
/// How long after the last sample everything has to be settled.
const PATIENCE: TimeDelta = TimeDelta::days(2);

/// Runs `hub demo`.
///
/// # Errors
///
/// With `--once`, the first thing that is not as it should be; else whatever keeps it from running.
pub async fn run<W: Write>(asked: &Demo, output: &mut Output<W>) -> Result<(), Failure> {
    start_logging()?;
    let (samples, said) = (samples::all()?, said::all()?);
    let (events, words) = (samples.len(), said.len());
    let mut steps: Vec<Step> = samples.into_iter().map(Step::Post).collect();
    steps.extend(said.into_iter().map(Step::Say));
    steps.sort_by_key(Step::at);
    let first = steps.first().map(Step::at).unwrap_or_default();
    let stage = Stage::build(asked.listen, Clock::standing_at(first - BEFORE)).await?;
    if !output.is_json() {
        introduce(&stage, events, words, output)?;
    }
    let mut watch = Watch::default();
    for step in &steps {
        turn_to(&stage, step.at(), &mut watch, output).await?;
        take(&stage, step, output).await?;
        settle(&stage, &mut watch, output).await?;
    }
    let last = stage.clock.now();
    turn_to(&stage, last + AFTERWARDS, &mut watch, output).await?;
    while watch.is_on_its_way() && stage.clock.now() < last + PATIENCE {
        let next = stage.clock.now() + STRIDE;
        turn_to(&stage, next, &mut watch, output).await?;
    }
    let report = conclude(&stage, &watch, events, words).await?;
    report.write(output)?;
    if asked.once {
        return match report.wrong.first() {
            Some(sentence) => Err(Failure::new(format!(
                "The demonstration went wrong: {sentence}"
            ))),
            None => Ok(()),
        };
    }
    keep_serving(&stage, output).await
}

fn start_logging() -> Result<(), Failure> {
    let lookup = |name: &str| {
        (name == "RUST_LOG").then(|| environment(name).unwrap_or_else(|| "error".to_owned()))
    };
    let settings =
        Settings::read(&lookup).map_err(|error| Failure::because("A setting is wrong", &error))?;
    telemetry::start(&settings);
    Ok(())
}

/// Turns the clock to a time in strides, doing at each what is due by then.
async fn turn_to<W: Write>(
    stage: &Stage,
    until: DateTime<Utc>,
    watch: &mut Watch,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    loop {
        let left = until - stage.clock.now();
        let (least, most) = if watch.is_on_its_way() {
            (STRIDE, STRIDE)
        } else {
            (QUIET, LEAP)
        };
        if left < least {
            stage.clock.turn(left);
            return work(stage, watch, output).await;
        }
        stage.clock.turn(left.min(most));
        // What a tick could not do it logs itself, and the next one does.
        let _ = stage.hub.sync.tick().await;
        settle(stage, watch, output).await?;
    }
}

/// Something that happens.
enum Step {
    /// A media server posts.
    Post(Sample),
    /// A person says something in the API.
    Say(Said),
}

impl Step {
    fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Post(sample) => sample.posted_at,
            Self::Say(said) => said.at,
        }
    }
}

/// Lets something happen, and says so.
async fn take<W: Write>(stage: &Stage, step: &Step, output: &mut Output<W>) -> Result<(), Failure> {
    let (status, to, what) = match step {
        Step::Post(sample) => {
            let file = sample.file.split('/').next_back().unwrap_or_default();
            let what = file
                .trim_end_matches(".json")
                .trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '-');
            let what = format!("{} posts: {}", sample.source, what.replace('-', " "));
            (stage.post(sample).await?, &sample.file, what)
        }
        Step::Say(said) => {
            let what = format!("{} {}", stage::PERSON, said.what);
            (stage.say(said).await?, &said.path, what)
        }
    };
    if !status.is_success() {
        return Err(Failure::new(format!("The hub answered {status} to {to}.")));
    }
    if output.is_json() {
        return Ok(());
    }
    let line = format!("{}  {what}", time(stage.clock.now()));
    Ok(output.line(output.faint(&line))?)
}

/// Compares what is at the services in the end with what should be.
async fn conclude(
    stage: &Stage,
    watch: &Watch,
    events: usize,
    said: usize,
) -> Result<Report, Failure> {
    let expected = expected::all()?;
    let files = stage.files().await?;
    let states = |label: &str, service| watch.state(label, service);
    let records = records::plays(&stage.twins, &files);
    let (plays, mut wrong) = verify::compare(&expected.plays, &records, &states);
    let words = records::words(&stage.twins, &files);
    let (words, wrong_words) = verify::compare_words(&expected.said, &words, &states);
    wrong.extend(wrong_words);
    wrong.extend(watch.complaints());
    Ok(Report {
        events,
        said,
        plays,
        words,
        wrong,
    })
}

/// Turns the clock by seconds until nothing is on its way any more, as far as that is a matter of seconds.
async fn settle<W: Write>(
    stage: &Stage,
    watch: &mut Watch,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    work(stage, watch, output).await?;
    for _ in 0..MOST_STEPS {
        if !watch
            .is_due_by(stage.clock.now() + STEP * i32::try_from(MOST_STEPS).unwrap_or(i32::MAX))
        {
            break;
        }
        stage.clock.turn(STEP);
        work(stage, watch, output).await?;
    }
    Ok(())
}

/// Handles what the queues hold, and looks what became of the plays: after the events, and after each round of all
/// services.
async fn work<W: Write>(
    stage: &Stage,
    watch: &mut Watch,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let failed =
        |error: aws_sdk_sqs::Error| Failure::because("The embedded queues do not answer", &error);
    loop {
        let events = stage.hub.handle_events().await.map_err(failed)?;
        if events > 0 {
            watch.look(stage, output).await?;
        }
        let mut woken = 0;
        for service in stage.hub.workers.keys().copied() {
            woken += stage.hub.handle_wakes(service).await.map_err(failed)?;
        }
        if woken > 0 {
            watch.look(stage, output).await?;
        }
        if events + woken == 0 {
            return Ok(());
        }
    }
}

fn introduce<W: Write>(
    stage: &Stage,
    events: usize,
    said: usize,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let url = stage.url.as_str().trim_end_matches('/');
    output.line(format!("{} {url}", output.strong("A hub listens at")))?;
    output.line("Simulated services, with all their rules:")?;
    for (service, page) in stage.pages() {
        output.line(format!("  {:<12} {page}", service.title()))?;
    }
    output.line(format!(
        "{} is signed in at all of them. Now {events} events are posted as media servers post them, and {said} calls say\n\
         what is read, rated, loved and to be watched.\n",
        stage::PERSON
    ))?;
    Ok(())
}

/// Goes on as a hub does, with a clock that goes on by itself, until it is interrupted.
async fn keep_serving<W: Write>(stage: &Stage, output: &mut Output<W>) -> Result<(), Failure> {
    if !output.is_json() {
        let url = stage.url.as_str().trim_end_matches('/');
        output.line("\nThe hub and the services go on until Ctrl-C:")?;
        for (service, page) in stage.pages() {
            output.line(format!("  {:<12} {page}", service.title()))?;
        }
        for (source, webhook) in &stage.webhooks {
            output.line(format!("  {:<12} posts to {webhook}", source.name()))?;
        }
        output.line("\nWhat the hub knows of it:")?;
        output.line(format!(
            "  curl -H 'Authorization: Bearer {}' \\\n       -H 'X-User-Id: {}' {url}/api/v1/scrobble/history",
            stage.server_token.reveal(),
            stage.user
        ))?;
    }
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    let _running = stage.hub.run(&stopping);
    let clock = async {
        loop {
            #[expect(
                clippy::disallowed_methods,
                reason = "from here on the turned clock goes as fast as any"
            )]
            tokio::time::sleep(Duration::from_secs(1)).await;
            stage.clock.turn(TimeDelta::seconds(1));
        }
    };
    tokio::select! {
        asked = interrupted() => Ok(asked?),
        () = clock => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_play_of_the_samples_ends_at_its_services_once_with_its_true_time() {
        let mut written = Vec::new();
        let asked = Demo {
            once: true,
            listen: ([127, 0, 0, 1], 0).into(),
        };
        let done = run(&asked, &mut Output::plain(&mut written, false)).await;
        let text = String::from_utf8(written).unwrap();
        assert_eq!(done, Ok(()), "{text}");
        let end = "90 events and 6 calls made 32 plays. 31 are at every service that knows them, exactly once, with \
                   their true time.\n\
                   No service found 1, kept in the history all the same: Game of Thrones 1x03 Lord Snow.";
        assert!(text.trim_end().ends_with(end), "{text}");
        let is_narrow = |line: &&str| line.chars().count() <= 120;
        let tables = text.lines().skip_while(|line| !line.starts_with("PLAY "));
        let wide: Vec<&str> = tables.filter(|line| !is_narrow(line)).collect();
        assert_eq!(wide, Vec::<&str>::new());
    }
}
