//! What the demonstration ends with: tables and sentences for people, or JSON for scripts.

use std::io::{self, Write};

use chrono::{DateTime, SubsecRound as _, TimeDelta, Timelike as _, Utc};
use hub_domain::Service;
use serde_json::{Map, Value, json};

use super::expected::NOT_FOUND;
use super::verify::{Held, Row, WordRow};
use crate::output::Output;

/// How much of a title the tables show, so that they fit on 120 columns.
const MOST_LETTERS: usize = 32;

/// What came of it all.
#[derive(Debug)]
pub(super) struct Report {
    /// How many events were posted.
    pub(super) events: usize,
    /// How many things were said in the API.
    pub(super) said: usize,
    /// The plays.
    pub(super) plays: Vec<Row>,
    /// The ratings, hearts and lists.
    pub(super) words: Vec<WordRow>,
    /// What is not as it should be, in sentences.
    pub(super) wrong: Vec<String>,
}

impl Report {
    /// Writes it.
    pub(super) fn write<W: Write>(&self, output: &mut Output<W>) -> io::Result<()> {
        if output.is_json() {
            return output.json(&self.value());
        }
        let time = |at: &DateTime<Utc>| at.format("%m-%d %H:%M:%S").to_string();
        let plays = self.plays.iter().map(|row| {
            let play = &row.expected;
            let mut cells = vec![short(&play.label), time(&play.at)];
            cells.extend(row.held.iter().map(|(service, held)| {
                let entry = play.known_at.get(service);
                mark(*service, held, play.at, entry.map(String::as_str))
            }));
            cells
        });
        let words = self.words.iter().map(|row| {
            let mut cells = vec![short(&row.label)];
            cells.extend(row.held.iter().map(|(_, says)| match says.as_deref() {
                None => "·".to_owned(),
                Some(NOT_FOUND) => "–".to_owned(),
                Some(says) => says.to_owned(),
            }));
            cells
        });
        let services = Service::ALL.map(column);
        output.line("")?;
        let mut columns = vec!["play", "played (UTC)"];
        columns.extend(services);
        output.table(&columns, plays.collect())?;
        output.line("")?;
        let mut columns = vec!["said"];
        columns.extend(services);
        output.table(&columns, words.collect())?;
        output.line(output.faint(
            "\n✓ there once, with its true time as exactly as the service keeps it (+2s: dated by a stop that came so late)\n\
             · not for this service   – looked for and not found, as expected   ep. the entry's own episode there\n\
             MAL: MyAnimeList. Goodreads and Letterboxd, to which nothing can be sent: what the files for them hold\n",
        ))?;
        if self.wrong.is_empty() {
            return output.line(output.strong(&self.sentence()));
        }
        for sentence in &self.wrong {
            output.line(format!("Wrong: {sentence}"))?;
        }
        Ok(())
    }

    /// What is true where nothing is wrong; plays that no service knows are counted by themselves.
    fn sentence(&self) -> String {
        let is_somewhere = |row: &&Row| {
            let mut held = row.held.iter();
            held.any(|(_, held)| matches!(held, Held::At(_)))
        };
        let (there, nowhere): (Vec<&Row>, Vec<&Row>) = self.plays.iter().partition(is_somewhere);
        let labels: Vec<&str> = nowhere
            .iter()
            .map(|row| row.expected.label.as_str())
            .collect();
        let unknown = match labels.len() {
            0 => String::new(),
            count => format!(
                "\nNo service found {count}, kept in the history all the same: {}.",
                labels.join(", ")
            ),
        };
        format!(
            "{} events and {} calls made {} plays. {} are at every service that knows them, exactly once, with their \
             true time.{unknown}",
            self.events,
            self.said,
            self.plays.len(),
            there.len(),
        )
    }

    fn value(&self) -> Value {
        let plays = self.plays.iter().map(|row| {
            let held = row.held.iter().map(|(service, held)| {
                let value = match held {
                    Held::NotTaken | Held::Missing => Value::Null,
                    Held::Instead(state) => json!(state),
                    Held::At(at) => json!(at),
                    Held::Times(times) => json!(times),
                };
                (service.name().to_owned(), value)
            });
            let held: Map<String, Value> = held.collect();
            json!({ "label": row.expected.label, "at": row.expected.at, "held": held })
        });
        let words = self.words.iter().map(|row| {
            let held = row.held.iter();
            let held: Map<String, Value> = held
                .map(|(service, says)| (service.name().to_owned(), json!(says)))
                .collect();
            json!({ "label": row.label, "held": held })
        });
        json!({
            "plays": plays.collect::<Vec<_>>(),
            "said": words.collect::<Vec<_>>(),
            "wrong": self.wrong,
        })
    }
}

/// A column's name: the service's, as far as there is room.
const fn column(service: Service) -> &'static str {
    match service {
        Service::ListenBrainz => "ListenBr",
        Service::MyAnimeList => "MAL",
        Service::Trakt
        | Service::Simkl
        | Service::LastFm
        | Service::AniList
        | Service::Goodreads
        | Service::Letterboxd => service.title(),
    }
}

