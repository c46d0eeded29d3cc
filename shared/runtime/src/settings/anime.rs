//! Where the list of anime comes from, and who knows which show an episode is of.

use hub_domain::Secret;
use url::Url;

use super::reader::{Reader, SettingsError};

/// Where the list of anime is fetched, unless the operator names another address.
///
/// Source: <https://github.com/anibridge/anibridge-mappings> (MIT), built daily.
pub const DEFAULT_MAP_URL: &str =
    "https://github.com/anibridge/anibridge-mappings/releases/download/v3/mappings.min.json";
/// The root of TMDB's API, unless the operator names another.
///
/// Source: <https://developer.themoviedb.org/docs/getting-started>
pub const DEFAULT_TMDB_API_URL: &str = "https://api.themoviedb.org";

/// What finding the place of an anime takes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnimeSettings {
    /// Where the list of anime is fetched (`ANIME_MAP_URL`).
    pub map_url: Url,
    /// The root of TMDB's API (`TMDB_API_URL`).
    pub tmdb_api_url: Url,
    /// The read access token of TMDB (`TMDB_TOKEN`); without one TMDB is not asked.
    pub tmdb_token: Option<Secret>,
}

pub(super) fn read(reader: &Reader<'_>) -> Result<AnimeSettings, SettingsError> {
    Ok(AnimeSettings {
        map_url: address(reader, "ANIME_MAP_URL", DEFAULT_MAP_URL)?,
        tmdb_api_url: address(reader, "TMDB_API_URL", DEFAULT_TMDB_API_URL)?,
        tmdb_token: reader.secret("TMDB_TOKEN")?,
    })
}

fn address(reader: &Reader<'_>, variable: &str, default: &str) -> Result<Url, SettingsError> {
    match reader.url(variable)? {
        Some(url) => Ok(url),
        // A test parses both defaults, so this names a mistake of ours, not of the operator.
        None => Url::parse(default).map_err(|_| SettingsError::wrong(variable, "a web address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    #[test]
    fn the_list_and_tmdb_have_their_published_addresses_and_no_token_unless_it_is_set() {
        let AnimeSettings {
            map_url,
            tmdb_api_url,
            tmdb_token,
        } = Settings::of([]).unwrap().anime;
        assert_eq!(map_url.as_str(), DEFAULT_MAP_URL);
        assert_eq!(tmdb_api_url.as_str(), "https://api.themoviedb.org/");
        assert_eq!(tmdb_token, None);
        let set = Settings::of([
            ("ANIME_MAP_URL", "http://127.0.0.1:9/list.json"),
            ("TMDB_API_URL", "http://127.0.0.1:9/tmdb"),
            ("TMDB_TOKEN", "a.b.c"),
        ]);
        let set = set.unwrap().anime;
        assert_eq!(set.map_url.path(), "/list.json");
        assert_eq!(set.tmdb_api_url.path(), "/tmdb");
        assert_eq!(set.tmdb_token.as_ref().map(Secret::reveal), Some("a.b.c"));
        assert!(!format!("{set:?}").contains("a.b.c"));
    }

    #[test]
    fn a_wrong_address_or_token_names_its_variable() {
        for (variable, text) in [
            ("ANIME_MAP_URL", "mappings.json"),
            ("TMDB_API_URL", "ftp://api.example"),
            ("TMDB_TOKEN", "two words"),
        ] {
            let error = Settings::of([(variable, text)]).unwrap_err();
            assert_eq!(error.variable(), variable);
            assert!(!error.to_string().contains(text));
        }
    }
}
