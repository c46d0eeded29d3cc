//! Dead letters go back to their queue, each at most once a day and at most fourteen times.
//!
//! Messages get there by a fault that lasted: a release that could not read them, a table that did not answer for days.
//! Whoever mends it need not think of them. SQS moves them as they are, with their attributes and their id, so a letter
//! itself carries when it was last brought back and how often. SQS's own move task would bring back all of them at
//! once, each time.
//!
//! A letter that is brought back is a new message: its fourteen days begin anew. That is why the times are counted:
//! what was brought back on fourteen days stays, and ends with the retention of its dead letters.

use aws_sdk_sqs::Client;
use aws_sdk_sqs::operation::send_message::builders::SendMessageFluentBuilder;
use aws_sdk_sqs::types::{
    Message, MessageAttributeValue, MessageSystemAttributeName as SystemAttribute,
};
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use hub_runtime::queue::Deadline;
use hub_runtime::settings::DeadLetters;

use crate::{Failure, Sync};

/// How long a letter stays before it is brought back again.
const A_DAY: TimeDelta = TimeDelta::hours(24);
/// How often a letter is brought back.
const MOST_TIMES: u32 = 14;
/// The most letters of one queue that one hour looks at.
const MOST_LETTERS: usize = 500;
/// How long one letter may take, at the most: a call to send and one to delete it.
const A_LETTER: TimeDelta = TimeDelta::seconds(25);
/// How long letters that were looked at stay out of sight: longer than the function runs, so that none is looked at
/// twice in an hour.
const OUT_OF_SIGHT: i32 = 120;
/// When it was last brought back, in seconds since 1970.
const REDRIVEN_AT: &str = "redriven_at";
/// How often it was brought back.
const REDRIVES: &str = "redrives";

/// What a letter says of its own way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Way {
    redriven_at: Option<DateTime<Utc>>,
    redrives: u32,
}

impl Way {
    fn of(letter: &Message) -> Self {
        let number = |name: &str| {
            let attribute = letter.message_attributes.as_ref()?.get(name)?;
            attribute.string_value()?.parse::<i64>().ok()
        };
        Self {
            redriven_at: number(REDRIVEN_AT)
                .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            redrives: number(REDRIVES)
                .map_or(0, |times| u32::try_from(times).unwrap_or(MOST_TIMES)),
        }
    }

    /// Says whether the letter is brought back now.
    fn is_due(self, now: DateTime<Utc>) -> bool {
        self.redrives < MOST_TIMES && self.redriven_at.is_none_or(|at| now - at >= A_DAY)
    }
}

/// Says whether this tick is the first of an hour: what is done each hour is done by it.
///
/// Nobody remembers the hour: done twice it does no harm, and left out it is done an hour later.
pub(crate) fn is_first_of_hour(now: DateTime<Utc>, tick: TimeDelta) -> bool {
    now.duration_trunc(TimeDelta::hours(1))
        .is_ok_and(|hour| now - hour < tick)
}

impl Sync {
    /// Brings back the dead letters of every queue that are due, if this is the first tick of an hour.
    pub(crate) async fn redrive(&self, now: DateTime<Utc>) -> Result<usize, Failure> {
        if !is_first_of_hour(now, self.behaviour.tick) {
            return Ok(0);
        }
        let deadline = Deadline::from(now);
        let (mut redriven, mut first) = (0, Ok(()));
        for (sqs, letters) in &self.dead_letters {
            let result = self
                .redrive_one(sqs, letters, now, deadline, &mut redriven)
                .await;
            first = first.and(result);
        }
        first.map(|()| redriven)
    }

