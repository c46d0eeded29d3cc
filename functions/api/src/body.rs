//! Bodies: read up to their bound, and JSON that names the field where it goes wrong.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::ApiState;
use crate::problem::Problem;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads a body whole, if it is no longer than `limit` bytes.
pub(crate) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Problem> {
    let too_large = || Problem::too_large(format!("The body is larger than {limit} bytes."));
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    match tokio::time::timeout(BODY_TIMEOUT, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(Problem::bad_request("The body ended before it was whole.")),
        Err(_) => Err(Problem::new(
            StatusCode::REQUEST_TIMEOUT,
            "The body took too long to arrive.",
        )),
    }
}

/// A JSON body.
pub(crate) struct Json<T>(pub(crate) T);

/// A JSON body, or none at all.
pub(crate) struct OptionalJson<T>(pub(crate) T);

/// The bytes of a JSON body, which the handler reads as more than one thing.
pub(crate) struct JsonBytes(pub(crate) Bytes);

impl FromRequest<ApiState> for JsonBytes {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        if !is_json(&parts.headers) {
            return Err(not_json());
        }
        let bytes = read(&parts.headers, body, state.settings.max_body_bytes).await?;
        Ok(Self(bytes))
    }
}

impl<T: DeserializeOwned> FromRequest<ApiState> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let JsonBytes(bytes) = JsonBytes::from_request(request, state).await?;
        Ok(Self(parse_object(&bytes)?))
    }
}

impl<T: DeserializeOwned + Default> FromRequest<ApiState> for OptionalJson<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body, state.settings.max_body_bytes).await?;
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(T::default()));
        }
        if !is_json(&parts.headers) {
            return Err(not_json());
        }
        Ok(Self(parse_object(&bytes)?))
    }
}

/// The query of an address.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<ApiState> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &ApiState) -> Result<Self, Problem> {
        let pairs = url::form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                let field = error.path().to_string();
                Problem::bad_request("This value cannot be used here.").within(if field == "." {
                    ""
                } else {
                    &field
                })
            })
    }
}

fn not_json() -> Problem {
    Problem::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "The body has to be JSON: send `Content-Type: application/json`.",
    )
}

/// Says whether the body is said to be JSON: `application/json`, or a type that ends in `+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
    else {
        return false;
    };
    let kind = value
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Reads a JSON object as a value; left to itself, serde takes an array of the fields in their order as well.
///
/// # Errors
///
/// As [`parse`], and 400 for any other JSON.
pub(crate) fn parse_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return parse(bytes);
    }
    parse::<IgnoredAny>(bytes)?;
    Err(Problem::bad_request("A JSON object is expected."))
}

/// Reads JSON as a value.
///
/// # Errors
///
/// 400, with the field where one is to blame; nothing of the body is repeated.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        // A choice that is written as anything but a text is refused as if the JSON itself were broken.
        let is_choice = !error.inner().is_data()
            && path != "."
            && serde_json::from_slice::<IgnoredAny>(bytes).is_ok();
        if is_choice {
            return Problem::bad_request("This value cannot be used here.").within(&path);
        }
        of_json(&path, error.inner())
    })?;
    reader.end().map_err(|error| of_json(".", &error))?;
    Ok(value)
}

fn of_json(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::bad_request(format!(
            "The body is not valid JSON (line {}, column {}).",
            error.line(),
            error.column()
        ));
    }
    let words = error.to_string();
    // The name between the marks is one of ours: serde quotes values by other marks.
    let named = |prefix: &str| {
        let rest = words.strip_prefix(prefix)?;
        rest.split('`').nth(1).map(str::to_owned)
    };
    let outer = if path == "." { "" } else { path };
    if let Some(field) = named("missing field") {
        return Problem::field(field, "This field is needed.").within(outer);
    }
    if let Some(field) = named("duplicate field") {
        return Problem::field(field, "This field is there twice.").within(outer);
    }
    let problem = match expected(&words) {
        Some(expected) => Problem::bad_request(format!("Expected here: {expected}.")),
        None => Problem::bad_request("This value cannot be used here."),
    };
    problem.within(outer)
}