/// What a service holds of a play, in a few letters.
fn mark(service: Service, held: &Held, played_at: DateTime<Utc>, entry: Option<&str>) -> String {
    let at = match held {
        Held::NotTaken => return "·".to_owned(),
        Held::Instead(state) if state == NOT_FOUND => return "–".to_owned(),
        Held::Instead(state) => return state.clone(),
        Held::Missing => return "MISSING".to_owned(),
        Held::Times(times) => return format!("{times} TIMES"),
        Held::At(at) => *at,
    };
    let own_number = entry.and_then(|entry| entry.split_once(' '));
    match (service, own_number) {
        (Service::AniList | Service::MyAnimeList, Some((_, episode))) => format!("ep. {episode}"),
        (Service::Trakt, _) if is_minute_of(at, played_at) => "✓".to_owned(),
        (Service::Trakt | Service::Simkl, _) => match at - played_at.trunc_subsecs(0) {
            late if late == TimeDelta::zero() => "✓".to_owned(),
            late => format!("✓ {:+}s", late.num_seconds()),
        },
        // Music is compared to the second, and the others keep days.
        (
            Service::LastFm
            | Service::ListenBrainz
            | Service::AniList
            | Service::MyAnimeList
            | Service::Goodreads
            | Service::Letterboxd,
            _,
        ) => "✓".to_owned(),
    }
}

/// Says whether a time is another's minute, which is what Trakt keeps.
fn is_minute_of(minute: DateTime<Utc>, at: DateTime<Utc>) -> bool {
    at.with_second(0).map(|at| at.trunc_subsecs(0)) == Some(minute)
}

fn short(label: &str) -> String {
    if label.chars().count() <= MOST_LETTERS {
        return label.to_owned();
    }
    let kept: String = label.chars().take(MOST_LETTERS - 1).collect();
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hub_domain::ItemKind;

    use super::super::expected::Expected;
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn row(label: &str, held: Held) -> Row {
        Row {
            expected: Expected {
                label: label.to_owned(),
                kind: ItemKind::Movie,
                known_as: String::new(),
                known_at: BTreeMap::new(),
                at: at("2026-11-14T22:33:18Z"),
                instead: None,
                instead_at: BTreeMap::new(),
            },
            held: vec![(Service::Trakt, held)],
        }
    }

    fn report(plays: Vec<Row>) -> Report {
        Report {
            events: 3,
            said: 1,
            plays,
            words: Vec::new(),
            wrong: Vec::new(),
        }
    }

    #[test]
    fn what_no_service_knows_is_not_counted_among_what_is_where_it_belongs() {
        let there = || Held::At(at("2026-11-14T22:33:00Z"));
        let all = report(vec![row("Heat", there()), row("Alien", there())]);
        assert_eq!(
            all.sentence(),
            "3 events and 1 calls made 2 plays. 2 are at every service that knows them, exactly once, with their true time."
        );
        let unknown = row("Lord Snow", Held::Instead(NOT_FOUND.to_owned()));
        let one_less = report(vec![row("Heat", there()), unknown]);
        assert_eq!(
            one_less.sentence(),
            "3 events and 1 calls made 2 plays. 1 are at every service that knows them, exactly once, with their true time.\n\
             No service found 1, kept in the history all the same: Lord Snow."
        );
    }

    #[test]
    fn a_mark_says_what_is_held_in_a_few_letters() {
        let played = at("2026-11-14T22:33:18Z");
        let held = |service, time: &str| mark(service, &Held::At(at(time)), played, None);
        assert_eq!(held(Service::Trakt, "2026-11-14T22:33:00Z"), "✓");
        assert_eq!(held(Service::Trakt, "2026-11-14T22:34:00Z"), "✓ +42s");
        assert_eq!(held(Service::Simkl, "2026-11-14T22:33:18Z"), "✓");
        assert_eq!(held(Service::Simkl, "2026-11-14T22:33:20Z"), "✓ +2s");
        assert_eq!(held(Service::Letterboxd, "2026-11-14T00:00:00Z"), "✓");
        let day = Held::At(at("2026-11-14T00:00:00Z"));
        let entry = Some("anilist:131681 1");
        assert_eq!(mark(Service::AniList, &day, played, entry), "ep. 1");
        let not_found = Held::Instead(NOT_FOUND.to_owned());
        assert_eq!(mark(Service::AniList, &not_found, played, None), "–");
        assert_eq!(mark(Service::LastFm, &Held::NotTaken, played, None), "·");
        assert_eq!(
            mark(Service::Trakt, &Held::Missing, played, None),
            "MISSING"
        );
        assert_eq!(
            short("Game of Thrones 0x01 Inside Game of Thrones")
                .chars()
                .count(),
            MOST_LETTERS
        );
    }
}
