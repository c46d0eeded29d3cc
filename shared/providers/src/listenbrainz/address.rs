//! The address of a server that speaks `ListenBrainz`'s language, as people write it.

use url::Url;

/// Why an address is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    /// It cannot be read.
    #[error("not an address such as https://host.example/apis/listenbrainz")]
    Unreadable,
    /// It is not for HTTP.
    #[error("the address has to begin with https:// (or http://)")]
    NotHttp,
    /// It holds a user name or a password, a query or a fragment.
    #[error("the address may hold no user name, query or fragment")]
    TooMuch,
}

/// Finds the root before `/1/` of an address that people copy from anywhere.
///
/// It may end with or without `/`, `/1`, `/1/` or `/1/submit-listens`; a path prefix stays. The answer ends without a
/// slash unless it has no path, so that equal servers are written equally. Whether the address may be called at all
/// (https, no private network) is for the caller to say.
///
/// # Errors
///
/// Why it is no address.
pub fn normalise(text: &str) -> Result<Url, NotAnAddress> {
    let mut url = Url::parse(text.trim()).map_err(|_| NotAnAddress::Unreadable)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(NotAnAddress::NotHttp);
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(NotAnAddress::Unreadable);
    }
    let has_more = !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some();
    if has_more {
        return Err(NotAnAddress::TooMuch);
    }
    let path = url.path().trim_end_matches('/');
    let path = ["/1/submit-listens", "/1/validate-token", "/1"]
        .iter()
        .find_map(|end| path.strip_suffix(end))
        .unwrap_or(path)
        .trim_end_matches('/')
        .to_owned();
    url.set_path(&path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_found_however_it_was_copied() {
        for (text, root) in [
            (
                "https://api.listenbrainz.org",
                "https://api.listenbrainz.org/",
            ),
            (
                "https://api.listenbrainz.org/1/",
                "https://api.listenbrainz.org/",
            ),
            (
                "https://h.example/apis/listenbrainz",
                "https://h.example/apis/listenbrainz",
            ),
            (
                " https://h.example/apis/listenbrainz/ ",
                "https://h.example/apis/listenbrainz",
            ),
            (
                "https://h.example/apis/listenbrainz/1",
                "https://h.example/apis/listenbrainz",
            ),
            (
                "https://h.example/apis/listenbrainz/1/",
                "https://h.example/apis/listenbrainz",
            ),
            (
                "https://h.example/apis/listenbrainz/1/submit-listens",
                "https://h.example/apis/listenbrainz",
            ),
            (
                "http://10.0.0.2:42010//1/submit-listens/",
                "http://10.0.0.2:42010/",
            ),
            ("https://h.example/v1", "https://h.example/v1"),
            ("https://H.EXAMPLE:443/1", "https://h.example/"),
        ] {
            assert_eq!(normalise(text).unwrap().as_str(), root, "{text}");
            let again = normalise(root).unwrap();
            assert_eq!(again.as_str(), root, "twice {text}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        assert_eq!(normalise("h.example"), Err(NotAnAddress::Unreadable));
        assert_eq!(normalise("ftp://h.example"), Err(NotAnAddress::NotHttp));
        assert_eq!(
            normalise("https://a:b@h.example"),
            Err(NotAnAddress::TooMuch)
        );
        assert_eq!(
            normalise("https://h.example/?token=x"),
            Err(NotAnAddress::TooMuch)
        );
    }
}