    /// Stops at the first letter that was not taken: those behind it may be of the same group.
    async fn redrive_one(
        &self,
        sqs: &Client,
        queue: &DeadLetters,
        now: DateTime<Utc>,
        deadline: Deadline,
        redriven: &mut usize,
    ) -> Result<(), Failure> {
        let mut looked_at = 0;
        while looked_at < MOST_LETTERS {
            // Asked without waiting: what SQS does not show now, it shows in an hour.
            let received = sqs
                .receive_message()
                .queue_url(&queue.from)
                .max_number_of_messages(10)
                .visibility_timeout(OUT_OF_SIGHT)
                .message_attribute_names("All")
                .message_system_attribute_names(SystemAttribute::All)
                .send()
                .await
                .map_err(Failure::letters)?;
            let letters = received.messages.unwrap_or_default();
            if letters.is_empty() {
                return Ok(());
            }
            looked_at += letters.len();
            for letter in letters {
                if !deadline.leaves(A_LETTER, self.clock.now()) {
                    return Ok(());
                }
                let way = Way::of(&letter);
                if !way.is_due(now) {
                    continue;
                }
                let sent = bring_back(sqs, queue, &letter, way, now).send().await;
                sent.map_err(Failure::letters)?;
                // Only now: a crash in between brings it back twice, which is what a queue may do at any time.
                if let Some(receipt) = letter.receipt_handle {
                    let delete = sqs.delete_message().queue_url(&queue.from);
                    let deleted = delete.receipt_handle(receipt).send().await;
                    deleted.map_err(Failure::letters)?;
                }
                *redriven += 1;
            }
        }
        Ok(())
    }
}

/// The letter as a new message, with its own attributes and one more day in them.
fn bring_back(
    sqs: &Client,
    queue: &DeadLetters,
    letter: &Message,
    way: Way,
    now: DateTime<Utc>,
) -> SendMessageFluentBuilder {
    let system = |name| {
        let attributes = letter.attributes.as_ref()?;
        attributes.get(&name).cloned()
    };
    let mut attributes = letter.message_attributes.clone().unwrap_or_default();
    for (name, value) in [
        (REDRIVEN_AT, now.timestamp().to_string()),
        (REDRIVES, (way.redrives + 1).to_string()),
    ] {
        let number = MessageAttributeValue::builder()
            .data_type("Number")
            .string_value(value)
            .build();
        // It fails only without a type.
        if let Ok(number) = number {
            attributes.insert(name.to_owned(), number);
        }
    }
    let is_fifo = queue.to.ends_with(".fifo");
    // The letter's own id, which no new message has: SQS takes it once, and a repeat of it within five minutes is none.
    let duplicate_id = letter.message_id.clone().filter(|_| is_fifo);
    sqs.send_message()
        .queue_url(&queue.to)
        .set_message_body(letter.body.clone())
        .set_message_attributes(Some(attributes))
        .set_message_group_id(system(SystemAttribute::MessageGroupId))
        .set_message_deduplication_id(duplicate_id.map(|id| format!("redrive-{id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn one_tick_of_an_hour_is_its_first() {
        let minute = TimeDelta::minutes(1);
        for (time, expected) in [
            ("2026-11-20T17:00:00Z", true),
            ("2026-11-20T17:00:59.999Z", true),
            ("2026-11-20T17:01:00Z", false),
            ("2026-11-20T17:59:59Z", false),
        ] {
            assert_eq!(is_first_of_hour(at(time), minute), expected, "{time}");
        }
        assert!(is_first_of_hour(
            at("2026-11-20T17:30:00Z"),
            TimeDelta::hours(1)
        ));
    }

    #[test]
    fn a_letter_is_brought_back_once_a_day_and_on_fourteen_days() {
        let now = at("2026-11-20T17:00:00Z");
        let way = |hours, redrives| Way {
            redriven_at: Some(now - TimeDelta::hours(hours)),
            redrives,
        };
        assert!(Way::default().is_due(now));
        assert!(way(24, 1).is_due(now));
        assert!(!way(23, 1).is_due(now));
        assert!(way(240, 13).is_due(now));
        assert!(!way(240, 14).is_due(now));
    }

    #[test]
    fn what_a_letter_says_of_its_way_is_read_and_nonsense_counts_as_the_last_time() {
        let letter = |redriven_at: &str, redrives: &str| {
            let number = |value: &str| {
                let builder = MessageAttributeValue::builder().data_type("Number");
                builder.string_value(value).build().unwrap()
            };
            Message::builder()
                .message_attributes(REDRIVEN_AT, number(redriven_at))
                .message_attributes(REDRIVES, number(redrives))
                .build()
        };
        let expected = Way {
            redriven_at: DateTime::from_timestamp(1_800_000_000, 0),
            redrives: 3,
        };
        assert_eq!(Way::of(&letter("1800000000", "3")), expected);
        assert_eq!(Way::of(&letter("soon", "-1")).redrives, MOST_TIMES);
        assert_eq!(Way::of(&Message::builder().build()), Way::default());
    }
}
