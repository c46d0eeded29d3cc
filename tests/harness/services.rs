//! What the tests need to know of each service: its rows in these tables are all that a new service adds, and with them
//! the shared suites run for it.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use hub_domain::{ItemKind, Secret, Service};
use hub_providers::Tokens;
use hub_twins::{Answer, Faults, SeenRequest, Twins};
use serde_json::{Value, json};

use super::world::PUBLIC_URL;
use super::{World, anime, film, track};

/// The services that keep a history and show what plays; the anime lists keep states.
pub(crate) const WITH_HISTORY: [Service; 4] = [
    Service::Trakt,
    Service::Simkl,
    Service::LastFm,
    Service::ListenBrainz,
];

/// The settings by which a hub reaches the simulated services.
pub(crate) fn variables(twins: &Twins) -> Vec<(&'static str, String)> {
    vec![
        ("TRAKT_CLIENT_ID", hub_twins::trakt::CLIENT_ID.to_owned()),
        ("TRAKT_API_URL", twins.trakt.url().to_owned()),
        ("TRAKT_AUTH_URL", twins.trakt.auth_url().to_owned()),
        ("SIMKL_CLIENT_ID", hub_twins::simkl::CLIENT_ID.to_owned()),
        ("SIMKL_API_URL", twins.simkl.url().to_owned()),
        ("SIMKL_AUTH_URL", twins.simkl.site_url().to_owned()),
        ("LASTFM_API_KEY", hub_twins::lastfm::API_KEY.to_owned()),
        (
            "LASTFM_API_SECRET",
            hub_twins::lastfm::API_SECRET.to_owned(),
        ),
        ("LASTFM_API_URL", twins.lastfm.api_url()),
        ("LASTFM_AUTH_URL", twins.lastfm.auth_url()),
        ("LISTENBRAINZ_API_URL", twins.listenbrainz.url().to_owned()),
        (
            "ANILIST_CLIENT_ID",
            hub_twins::anilist::CLIENT_ID.to_owned(),
        ),
        (
            "ANILIST_CLIENT_SECRET",
            hub_twins::anilist::CLIENT_SECRET.to_owned(),
        ),
        ("ANILIST_API_URL", twins.anilist.url().to_owned()),
        ("ANILIST_AUTH_URL", twins.anilist.site_url().to_owned()),
        (
            "MYANIMELIST_CLIENT_ID",
            hub_twins::myanimelist::CLIENT_ID.to_owned(),
        ),
        ("MYANIMELIST_API_URL", twins.myanimelist.url().to_owned()),
        (
            "MYANIMELIST_AUTH_URL",
            twins.myanimelist.site_url().to_owned(),
        ),
        ("ANIME_MAP_URL", twins.anime_map.url()),
        ("TMDB_API_URL", twins.tmdb.url().to_owned()),
        ("GOODREADS_API_URL", twins.goodreads.url().to_owned()),
        ("LETTERBOXD_API_URL", twins.letterboxd.url().to_owned()),
    ]
}

/// Tells the services that compare it where the hub lets browsers come back to.
pub(crate) fn register(twins: &Twins) {
    let callback = |service: Service| format!("{PUBLIC_URL}/api/v1/scrobble/{service}/callback");
    let (trakt, simkl) = (callback(Service::Trakt), callback(Service::Simkl));
    twins
        .trakt
        .register_app(hub_twins::trakt::CLIENT_ID, None, &[&trakt]);
    twins
        .simkl
        .register_app(hub_twins::simkl::CLIENT_ID, None, &[&simkl]);
    let (id, secret) = (
        hub_twins::anilist::CLIENT_ID,
        hub_twins::anilist::CLIENT_SECRET,
    );
    let anilist = callback(Service::AniList);
    twins.anilist.register_app(id, secret, &[&anilist]);
    let myanimelist = callback(Service::MyAnimeList);
    twins
        .myanimelist
        .register_app(hub_twins::myanimelist::CLIENT_ID, None, &[&myanimelist]);
}

/// Where a service's API is, and the variable that says so.
pub(crate) fn api_url(twins: &Twins, service: Service) -> (&'static str, String) {
    match service {
        Service::Trakt => ("TRAKT_API_URL", twins.trakt.url().to_owned()),
        Service::Simkl => ("SIMKL_API_URL", twins.simkl.url().to_owned()),
        Service::LastFm => ("LASTFM_API_URL", twins.lastfm.api_url()),
        Service::ListenBrainz => ("LISTENBRAINZ_API_URL", twins.listenbrainz.url().to_owned()),
        Service::AniList => ("ANILIST_API_URL", twins.anilist.url().to_owned()),
        Service::MyAnimeList => ("MYANIMELIST_API_URL", twins.myanimelist.url().to_owned()),
        Service::Goodreads => ("GOODREADS_API_URL", twins.goodreads.url().to_owned()),
        Service::Letterboxd => ("LETTERBOXD_API_URL", twins.letterboxd.url().to_owned()),
    }
}

