//! Watches the hub's history and tells each change of each delivery once.

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{DateTime, Utc};
use hub_domain::Service;

use super::stage::Stage;
use crate::failure::Failure;
use crate::output::{Output, is_settled, time};
use crate::plays::{self, Delivery, Play};

/// More plays than the samples make.
const MOST_PLAYS: usize = 1_000;

/// What was seen last.
#[derive(Debug, Default)]
pub(super) struct Watch {
    seen: BTreeMap<(String, Service), (String, Delivery)>,
}

impl Watch {
    /// Reads the history and writes a line for each delivery that is new or stands elsewhere than before.
    pub(super) async fn look<W: Write>(
        &mut self,
        stage: &Stage,
        output: &mut Output<W>,
    ) -> Result<(), Failure> {
        let mut plays = plays::newest(&stage.access, stage.user, MOST_PLAYS, None).await?;
        plays.reverse();
        for (play, _) in plays {
            for (label, delivery) in self.changes(&play) {
                if !output.is_json() {
                    output.line(line(stage.clock.now(), &label, &delivery, output))?;
                }
            }
        }
        Ok(())
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

    fn changes(&mut self, play: &Play) -> Vec<(String, Delivery)> {
        let mut changes = Vec::new();
        for delivery in &play.deliveries {
            let key = (play.id.clone(), delivery.service);
            let now = (play.label(), delivery.clone());
            let before = self.seen.insert(key, now.clone());
            if before.is_none_or(|(_, before)| before.state != delivery.state) {
                changes.push(now);
            }
        }
        changes
    }
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
    use serde_json::json;

    use super::*;

    fn play(state: &str) -> Play {
        let delivery = json!({ "service": "trakt", "state": state, "detail": "because",
            "next_attempt_at": "2026-11-14T18:00:30Z" });
        serde_json::from_value(
            json!({ "id": "1", "item_type": "movie", "title": "Heat", "deliveries": [delivery] }),
        )
        .unwrap()
    }

    #[test]
    fn each_change_is_told_once() {
        let mut watch = Watch::default();
        assert_eq!(watch.changes(&play("pending")).len(), 1);
        assert_eq!(watch.changes(&play("pending")), []);
        assert!(watch.is_on_its_way());
        assert_eq!(watch.changes(&play("delivered"))[0].0, "Heat");
        assert!(!watch.is_on_its_way() && watch.complaints().is_empty());
    }

    #[test]
    fn the_clock_is_turned_for_what_is_due_soon_alone() {
        let at = |text: &str| text.parse::<DateTime<Utc>>().unwrap();
        let mut watch = Watch::default();
        watch.changes(&play("waiting"));
        assert!(
            watch.is_due_by(at("2026-11-14T18:00:30Z"))
                && !watch.is_due_by(at("2026-11-14T18:00:29Z"))
        );
        watch.changes(&play("held"));
        assert!(!watch.is_due_by(at("2027-01-01T00:00:00Z")));
    }

    #[test]
    fn what_is_refused_or_left_open_is_told_with_its_reason() {
        let mut watch = Watch::default();
        watch.changes(&play("in_doubt"));
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
}
