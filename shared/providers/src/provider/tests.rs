use std::collections::BTreeSet;

use hub_domain::{ItemKind, MediaItem, Play, PlayId, Secret};
use url::Url;

use super::*;
use crate::seam::{Prepared, Revoked, Tokens};
use crate::testing::{at, client, context, episode, movie, play, track};
use crate::{LastFmApp, ListenBrainzApp};

/// Those that are written to; the first three can renew their tokens.
fn all() -> [Provider; 6] {
    let url = |text: &str| text.parse::<Url>().unwrap();
    let trakt = OAuthApp {
        client_id: "id".to_owned(),
        client_secret: None,
        api_url: url("https://api.trakt.tv"),
        auth_url: url("https://auth.trakt.tv"),
    };
    let simkl = OAuthApp {
        api_url: url("https://api.simkl.com"),
        auth_url: url("https://simkl.com"),
        ..trakt.clone()
    };
    let myanimelist = OAuthApp {
        api_url: url("https://api.myanimelist.net"),
        auth_url: url("https://myanimelist.net"),
        ..trakt.clone()
    };
    let anilist = OAuthApp {
        api_url: url("https://graphql.anilist.co"),
        auth_url: url("https://anilist.co"),
        ..trakt.clone()
    };
    let lastfm = LastFmApp {
        api_key: "key".to_owned(),
        api_secret: Secret::new("secret"),
        api_url: url("https://ws.audioscrobbler.com/2.0/"),
        auth_url: url("https://www.last.fm/api/auth/"),
    };
    let listenbrainz = ListenBrainzApp {
        api_url: url("https://api.listenbrainz.org"),
    };
    [
        Provider::Trakt(Trakt::new(trakt, client())),
        Provider::Simkl(Simkl::new(simkl, client())),
        Provider::MyAnimeList(MyAnimeList::new(myanimelist, client())),
        Provider::LastFm(LastFm::new(lastfm, client())),
        Provider::ListenBrainz(ListenBrainz::new(listenbrainz, client())),
        Provider::AniList(AniList::new(anilist, client())),
    ]
}

#[test]
fn each_play_is_settled_prepared_or_left_and_the_rounds_come_to_an_end() {
    let mut plays: Vec<Play> = (0..260)
        .map(|n| {
            let media = match n % 5 {
                0 => movie("tt0133093"),
                1 => episode(u32::try_from(n).unwrap(), None),
                2 => MediaItem::new(ItemKind::PodcastEpisode),
                3 => MediaItem::new(ItemKind::Track),
                _ => track("a", &format!("t{n}")),
            };
            let times = (n % 7 != 0).then(|| at(n * 60));
            let mut play = play(media, times, times);
            play.item = hub_domain::ItemKey::new(n.to_string());
            play.id = PlayId::new(play.user, &play.item, times);
            play
        })
        .collect();
    plays.push(play(movie("tt0000001"), Some(at(10_000)), Some(at(16_000))));
    for provider in all() {
        for url in [None, Some("https://maloja.example/apis/listenbrainz")] {
            let mut open = plays.clone();
            while !open.is_empty() {
                let preparation = provider.prepare_plays(&open, &context(url), at(16_010));
                assert_eq!(
                    preparation,
                    provider.prepare_plays(&open, &context(url), at(16_010))
                );
                let prepared = preparation.prepared.map(|it| it.plays).unwrap_or_default();
                let settled = preparation.settled.into_iter().map(|(id, _)| id);
                let gone: Vec<PlayId> = settled
                    .chain(prepared.into_iter().map(|it| it.play))
                    .collect();
                assert!(!gone.is_empty());
                let given: BTreeSet<PlayId> = open.iter().map(|it| it.id.clone()).collect();
                let parts = gone.iter().chain(&preparation.left);
                assert_eq!(parts.clone().count(), given.len());
                assert_eq!(parts.cloned().collect::<BTreeSet<_>>(), given);
                open.retain(|it| preparation.left.contains(&it.id));
            }
        }
    }
}

#[test]
fn what_is_written_down_keeps_its_stored_format() {
    let film = play(movie("tt0133093"), Some(at(0)), Some(at(7000)));
    let prepared = all()[0]
        .prepare_plays(&[film], &context(None), at(7001))
        .prepared
        .unwrap();
    let stored = r#"{"call":"scrobble/stop","body":"{\"movie\":{\"title\":\"The Matrix\",\"year\":1999,\"ids\":{\"imdb\":\"tt0133093\"}},\"progress\":85.0}","plays":[{"play":"20251120T120000000Z-610c9e76838efd24","watched_at":"2025-11-20T13:56:40Z"}],"prepared_at":"2025-11-20T13:56:41Z"}"#;
    assert_eq!(serde_json::to_string(&prepared).unwrap(), stored);
    assert_eq!(serde_json::from_str::<Prepared>(stored).unwrap(), prepared);
}

#[test]
fn each_service_is_called_at_its_own_host_within_its_own_limit() {
    let hosts = all().map(|provider| provider.host(None));
    let expected = [
        "api.trakt.tv",
        "api.simkl.com",
        "api.myanimelist.net",
        "ws.audioscrobbler.com",
        "api.listenbrainz.org",
        "graphql.anilist.co",
    ];
    assert_eq!(hosts, expected);
    for provider in all() {
        assert!(provider.limit(None).calls > 0);
        assert_eq!(provider.service().to_string(), provider.service().name());
    }
}

#[tokio::test]
async fn tokens_without_an_end_are_never_refreshed() {
    let redirect: Url = "https://hub.example/callback".parse().unwrap();
    for provider in &all()[3..] {
        let tokens = Tokens::lasting("token");
        let error = provider
            .refresh(&tokens, &redirect, at(0))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, hub_domain::Disposition::Auth);
        let revoked = provider.revoke(&tokens, at(0)).await.unwrap();
        assert_eq!(revoked, Revoked::ByTheUserAlone);
    }
}
