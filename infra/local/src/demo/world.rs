//! The simulated services before anybody is signed in: who has an account, what they know, and how the hub finds them.

use hub_domain::Service;
use hub_twins::samples::{self, Anime, Format, Part};
use hub_twins::{Simkl, Twins, anilist, anime_map, lastfm, myanimelist, simkl, trakt};
use serde_json::{Value, json};

use super::stage::PERSON;
use crate::variables::Variables;

/// Opens the accounts, and tells the services what the samples take for known.
pub(super) fn furnish(twins: &Twins) {
    // Trakt wants https for the way back, which a demonstration on one machine does not have.
    twins.trakt.allow_http_redirects(true);
    twins.trakt.add_user(PERSON);
    twins.simkl.add_user(PERSON);
    twins.lastfm.add_user(PERSON);
    twins.anilist.add_user(PERSON);
    twins.myanimelist.add_user(PERSON);
    twins.goodreads.add_user(PERSON);
    twins.letterboxd.add_user(PERSON);
    furnish_simkl(&twins.simkl);
    let mut anime = samples::anime();
    for one in [cowboy_bebop(), spirited_away()] {
        twins.simkl.add_anime(one.clone());
        twins.anilist.add_anime(one.clone());
        twins.myanimelist.add_anime(one.clone());
        anime.push(one);
    }
    let mut list = anime_map::list(&anime);
    name_by_anidb(&mut list, &cowboy_bebop());
    twins.anime_map.publish(list.to_string());
}

/// What Simkl knows of the samples by their titles and by the ids of their episodes; films and shows that are named by
/// an id of their own it knows anyway. Of specials it knows none here.
fn furnish_simkl(simkl: &Simkl) {
    simkl.add_movie("Minnie & Moskowitz", 1971, &[("imdb", "tt0067433")]);
    simkl.add_show("Friends", 1994, &[("tvdb", "79168")], &[24, 24]);
    simkl.add_show("Andor", 2022, &[("tvdb", "393189")], &[12]);
    simkl.add_show("Dark", 2017, &[("tvdb", "334824")], &[10]);
    simkl.add_show("Firefly", 2002, &[("tvdb", "78874")], &[14]);
    let ids = [("imdb", "tt0944947"), ("tmdb", "1399"), ("tvdb", "121361")];
    let seasons = [10, 10, 10, 10, 10, 10, 7, 6];
    let thrones = simkl.add_show("Game of Thrones", 2011, &ids, &seasons);
    simkl.add_episode_id(3_254_641, thrones, 1, 1);
    simkl.add_episode_id(3_436_411, thrones, 1, 2);
}

fn cowboy_bebop() -> Anime {
    Anime {
        title: "Cowboy Bebop".to_owned(),
        year: 1998,
        format: Format::Tv,
        episodes: Some(26),
        aired: 26,
        simkl: None,
        anilist: 1,
        mal: 1,
        anidb: 23,
        tvdb_show: Some(76885),
        tmdb: None,
        imdb: None,
        parts: vec![Part {
            season: 1,
            first: 1,
            own_first: 1,
            episodes: 26,
        }],
    }
}

fn spirited_away() -> Anime {
    Anime {
        title: "Sen to Chihiro no Kamikakushi".to_owned(),
        year: 2001,
        format: Format::Movie,
        episodes: Some(1),
        aired: 1,
        simkl: None,
        anilist: 199,
        mal: 199,
        anidb: 112,
        tvdb_show: None,
        tmdb: Some(129),
        imdb: Some("tt0245429".to_owned()),
        parts: Vec::new(),
    }
}

/// Adds what the real list says of an anime by its number at AniDB, by which some libraries name it.
fn name_by_anidb(list: &mut Value, anime: &Anime) {
    let whole = format!("1-{}", anime.aired);
    let range = json!({ whole.clone(): whole });
    list[format!("anidb:{}:R", anime.anidb)] = json!({
        format!("anilist:{}", anime.anilist): range,
        format!("mal:{}", anime.mal): range,
    });
}

/// What a simulated service holds, as it says it itself.
pub(super) fn page(twins: &Twins, service: Service) -> &str {
    match service {
        Service::Trakt => twins.trakt.url(),
        Service::Simkl => twins.simkl.url(),
        Service::LastFm => twins.lastfm.url(),
        Service::ListenBrainz => twins.listenbrainz.url(),
        Service::AniList => twins.anilist.url(),
        Service::MyAnimeList => twins.myanimelist.url(),
        Service::Goodreads => twins.goodreads.url(),
        Service::Letterboxd => twins.letterboxd.url(),
    }
}

/// The settings of a hub before simulated services, and nothing of the machine's own.
pub(super) fn variables(twins: &Twins) -> Variables {
    Variables::given([
        ("TRAKT_CLIENT_ID", trakt::CLIENT_ID),
        ("TRAKT_API_URL", twins.trakt.url()),
        ("TRAKT_AUTH_URL", twins.trakt.auth_url()),
        ("SIMKL_CLIENT_ID", simkl::CLIENT_ID),
        ("SIMKL_API_URL", twins.simkl.url()),
        ("SIMKL_AUTH_URL", twins.simkl.site_url()),
        ("LASTFM_API_KEY", lastfm::API_KEY),
        ("LASTFM_API_SECRET", lastfm::API_SECRET),
        ("LASTFM_API_URL", &twins.lastfm.api_url()),
        ("LASTFM_AUTH_URL", &twins.lastfm.auth_url()),
        ("LISTENBRAINZ_API_URL", twins.listenbrainz.url()),
        ("ANILIST_CLIENT_ID", anilist::CLIENT_ID),
        ("ANILIST_CLIENT_SECRET", anilist::CLIENT_SECRET),
        ("ANILIST_API_URL", twins.anilist.url()),
        ("ANILIST_AUTH_URL", twins.anilist.site_url()),
        ("MYANIMELIST_CLIENT_ID", myanimelist::CLIENT_ID),
        ("MYANIMELIST_API_URL", twins.myanimelist.url()),
        ("MYANIMELIST_AUTH_URL", twins.myanimelist.site_url()),
        ("ANIME_MAP_URL", &twins.anime_map.url()),
        ("GOODREADS_API_URL", twins.goodreads.url()),
        ("LETTERBOXD_API_URL", twins.letterboxd.url()),
    ])
}