/// What serde expected, without what it found: that is the caller's, and may be secret.
fn expected(words: &str) -> Option<&str> {
    let (_, expected) = words.rsplit_once("expected ")?;
    Some(expected.split(" at line ").next().unwrap_or(expected))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Sample {
        name: String,
        position_ms: Option<i64>,
        kind: Option<Kind>,
        inner: Option<Box<Sample>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Kind {
        Start,
        Stop,
    }

    fn refused(body: &str) -> (Option<String>, String) {
        let problem = parse::<Vec<Sample>>(body.as_bytes()).unwrap_err();
        assert_eq!(problem.status(), StatusCode::BAD_REQUEST);
        (
            problem.field_name().map(str::to_owned),
            problem.detail().to_owned(),
        )
    }

    #[test]
    fn an_error_names_the_field_and_nothing_that_was_sent() {
        let _ = (Kind::Start, Kind::Stop);
        for (body, field, detail) in [
            (
                r#"[{"name":"a","position_ms":"s3cret"}]"#,
                Some("[0].position_ms"),
                "Expected here: i64.",
            ),
            (
                r#"[{"name":"a","position_ms":"x, expected s3cret"}]"#,
                Some("[0].position_ms"),
                "Expected here: i64.",
            ),
            (
                r#"[{"name":"a","position_ms":1.5}]"#,
                Some("[0].position_ms"),
                "Expected here: i64.",
            ),
            (
                r#"[{"position_ms":1}]"#,
                Some("[0].name"),
                "This field is needed.",
            ),
            (
                r#"[{"name":"a"},{"name":"b","inner":{}}]"#,
                Some("[1].inner.name"),
                "This field is needed.",
            ),
            (
                r#"[{"name":"a","name":"b"}]"#,
                Some("[0].name"),
                "This field is there twice.",
            ),
            (
                r#"[{"name":"a","kind":7}]"#,
                Some("[0].kind"),
                "This value cannot be used here.",
            ),
            (
                r#"[{"name":"a","kind":"s3cret"}]"#,
                Some("[0].kind"),
                "Expected here: `start` or `stop`.",
            ),
            (r#"{"name":"s3cret"}"#, None, "Expected here: a sequence."),
            (
                r#"[{"name":s3cret}]"#,
                None,
                "The body is not valid JSON (line 1, column 10).",
            ),
            (
                "[] s3cret",
                None,
                "The body is not valid JSON (line 1, column 4).",
            ),
            ("", None, "The body is not valid JSON (line 1, column 0)."),
        ] {
            assert_eq!(
                refused(body),
                (field.map(str::to_owned), detail.to_owned()),
                "{body}"
            );
        }
    }

    #[test]
    fn an_object_is_not_read_from_its_fields_in_their_order() {
        for (body, detail) in [
            (r#"["a",1]"#, "A JSON object is expected."),
            (r#""s3cret""#, "A JSON object is expected."),
            ("null", "A JSON object is expected."),
            ("[s3cret]", "The body is not valid JSON (line 1, column 2)."),
            ("", "The body is not valid JSON (line 1, column 0)."),
        ] {
            let problem = parse_object::<Sample>(body.as_bytes()).unwrap_err();
            assert_eq!(
                (problem.status().as_u16(), problem.detail()),
                (400, detail),
                "{body}"
            );
        }
        assert!(parse_object::<Sample>(br#" {"name":"a"}"#).is_ok());
    }

    #[test]
    fn a_number_beyond_all_bounds_and_a_nest_without_end_are_refused() {
        assert_eq!(
            refused(r#"[{"name":"a","position_ms":99999999999999999999}]"#)
                .0
                .as_deref(),
            Some("[0].position_ms")
        );
        let nest = parse::<serde_json::Value>("[".repeat(100_000).as_bytes());
        assert_eq!(nest.unwrap_err().status(), StatusCode::BAD_REQUEST);
    }

    #[test]
    fn only_json_is_said_to_be_json() {
        for (kind, expected) in [
            (Some("application/json"), true),
            (Some("Application/JSON; charset=utf-8"), true),
            (Some("application/merge-patch+json"), true),
            (Some("text/plain"), false),
            (Some("application/x-www-form-urlencoded"), false),
            (None, false),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(kind) = kind {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            }
            assert_eq!(is_json(&headers), expected, "{kind:?}");
        }
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_bound_whether_or_not_it_says_its_length() {
        let mut headers = HeaderMap::new();
        let body = || Body::from("12345678");
        assert_eq!(read(&headers, body(), 8).await.unwrap(), "12345678");
        assert_eq!(read(&headers, body(), 7).await.unwrap_err().status(), 413);
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("9"));
        assert_eq!(
            read(&headers, Body::empty(), 8).await.unwrap_err().status(),
            413
        );
    }
}
