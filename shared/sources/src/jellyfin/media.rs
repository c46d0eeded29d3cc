//! The flat object's item, and the keys that templates use in its place.

use chrono::TimeDelta;
use hub_domain::{ItemKind, MediaItem};

use crate::base_item::{add_provider_ids, kind, plain_guid};
use crate::making::show_title_and_year;
use crate::outcome::{BodyError, Ignored};
use crate::values::{Fields, TICKS, clock_length};

/// The item, or why it is not for the hub.
///
/// # Errors
///
/// A number that is none.
pub(super) fn item(root: &Fields<'_>) -> Result<Result<MediaItem, Ignored>, BodyError> {
    let Some(item_type) = root.first_text(&["ItemType", "media_type"]) else {
        return Ok(Err(Ignored::NoItem));
    };
    let kind = match kind(&item_type) {
        Ok(kind) => kind,
        Err(reason) => return Ok(Err(reason)),
    };
    let mut item = MediaItem::new(kind);
    item.content_id = plain_guid(root.text("ItemId"));
    item.title = display(root, "Name");
    item.released_on = root.date("PremiereDate");
    item.duration = duration(root)?;
    for (key, _) in root.entries() {
        let provider = key
            .get(..9)
            .filter(|prefix| prefix.eq_ignore_ascii_case("provider_"));
        if let (Some(_), Some(value)) = (provider, root.text(key)) {
            add_provider_ids(
                &mut item.ids,
                key.get(9..).unwrap_or_default(),
                &value,
                kind,
            );
        }
    }
    let year = match root.year("Year")? {
        Some(year) => Some(year),
        None => year_of_template(root),
    };
    match kind {
        ItemKind::Episode => {
            // A template's `title` is the show's where the item is an episode.
            let series = display(root, "SeriesName").or_else(|| display(root, "title"));
            let (title, title_year) = show_title_and_year(series);
            item.show_title = title;
            item.show_year = year.or(title_year);
            item.season = first_count(root, ["SeasonNumber", "season"])?;
            item.episode = first_count(root, ["EpisodeNumber", "episode"])?;
            let end = root.count("EpisodeNumberEnd")?;
            item.episode_end = end.filter(|end| Some(*end) > item.episode);
        }
        ItemKind::Season => {
            let (title, title_year) = show_title_and_year(display(root, "SeriesName"));
            item.show_title = title;
            item.show_year = year.or(title_year);
            item.season = root.count("SeasonNumber")?;
        }
        ItemKind::Track | ItemKind::Album => {
            // The first artist of the track; the plugin sends no album artist.
            item.artist = display(root, "Artist");
            item.album = display(root, "Album").filter(|_| kind == ItemKind::Track);
            item.title = item.title.or_else(|| display(root, "title"));
            item.year = year;
        }
        ItemKind::Movie
        | ItemKind::Show
        | ItemKind::Artist
        | ItemKind::PodcastEpisode
        | ItemKind::Book => {
            item.title = item.title.or_else(|| display(root, "title"));
            item.year = year;
        }
    }
    Ok(Ok(item))
}

fn duration(root: &Fields<'_>) -> Result<Option<TimeDelta>, BodyError> {
    let ticks = root.duration("RunTimeTicks", TICKS)?;
    let clock =
        || clock_length(&root.text("RunTime")?).filter(|length| *length > TimeDelta::zero());
    Ok(ticks.or_else(clock))
}

/// Templates write the year as a date: `2022-01-01`.
fn year_of_template(root: &Fields<'_>) -> Option<i32> {
    root.date("release_date")
        .map(|date| chrono::Datelike::year(&date))
}

fn first_count(root: &Fields<'_>, keys: [&str; 2]) -> Result<Option<u32>, BodyError> {
    match root.count(keys[0])? {
        Some(count) => Ok(Some(count)),
        None => root.count(keys[1]),
    }
}

/// Text for people: the plugin escapes quotes before it encodes, and templates write HTML.
fn display(root: &Fields<'_>, key: &str) -> Option<String> {
    let text = root.text(key)?.replace("\\\"", "\"");
    let is_html = text.find('&').is_some_and(|at| text[at..].contains(';'));
    if is_html {
        Some(html_escape::decode_html_entities(&text).into_owned())
    } else {
        Some(text)
    }
}
