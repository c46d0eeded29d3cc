//! Watches the hub's history and tells each change of each delivery once.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Utc};
use hub_domain::Service;
use serde_json::{Value, json};

use super::stage::Stage;
use crate::failure::Failure;
use crate::output::{Output, is_settled, time};
use crate::plays::{self, Delivery, Play};

/// More plays than the samples make.
const MOST_PLAYS: usize = 1_000;

/// What people say of items, by its address.
const WORDS: [&str; 3] = ["ratings", "lists/loved", "lists/watchlist"];

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// By the id of a play, or the address and name of what was said.
    seen: BTreeMap<(String, Service), (String, Delivery)>,
}

impl Watch {
    /// Reads the history and writes a line for each delivery that is new or stands elsewhere than before.
    pub(super) async fn look<W: Write>(
        &mut self,
        stage: &Stage,
        output: &mut Output<W>,
    ) -> Result<(), Failure> {
        let plays = plays::newest(&stage.access, stage.user, MOST_PLAYS, None).await?;
        let plays = plays.into_iter().rev().map(|(play, _)| {
            let label = play.label();
            (play, label)
        });
        let mut all: Vec<(Play, String)> = plays.collect();
        for list in WORDS {
            let path = format!("/api/v1/{list}?limit=200");
            let page = stage.access.get(Some(stage.user), &path).await?;
            let items = page["items"].as_array().cloned().unwrap_or_default();
            let words: Result<Vec<_>, Failure> =
                items.into_iter().map(|item| word(list, item)).collect();
            let words = words?;
            self.forget_taken_back(list, &words);
            all.extend(words);
        }
        for (item, label) in all {
            for (label, delivery) in self.changes(&item, &label) {
                // What is about to be sent is told by what comes of it.
                if !output.is_json() && delivery.state != "pending" {
                    output.line(line(stage.clock.now(), &label, &delivery, output))?;
                }
            }
        }
        Ok(())
    }

    /// How something stands at a service, in the words of people: `not found`.
    pub(super) fn state(&self, label: &str, service: Service) -> Option<String> {
        let mut seen = self.seen.iter();
        let found = seen.find(|((_, at), (name, _))| *at == service && name == label);
        found.map(|(_, (_, delivery))| delivery.state.replace('_', " "))
    }

    /// What was taken back, and has been told, is on its list no more.
    fn forget_taken_back(&mut self, list: &str, words: &[(Play, String)]) {
        let is_there = |id: &str| words.iter().any(|(word, _)| word.id == id);
        self.seen
            .retain(|(id, _), _| !id.starts_with(list) || is_there(id));
    }

    /// Says whether anything may still be delivered by itself.
    pub(super) fn is_on_its_way(&self) -> bool {
        self.open().next().is_some()
    }

    /// Says whether something is to be tried until then: at once, or at a time that the delivery names.
    pub(super) fn is_due_by(&self, until: DateTime<Utc>) -> bool {
        self.open().any(|delivery| match delivery.state.as_str() {
            "held" => false,
            "waiting" => delivery.next_attempt_at.is_some_and(|at| at <= until),
            _ => true,
        })
    }

    /// What is not settled, or ended as no play of the samples should, in sentences.
    pub(super) fn complaints(&self) -> Vec<String> {
        let is_bad = |state: &str| !is_settled(state) || matches!(state, "refused" | "in_doubt");
        let bad = self
            .seen
            .iter()
            .filter(|(_, (_, delivery))| is_bad(&delivery.state));
        bad.map(|((_, service), (label, delivery))| {
            let why = delivery.detail.as_deref().unwrap_or("no reason given");
            format!(
                "{label} is {} at {}: {why}.",
                delivery.state.replace('_', " "),
                service.title()
            )
        })
        .collect()
    }

    fn open(&self) -> impl Iterator<Item = &Delivery> {
        self.seen
            .values()
            .map(|(_, delivery)| delivery)
            .filter(|delivery| !is_settled(&delivery.state))
    }

    fn changes(&mut self, play: &Play, label: &str) -> Vec<(String, Delivery)> {
        let mut changes = Vec::new();
        for delivery in &play.deliveries {
            let key = (play.id.clone(), delivery.service);
            let now = (label.to_owned(), delivery.clone());
            let before = self.seen.insert(key, now.clone());
            if before.is_none_or(|(_, before)| before.state != delivery.state) {
                changes.push(now);
            }
        }
        changes
    }
}

