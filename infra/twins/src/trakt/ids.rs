//! How Trakt names things: kinds, ids, and what a request says about an item.

use serde::Serialize;
use serde_json::Value;

/// The external ids of one item; those that are absent are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Ids {
    /// Trakt's own number; unique within one kind of item.
    pub trakt: Option<u64>,
    /// Trakt's readable id; episodes have none.
    pub slug: Option<String>,
    /// `tt` and digits; unique across kinds.
    pub imdb: Option<String>,
    /// Unique within one kind.
    pub tmdb: Option<u64>,
    /// Unique within one kind; movies have none.
    pub tvdb: Option<u64>,
}

/// The kinds of item that can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A movie.
    Movie,
    /// A show: never watched itself, only its episodes.
    Show,
    /// An episode.
    Episode,
}

impl Kind {
    /// The word on the wire: `movie`, `show`, `episode`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Movie => "movie",
            Kind::Show => "show",
            Kind::Episode => "episode",
        }
    }
}

/// What a request says about an item.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) ids: Ids,
    pub(crate) title: Option<String>,
    pub(crate) year: Option<i64>,
}

/// A field has the wrong JSON type.
#[derive(Debug)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl Wanted {
    /// Reads `{"title", "year", "ids": {…}}`; null, 0 and "" say nothing.
    pub(crate) fn read(value: &Value) -> Result<Wanted, Malformed> {
        let object = value.as_object().ok_or(Malformed("item"))?;
        let ids = match object.get("ids") {
            None | Some(Value::Null) => &Value::Null,
            Some(ids) if ids.is_object() => ids,
            Some(_) => return Err(Malformed("ids")),
        };
        Ok(Wanted {
            ids: Ids {
                trakt: number(ids, "trakt")?,
                slug: text(ids, "slug")?,
                imdb: text(ids, "imdb")?,
                tmdb: number(ids, "tmdb")?,
                tvdb: number(ids, "tvdb")?,
            },
            title: text(value, "title")?,
            year: number(value, "year")?.and_then(|year| i64::try_from(year).ok()),
        })
    }
}

fn number(object: &Value, name: &'static str) -> Result<Option<u64>, Malformed> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value
            .as_u64()
            .map(|value| Some(value).filter(|value| *value > 0))
            .ok_or(Malformed(name)),
    }
}

fn text(object: &Value, name: &'static str) -> Result<Option<String>, Malformed> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let text = value.as_str().ok_or(Malformed(name))?;
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
        }
    }
}

/// The ids in the order Trakt matches them. Movies have no TVDB id in requests.
pub(crate) fn names_of(kind: Kind, ids: &Ids) -> Vec<(&'static str, String)> {
    let tvdb = ids.tvdb.filter(|_| kind != Kind::Movie);
    let names = [
        ("trakt", ids.trakt.map(|id| id.to_string())),
        ("imdb", ids.imdb.clone()),
        ("tmdb", ids.tmdb.map(|id| id.to_string())),
        ("tvdb", tvdb.map(|id| id.to_string())),
        ("slug", ids.slug.clone()),
    ];
    names
        .into_iter()
        .filter_map(|(namespace, value)| value.map(|value| (namespace, value)))
        .collect()
}

pub(crate) fn is_well_formed(namespace: &str, value: &str) -> bool {
    let digits = if namespace == "imdb" {
        value.strip_prefix("tt")
    } else {
        Some(value)
    };
    namespace == "slug"
        || digits.is_some_and(|digits| {
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        })
}

pub(crate) fn slug(title: &str, year: Option<i64>) -> String {
    let mut slug = String::new();
    for character in title.to_lowercase().chars() {
        if character.is_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    year.map_or_else(|| slug.to_owned(), |year| format!("{slug}-{year}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn null_zero_and_nothing_say_nothing() {
        let wanted =
            Wanted::read(&json!({"ids": {"trakt": 0, "imdb": "", "tmdb": null}, "year": null}));
        assert_eq!(wanted.unwrap().ids, Ids::default());
        assert!(Wanted::read(&json!({"ids": {"imdb": 603}})).is_err());
        assert!(Wanted::read(&json!({"ids": []})).is_err());
    }

    #[test]
    fn a_slug_is_the_title_in_small_letters_and_the_year() {
        assert_eq!(
            slug("Marvel's Agents of S.H.I.E.L.D.", Some(2013)),
            "marvel-s-agents-of-s-h-i-e-l-d-2013"
        );
    }
}
