//! Requests and answers as the SQS API spells them.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;

/// What `CreateQueue` and `SetQueueAttributes` name.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct QueueAttributes {
    #[serde(default)]
    pub(super) queue_name: String,
    #[serde(default)]
    pub(super) queue_url: String,
    #[serde(default)]
    pub(super) attributes: BTreeMap<String, String>,
}

/// What `GetQueueUrl`, `GetQueueAttributes`, `ListQueues` and `PurgeQueue` name.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct NamedQueue {
    #[serde(default)]
    pub(super) queue_name: String,
    #[serde(default)]
    pub(super) queue_url: String,
    #[serde(default)]
    pub(super) queue_name_prefix: String,
    #[serde(default)]
    pub(super) attribute_names: Vec<String>,
}

/// `SendMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SendMessage {
    pub(super) queue_url: String,
    #[serde(flatten)]
    pub(super) message: Outgoing,
}

/// A message on its way in.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Outgoing {
    #[serde(default)]
    pub(super) message_body: String,
    pub(super) delay_seconds: Option<i64>,
    #[serde(default)]
    pub(super) message_attributes: BTreeMap<String, MessageAttribute>,
    pub(super) message_group_id: Option<String>,
    pub(super) message_deduplication_id: Option<String>,
}

/// A user's attribute of a message.
#[derive(Deserialize, Serialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "PascalCase")]
pub(super) struct MessageAttribute {
    /// `String`, `Number` or `Binary`, with a label of the user's after a dot.
    pub(super) data_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) string_value: Option<String>,
    /// In base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) binary_value: Option<String>,
}

/// The batch of `SendMessageBatch`, `DeleteMessageBatch` or `ChangeMessageVisibilityBatch`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Batch<Entry> {
    pub(super) queue_url: String,
    #[serde(default = "Vec::new")]
    pub(super) entries: Vec<BatchEntry<Entry>>,
}

/// One entry of a batch.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchEntry<Entry> {
    pub(super) id: String,
    #[serde(flatten)]
    pub(super) entry: Entry,
}

/// `ReceiveMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ReceiveMessage {
    pub(super) queue_url: String,
    pub(super) max_number_of_messages: Option<i64>,
    pub(super) visibility_timeout: Option<i64>,
    pub(super) wait_time_seconds: Option<i64>,
    /// The older name of `message_system_attribute_names`.
    #[serde(default)]
    pub(super) attribute_names: Vec<String>,
    #[serde(default)]
    pub(super) message_system_attribute_names: Vec<String>,
    #[serde(default)]
    pub(super) message_attribute_names: Vec<String>,
}

/// `DeleteMessage`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteMessage {
    pub(super) queue_url: String,
    #[serde(flatten)]
    pub(super) held: Held,
}

/// A message that a receive handed out.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Held {
    pub(super) receipt_handle: String,
}

/// `ChangeMessageVisibility`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ChangeVisibility {
    pub(super) queue_url: String,
    #[serde(flatten)]
    pub(super) change: VisibilityChange,
}

/// How long a held message stays hidden from now on.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VisibilityChange {
    pub(super) receipt_handle: String,
    pub(super) visibility_timeout: Option<i64>,
}

/// `StartMessageMoveTask`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct StartMessageMoveTask {
    pub(super) source_arn: String,
    pub(super) destination_arn: Option<String>,
}

/// What happened to a batch.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchOutcome {
    pub(super) successful: Vec<serde_json::Value>,
    pub(super) failed: Vec<FailedEntry>,
}

/// An entry of a batch that was refused.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct FailedEntry {
    pub(super) id: String,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) sender_fault: bool,
}

/// A message that was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) message_id: String,
    /// Only of a FIFO queue.
    pub(super) sequence: Option<i64>,
    pub(super) body_md5: String,
    pub(super) attributes_md5: Option<String>,
}

/// The answer to `SendMessage`, and to an entry of `SendMessageBatch`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SentAnswer {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    body_md5: String,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    attributes_md5: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl Sent {
    /// As the API answers it, with the entry's id in a batch.
    pub(super) fn answer(self, id: Option<String>) -> SentAnswer {
        SentAnswer {
            id,
            message_id: self.message_id,
            body_md5: self.body_md5,
            attributes_md5: self.attributes_md5,
            sequence_number: self.sequence.map(sequence_number),
        }
    }
}

/// A message as a receive hands it out.
#[derive(Serialize, Debug)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Message {
    pub(super) message_id: String,
    pub(super) receipt_handle: String,
    #[serde(rename = "MD5OfBody")]
    pub(super) body_md5: String,
    pub(super) body: String,
    pub(super) attributes: BTreeMap<&'static str, String>,
    #[serde(
        rename = "MD5OfMessageAttributes",
        skip_serializing_if = "Option::is_none"
    )]
    pub(super) attributes_md5: Option<String>,
    pub(super) message_attributes: BTreeMap<String, MessageAttribute>,
}

