//! Whether everything is at the services in the end: once, with its true time, and nothing besides.

use chrono::TimeDelta;
use hub_domain::Service;

use super::expected::{Expected, ExpectedWord, NOT_FOUND};
use super::records::{Record, Word};

/// How far the time of a service with stops may lie from the true one: a play that counted less than two minutes ago is
/// told by a stop, which is dated when it arrives. Trakt keeps minutes as well.
const STOP_EXACTNESS: TimeDelta = TimeDelta::minutes(2);

/// One expected play, and the time that each service holds it under.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) expected: Expected,
    pub(super) held: Vec<(Service, Held)>,
}

/// What a service holds of a play.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// It takes no such items.
    NotTaken,
    /// Nothing, as expected, for this reason.
    Instead(String),
    /// Nothing.
    Missing,
    /// Once, at this time.
    At(chrono::DateTime<chrono::Utc>),
    /// More than once.
    Times(usize),
}

/// One expected rating, heart or entry of a list, and what each service says of it; nothing where it is not told.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WordRow {
    pub(super) label: String,
    pub(super) held: Vec<(Service, Option<String>)>,
}

/// How something ended at a service by the hub's own word: `not found`.
pub(super) type States<'a> = &'a dyn Fn(&str, Service) -> Option<String>;

/// Compares what is expected with what is held, and says in sentences what is wrong.
pub(super) fn compare(
    expected: &[Expected],
    records: &[Record],
    states: States<'_>,
) -> (Vec<Row>, Vec<String>) {
    let mut wrong = Vec::new();
    let mut claimed = vec![false; records.len()];
    let mut rows = Vec::new();
    for play in expected {
        let mut held = Vec::new();
        for service in Service::ALL {
            let mut times = Vec::new();
            for (record, claimed) in records.iter().zip(&mut claimed) {
                if record.service == service && is_of(play, record) {
                    times.extend(record.at);
                    *claimed = true;
                }
            }
            let instead = play.instead_at(service);
            let state = match (play.is_kept_by(service), instead, times.as_slice()) {
                (false, _, []) => Held::NotTaken,
                (true, Some(state), []) => {
                    wrong.extend(told_otherwise(&play.label, service, state, states));
                    Held::Instead(state.to_owned())
                }
                (true, None, []) => {
                    wrong.push(format!("{} is missing at {}.", play.label, service.title()));
                    Held::Missing
                }
                (true, None, [at]) => Held::At(*at),
                (_, _, times) => {
                    wrong.push(format!(
                        "{} is {} times at {}.",
                        play.label,
                        times.len(),
                        service.title()
                    ));
                    Held::Times(times.len())
                }
            };
            held.push((service, state));
        }
        rows.push(Row {
            expected: play.clone(),
            held,
        });
    }
    let unclaimed = records.iter().zip(claimed).filter(|(_, claimed)| !claimed);
    wrong.extend(unclaimed.map(|(record, _)| {
        let name = record.names.first().map_or("something", String::as_str);
        let at = record
            .at
            .map_or_else(|| "an unknown time".to_owned(), |at| at.to_rfc3339());
        let service = record.service.title();
        format!("{service} holds {name} at {at}, which nobody played.")
    }));
    (rows, wrong)
}

/// Compares what was said with what the services say, and tells in sentences what is wrong.
pub(super) fn compare_words(
    expected: &[ExpectedWord],
    words: &[Word],
    states: States<'_>,
) -> (Vec<WordRow>, Vec<String>) {
    let mut wrong = Vec::new();
    let mut claimed = vec![false; words.len()];
    let mut rows = Vec::new();
    for one in expected {
        let mut held = Vec::new();
        for service in Service::ALL {
            let mut says = Vec::new();
            for (word, claimed) in words.iter().zip(&mut claimed) {
                if word.service == service && is_about(one, word) {
                    says.push(word.says.as_str());
                    *claimed = true;
                }
            }
            let should = one.held.get(&service).map(String::as_str);
            let is_right = match should {
                None => says.is_empty(),
                Some(NOT_FOUND) => {
                    wrong.extend(told_otherwise(&one.label, service, NOT_FOUND, states));
                    says.is_empty()
                }
                Some(should) => says == [should],
            };
            if !is_right {
                let says = match says.is_empty() {
                    true => "nothing".to_owned(),
                    false => says.join(" and "),
                };
                wrong.push(format!("{}: {} says {says}.", one.label, service.title()));
            }
            held.push((service, should.map(str::to_owned)));
        }
        rows.push(WordRow {
            label: one.label.clone(),
            held,
        });
    }
    let unclaimed = words.iter().zip(claimed).filter(|(_, claimed)| !claimed);
    wrong.extend(unclaimed.map(|(word, _)| {
        let name = word.names.first().map_or("something", String::as_str);
        let service = word.service.title();
        let aspect = word.aspect;
        let says = &word.says;
        format!("{service} has {name} as {says} ({aspect}), which nobody said.")
    }));
    (rows, wrong)
}