/// The call that takes a play whose moment is past, as faults name it.
pub(crate) const fn late_write(service: Service) -> &'static str {
    match service {
        Service::Trakt | Service::Simkl => "/sync/history",
        Service::LastFm => "track.scrobble",
        Service::ListenBrainz => "/1/submit-listens",
        Service::AniList => "SaveMediaListEntry",
        Service::MyAnimeList => "/v2/anime/16498/my_list_status",
        Service::Goodreads | Service::Letterboxd => "nothing is written there",
    }
}

/// A refusal that will be repeated.
pub(crate) fn refusal(service: Service) -> Answer {
    match service {
        Service::Trakt => Answer::json(422, &json!({"error": "invalid"})),
        Service::Simkl => hub_twins::simkl::refused(400, "wrong_parameter", "Refused."),
        Service::LastFm => Answer::json(200, &json!({"error": 6, "message": "Invalid parameters"})),
        Service::ListenBrainz => Answer::json(400, &json!({"code": 400, "error": "Refused."})),
        Service::AniList => Answer::json(
            400,
            &json!({"data": null, "errors": [{"message": "validation", "status": 400, "validation": {"progress": ["Refused."]}}]}),
        ),
        Service::MyAnimeList => Answer::json(
            400,
            &json!({"error": "bad_request", "message": "invalid status"}),
        ),
        Service::Goodreads | Service::Letterboxd => Answer::json(404, &json!({})),
    }
}

/// Something that the service takes, and for how many seconds it is played to count.
pub(crate) fn item(service: Service) -> (Value, i64) {
    if service.catalogue().is_some() {
        (anime(), 1_400)
    } else if service.takes(ItemKind::Movie) {
        (film(), 7_000)
    } else {
        (track(), 190)
    }
}

impl World {
    /// Signs somebody in at a service without its pages.
    pub(crate) fn issue(&self, service: Service, name: &str) -> Tokens {
        let lasting = |access: String| Tokens {
            access: Secret::new(access),
            refresh: None,
            expires_at: None,
        };
        match service {
            Service::Trakt => {
                let tokens = self.twins.trakt.issue_tokens(name);
                Tokens {
                    access: Secret::new(tokens.access_token),
                    refresh: Some(Secret::new(tokens.refresh_token)),
                    expires_at: Some(tokens.expires_at),
                }
            }
            Service::Simkl => {
                let tokens = self.twins.simkl.issue_tokens(name);
                Tokens {
                    access: Secret::new(tokens.access_token),
                    refresh: tokens.refresh_token.map(Secret::new),
                    expires_at: Some(tokens.expires_at),
                }
            }
            Service::LastFm => lasting(self.twins.lastfm.issue_session(name)),
            Service::ListenBrainz => lasting(self.twins.listenbrainz.issue_token(name)),
            Service::AniList => {
                let tokens = self.twins.anilist.issue_tokens(name);
                Tokens {
                    expires_at: Some(tokens.expires_at),
                    ..lasting(tokens.access_token)
                }
            }
            Service::MyAnimeList => {
                let tokens = self.twins.myanimelist.issue_tokens(name);
                Tokens {
                    access: Secret::new(tokens.access_token),
                    refresh: tokens.refresh_token.map(Secret::new),
                    expires_at: Some(tokens.expires_at),
                }
            }
            Service::Goodreads => lasting(self.twins.goodreads.feed_url(name, "read")),
            Service::Letterboxd => lasting(self.twins.letterboxd.feed_url(name)),
        }
    }

    /// When somebody's plays were, as a service holds them; those of unknown time left out.
    pub(crate) fn held(&self, service: Service, name: &str) -> Vec<DateTime<Utc>> {
        let twins = &self.twins;
        match service {
            Service::Trakt => {
                let entries = twins.trakt.history(name).into_iter();
                entries.filter_map(|entry| entry.watched_at).collect()
            }
            Service::Simkl => {
                let plays = twins.simkl.plays(name).into_iter();
                plays.map(|play| play.watched_at).collect()
            }
            Service::LastFm => {
                let scrobbles = twins.lastfm.scrobbles(name).into_iter();
                scrobbles.map(|one| one.timestamp).collect()
            }
            Service::ListenBrainz => {
                let listens = twins.listenbrainz.listens(name).into_iter();
                listens.map(|one| one.listened_at).collect()
            }
            // Of the anime lists' states: as many plays as episodes are seen, on the day of the last.
            Service::AniList | Service::MyAnimeList => self.seen(service, name),
            Service::Goodreads | Service::Letterboxd => Vec::new(),
        }
    }

