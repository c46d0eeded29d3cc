//! Multipart bodies: Plex always, Emby by default, the unofficial Jellyfin plugin's Plex format.
//!
//! A real parser on the raw bytes, since a poster's JPEG may hold anything: line breaks, braces, almost a boundary.
//! Plex gives its `payload` part a content type of its own and no filename; both are accepted, and neither decides.

use bytes::Bytes;
use futures_util::{FutureExt, stream};
use multer::Multipart;

use crate::outcome::BodyError;

/// Parts beyond this are not looked at; the sources send two.
const MOST_PARTS: usize = 64;

/// The text fields of a multipart body, in their order. Images and other files are left out.
///
/// # Errors
///
/// A body that does not follow its boundary, unless the JSON came before the break.
pub(super) fn fields(boundary: &str, body: &[u8]) -> Result<Vec<(String, String)>, BodyError> {
    // All bytes are there, so the parser never has to wait, and needs no runtime.
    read(boundary, Bytes::copy_from_slice(body))
        .now_or_never()
        .unwrap_or_else(|| Err(malformed()))
}

async fn read(boundary: &str, body: Bytes) -> Result<Vec<(String, String)>, BodyError> {
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = Multipart::new(whole, boundary);
    let mut fields = Vec::new();
    for _ in 0..MOST_PARTS {
        let part = match parts.next_field().await {
            Ok(Some(part)) => part,
            Ok(None) => break,
            // The image after the JSON was cut off on the way: the JSON is what counts.
            Err(_) if has_wrapper(&fields) => break,
            Err(_) => return Err(malformed()),
        };
        let Some(name) = part.name().map(str::to_owned) else {
            continue;
        };
        let is_image = part
            .content_type()
            .is_some_and(|content_type| content_type.type_() == "image");
        match part.bytes().await {
            Ok(bytes) if !is_image => {
                fields.push((name, String::from_utf8_lossy(&bytes).into_owned()));
            }
            Ok(_) => {}
            Err(_) if has_wrapper(&fields) => break,
            Err(_) => return Err(malformed()),
        }
    }
    Ok(fields)
}

fn has_wrapper(fields: &[(String, String)]) -> bool {
    fields
        .iter()
        .any(|(name, _)| super::WRAPPERS.contains(&name.as_str()))
}

fn malformed() -> BodyError {
    BodyError::new("the multipart body is not well-formed")
}

/// The boundary that a content type names, quoted or not; its case is kept.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let mut rest = content_type.split_once(';')?.1;
    loop {
        let (name, value) = rest.split_once('=')?;
        let value = value.trim_start();
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => value.split_once(';').unwrap_or((value, "")),
        };
        if name
            .trim_matches([';', ' ', '\t'])
            .eq_ignore_ascii_case("boundary")
        {
            return is_boundary(value.trim()).then(|| value.trim().to_owned());
        }
        rest = after;
    }
}

/// The boundary that a body begins with, if it begins as a form's parts do.
pub(super) fn boundary_of_body(body: &[u8]) -> Option<String> {
    let start = body.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let head = body.get(start..body.len().min(start + 600))?;
    let line = head.split(|byte| *byte == b'\n').next()?;
    let boundary = std::str::from_utf8(line)
        .ok()?
        .trim_end()
        .strip_prefix("--")?;
    let next = head.get(line.len() + 1..)?.to_ascii_lowercase();
    (is_boundary(boundary) && next.starts_with(b"content-")).then(|| boundary.to_owned())
}

/// RFC 2046 allows 1 to 70 characters; some senders use more.
fn is_boundary(text: &str) -> bool {
    (1..=200).contains(&text.len()) && text.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_quoted_or_not_and_keep_their_case() {
        for (content_type, expected) in [
            (
                "multipart/form-data; boundary=------5c3aD1",
                Some("------5c3aD1"),
            ),
            ("multipart/form-data; boundary=\"a;b=C\"", Some("a;b=C")),
            (
                "multipart/form-data; charset=utf-8; Boundary=x ; a=b",
                Some("x"),
            ),
            (
                "multipart/form-data; a=\"boundary=no\"; boundary=yes",
                Some("yes"),
            ),
            ("multipart/form-data", None),
            ("multipart/form-data; boundary=", None),
            ("multipart/form-data; boundary=\"open", None),
        ] {
            assert_eq!(
                boundary(content_type).as_deref(),
                expected,
                "{content_type}"
            );
        }
    }

    #[test]
    fn a_cut_image_does_not_lose_the_json_before_it() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"payload\"\r\n\r\n{}\r\n\
            --x\r\nContent-Disposition: form-data; name=\"thumb\"; filename=\"t.jpg\"\r\n\r\n\xff\xd8";
        assert_eq!(
            fields("x", body),
            Ok(vec![("payload".to_owned(), "{}".to_owned())])
        );
        assert!(fields("y", body).is_err());
        assert!(fields("x", &body[..40]).is_err());
    }

    #[test]
    fn a_lost_header_is_read_from_the_body() {
        let body =
            b"\r\n--aB1\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n{}\r\n--aB1--";
        assert_eq!(boundary_of_body(body).as_deref(), Some("aB1"));
        assert_eq!(boundary_of_body(b"--aB1"), None);
        assert_eq!(boundary_of_body(b"{}"), None);
    }
}
