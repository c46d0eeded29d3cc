//! Recognises whose body it is.
//!
//! People post the wrong source to the wrong address, and one source's templates imitate another. What is
//! unmistakable decides; everything else is what the address says.

use hub_domain::Source;

use crate::values::Fields;

/// The shapes that the hub reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Plex Media Server.
    Plex,
    /// The official Jellyfin plugin's flat object, or a template of it.
    JellyfinFlat,
    /// The unofficial Jellyfin plugin, "Default" format.
    JellyfinUnofficial,
    /// The unofficial Jellyfin plugin, "Plex" format.
    JellyfinAsPlex,
    /// The unofficial Jellyfin plugin, "Get" format: no item.
    JellyfinQuery,
    /// Emby.
    Emby,
    /// Tautulli.
    Tautulli,
    /// Kodi, the HTTP Scrobbler add-on.
    KodiScrobbler,
    /// Kodi, in the words of its JSON-RPC.
    KodiJsonRpc,
    /// Kodi, movary's add-on.
    KodiMovary,
    /// Kodi, ryot's add-on.
    KodiRyot,
    /// None of them.
    Unknown,
}

/// Says which shape a body has that was posted to the address of `source`.
pub(crate) fn recognise(source: Source, root: &Fields<'_>) -> Shape {
    unmistakable(source, root).unwrap_or(match source {
        Source::Plex => Shape::Plex,
        Source::Jellyfin => Shape::JellyfinFlat,
        Source::Emby => Shape::Emby,
        Source::Tautulli => Shape::Tautulli,
        Source::Kodi => Shape::KodiScrobbler,
        Source::Canonical | Source::Queue => Shape::Unknown,
    })
}

fn unmistakable(source: Source, root: &Fields<'_>) -> Option<Shape> {
    let folded = root.folded();
    if let Some(event) = root.text("Event") {
        if event.contains('.') {
            return Some(Shape::Emby);
        }
        if root.try_object("Item").is_some() {
            return Some(Shape::JellyfinUnofficial);
        }
    }
    if folded.text("NotificationType").is_some() {
        return Some(Shape::JellyfinFlat);
    }
    let event = root.text("event").unwrap_or_default();
    if is_plex_like(root, &event) {
        return Some(plex_like(source, root, &event));
    }
    kodi(root, &event).or_else(|| {
        let is_query = ["server", "user", "media_type"]
            .iter()
            .all(|key| root.has(key));
        (!event.is_empty() && is_query && source == Source::Jellyfin)
            .then_some(Shape::JellyfinQuery)
    })
}

fn is_plex_like(root: &Fields<'_>, event: &str) -> bool {
    let is_event = ["media.", "tautulli.", "library.", "admin.", "device."]
        .iter()
        .any(|prefix| event.starts_with(prefix));
    is_event || event == "playback.started" || root.try_object("Metadata").is_some()
}

/// Tells apart those who speak as Plex does: Plex itself, Tautulli's templates, the unofficial Jellyfin plugin.
fn plex_like(source: Source, root: &Fields<'_>, event: &str) -> Shape {
    let metadata = root.object("Metadata");
    let is_templates = event.starts_with("tautulli.")
        || root.text("server").is_some_and(|name| name == "tautulli")
        || metadata.try_object("Guids").is_some()
        // ioBroker's template writes the word in every field that Tautulli cannot fill.
        || metadata.value("art").is_some_and(|art| art == "undefined");
    if is_templates {
        return Shape::Tautulli;
    }
    // A Jellyfin account is a GUID, a Plex account a number.
    let account = root.object("Account").text("id");
    if account.is_some_and(|id| is_guid(&id)) {
        return Shape::JellyfinAsPlex;
    }
    // Only the server itself writes `user` and `owner` as booleans; in templates all is text.
    let is_server = root
        .value("user")
        .is_some_and(serde_json::Value::is_boolean)
        && root.object("Server").text("uuid").is_some();
    match source {
        Source::Tautulli if !is_server => Shape::Tautulli,
        Source::Jellyfin if metadata.text("ratingKey").is_none() => Shape::JellyfinAsPlex,
        Source::Plex
        | Source::Jellyfin
        | Source::Emby
        | Source::Tautulli
        | Source::Kodi
        | Source::Canonical
        | Source::Queue => Shape::Plex,
    }
}

fn kodi(root: &Fields<'_>, event: &str) -> Option<Shape> {
    let method = root.text("method").unwrap_or_default();
    let speaks = |name: &str| name.starts_with("Player.") || name.starts_with("playback_");
    if speaks(&method) || speaks(event) {
        return Some(Shape::KodiJsonRpc);
    }
    if root.has("lot") && root.has("identifier") {
        return Some(Shape::KodiRyot);
    }
    let ids = root.try_object("uniqueIds")?;
    if root.has("mediaType") && !event.is_empty() {
        return Some(Shape::KodiScrobbler);
    }
    (ids.has("tmdbId") && event.is_empty()).then_some(Shape::KodiMovary)
}

fn is_guid(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b'-');
    digits.clone().count() == 32 && digits.clone().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn shape(source: Source, value: &Value) -> Shape {
        recognise(source, &Fields::of(value).unwrap())
    }

    #[test]
    fn what_is_unmistakable_is_read_as_what_it_is_at_every_address() {
        let table = [
            (json!({"Event": "playback.stop"}), Shape::Emby),
            (
                json!({"Event": "Stop", "Item": {}}),
                Shape::JellyfinUnofficial,
            ),
            (
                json!({"notificationtype": "PlaybackStop"}),
                Shape::JellyfinFlat,
            ),
            (
                json!({"event": "media.stop", "user": true, "Server": {"uuid": "x"}, "Metadata": {"ratingKey": "1"}}),
                Shape::Plex,
            ),
            (
                json!({"event": "tautulli.play", "Metadata": {}}),
                Shape::Tautulli,
            ),
            (
                json!({"event": "media.scrobble", "server": "tautulli", "Metadata": {}}),
                Shape::Tautulli,
            ),
            (
                json!({"event": "media.play", "Account": {"id": "9783d243-2b0d-40a8-a716-b6aa46c0ffee"}, "Metadata": {}}),
                Shape::JellyfinAsPlex,
            ),
            (json!({"method": "Player.OnPlay"}), Shape::KodiJsonRpc),
            (
                json!({"lot": "movie", "identifier": "603"}),
                Shape::KodiRyot,
            ),
            (
                json!({"title": "x", "uniqueIds": {"tmdbId": "603"}}),
                Shape::KodiMovary,
            ),
            (
                json!({"event": "end", "mediaType": "movie", "uniqueIds": {}}),
                Shape::KodiScrobbler,
            ),
        ];
        for (value, expected) in table {
            for source in Source::WEBHOOKS {
                assert_eq!(shape(source, &value), expected, "{value} at {source}");
            }
        }
    }

    #[test]
    fn what_could_be_several_is_what_the_address_says() {
        let plex_like = json!({"event": "media.scrobble", "Metadata": {"type": "movie"}});
        assert_eq!(shape(Source::Plex, &plex_like), Shape::Plex);
        assert_eq!(shape(Source::Tautulli, &plex_like), Shape::Tautulli);
        assert_eq!(shape(Source::Jellyfin, &plex_like), Shape::JellyfinAsPlex);
        assert_eq!(shape(Source::Kodi, &json!({})), Shape::KodiScrobbler);
        assert_eq!(shape(Source::Canonical, &json!({})), Shape::Unknown);
    }
}
