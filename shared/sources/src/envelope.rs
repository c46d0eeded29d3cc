//! Unwraps a webhook's body down to its JSON object.
//!
//! The parser is chosen by the content type, then by the body, never by the address: relays re-encode, and people
//! post with whatever header their tool sets. Plex and Emby wrap their JSON in a form field, Jellyfin calls its JSON
//! `text/plain`, and curl calls everything a form.

mod multipart;

use serde_json::{Map, Value};

use crate::outcome::BodyError;

/// The form fields that hold the JSON: Plex's and Emby's.
const WRAPPERS: [&str; 2] = ["payload", "data"];

/// Opens a body to its JSON value.
///
/// # Errors
///
/// A body that is neither JSON, nor a form, nor multipart, or whose JSON is broken.
pub(crate) fn open(content_type: Option<&str>, body: &[u8]) -> Result<Value, BodyError> {
    let media_type = content_type
        .and_then(|text| text.split(';').next())
        .map(|text| text.trim().to_ascii_lowercase())
        .unwrap_or_default();
    if let Some(boundary) = boundary_of(&media_type, content_type, body) {
        let form = multipart::fields(&boundary, body)?;
        return unwrap_form(form);
    }
    let text = String::from_utf8_lossy(body);
    let text = trimmed(&text);
    if text.is_empty() {
        return Err(BodyError::new("the body is empty"));
    }
    let is_json = text.starts_with(['{', '[', '"']);
    let is_form = media_type == "application/x-www-form-urlencoded" || looks_like_form(text);
    if is_form && !is_json {
        let form = serde_urlencoded::from_str(text)
            .map_err(|_| BodyError::new("the form is not well-formed"))?;
        return unwrap_form(form);
    }
    unwrap_json(parse(text, None)?)
}

/// The boundary of a multipart body, from its header, or from its first line where a relay lost the header.
fn boundary_of(media_type: &str, content_type: Option<&str>, body: &[u8]) -> Option<String> {
    let starts_as_json = || {
        let first = body.iter().find(|byte| !byte.is_ascii_whitespace());
        matches!(first, Some(b'{' | b'"' | b'[' | 0xef))
    };
    if media_type.starts_with("multipart/") && !starts_as_json() {
        return content_type
            .and_then(multipart::boundary)
            .or_else(|| multipart::boundary_of_body(body));
    }
    if media_type.starts_with("multipart/") {
        return None;
    }
    multipart::boundary_of_body(body)
}

/// Takes the JSON out of the field that holds it; a form without one is itself the object, all of it text.
fn unwrap_form(form: Vec<(String, String)>) -> Result<Value, BodyError> {
    for wrapper in WRAPPERS {
        if let Some((name, text)) = form.iter().find(|(name, _)| name == wrapper) {
            let text = trimmed(text);
            if text.is_empty() {
                return Err(BodyError::at(name.as_str(), "the field is empty"));
            }
            return unwrap_json(parse(text, Some(wrapper))?);
        }
    }
    if form.is_empty() {
        return Err(BodyError::new("the form has no fields"));
    }
    let fields: Map<String, Value> = form
        .into_iter()
        .map(|(name, text)| (name, Value::String(text)))
        .collect();
    Ok(Value::Object(fields))
}

/// JSON inside a JSON string is decoded once more, and so is a form that a relay wrote as JSON.
fn unwrap_json(value: Value) -> Result<Value, BodyError> {
    match value {
        Value::String(ref text) => parse(trimmed(text), None),
        Value::Object(ref map) if map.len() == 1 => {
            for wrapper in WRAPPERS {
                match map.get(wrapper) {
                    Some(Value::String(text)) => return parse(trimmed(text), Some(wrapper)),
                    Some(inner @ Value::Object(_)) => return Ok(inner.clone()),
                    Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_))
                    | None => {}
                }
            }
            Ok(value)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Ok(value)
        }
    }
}

fn parse(text: &str, field: Option<&str>) -> Result<Value, BodyError> {
    serde_json::from_str(text).map_err(|error| {
        // Only the place is told: an error's own words may quote the body.
        let message = format!(
            "the JSON is not well-formed at line {}, column {}",
            error.line(),
            error.column()
        );
        BodyError {
            field: field.map(str::to_owned),
            message,
        }
    })
}

/// Without the byte order mark, the line breaks and the zero bytes that senders put around their JSON.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\0'))
}

/// Says whether a text is `name=value`, whatever its header calls it.
fn looks_like_form(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        (1..=40).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn opened(content_type: &str, body: &str) -> Value {
        open(Some(content_type), body.as_bytes()).unwrap()
    }

    #[test]
    fn json_is_json_whatever_the_header_calls_it() {
        for content_type in [
            "application/json",
            "application/json; charset=utf-8",
            "text/plain; charset=utf-8",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "",
        ] {
            let body = "\u{feff}\r\n{\"event\": \"a=b\"}\r\n\0";
            assert_eq!(
                opened(content_type, body),
                json!({"event": "a=b"}),
                "{content_type}"
            );
        }
        assert_eq!(open(None, b"{}").unwrap(), json!({}));
    }

    #[test]
    fn json_in_a_string_is_decoded_once_more() {
        assert_eq!(
            opened("application/json", r#""{\"event\":\"media.play\"}""#),
            json!({"event": "media.play"})
        );
        assert_eq!(
            opened(
                "application/json",
                r#"{"payload":"{\"event\":\"media.play\"}"}"#
            ),
            json!({"event": "media.play"})
        );
        assert_eq!(
            opened("application/json", r#"{"data":{"Event":"x"}}"#),
            json!({"Event": "x"})
        );
    }

    #[test]
    fn forms_hold_json_in_a_field_or_are_flat() {
        let form = "application/x-www-form-urlencoded";
        assert_eq!(
            opened(form, "data=%7B%22Event%22%3A%22x%20y%22%7D"),
            json!({"Event": "x y"})
        );
        assert_eq!(
            opened("text/plain", "payload=%7B%22a%22%3A1%7D"),
            json!({"a": 1})
        );
        assert_eq!(
            opened(form, "NotificationType=PlaybackStop&Name=The+Menu"),
            json!({"NotificationType": "PlaybackStop", "Name": "The Menu"})
        );
    }

    #[test]
    fn what_is_broken_is_told_by_place_and_field_and_never_quoted() {
        let error = open(None, b"{\"title\": \"Secret\", \"season\": ,}").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the JSON is not well-formed at line 1, column 31"
        );
        let error = open(
            Some("application/x-www-form-urlencoded"),
            b"payload=%7B%22Secret",
        )
        .unwrap_err();
        assert_eq!(error.field.as_deref(), Some("payload"));
        assert!(!error.to_string().contains("Secret"));
        assert_eq!(
            open(None, b" \r\n").unwrap_err().to_string(),
            "the body is empty"
        );
        assert!(open(Some("text/plain"), b"hello").is_err());
    }

    #[test]
    fn bytes_that_are_no_utf_8_do_not_lose_the_event() {
        let value = open(None, b"{\"event\":\"media.play\",\"title\":\"\xff\xfe\"}").unwrap();
        assert_eq!(value["event"], "media.play");
    }
}