    /// As many times as episodes are seen in all of an anime list's entries, each on the entry's last known day.
    fn seen(&self, service: Service, name: &str) -> Vec<DateTime<Utc>> {
        let noon = |day: NaiveDate| day.and_hms_opt(12, 0, 0).map(|noon| noon.and_utc());
        let entries: Vec<(u32, Option<NaiveDate>)> = if service == Service::AniList {
            let list = self.twins.anilist.list(name).into_iter();
            list.map(|entry| {
                let day = day_of(&entry.completed_at).or(day_of(&entry.started_at));
                (entry.progress, day)
            })
            .collect()
        } else {
            let list = self.twins.myanimelist.list(name).into_iter();
            list.map(|entry| {
                let day = entry.finish_date.or(entry.start_date);
                (entry.episodes_watched, day)
            })
            .collect()
        };
        entries
            .into_iter()
            .flat_map(|(seen, day)| {
                let at = day.and_then(noon);
                (0..seen).filter_map(move |_| at)
            })
            .collect()
    }

    /// How far a service's time of a play may lie from the true one.
    pub(crate) fn exactness(service: Service) -> TimeDelta {
        match service {
            Service::Trakt => TimeDelta::seconds(59),
            Service::Simkl | Service::LastFm | Service::ListenBrainz => TimeDelta::zero(),
            Service::AniList | Service::MyAnimeList => TimeDelta::days(1),
            Service::Goodreads | Service::Letterboxd => TimeDelta::zero(),
        }
    }

    /// Says whether a service shows what somebody plays at this moment.
    pub(crate) fn is_shown(&self, service: Service, name: &str) -> bool {
        let twins = &self.twins;
        match service {
            Service::Trakt => twins.trakt.watching(name).is_some(),
            Service::Simkl => twins.simkl.watching(name).is_some(),
            Service::LastFm => twins.lastfm.now_playing(name).is_some(),
            Service::ListenBrainz => twins.listenbrainz.playing_now(name).is_some(),
            Service::AniList | Service::MyAnimeList | Service::Goodreads | Service::Letterboxd => {
                false
            }
        }
    }

    /// What goes wrong at a service on demand.
    pub(crate) fn faults(&self, service: Service) -> &Faults {
        match service {
            Service::Trakt => self.twins.trakt.faults(),
            Service::Simkl => self.twins.simkl.faults(),
            Service::LastFm => self.twins.lastfm.faults(),
            Service::ListenBrainz => self.twins.listenbrainz.faults(),
            Service::AniList => self.twins.anilist.faults(),
            Service::MyAnimeList => self.twins.myanimelist.faults(),
            Service::Goodreads => self.twins.goodreads.faults(),
            Service::Letterboxd => self.twins.letterboxd.faults(),
        }
    }

    /// What a service was asked so far.
    pub(crate) fn requests(&self, service: Service) -> Vec<SeenRequest> {
        match service {
            Service::Trakt => self.twins.trakt.requests(),
            Service::Simkl => self.twins.simkl.requests(),
            Service::LastFm => self.twins.lastfm.requests(),
            Service::ListenBrainz => self.twins.listenbrainz.requests(),
            Service::AniList => self.twins.anilist.requests(),
            Service::MyAnimeList => self.twins.myanimelist.requests(),
            Service::Goodreads => self.twins.goodreads.requests(),
            Service::Letterboxd => self.twins.letterboxd.requests(),
        }
    }

    /// Ends somebody's sign-ins at a service for good.
    pub(crate) fn revoke(&self, service: Service, name: &str) {
        match service {
            Service::Trakt => self.twins.trakt.revoke(name),
            Service::Simkl => self.twins.simkl.revoke(name),
            Service::LastFm => self.twins.lastfm.revoke(name),
            Service::ListenBrainz => self.twins.listenbrainz.revoke(name),
            Service::AniList => self.twins.anilist.revoke(name),
            Service::MyAnimeList => self.twins.myanimelist.revoke(name),
            Service::Goodreads | Service::Letterboxd => {}
        }
    }

    /// Ends somebody's access at a service where it can be renewed; says whether it can.
    pub(crate) fn expire_access(&self, service: Service, name: &str) -> bool {
        match service {
            Service::Trakt => self.twins.trakt.expire_access(name),
            Service::Simkl => self.twins.simkl.expire_access(name),
            Service::MyAnimeList => self.twins.myanimelist.expire_access(name),
            Service::LastFm
            | Service::ListenBrainz
            | Service::AniList
            | Service::Goodreads
            | Service::Letterboxd => return false,
        }
        true
    }
}

fn day_of(date: &hub_twins::anilist::FuzzyDate) -> Option<NaiveDate> {
    let (year, month, day) = (date.year?, date.month?, date.day?);
    NaiveDate::from_ymd_opt(
        i32::try_from(year).ok()?,
        u32::try_from(month).ok()?,
        u32::try_from(day).ok()?,
    )
}
