//! What an item can be asked for by, and what the answers are worth.

use hub_domain::identity::fold;
use hub_domain::media::{ExternalId, Namespace};
use hub_domain::{MediaItem, Scope};
use hub_providers::{Asked, EpisodeOf};

use super::Same;
use super::lookups::Outcome;
use super::same::{same, words};

/// The namespaces of an episode's own ids, in the order in which they are asked for.
const OWN: [Namespace; 4] = [
    Namespace::Tvdb,
    Namespace::Tmdb,
    Namespace::Imdb,
    Namespace::Trakt,
];

/// Weighs the answers about one id: the one that is the item beyond doubt, if there is exactly one.
pub(crate) fn weigh(
    media: &MediaItem,
    asked: Asked,
    id: &ExternalId,
    answers: Vec<EpisodeOf>,
    outcome: &mut Outcome,
) -> Option<EpisodeOf> {
    let name = format!("{} {}", name_of(id.namespace), id.value());
    if answers.is_empty() {
        outcome.notes.push(format!("{asked}: no episode {name}"));
        return None;
    }
    let mut sure = Vec::new();
    for of in answers {
        match same(media, id, &of) {
            Same::Yes => sure.push(of),
            Same::Unsure(why) => {
                let doubt = format!("{asked} has {name} as {why}");
                outcome.notes.push(doubt.clone());
                outcome.unsure.get_or_insert((of, doubt));
            }
            Same::No(what) => {
                let note = format!("{asked}: {name} is another item there, {what}");
                outcome.notes.push(note);
            }
        }
    }
    match sure.len() {
        0 => None,
        1 => {
            let of = sure.pop()?;
            outcome
                .notes
                .push(format!("{asked}: {name} is {}", words(&of)));
            Some(of)
        }
        several => {
            let note = format!("{asked}: {several} episodes have {name}");
            outcome.notes.push(note);
            None
        }
    }
}

/// The item's own ids that can be asked for, in order.
pub(crate) fn own_ids(media: &MediaItem) -> Vec<&ExternalId> {
    let of = |namespace| {
        let mut ids = media.ids.iter();
        ids.find(move |id| id.scope == Scope::Item && id.namespace == namespace)
    };
    OWN.into_iter().filter_map(of).collect()
}

/// Why a service cannot be asked for an item: it has no id that it knows.
pub(crate) fn unaskable(media: &MediaItem) -> String {
    let own: Vec<String> = media
        .ids
        .iter()
        .filter(|id| id.scope == Scope::Item)
        .map(|id| format!("{} {}", name_of(id.namespace), id.value()))
        .collect();
    if own.is_empty() {
        return "the episode came without an id of its own".to_owned();
    }
    format!("it cannot be asked for {}", own.join(", "))
}

/// Whose id it is, for people.
const fn name_of(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::Imdb => "IMDb",
        Namespace::Tmdb => "TMDB",
        Namespace::Tvdb => "TheTVDB",
        Namespace::Trakt => "Trakt",
        Namespace::Tvmaze => "TVmaze",
        Namespace::Anidb => "AniDB",
        Namespace::Myanimelist => "MyAnimeList",
        Namespace::Anilist => "AniList",
        Namespace::PlexGuid => "Plex",
        Namespace::RecordingMbid
        | Namespace::TrackMbid
        | Namespace::ReleaseMbid
        | Namespace::ReleaseGroupMbid
        | Namespace::ArtistMbid => "MusicBrainz",
        Namespace::Isrc => "ISRC",
        Namespace::Isbn => "ISBN",
    }
}

/// By what the episodes of one show are known to be of one: Plex's id of it, else its title and year.
pub(crate) fn show_key(media: &MediaItem) -> Option<String> {
    let plex = media.show_id(Namespace::PlexGuid);
    if let Some(id) = plex {
        return Some(format!("plex/{id}"));
    }
    // Without a year two shows of one name would be one.
    let (title, year) = (media.show_title.as_deref()?, media.show_year?);
    let title = fold(title);
    (!title.is_empty()).then(|| format!("title/{title}/{year}"))
}
