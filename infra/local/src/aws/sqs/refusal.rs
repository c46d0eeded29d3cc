//! Why the queue refuses a request, in the words of the SQS API.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html> and the errors
//! that each operation lists there. The SDKs read the code from `x-amzn-query-error`, which carries the names of the
//! older query protocol, and fall back on `__type`.

use http::StatusCode;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The code in the JSON protocol.
    pub(super) code: &'static str,
    /// The code in the older query protocol, where it has another name.
    pub(super) query_code: &'static str,
    /// What is wrong, for a person.
    pub(super) message: String,
    /// Whether sending the same again would be refused again.
    pub(super) is_senders_fault: bool,
}

impl Refusal {
    fn new(code: &'static str, query_code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            query_code,
            message: message.into(),
            is_senders_fault: true,
        }
    }

    /// A value that the parameter does not take.
    pub(super) fn invalid_parameter(
        name: &str,
        value: impl std::fmt::Display,
        reason: &str,
    ) -> Self {
        let message = format!("Value {value} for parameter {name} is invalid. Reason: {reason}.");
        Self::new("InvalidParameterValue", "InvalidParameterValue", message)
    }

    /// A parameter that is not there.
    pub(super) fn missing_parameter(name: &str) -> Self {
        let message = format!("The request must contain the parameter {name}.");
        Self::new("MissingParameter", "MissingParameter", message)
    }

    /// A queue attribute of a name that SQS does not know.
    pub(super) fn unknown_attribute(name: &str) -> Self {
        let message = format!("Unknown Attribute {name}.");
        Self::new("InvalidAttributeName", "InvalidAttributeName", message)
    }

    /// A queue attribute with a value out of its bounds.
    pub(super) fn invalid_attribute(name: &str) -> Self {
        let message = format!("Invalid value for the parameter {name}.");
        Self::new("InvalidAttributeValue", "InvalidAttributeValue", message)
    }

    /// No queue of that name.
    pub(super) fn no_such_queue() -> Self {
        Self::new(
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            "The specified queue does not exist.",
        )
    }

    /// A queue of that name has other attributes.
    pub(super) fn queue_exists(name: &str) -> Self {
        let message =
            format!("A queue named {name} already exists with a different value for an attribute.");
        Self::new("QueueNameExists", "QueueAlreadyExists", message)
    }

    /// A body with characters that XML does not have.
    pub(super) fn invalid_contents() -> Self {
        Self::new(
            "InvalidMessageContents",
            "InvalidMessageContents",
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to \
             #xFFFD | #x10000 to #x10FFFF.",
        )
    }

    /// A batch that asks for nothing.
    pub(super) fn empty_batch() -> Self {
        Self::new(
            "EmptyBatchRequest",
            "AWS.SimpleQueueService.EmptyBatchRequest",
            "There should be at least one entry in the request.",
        )
    }

    /// A batch of more than ten.
    pub(super) fn too_many_entries(count: usize) -> Self {
        Self::new(
            "TooManyEntriesInBatchRequest",
            "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
            format!("Maximum number of entries per request are 10. You have sent {count}."),
        )
    }

    /// A batch that names one id twice.
    pub(super) fn repeated_entry(id: &str) -> Self {
        Self::new(
            "BatchEntryIdsNotDistinct",
            "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
            format!("Id {id} repeated."),
        )
    }

    /// A batch entry whose id is no id.
    pub(super) fn invalid_entry_id() -> Self {
        Self::new(
            "InvalidBatchEntryId",
            "AWS.SimpleQueueService.InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 \
             letters long.",
        )
    }

    /// A batch of more bytes than one message may have.
    pub(super) fn batch_too_long(most_bytes: usize, bytes: usize) -> Self {
        Self::new(
            "BatchRequestTooLong",
            "AWS.SimpleQueueService.BatchRequestTooLong",
            format!(
                "Batch requests cannot be longer than {most_bytes} bytes. You have sent {bytes} bytes."
            ),
        )
    }

    /// A receipt handle that no receive gave out.
    pub(super) fn not_a_receipt() -> Self {
        Self::new(
            "ReceiptHandleIsInvalid",
            "ReceiptHandleIsInvalid",
            "The input receipt handle is invalid.",
        )
    }

    /// A receipt handle that a later receive replaced, or whose time has run out.
    pub(super) fn expired_receipt(handle: impl std::fmt::Display) -> Self {
        Self::invalid_parameter("ReceiptHandle", handle, "The receipt handle has expired")
    }

    /// A change of visibility for a message that nobody holds.
    pub(super) fn not_in_flight() -> Self {
        Self::new(
            "MessageNotInflight",
            "AWS.SimpleQueueService.MessageNotInflight",
            "The specified message is not in flight.",
        )
    }

    /// A move from or to an ARN that names no queue.
    pub(super) fn no_such_resource() -> Self {
        Self::new(
            "ResourceNotFoundException",
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter or the DestinationArn parameter doesn't \
             exist.",
        )
    }

    /// An operation that this queue does not have.
    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(
            "UnsupportedOperation",
            "AWS.SimpleQueueService.UnsupportedOperation",
            message,
        )
    }

    /// A body that is not the operation's.
    pub(super) fn malformed(error: &serde_json::Error) -> Self {
        Self::new(
            "SerializationException",
            "MalformedInput",
            error.to_string(),
        )
    }

    /// Something broke here; nothing of the request is kept, and it may be sent again.
    pub(super) fn internal() -> Self {
        Self {
            is_senders_fault: false,
            ..Self::new(
                "InternalError",
                "InternalError",
                "The embedded queue could not carry out the request.",
            )
        }
    }

    /// The status that goes with it; the SDKs try a 500 again.
    pub(super) fn status(&self) -> StatusCode {
        if self.is_senders_fault {
            StatusCode::BAD_REQUEST
        } else {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(error: rusqlite::Error) -> Self {
        tracing::error!(%error, "the embedded queue's database refused");
        Self::internal()
    }
}
