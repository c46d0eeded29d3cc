//! Kodi has no webhooks: its add-ons post, each in its own shape, and none of them names a server or an account.

pub(crate) mod add_ons;
pub(crate) mod json_rpc;
pub(crate) mod scrobbler;

use hub_domain::{ExternalId, ItemKind, Namespace, Scope, ServerRef, Source};

use crate::making::add_id;
use crate::values::Fields;

fn server() -> ServerRef {
    ServerRef::unnamed(Source::Kodi)
}

/// Film or episode; Kodi's add-ons report nothing else that a service takes.
fn kind(name: &str) -> Option<ItemKind> {
    match name.to_ascii_lowercase().as_str() {
        "movie" => Some(ItemKind::Movie),
        "episode" => Some(ItemKind::Episode),
        _ => None,
    }
}

/// The ids of a `uniqueIds` object.
fn unique_ids(ids: &Fields<'_>, scope: Scope) -> Vec<ExternalId> {
    let ids = ids.folded();
    let mut found = Vec::new();
    for (key, namespace) in [
        ("imdb", Namespace::Imdb),
        ("tmdb", Namespace::Tmdb),
        ("tvdb", Namespace::Tvdb),
        ("trakt", Namespace::Trakt),
        ("tvmaze", Namespace::Tvmaze),
        ("anidb", Namespace::Anidb),
    ] {
        let id = ids
            .text(key)
            .and_then(|value| ExternalId::new(namespace, scope, &value).ok());
        add_id(&mut found, id);
    }
    found
}

#[cfg(test)]
mod tests;