impl Message {
    /// Leaves only the attributes that the request asked for.
    pub(super) fn with_only(mut self, request: &ReceiveMessage) -> Self {
        let system = request
            .message_system_attribute_names
            .iter()
            .chain(&request.attribute_names);
        let system: Vec<&String> = system.collect();
        self.attributes
            .retain(|name, _| system.iter().any(|asked| *asked == "All" || asked == name));
        let asked = &request.message_attribute_names;
        self.message_attributes
            .retain(|name, _| asked.iter().any(|pattern| is_asked(pattern, name)));
        self.attributes_md5 = attributes_md5(&self.message_attributes);
        self
    }
}

/// A place in the queue's order: twenty digits, so that text compares as the numbers do.
pub(super) fn sequence_number(sequence: i64) -> String {
    format!("{sequence:020}")
}

/// The MD5 of a body in lower-case hexadecimal digits, as the SDKs check it.
pub(super) fn body_md5(body: &str) -> String {
    hex::encode(Md5::digest(body.as_bytes()))
}

/// The MD5 of the attributes, or nothing where there are none.
///
/// Source, with the layout of the bytes:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html>
pub(super) fn attributes_md5(attributes: &BTreeMap<String, MessageAttribute>) -> Option<String> {
    const TEXT: u8 = 1;
    const BINARY: u8 = 2;
    if attributes.is_empty() {
        return None;
    }
    let mut digest = Md5::new();
    let mut measured = |bytes: &[u8], kind: Option<u8>| {
        digest.update(kind.as_slice());
        digest.update(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
        digest.update(bytes);
    };
    for (name, attribute) in attributes {
        measured(name.as_bytes(), None);
        measured(attribute.data_type.as_bytes(), None);
        match (&attribute.string_value, &attribute.binary_value) {
            (Some(text), _) => measured(text.as_bytes(), Some(TEXT)),
            (None, Some(binary)) => {
                measured(&STANDARD.decode(binary).unwrap_or_default(), Some(BINARY))
            }
            (None, None) => {}
        }
    }
    Some(hex::encode(digest.finalize()))
}

impl MessageAttribute {
    /// How much of a message's size it takes up beside its name: its type and its value.
    fn bytes(&self) -> usize {
        let text = self.string_value.as_ref().map_or(0, String::len);
        let binary = self
            .binary_value
            .as_ref()
            .map_or(0, |binary| binary.len() / 4 * 3);
        self.data_type.len() + text + binary
    }
}

impl Outgoing {
    /// The size that counts against the limits: the body and all attributes.
    pub(super) fn bytes(&self) -> usize {
        let attributes = self.message_attributes.iter();
        self.message_body.len()
            + attributes
                .map(|(name, value)| name.len() + value.bytes())
                .sum::<usize>()
    }

    /// Checks what holds on every queue.
    ///
    /// # Errors
    ///
    /// A body that is empty or has characters that XML does not have, or an attribute without a value.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        if self.message_body.is_empty() {
            return Err(Refusal::missing_parameter("MessageBody"));
        }
        if !self.message_body.chars().all(is_allowed) {
            return Err(Refusal::invalid_contents());
        }
        for (name, attribute) in &self.message_attributes {
            let decodes = attribute
                .binary_value
                .as_ref()
                .is_some_and(|binary| STANDARD.decode(binary).is_ok());
            if attribute.string_value.is_none() && !decodes {
                return Err(Refusal::invalid_parameter(
                    "MessageAttributes",
                    name,
                    "It has no value",
                ));
            }
        }
        Ok(())
    }
}

fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{D7FF}' | '\u{E000}'..='\u{FFFD}' | '\u{10000}'..)
}

/// `All`, `.*`, a name, or the beginning of names before `.*`.
fn is_asked(pattern: &str, name: &str) -> bool {
    pattern == "All"
        || pattern == name
        || pattern
            .strip_suffix(".*")
            .is_some_and(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_md5_of_a_body_is_that_of_its_bytes() {
        // RFC 1321, A.5.
        assert_eq!(
            body_md5("message digest"),
            "f96b697d7cb7938d525a2f31aaf161d0"
        );
    }

    #[test]
    fn attributes_are_digested_with_their_lengths_and_kinds() {
        let text = MessageAttribute {
            data_type: "String".to_owned(),
            string_value: Some("b".to_owned()),
            binary_value: None,
        };
        let bytes = b"\0\0\0\x01a\0\0\0\x06String\x01\0\0\0\x01b";
        let expected = hex::encode(Md5::digest(bytes));
        assert_eq!(
            attributes_md5(&BTreeMap::from([("a".to_owned(), text)])),
            Some(expected)
        );
        assert_eq!(attributes_md5(&BTreeMap::new()), None);
    }

    #[test]
    fn characters_that_xml_does_not_have_are_refused() {
        for (body, taken) in [
            ("\t\r\n ok 🎵", true),
            ("bell \u{7}", false),
            ("\u{FFFE}", false),
            ("", false),
        ] {
            let message = Outgoing {
                message_body: body.to_owned(),
                ..Outgoing::default()
            };
            assert_eq!(message.check().is_ok(), taken, "{body:?}");
        }
    }

    #[test]
    fn an_attribute_is_asked_for_by_name_by_beginning_or_with_all() {
        for (pattern, asked) in [
            ("All", true),
            (".*", true),
            ("trace.*", true),
            ("trace.id", true),
            ("id", false),
        ] {
            assert_eq!(is_asked(pattern, "trace.id"), asked, "{pattern}");
        }
    }
}