/// Complains if the hub itself does not say why a service holds nothing.
fn told_otherwise(
    label: &str,
    service: Service,
    should: &str,
    states: States<'_>,
) -> Option<String> {
    let state = states(label, service).unwrap_or_else(|| "unknown".to_owned());
    let title = service.title();
    (state != should).then(|| format!("{label} is {state} at {title} instead of {should}."))
}

fn is_about(expected: &ExpectedWord, word: &Word) -> bool {
    expected.aspect == word.aspect
        && expected
            .known_as
            .iter()
            .any(|name| word.names.contains(name))
}

fn is_of(play: &Expected, record: &Record) -> bool {
    let is_time = record.at.is_some_and(|at| match record.service {
        Service::Trakt | Service::Simkl => (at - play.at).abs() < STOP_EXACTNESS,
        Service::LastFm | Service::ListenBrainz => at == play.at,
        // They keep days.
        Service::AniList | Service::MyAnimeList | Service::Goodreads | Service::Letterboxd => {
            at.date_naive() == play.at.date_naive()
        }
    });
    is_time
        && play
            .names_at(record.service)
            .any(|name| record.names.contains(name))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use chrono::{DateTime, Utc};
    use hub_domain::{Aspect, ItemKind};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn heat() -> Expected {
        let elsewhere = [Service::Simkl, Service::Letterboxd];
        Expected {
            label: "Heat".to_owned(),
            kind: ItemKind::Movie,
            known_as: "imdb:tt0113277".to_owned(),
            known_at: BTreeMap::new(),
            at: at("2026-11-14T22:33:18Z"),
            instead: None,
            instead_at: elsewhere.map(|it| (it, NOT_FOUND.to_owned())).into(),
        }
    }

    fn record(service: Service, name: &str, time: &str) -> Record {
        Record {
            service,
            names: BTreeSet::from([name.to_owned()]),
            at: Some(at(time)),
        }
    }

    fn not_found(_label: &str, _service: Service) -> Option<String> {
        Some(NOT_FOUND.to_owned())
    }

    fn wrong(expected: &[Expected], records: &[Record]) -> Vec<String> {
        compare(expected, records, &not_found).1
    }

    #[test]
    fn a_play_that_is_there_once_with_its_time_is_right() {
        let there = record(Service::Trakt, "imdb:tt0113277", "2026-11-14T22:33:00Z");
        let (rows, wrong) = compare(&[heat()], &[there], &not_found);
        assert_eq!(wrong, Vec::<String>::new());
        let held: Vec<&Held> = rows[0].held.iter().map(|(_, held)| held).collect();
        let instead = Held::Instead(NOT_FOUND.to_owned());
        assert_eq!(
            held,
            [
                &Held::At(at("2026-11-14T22:33:00Z")),
                &instead,
                &Held::NotTaken,
                &Held::NotTaken,
                &instead,
                &instead,
                &Held::NotTaken,
                &instead,
            ]
        );
    }

    #[test]
    fn missing_doubled_late_and_unknown_plays_are_told() {
        let missing = wrong(&[heat()], &[]);
        assert_eq!(missing, ["Heat is missing at Trakt."]);
        let once = record(Service::Trakt, "imdb:tt0113277", "2026-11-14T22:33:00Z");
        let doubled = wrong(&[heat()], &[once.clone(), once]);
        assert_eq!(doubled, ["Heat is 2 times at Trakt."]);
        let late = record(Service::Trakt, "imdb:tt0113277", "2026-11-15T09:00:00Z");
        let late = wrong(&[heat()], &[late]);
        assert_eq!(late.len(), 2, "{late:?}");
        let unknown = record(Service::LastFm, "a – b", "2026-11-15T09:00:00Z");
        assert_eq!(
            wrong(&[], &[unknown]),
            ["Last.fm holds a – b at 2026-11-15T09:00:00+00:00, which nobody played."]
        );
    }

    #[test]
    fn music_is_right_to_the_second() {
        let joga = Expected {
            kind: ItemKind::Track,
            known_as: "Björk – Jóga".to_owned(),
            at: at("2026-11-19T17:00:00Z"),
            instead_at: BTreeMap::new(),
            ..heat()
        };
        let both = |second: &str| {
            let time = format!("2026-11-19T17:00:{second}Z");
            [Service::LastFm, Service::ListenBrainz]
                .map(|service| record(service, "Björk – Jóga", &time))
        };
        let joga = std::slice::from_ref(&joga);
        assert_eq!(wrong(joga, &both("00")), Vec::<String>::new());
        assert_eq!(wrong(joga, &both("01")).len(), 4);
    }

    #[test]
    fn an_episode_of_an_anime_is_right_on_its_day_and_the_one_after_it_is_too_much() {
        let list = |episode, day: &str| {
            let name = format!("anilist:131681 {episode}");
            record(Service::AniList, &name, &format!("{day}T00:00:00Z"))
        };
        let not_found = [Service::Trakt, Service::Simkl].map(|it| (it, NOT_FOUND.to_owned()));
        let judgment = &[Expected {
            kind: ItemKind::Episode,
            known_at: BTreeMap::from([(Service::AniList, "anilist:131681 1".to_owned())]),
            instead_at: not_found.into(),
            ..heat()
        }];
        assert_eq!(
            wrong(judgment, &[list(1, "2026-11-14")]),
            Vec::<String>::new()
        );
        assert_eq!(wrong(judgment, &[list(1, "2026-11-15")]).len(), 2);
        let further = [list(1, "2026-11-14"), list(2, "2026-11-14")];
        assert_eq!(wrong(judgment, &further).len(), 1);
    }

    #[test]
    fn what_is_not_there_for_another_reason_than_expected_is_told() {
        let refused = |_: &str, service| {
            let is_at_simkl = service == Service::Simkl;
            Some(if is_at_simkl { "refused" } else { NOT_FOUND }.to_owned())
        };
        let there = record(Service::Trakt, "imdb:tt0113277", "2026-11-14T22:33:00Z");
        let wrong = compare(&[heat()], &[there], &refused).1;
        assert_eq!(wrong, ["Heat is refused at Simkl instead of not found."]);
    }

    #[test]
    fn a_word_is_right_if_each_service_says_it_on_its_own_scale_and_nobody_else_does() {
        let held = [(Service::Trakt, "9/10"), (Service::AniList, NOT_FOUND)];
        let expected = [ExpectedWord {
            label: "Heat: 8.7".to_owned(),
            aspect: Aspect::Rating,
            known_as: vec!["imdb:tt0113277".to_owned()],
            held: held.map(|(it, says)| (it, says.to_owned())).into(),
        }];
        let word = |service, says: &str| Word {
            service,
            aspect: Aspect::Rating,
            names: BTreeSet::from(["imdb:tt0113277".to_owned()]),
            says: says.to_owned(),
        };
        let wrong = |words: &[Word]| compare_words(&expected, words, &not_found).1;
        let right = word(Service::Trakt, "9/10");
        assert_eq!(wrong(std::slice::from_ref(&right)), Vec::<String>::new());
        assert_eq!(wrong(&[]), ["Heat: 8.7: Trakt says nothing."]);
        let too_low = wrong(&[word(Service::Trakt, "8/10")]);
        assert_eq!(too_low, ["Heat: 8.7: Trakt says 8/10."]);
        let at_simkl = wrong(&[right.clone(), word(Service::Simkl, "9/10")]);
        assert_eq!(at_simkl, ["Heat: 8.7: Simkl says 9/10."]);
        let loved = Word {
            aspect: Aspect::Loved,
            ..word(Service::Trakt, "loved")
        };
        assert_eq!(
            wrong(&[right, loved]),
            ["Trakt has imdb:tt0113277 as loved (loved), which nobody said."]
        );
    }
}
