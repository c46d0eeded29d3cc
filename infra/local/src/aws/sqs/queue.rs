//! A queue and its attributes, checked when it is made.
//!
//! Source of names, bounds and defaults:
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::Deserialize;

use super::refusal::Refusal;

/// The account that all embedded queues belong to.
pub(super) const ACCOUNT: &str = "000000000000";

/// The most bytes of a message, its attributes included, and of a batch: 1 MiB.
pub(super) const MOST_BYTES: usize = 1_048_576;

const ARN_PREFIX: &str = "arn:aws:sqs:us-east-1:000000000000:";

/// Milliseconds, as a point in time since 1970 or as a distance.
pub(super) type Millis = i64;

/// A queue as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    /// The row that its messages name.
    pub(super) id: i64,
    /// Its name, `.fifo` included.
    pub(super) name: String,
    /// The attributes as they were given; what is not here has its default.
    pub(super) attributes: BTreeMap<String, String>,
    /// The same, read.
    pub(super) settings: Settings,
    /// When it was made.
    pub(super) created_at: Millis,
    /// When its attributes were last set.
    pub(super) modified_at: Millis,
}

/// What a queue's attributes mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Settings {
    /// In order within a group, each message once within five minutes.
    pub(super) is_fifo: bool,
    /// How long a new message stays hidden.
    pub(super) delay: Millis,
    /// How long a received message stays hidden.
    pub(super) visibility: Millis,
    /// How long a message is kept.
    pub(super) retention: Millis,
    /// How long a receive waits that does not say.
    pub(super) wait: Duration,
    /// The most bytes of one message.
    pub(super) most_bytes: usize,
    /// Whether equal bodies count as the same message.
    pub(super) deduplicates_content: bool,
    /// Whether a deduplication id counts within its group only.
    pub(super) deduplicates_by_group: bool,
    /// Where a message goes that was received too often.
    pub(super) dead_letters: Option<DeadLetters>,
}

/// A queue's redrive policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DeadLetters {
    /// The queue that dead letters go to.
    pub(super) queue: String,
    /// A message that was received so often goes there instead of being received once more.
    pub(super) most_receives: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RedrivePolicy {
    dead_letter_target_arn: String,
    max_receive_count: serde_json::Value,
}

/// The ARN of the queue of that name.
pub(super) fn arn(name: &str) -> String {
    format!("{ARN_PREFIX}{name}")
}

/// The queue that an ARN names.
pub(super) fn name_of_arn(arn: &str) -> Option<&str> {
    arn.strip_prefix(ARN_PREFIX)
}

/// The queue that a URL names: its last segment, so that a URL outlives the port that it was made for.
pub(super) fn name_of_url(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}

/// Says whether a name can be a queue's: up to 80 letters, digits, hyphens and underscores, and `.fifo` at most.
pub(super) fn is_name(name: &str) -> bool {
    let stem = name.strip_suffix(".fifo").unwrap_or(name);
    (1..=80).contains(&name.len()) && is_word(stem)
}

/// Says whether a text is of letters, digits, hyphens and underscores only, and not empty.
pub(super) fn is_word(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !text.is_empty() && text.bytes().all(fits)
}

impl Settings {
    /// Reads the attributes of the queue of that name.
    ///
    /// # Errors
    ///
    /// An attribute that SQS does not know, or a value out of its bounds.
    pub(super) fn read(name: &str, attributes: &BTreeMap<String, String>) -> Result<Self, Refusal> {
        let mut settings = Self {
            is_fifo: false,
            delay: 0,
            visibility: 30_000,
            retention: 345_600_000,
            wait: Duration::ZERO,
            most_bytes: MOST_BYTES,
            deduplicates_content: false,
            deduplicates_by_group: false,
            dead_letters: None,
        };
        for (attribute, value) in attributes {
            let number = |bounds| number(attribute, value, bounds);
            let choice = |choices| choice(attribute, value, choices);
            match attribute.as_str() {
                "FifoQueue" => settings.is_fifo = choice(["false", "true"])?,
                "DelaySeconds" => settings.delay = number(0..=900)? * 1000,
                "VisibilityTimeout" => settings.visibility = number(0..=43_200)? * 1000,
                "MessageRetentionPeriod" => settings.retention = number(60..=1_209_600)? * 1000,
                "ReceiveMessageWaitTimeSeconds" => {
                    settings.wait = Duration::from_secs(number(0..=20)?.unsigned_abs());
                }
                "MaximumMessageSize" => {
                    settings.most_bytes =
                        usize::try_from(number(1024..=1_048_576)?).unwrap_or(MOST_BYTES);
                }
                "ContentBasedDeduplication" => {
                    settings.deduplicates_content = choice(["false", "true"])?
                }
                "DeduplicationScope" => {
                    settings.deduplicates_by_group = choice(["queue", "messageGroup"])?
                }
                "FifoThroughputLimit" => drop(choice(["perQueue", "perMessageGroupId"])?),
                "RedrivePolicy" => settings.dead_letters = redrive_policy(value)?,
                // They say who may do what, and how it is sealed: nothing that one machine has.
                "Policy"
                | "RedriveAllowPolicy"
                | "KmsMasterKeyId"
                | "KmsDataKeyReusePeriodSeconds"
                | "SqsManagedSseEnabled" => {}
                unknown => return Err(Refusal::unknown_attribute(unknown)),
            }
        }
        settings.check(name, attributes)?;
        Ok(settings)
    }

