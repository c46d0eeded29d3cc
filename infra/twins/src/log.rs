//! What a twin was asked, in order, without the secrets: for counting calls and comparing bodies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use crate::answer::{Answer, Call};

/// How many requests are remembered; the oldest go first.
pub const MOST_REQUESTS: usize = 200_000;

/// Fields whose values are never kept.
const SECRETS: [&str; 13] = [
    "access_token",
    "refresh_token",
    "token",
    "client_secret",
    "code",
    "code_verifier",
    // Without a hash it is the verifier.
    "code_challenge",
    "device_code",
    "sk",
    "api_sig",
    "api_key",
    "password",
    "authToken",
];

/// One request as a twin saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenRequest {
    /// GET, POST …
    pub method: String,
    /// The path without its query.
    pub path: String,
    /// What was asked for: the Last.fm method, elsewhere the path.
    pub operation: String,
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// Whose token it carried, once that was established.
    pub user: Option<String>,
    /// The status answered; none while it is held and when the connection was dropped.
    pub status: Option<u16>,
    /// Whether it had its effect, that is: whether the service's own rules saw it.
    pub is_taken: bool,
    /// The query, secrets replaced by `…`.
    pub query: Value,
    /// A JSON or form body, secrets replaced by `…`; null if it was neither.
    pub body: Value,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Entries>>);

#[derive(Debug, Default)]
struct Entries {
    first: usize,
    seen: VecDeque<SeenRequest>,
}

impl Log {
    /// Writes a request down and answers its number.
    pub(crate) fn arrived(&self, call: &Call, operation: &str) -> usize {
        let mut entries = self.entries();
        entries.seen.push_back(SeenRequest {
            method: call.method.to_string(),
            path: call.path.clone(),
            operation: operation.to_owned(),
            at: call.at,
            user: None,
            status: None,
            is_taken: false,
            query: fields(&call.query),
            body: body(call),
        });
        if entries.seen.len() > MOST_REQUESTS {
            entries.seen.pop_front();
            entries.first += 1;
        }
        entries.first + entries.seen.len() - 1
    }

    pub(crate) fn taken(&self, number: usize, answer: &Answer) {
        self.change(number, |seen| {
            seen.is_taken = true;
            seen.user.clone_from(&answer.user);
        });
    }

    pub(crate) fn answered(&self, number: usize, answer: &Answer) {
        self.change(number, |seen| seen.status = Some(answer.status.as_u16()));
    }

    pub(crate) fn all(&self) -> Vec<SeenRequest> {
        self.entries().seen.iter().cloned().collect()
    }

    /// How many asked for exactly that, in any case.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.entries()
            .seen
            .iter()
            .filter(|seen| seen.operation.eq_ignore_ascii_case(operation))
            .count()
    }

    pub(crate) fn clear(&self) {
        let mut entries = self.entries();
        entries.first += entries.seen.len();
        entries.seen.clear();
    }

    fn change(&self, number: usize, change: impl FnOnce(&mut SeenRequest)) {
        let mut entries = self.entries();
        let index = number.checked_sub(entries.first);
        if let Some(seen) = index.and_then(|index| entries.seen.get_mut(index)) {
            change(seen);
        }
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn body(call: &Call) -> Value {
    let form = call.form();
    if form.is_empty() {
        call.json().map(without_secrets).unwrap_or(Value::Null)
    } else {
        fields(&form)
    }
}

fn fields(fields: &[(String, String)]) -> Value {
    without_secrets(Value::Object(
        fields
            .iter()
            .map(|(name, value)| (name.clone(), value.clone().into()))
            .collect(),
    ))
}

fn without_secrets(value: Value) -> Value {
    if let Value::Object(object) = value {
        return Value::Object(object.into_iter().map(hidden).collect::<Map<_, _>>());
    }
    value
}

fn hidden((name, value): (String, Value)) -> (String, Value) {
    let value = if SECRETS.contains(&name.as_str()) {
        "…".into()
    } else {
        value
    };
    (name, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_kept() {
        let kept = without_secrets(
            serde_json::json!({"refresh_token": "s3cret", "grant_type": "refresh_token"}),
        );
        assert_eq!(
            kept,
            serde_json::json!({"refresh_token": "…", "grant_type": "refresh_token"})
        );
    }
}
