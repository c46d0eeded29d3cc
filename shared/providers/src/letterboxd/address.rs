//! Whose diary is meant: the name in what people copy.

use url::Url;

/// What stands first in addresses and is nobody's name.
const NOT_NAMES: [&str; 14] = [
    "about", "activity", "actor", "director", "film", "films", "import", "journal", "list",
    "lists", "members", "search", "settings", "user",
];

/// Why a text is nobody's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotAName {
    #[error(
        "this is no user name of Letterboxd: they have 2 to 15 letters, digits and underscores"
    )]
    Spelling,
    #[error("this is no address at Letterboxd")]
    AnotherSite,
}

/// Finds the name in what a user typed: `alice`, `@alice`, the address of a profile or of anything below it, a feed's too.
pub(super) fn typed(text: &str, root: &Url) -> Result<String, NotAName> {
    let text = text.trim();
    if !text.contains(['.', '/']) {
        return checked(text.strip_prefix('@').unwrap_or(text)).ok_or(NotAName::Spelling);
    }
    let address = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let address = address.map_err(|_| NotAName::AnotherSite)?;
    let is_ours = address.host_str().is_some_and(|host| {
        host == "letterboxd.com"
            || host.ends_with(".letterboxd.com")
            || root.host_str() == Some(host)
    });
    if !is_ours {
        return Err(NotAName::AnotherSite);
    }
    name_in(&address).ok_or(NotAName::Spelling)
}

/// Reads what [`feed`] wrote.
pub(super) fn kept(text: &str) -> Option<String> {
    name_in(&Url::parse(text).ok()?)
}

/// The address of a person's feed.
pub(super) fn feed(name: &str, root: &Url) -> Url {
    let mut address = root.clone();
    if let Ok(mut path) = address.path_segments_mut() {
        path.pop_if_empty().extend([name, "rss", ""]);
    }
    address
}

fn name_in(address: &Url) -> Option<String> {
    checked(address.path_segments()?.next()?)
}

fn checked(name: &str) -> Option<String> {
    let is_name = (2..=15).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !NOT_NAMES.contains(&name.to_ascii_lowercase().as_str());
    is_name.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Url {
        "https://letterboxd.com".parse().unwrap()
    }

    #[test]
    fn a_name_is_found_in_whatever_people_copy() {
        for text in [
            "Alice_1",
            " @Alice_1 ",
            "letterboxd.com/Alice_1",
            "https://letterboxd.com/Alice_1/",
            "https://letterboxd.com/Alice_1/films/diary/",
            "https://www.letterboxd.com/Alice_1/rss/",
        ] {
            let name = typed(text, &root()).unwrap();
            assert_eq!(name, "Alice_1", "{text}");
            let address = feed(&name, &root());
            assert_eq!(address.as_str(), "https://letterboxd.com/Alice_1/rss/");
            assert_eq!(kept(address.as_str()), Some(name));
        }
    }

    #[test]
    fn what_is_nobodys_name_is_refused_with_what_a_name_is() {
        for text in [
            "",
            "a",
            "alice bob",
            "ålice",
            "sixteen_letters_",
            "https://letterboxd.com/film/heat-1995/",
            "letterboxd.com/",
        ] {
            assert_eq!(typed(text, &root()), Err(NotAName::Spelling), "{text}");
        }
        for text in [
            "https://boxd.it/29qU",
            "https://letterboxd.com.example/alice",
            "https://trakt.tv/alice",
        ] {
            assert_eq!(typed(text, &root()), Err(NotAName::AnotherSite), "{text}");
        }
    }
}
