//! The answers as Last.fm spells them: JSON translated from XML, so that one element is an object and several are an
//! array, and numbers are strings in some places and numbers in others.

use serde::Deserialize;
use serde_json::Value;

/// `{"error":9,"message":"Invalid session key - Please re-authenticate"}`
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: i64,
    pub(super) message: String,
}

impl Failure {
    /// The error that a body holds, if it holds one.
    pub(super) fn read(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        Some(Self {
            error: number(body.get("error")?)?,
            message: body
                .get("message")
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        })
    }
}

/// What became of one scrobble.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ignored {
    /// 0 is accepted.
    pub(super) code: i64,
    /// Often empty; the code is the information.
    pub(super) words: String,
}

/// The answer of `track.scrobble`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scrobbles {
    pub(super) accepted: Option<i64>,
    pub(super) ignored: Option<i64>,
    /// Item by item, in the order of the request; a compatible server may list none.
    pub(super) items: Vec<Ignored>,
}

impl Scrobbles {
    /// Reads the answer; counters stand under `@attr`, or beside it at compatible servers.
    pub(super) fn read(body: &str) -> Option<Self> {
        let body: Value = serde_json::from_str(body).ok()?;
        let scrobbles = body.get("scrobbles")?;
        let counter = |name: &str| {
            let nested = scrobbles.get("@attr").and_then(|attr| attr.get(name));
            nested.or_else(|| scrobbles.get(name)).and_then(number)
        };
        let items = match scrobbles.get("scrobble") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items.iter().map(item).collect::<Option<_>>()?,
            Some(one) => vec![item(one)?],
        };
        Some(Self {
            accepted: counter("accepted"),
            ignored: counter("ignored"),
            items,
        })
    }
}

fn item(item: &Value) -> Option<Ignored> {
    let message = item.get("ignoredMessage")?;
    Some(Ignored {
        code: number(message.get("code")?)?,
        words: message
            .get("#text")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned(),
    })
}

/// A number, or text that is one.
pub(super) fn number(value: &Value) -> Option<i64> {
    value
        .as_i64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// The answer of `auth.getSession`.
#[derive(Deserialize)]
pub(super) struct SessionAnswer {
    pub(super) session: Session,
}

#[derive(Deserialize)]
pub(super) struct Session {
    pub(super) key: String,
}

/// The answer of `auth.getToken`.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) token: String,
}

/// The answer of `user.getInfo`.
#[derive(Deserialize)]
pub(super) struct UserAnswer {
    pub(super) user: User,
}

#[derive(Deserialize)]
pub(super) struct User {
    pub(super) name: String,
    #[serde(default)]
    pub(super) url: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(body: &str) -> Vec<i64> {
        let read = Scrobbles::read(body).unwrap();
        read.items.iter().map(|item| item.code).collect()
    }

    #[test]
    fn one_scrobble_is_an_object_and_several_are_an_array() {
        assert_eq!(codes(include_str!("fixtures/scrobble-one.json")), [0]);
        assert_eq!(
            codes(include_str!("fixtures/scrobble-two-one-ignored.json")),
            [0, 1]
        );
        assert!(codes(r#"{"scrobbles":{"@attr":{"accepted":"0","ignored":"0"}}}"#).is_empty());
    }

    #[test]
    fn counters_are_numbers_or_text_nested_or_not() {
        let today =
            Scrobbles::read(include_str!("fixtures/scrobble-two-one-ignored.json")).unwrap();
        assert_eq!((today.accepted, today.ignored), (Some(1), Some(1)));
        let proxy = Scrobbles::read(r#"{"scrobbles":{"accepted":"1","ignored":"0"}}"#).unwrap();
        assert_eq!((proxy.accepted, proxy.ignored), (Some(1), Some(0)));
        assert_eq!(Scrobbles::read("{}"), None);
        assert_eq!(Scrobbles::read("<lfm/>"), None);
    }
}
