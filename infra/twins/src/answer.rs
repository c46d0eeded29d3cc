//! What a twin reads and what it answers: one call, whole, and one answer.
//!
//! The rules of a service are functions from a [`Call`] to an [`Answer`]; sockets, faults and the log are around them.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde_json::Value;

/// One request, read to its end.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// When it was taken; a late one gets the time of its taking, not of its arrival.
    pub(crate) at: DateTime<Utc>,
}

impl Call {
    /// The parts of the path between its slashes, percent-decoded.
    pub(crate) fn segments(&self) -> Vec<String> {
        self.path
            .split('/')
            .filter(|part| !part.is_empty())
            .map(decode_segment)
            .collect()
    }

    pub(crate) fn query(&self, name: &str) -> Option<&str> {
        value_of(&self.query, name)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn has_content_type(&self, wanted: &str) -> bool {
        self.header("content-type")
            .and_then(|value| value.split(';').next())
            .is_some_and(|value| value.trim().eq_ignore_ascii_case(wanted))
    }

    pub(crate) fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The fields of a form body; none if the body is not declared a form.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        if !self.has_content_type("application/x-www-form-urlencoded") {
            return Vec::new();
        }
        url::form_urlencoded::parse(&self.body)
            .into_owned()
            .collect()
    }

    /// Query and form together, as the pages for people read them.
    pub(crate) fn fields(&self) -> Vec<(String, String)> {
        let mut fields = self.form();
        fields.extend(self.query.iter().cloned());
        fields
    }

    /// The credential of the `Authorization` header, whatever its scheme is called.
    pub(crate) fn credential(&self) -> Option<&str> {
        self.header("authorization")?.split_whitespace().nth(1)
    }
}

/// The first value of a name.
pub(crate) fn value_of<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(field, _)| field == name)
        .map(|(_, value)| value.as_str())
}

fn decode_segment(segment: &str) -> String {
    // A plus sign stands for itself in a path.
    let escaped = segment
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    url::form_urlencoded::parse(escaped.as_bytes())
        .next()
        .map(|(name, _)| name.into_owned())
        .unwrap_or_default()
}

/// One answer: status, headers and the body, whatever the body is.
#[derive(Debug, Clone)]
pub struct Answer {
    pub(crate) status: StatusCode,
    /// A list and not a map: an answer stays small enough to be the error of a rule.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Bytes,
    /// Whose call it turned out to be; for the log.
    pub(crate) user: Option<String>,
}

impl Answer {
    /// An answer without a body; a status outside 100 to 999 becomes 500.
    #[must_use]
    pub fn status(status: u16) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: Vec::new(),
            body: Bytes::new(),
            user: None,
        }
    }

    /// A JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &Value) -> Answer {
        Answer::body(status, "application/json", body.to_string())
    }

    /// An HTML answer.
    #[must_use]
    pub fn html(status: u16, body: impl Into<String>) -> Answer {
        Answer::body(status, "text/html; charset=UTF-8", body.into())
    }

    /// Any body of any type.
    #[must_use]
    pub fn body(status: u16, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
        let mut answer = Answer::status(status);
        answer
            .headers
            .push((CONTENT_TYPE, HeaderValue::from_static(content_type)));
        answer.body = body.into();
        answer
    }

    /// The same answer with one more header; a name or value that HTTP cannot carry is left out.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl ToString) -> Answer {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(&value.to_string());
        if let (Ok(name), Ok(value)) = (name, value) {
            self.headers.push((name, value));
        }
        self
    }

    pub(crate) fn redirect(to: &str) -> Answer {
        Answer::status(302).header(LOCATION.as_str(), to)
    }

    pub(crate) fn of_user(mut self, user: &str) -> Answer {
        self.user = Some(user.to_owned());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_segment_is_decoded_and_keeps_its_plus_signs() {
        assert_eq!(decode_segment("a%20b+c=d&e%2Ff"), "a b+c=d&e/f");
    }

    #[test]
    fn a_header_that_http_cannot_carry_is_left_out() {
        let answer = Answer::status(200).header("x-broken", "line\nbreak");
        assert!(answer.headers.is_empty());
    }
}
