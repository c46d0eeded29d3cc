//! Whose shelves are meant: the number of a profile, and the key of its owner's own feeds, in what people copy.

use url::Url;

/// A person's feeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feeds {
    /// The number of the profile.
    pub(super) user: u64,
    /// What opens the feeds of a private profile: a secret.
    pub(super) key: Option<String>,
}

/// Why nobody's feeds can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NobodysFeeds {
    #[error(
        "a name alone does not tell whose shelves are meant: paste the address of your profile, which holds a number, or that of a shelf's feed"
    )]
    NoNumber,
    #[error("this is no address at Goodreads")]
    AnotherSite,
}

impl Feeds {
    /// Finds them in what a user typed: a number (`12345`, `12345-jane-doe`), the address of a profile
    /// (`…/user/show/12345-jane-doe`, `…/review/list/12345`), or that of a shelf's feed
    /// (`…/review/list_rss/12345?key=…&shelf=…`), whose key is kept.
    pub(super) fn typed(text: &str, root: &Url) -> Result<Self, NobodysFeeds> {
        let text = text.trim();
        if let Some(user) = number(text) {
            return Ok(Self { user, key: None });
        }
        // Without a dot or a slash it is a name, not an address.
        if !text.contains(['.', '/']) {
            return Err(NobodysFeeds::NoNumber);
        }
        let address = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("https://{text}"))
        };
        let address = address.map_err(|_| NobodysFeeds::AnotherSite)?;
        let is_ours = address.host_str().is_some_and(|host| {
            host == "goodreads.com"
                || host.ends_with(".goodreads.com")
                || root.host_str() == Some(host)
        });
        if !is_ours {
            return Err(NobodysFeeds::AnotherSite);
        }
        Self::of_address(&address).ok_or(NobodysFeeds::NoNumber)
    }

    /// Reads what [`Feeds::address`] wrote.
    pub(super) fn kept(text: &str) -> Option<Self> {
        Self::of_address(&Url::parse(text).ok()?)
    }

    fn of_address(address: &Url) -> Option<Self> {
        let path: Vec<&str> = address.path_segments()?.collect();
        let user = match path.as_slice() {
            ["user", "show", user, ..]
            | ["review", "list" | "list_rss", user, ..]
            | ["user", user]
            | ["user", user, ""] => number(user)?,
            _ => return None,
        };
        let key = address
            .query_pairs()
            .find(|(name, value)| name == "key" && !value.is_empty())
            .map(|(_, value)| value.into_owned());
        Some(Self { user, key })
    }

    /// The address of all shelves' feed: what is kept of the connection.
    pub(super) fn address(&self, root: &Url) -> Url {
        let mut address = root.clone();
        if let Ok(mut path) = address.path_segments_mut() {
            path.pop_if_empty()
                .extend(["review", "list_rss", &self.user.to_string()]);
        }
        if let Some(key) = &self.key {
            address.query_pairs_mut().append_pair("key", key);
        }
        address
    }
}

/// The number that begins a profile's name in addresses, `12345-jane-doe`.
fn number(text: &str) -> Option<u64> {
    let digits = text.split(['-', '.']).next()?;
    digits.parse().ok().filter(|number| *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Url {
        "https://www.goodreads.com".parse().unwrap()
    }

    #[test]
    fn a_profile_is_found_in_whatever_people_copy() {
        for (text, key) in [
            ("12345", None),
            (" 12345-jane-doe ", None),
            ("https://www.goodreads.com/user/show/12345-jane-doe", None),
            ("goodreads.com/user/show/12345", None),
            (
                "https://www.goodreads.com/review/list/12345?shelf=read",
                None,
            ),
            (
                "https://www.goodreads.com/review/list/12345-jane?ref=nav_mybooks",
                None,
            ),
            (
                "https://www.goodreads.com/review/list_rss/12345?key=aB3_x-%2B&shelf=%23ALL%23",
                Some("aB3_x-+"),
            ),
            ("https://m.goodreads.com/review/list_rss/12345?key=", None),
        ] {
            let feeds = Feeds::typed(text, &root()).unwrap();
            assert_eq!((feeds.user, feeds.key.as_deref()), (12345, key), "{text}");
            let address = feeds.address(&root());
            assert_eq!(Feeds::kept(address.as_str()), Some(feeds), "{address}");
        }
    }

    #[test]
    fn what_names_nobody_is_refused_with_what_to_do() {
        for text in [
            "",
            "jane",
            "0",
            "-12",
            "https://www.goodreads.com/jane",
            "https://www.goodreads.com/author/show/1",
        ] {
            assert_eq!(
                Feeds::typed(text, &root()),
                Err(NobodysFeeds::NoNumber),
                "{text}"
            );
        }
        for text in [
            "https://goodreads.com.example/user/show/12345",
            "https://myanimelist.net/user/show/12345",
            "notgoodreads.com/user/show/12345",
            "https://",
        ] {
            assert_eq!(
                Feeds::typed(text, &root()),
                Err(NobodysFeeds::AnotherSite),
                "{text}"
            );
        }
    }

    #[test]
    fn the_feeds_address_stands_under_the_root_that_is_called() {
        let feeds = Feeds {
            user: 7,
            key: Some("a&b".to_owned()),
        };
        let root = "http://127.0.0.1:9/goodreads/".parse().unwrap();
        assert_eq!(
            feeds.address(&root).as_str(),
            "http://127.0.0.1:9/goodreads/review/list_rss/7?key=a%26b"
        );
    }
}
