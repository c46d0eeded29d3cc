//! The item of a Tautulli notification, from a Plex-like `Metadata` or from parameters on the top level.

use hub_domain::{ExternalId, ItemKind, MediaItem, Namespace, Scope};

use super::duration;
use crate::making::{add_id, is_sample_path, show_title_and_year};
use crate::outcome::{BodyError, Ignored};
use crate::plex;
use crate::values::Fields;

/// The two places where a template may put a value.
pub(super) struct Place<'a> {
    pub(super) root: &'a Fields<'a>,
    pub(super) metadata: &'a Fields<'a>,
}

impl Place<'_> {
    /// The text of a key, in `Metadata` first.
    pub(super) fn text(&self, key: &str) -> Option<String> {
        self.metadata.text(key).or_else(|| self.root.text(key))
    }

    /// Says whether a key is true in either place.
    pub(super) fn is_true(&self, key: &str) -> bool {
        self.metadata.is_true(key) || self.root.is_true(key)
    }

    fn first(&self, keys: &[&str]) -> Option<String> {
        keys.iter().find_map(|key| self.text(key))
    }

    fn count(&self, keys: [&str; 2]) -> Result<Option<u32>, BodyError> {
        for fields in [self.metadata, self.root] {
            for key in keys {
                if let Some(count) = fields.count(key)? {
                    return Ok(Some(count));
                }
            }
        }
        Ok(None)
    }

    /// The item, or why it is not for the hub.
    ///
    /// # Errors
    ///
    /// A number that is none.
    pub(super) fn item(&self) -> Result<Result<MediaItem, Ignored>, BodyError> {
        let Some(item_type) = self.first(&["type", "media_type"]) else {
            return Ok(Err(Ignored::NoItem));
        };
        let kind = match item_type.to_ascii_lowercase().as_str() {
            "movie" => ItemKind::Movie,
            "episode" => ItemKind::Episode,
            "track" => ItemKind::Track,
            "show" => ItemKind::Show,
            "season" => ItemKind::Season,
            "album" => ItemKind::Album,
            "artist" => ItemKind::Artist,
            "clip" => return Ok(Err(Ignored::Extra)),
            _ => return Ok(Err(Ignored::UnsupportedKind)),
        };
        if self.is_true("preroll") || self.metadata.has("extraType") {
            return Ok(Err(Ignored::Extra));
        }
        if self
            .first(&["file", "filename"])
            .is_some_and(|path| is_sample_path(&path))
        {
            return Ok(Err(Ignored::Sample));
        }
        if self.is_grouped() {
            return Ok(Err(Ignored::Grouped));
        }
        let mut item = MediaItem::new(kind);
        item.content_id = self.first(&["ratingKey", "rating_key"]);
        item.duration = duration(self.root, self.metadata)?;
        item.released_on = self
            .metadata
            .date("originallyAvailableAt")
            .or_else(|| self.root.date("air_date"));
        item.ids = self.ids(kind);
        match kind {
            ItemKind::Episode => self.episode(&mut item)?,
            ItemKind::Track => self.track(&mut item)?,
            ItemKind::Movie
            | ItemKind::PodcastEpisode
            | ItemKind::Book
            | ItemKind::Show
            | ItemKind::Season
            | ItemKind::Album
            | ItemKind::Artist => {
                item.title = self.text("title");
                item.year = match self.metadata.year("year")? {
                    Some(year) => Some(year),
                    None => self.root.year("year")?,
                };
            }
        }
        Ok(Ok(item))
    }

    fn episode(&self, item: &mut MediaItem) -> Result<(), BodyError> {
        let title = self.first(&["episode_name", "title"]);
        let show = self.first(&["grandparentTitle", "show_name"]);
        let (show, title) = apart(show, title);
        item.title = title;
        let (show, show_year) = show_title_and_year(show);
        item.show_title = show;
        // `year` is the episode's in one template and the show's in the next: only the named one is told.
        item.show_year = match self.root.year("show_year")? {
            Some(year) => Some(year),
            None => self.metadata.year("show_year")?.or(show_year),
        };
        item.season = self.count(["parentIndex", "season_num"])?;
        item.episode = self.count(["index", "episode_num"])?;
        Ok(())
    }

    fn track(&self, item: &mut MediaItem) -> Result<(), BodyError> {
        let album_artist = self.first(&["grandparentTitle", "artist_name"]);
        item.artist = self
            .first(&["originalTitle", "track_artist"])
            .or_else(|| album_artist.clone());
        let title = self.first(&["track_name", "title"]);
        (item.artist, item.title) = apart(item.artist.take(), title);
        if let Some(title) = item.title.take() {
            item.title = Some(without_prefix(title, album_artist.as_deref()));
        }
        // A common template fills the album's field with the artist again; the album is then not known.
        item.album = self
            .first(&["album_name", "parentTitle"])
            .filter(|album| Some(album) != album_artist.as_ref());
        item.album_artist = album_artist;
        item.track_number = self
            .count(["index", "track_num"])?
            .filter(|number| *number > 0);
        item.disc_number = self
            .count(["parentIndex", "media_index"])?
            .filter(|number| *number > 0);
        Ok(())
    }

    /// Grouped notifications write ranges, `6-10`: they tell of new items, not of a playback.
    fn is_grouped(&self) -> bool {
        self.first(&["index", "episode_num"]).is_some_and(|number| {
            number
                .split_once('-')
                .is_some_and(|(first, _)| first.bytes().any(|byte| byte.is_ascii_digit()))
        })
    }

    /// Every id, those that Tautulli takes from an episode's show with the show's scope.
    fn ids(&self, kind: ItemKind) -> Vec<ExternalId> {
        let scope = match kind {
            ItemKind::Episode | ItemKind::Season => Scope::Show,
            ItemKind::Movie
            | ItemKind::Track
            | ItemKind::PodcastEpisode
            | ItemKind::Book
            | ItemKind::Show
            | ItemKind::Album
            | ItemKind::Artist => Scope::Item,
        };
        let mut ids = Vec::new();
        for mut id in plex::ids(self.metadata, kind) {
            let is_catalogue = matches!(
                id.namespace,
                Namespace::Imdb | Namespace::Tmdb | Namespace::Tvdb
            );
            if is_catalogue {
                id.scope = scope;
            }
            add_id(&mut ids, Some(id));
        }
        let guids = self.metadata.object("Guids");
        let told = |key: &str, parameter: &str| guids.text(key).or_else(|| self.text(parameter));
        for (key, parameter, namespace) in [
            ("imdb", "imdb_id", Namespace::Imdb),
            ("tmdb", "themoviedb_id", Namespace::Tmdb),
            ("tvdb", "thetvdb_id", Namespace::Tvdb),
            ("tvmaze", "tvmaze_id", Namespace::Tvmaze),
        ] {
            let id = told(key, parameter)
                .and_then(|value| ExternalId::new(namespace, scope, &value).ok());
            let is_known = |id: &ExternalId| {
                ids.iter().any(|known: &ExternalId| {
                    known.namespace == id.namespace && known.value() == id.value()
                })
            };
            let id = id.filter(|id| !is_known(id));
            add_id(&mut ids, id);
        }
        if kind == ItemKind::Track {
            let track = told("musicbrainz", "musicbrainz_id");
            let id =
                track.and_then(|id| ExternalId::new(Namespace::TrackMbid, Scope::Item, &id).ok());
            add_id(&mut ids, id);
        }
        ids
    }
}

/// Takes what stands before the ` - ` off a full title, and for the missing name of the whole.
fn apart(whole: Option<String>, title: Option<String>) -> (Option<String>, Option<String>) {
    match (whole, title) {
        (Some(whole), Some(title)) => {
            let title = without_prefix(title, Some(&whole));
            (Some(whole), Some(title))
        }
        (None, Some(title)) => match title.split_once(" - ") {
            Some((whole, part)) if !whole.trim().is_empty() && !part.trim().is_empty() => {
                (Some(whole.to_owned()), Some(part.to_owned()))
            }
            _ => (None, Some(title)),
        },
        (whole, None) => (whole, None),
    }
}

/// Tautulli's `{title}` is `Show - Episode` and `Artist - Track`.
fn without_prefix(title: String, prefix: Option<&str>) -> String {
    prefix
        .and_then(|prefix| title.strip_prefix(prefix)?.strip_prefix(" - "))
        .filter(|rest| !rest.trim().is_empty())
        .map(str::to_owned)
        .unwrap_or(title)
}