    fn check(&self, name: &str, attributes: &BTreeMap<String, String>) -> Result<(), Refusal> {
        const FIFO_ONLY: [&str; 3] = [
            "ContentBasedDeduplication",
            "DeduplicationScope",
            "FifoThroughputLimit",
        ];
        if self.is_fifo != name.ends_with(".fifo") {
            let reason = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, \
                          must end with .fifo suffix and be 1 to 80 in length";
            return Err(Refusal::invalid_parameter("QueueName", name, reason));
        }
        if let Some(attribute) = FIFO_ONLY
            .iter()
            .find(|attribute| attributes.contains_key(**attribute))
            && !self.is_fifo
        {
            return Err(Refusal::unknown_attribute(attribute));
        }
        // The same two go together on AWS, or throughput by group is refused.
        if attributes
            .get("FifoThroughputLimit")
            .is_some_and(|limit| limit == "perMessageGroupId")
            && !self.deduplicates_by_group
        {
            return Err(Refusal::invalid_attribute("FifoThroughputLimit"));
        }
        Ok(())
    }
}

impl Queue {
    /// The value of each attribute that can be set, defaults included.
    pub(super) fn all_attributes(&self) -> BTreeMap<String, String> {
        let settings = &self.settings;
        let mut all = BTreeMap::from([
            (
                "DelaySeconds".to_owned(),
                (settings.delay / 1000).to_string(),
            ),
            (
                "VisibilityTimeout".to_owned(),
                (settings.visibility / 1000).to_string(),
            ),
            (
                "MessageRetentionPeriod".to_owned(),
                (settings.retention / 1000).to_string(),
            ),
            (
                "ReceiveMessageWaitTimeSeconds".to_owned(),
                settings.wait.as_secs().to_string(),
            ),
            (
                "MaximumMessageSize".to_owned(),
                settings.most_bytes.to_string(),
            ),
        ]);
        if settings.is_fifo {
            let by_group = if settings.deduplicates_by_group {
                "messageGroup"
            } else {
                "queue"
            };
            all.insert(
                "ContentBasedDeduplication".to_owned(),
                settings.deduplicates_content.to_string(),
            );
            all.insert("DeduplicationScope".to_owned(), by_group.to_owned());
            all.insert("FifoThroughputLimit".to_owned(), "perQueue".to_owned());
        }
        all.extend(self.attributes.clone());
        all
    }
}

fn number(attribute: &str, value: &str, bounds: RangeInclusive<i64>) -> Result<i64, Refusal> {
    let read = value.parse().ok().filter(|number| bounds.contains(number));
    read.ok_or_else(|| Refusal::invalid_attribute(attribute))
}

/// Whether the value is the second of the two.
fn choice(attribute: &str, value: &str, [no, yes]: [&str; 2]) -> Result<bool, Refusal> {
    if value != no && value != yes {
        return Err(Refusal::invalid_attribute(attribute));
    }
    Ok(value == yes)
}

fn redrive_policy(value: &str) -> Result<Option<DeadLetters>, Refusal> {
    if value.is_empty() {
        return Ok(None);
    }
    let refused = || Refusal::invalid_attribute("RedrivePolicy");
    let policy: RedrivePolicy = serde_json::from_str(value).map_err(|_| refused())?;
    // AWS takes the count as a number and as text.
    let count = policy.max_receive_count;
    let count = count.as_i64().or_else(|| count.as_str()?.parse().ok());
    let most_receives = count
        .filter(|count| (1..=1000).contains(count))
        .ok_or_else(refused)?;
    let queue = name_of_arn(&policy.dead_letter_target_arn)
        .ok_or_else(refused)?
        .to_owned();
    Ok(Some(DeadLetters {
        queue,
        most_receives,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_queue_without_attributes_has_the_defaults_of_aws() {
        let settings = Settings::read("wake-ups", &BTreeMap::new()).unwrap();
        assert_eq!(settings.visibility, 30_000);
        assert_eq!(settings.retention, 4 * 24 * 3_600_000);
        assert_eq!(settings.most_bytes, 1_048_576);
    }

    #[test]
    fn an_attribute_out_of_bounds_is_refused_with_its_name() {
        let at_most = attributes(&[("MessageRetentionPeriod", "1209600")]);
        assert_eq!(
            Settings::read("q", &at_most).unwrap().retention,
            1_209_600_000
        );
        for (name, value) in [
            ("MessageRetentionPeriod", "1209601"),
            ("DelaySeconds", "901"),
            ("VisibilityTimeout", "x"),
        ] {
            let refusal = Settings::read("q", &attributes(&[(name, value)])).unwrap_err();
            assert_eq!(refusal, Refusal::invalid_attribute(name));
        }
    }

    #[test]
    fn a_fifo_queue_is_one_by_name_and_by_attribute() {
        assert!(Settings::read("q.fifo", &BTreeMap::new()).is_err());
        assert!(Settings::read("q", &attributes(&[("FifoQueue", "true")])).is_err());
        assert!(Settings::read("q.fifo", &attributes(&[("FifoQueue", "true")])).is_ok());
    }

    #[test]
    fn a_redrive_policy_counts_in_numbers_and_in_text() {
        for count in ["3", "\"3\""] {
            let policy = format!(
                r#"{{"deadLetterTargetArn":"{}","maxReceiveCount":{count}}}"#,
                arn("dead")
            );
            let dead_letters = redrive_policy(&policy).unwrap().unwrap();
            assert_eq!(
                dead_letters,
                DeadLetters {
                    queue: "dead".to_owned(),
                    most_receives: 3
                }
            );
        }
    }

    #[test]
    fn a_url_names_its_queue_whatever_its_port() {
        assert_eq!(
            name_of_url("http://127.0.0.1:1/000000000000/events.fifo"),
            "events.fifo"
        );
    }
}
