//! What went wrong at the table, and whether a repeat may help.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

/// A read or write of the table that failed.
///
/// `Display` says what could not be done; the source says why.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation}")]
pub struct StoreError {
    /// What was tried, as in "link a connection".
    pub operation: &'static str,
    kind: Kind,
    source: Option<Box<dyn Error + Send + Sync>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// More than the table takes at this moment.
    Throttled,
    /// No answer, or the table's own trouble, or a transaction that met another.
    Unavailable,
    /// Understood and refused: a mistake of ours, or missing rights.
    Refused,
    /// What is stored, or to be stored, could not be read or written as what it is meant to be.
    Unreadable,
    /// The user was erased.
    Erased,
}

/// The codes by which DynamoDB says "too much".
const THROTTLES: [&str; 4] = [
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ThrottlingException",
    "LimitExceededException",
];

/// The reasons of a cancelled transaction that another moment may not know.
const PASSING_REASONS: [&str; 3] = [
    "TransactionConflict",
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
];

impl StoreError {
    pub(crate) fn new<E>(operation: &'static str, error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + Error + Send + Sync + 'static,
    {
        let kind = match error.as_service_error() {
            Some(service) => {
                let code = service.code().unwrap_or_default();
                let status = error.raw_response().map(|raw| raw.status().as_u16());
                if THROTTLES.contains(&code) {
                    Kind::Throttled
                } else if code == "TransactionConflictException"
                    || status.is_some_and(|status| status >= 500)
                {
                    Kind::Unavailable
                } else {
                    Kind::Refused
                }
            }
            None if matches!(error, SdkError::ConstructionFailure(_)) => Kind::Refused,
            None => Kind::Unavailable,
        };
        Self::of(operation, kind, Some(Box::new(error)))
    }

    /// The error of a transaction, whose reasons lie one level deeper.
    pub(crate) fn of_transaction(
        operation: &'static str,
        error: SdkError<TransactWriteItemsError>,
    ) -> Self {
        let is_passing = reasons(&error).any(|reason| PASSING_REASONS.contains(&reason));
        let mut failed = Self::new(operation, error);
        if is_passing {
            failed.kind = Kind::Unavailable;
        }
        failed
    }

    pub(crate) fn unreadable(
        operation: &'static str,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self::of(operation, Kind::Unreadable, Some(Box::new(source)))
    }

    pub(crate) fn erased(operation: &'static str) -> Self {
        Self::of(operation, Kind::Erased, None)
    }

    /// Others kept coming first, or the table kept part of a batch back.
    pub(crate) fn crowded(operation: &'static str) -> Self {
        Self::of(operation, Kind::Throttled, None)
    }

    fn of(
        operation: &'static str,
        kind: Kind,
        source: Option<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            operation,
            kind,
            source,
        }
    }

    /// Says whether the table was asked for more than it takes at this moment.
    pub fn is_throttle(&self) -> bool {
        self.kind == Kind::Throttled
    }

    /// Says whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self.kind {
            Kind::Throttled | Kind::Unavailable => true,
            Kind::Refused | Kind::Unreadable | Kind::Erased => false,
        }
    }

    /// Says whether it was refused because the user was erased.
    pub fn is_erased(&self) -> bool {
        self.kind == Kind::Erased
    }
}

/// Says whether a write was refused by its own condition.
pub(crate) fn is_condition_failed<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    code_of(error) == Some("ConditionalCheckFailedException")
}

/// The code by which the table names the error, where it answered at all.
pub(crate) fn code_of<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Option<&str> {
    error.as_service_error().and_then(|service| service.code())
}

/// Says whether the `index`th write of a transaction was refused by its own condition.
pub(crate) fn is_condition_of_failed(
    error: &SdkError<TransactWriteItemsError>,
    index: usize,
) -> bool {
    reasons(error).nth(index) == Some("ConditionalCheckFailed")
}

fn reasons(error: &SdkError<TransactWriteItemsError>) -> impl Iterator<Item = &str> {
    let canceled = match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(canceled)) => Some(canceled),
        Some(_) | None => None,
    };
    canceled
        .into_iter()
        .flat_map(|canceled| canceled.cancellation_reasons())
        .map(|reason| reason.code().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::error::ErrorMetadata;
    use aws_sdk_dynamodb::operation::put_item::PutItemError;
    use aws_sdk_dynamodb::types::CancellationReason;
    use aws_sdk_dynamodb::types::error::TransactionCanceledException;

    use super::*;
    use crate::testing;

    fn answered(status: u16, code: &str) -> StoreError {
        let metadata = ErrorMetadata::builder().code(code).build();
        let raw = HttpResponse::new(status.try_into().unwrap(), "".into());
        StoreError::new(
            "write",
            SdkError::service_error(PutItemError::generic(metadata), raw),
        )
    }

    fn canceled(reason: &str) -> SdkError<TransactWriteItemsError> {
        let passed = CancellationReason::builder().code("None").build();
        let failed = CancellationReason::builder().code(reason).build();
        let canceled = TransactionCanceledException::builder()
            .cancellation_reasons(passed)
            .cancellation_reasons(failed)
            .build();
        let raw = HttpResponse::new(400.try_into().unwrap(), "".into());
        let error = TransactWriteItemsError::TransactionCanceledException(canceled);
        SdkError::service_error(error, raw)
    }

    #[test]
    fn the_code_says_whether_a_repeat_may_help() {
        for (status, code, is_throttle, is_retryable) in [
            (400, "ProvisionedThroughputExceededException", true, true),
            (400, "RequestLimitExceeded", true, true),
            (400, "ThrottlingException", true, true),
            (400, "TransactionConflictException", false, true),
            (500, "InternalServerError", false, true),
            (503, "", false, true),
            (400, "ValidationException", false, false),
            (400, "AccessDeniedException", false, false),
            (400, "ResourceNotFoundException", false, false),
        ] {
            let error = answered(status, code);
            assert_eq!(error.is_throttle(), is_throttle, "{status} {code}");
            assert_eq!(error.is_retryable(), is_retryable, "{status} {code}");
        }
    }

    #[test]
    fn a_transaction_tells_which_of_its_writes_was_refused() {
        let error = canceled("ConditionalCheckFailed");
        assert!(!is_condition_of_failed(&error, 0) && is_condition_of_failed(&error, 1));
        assert!(!StoreError::of_transaction("write", error).is_retryable());
        let error = canceled("TransactionConflict");
        assert!(!is_condition_of_failed(&error, 1));
        assert!(StoreError::of_transaction("write", error).is_retryable());
    }

    #[test]
    fn an_error_says_what_could_not_be_done() {
        let error = StoreError::erased("link a connection");
        assert_eq!(error.to_string(), "could not link a connection");
        assert!(error.is_erased() && !error.is_retryable());
    }

    #[tokio::test]
    async fn a_table_that_does_not_answer_may_be_asked_again() {
        let table = testing::unreachable_table();
        let error = table.user(testing::user(1)).await.unwrap_err();
        assert!(error.is_retryable() && !error.is_throttle());
        assert!(Error::source(&error).is_some());
    }

    #[tokio::test]
    async fn a_table_that_is_not_there_is_not_asked_again() {
        let table = testing::server().await;
        let error = table.user(testing::user(1)).await.unwrap_err();
        assert!(!error.is_retryable());
        assert_eq!(error.to_string(), "could not read a user");
    }
}