/// What is said of an item, in the form of a play, with what people call it: `Arrival: 8.7`.
///
/// Its id is the address of its list with its name, so that nobody takes it for a play's.
fn word(list: &str, mut item: Value) -> Result<(Play, String), Failure> {
    let says = match (list, item["taken_back"].as_bool(), item["rating"].as_f64()) {
        ("ratings", Some(true), _) => "a rating taken back".to_owned(),
        (_, Some(true), _) => "taken back".to_owned(),
        (_, _, Some(rating)) => rating.to_string(),
        ("lists/watchlist", ..) => "to watch".to_owned(),
        _ => item["feeling"].as_str().unwrap_or("listed").to_owned(),
    };
    let id = format!("{list} {}", item["label"].as_str().unwrap_or_default());
    item["id"] = json!(id);
    let item: Play = serde_json::from_value(item)
        .map_err(|error| Failure::because("The hub's lists are not understood", &error))?;
    let label = format!("{}: {says}", item.label());
    Ok((item, label))
}

fn line<W: Write>(
    now: DateTime<Utc>,
    label: &str,
    delivery: &Delivery,
    output: &Output<W>,
) -> String {
    let state = output.state(&delivery.state);
    let why = match (&delivery.detail, delivery.state.as_str()) {
        (Some(detail), state) if state != "delivered" => format!(" ({detail})"),
        _ => String::new(),
    };
    format!(
        "{}    {label} → {}: {state}{why}",
        time(now),
        delivery.service.title()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(state: &str) -> Play {
        let delivery = json!({ "service": "trakt", "state": state, "detail": "because",
            "next_attempt_at": "2026-11-14T18:00:30Z" });
        serde_json::from_value(
            json!({ "id": "1", "item_type": "movie", "title": "Heat", "deliveries": [delivery] }),
        )
        .unwrap()
    }

    fn changes(watch: &mut Watch, state: &str) -> Vec<(String, Delivery)> {
        watch.changes(&play(state), "Heat")
    }

    #[test]
    fn each_change_is_told_once() {
        let mut watch = Watch::default();
        assert_eq!(changes(&mut watch, "pending").len(), 1);
        assert_eq!(changes(&mut watch, "pending"), []);
        assert!(watch.is_on_its_way());
        assert_eq!(changes(&mut watch, "delivered")[0].0, "Heat");
        assert!(!watch.is_on_its_way() && watch.complaints().is_empty());
    }

    #[test]
    fn the_clock_is_turned_for_what_is_due_soon_alone() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let mut watch = Watch::default();
        changes(&mut watch, "waiting");
        assert!(
            watch.is_due_by(at("2026-11-14T18:00:30Z"))
                && !watch.is_due_by(at("2026-11-14T18:00:29Z"))
        );
        changes(&mut watch, "held");
        assert!(!watch.is_due_by(at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn what_is_refused_or_left_open_is_told_with_its_reason() {
        let mut watch = Watch::default();
        changes(&mut watch, "in_doubt");
        assert_eq!(watch.complaints(), ["Heat is in doubt at Trakt: because."]);
    }

    #[test]
    fn a_line_says_when_what_where_and_how_it_stands() {
        let output = Output::plain(Vec::new(), false);
        let play = play("not_found");
        let now = "2026-11-14T18:00:00Z".parse().unwrap();
        let line = line(now, &play.label(), &play.deliveries[0], &output);
        assert_eq!(
            line,
            "2026-11-14 18:00:00 UTC    Heat → Trakt: not found (because)"
        );
    }

    #[test]
    fn what_is_said_is_called_by_its_item_and_forgotten_once_it_is_taken_back() {
        let rating = json!({ "item_type": "movie", "label": "Heat (1995)", "title": "Heat", "rating": 8.7,
            "deliveries": [{ "service": "trakt", "state": "not_found" }] });
        let (item, label) = word("ratings", rating).unwrap();
        assert_eq!(label, "Heat: 8.7");
        let mut watch = Watch::default();
        assert_eq!(watch.changes(&item, &label).len(), 1);
        changes(&mut watch, "delivered");
        let at_trakt = |watch: &Watch, label| watch.state(label, Service::Trakt);
        assert_eq!(at_trakt(&watch, "Heat: 8.7").as_deref(), Some("not found"));
        watch.forget_taken_back("ratings", &[]);
        assert_eq!(at_trakt(&watch, "Heat: 8.7"), None);
        assert_eq!(at_trakt(&watch, "Heat").as_deref(), Some("delivered"));
    }
}
