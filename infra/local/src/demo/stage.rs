//! The stage: the simulated services, a hub in memory before them, and one user signed in everywhere.

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::{CONTENT_TYPE, LOCATION};
use hub_domain::{Secret, Service, SignIn, Source, UserId};
use hub_runtime::http::{ClientKind, user_agent};
use hub_runtime::{Clock, HttpClient};
use hub_twins::samples::{Anime, Format, Part};
use hub_twins::{Simkl, Twins, lastfm, simkl, trakt};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use super::samples::Sample;
use crate::access::Access;
use crate::failure::Failure;
use crate::hub::Hub;
use crate::local::Local;
use crate::users;
use crate::variables::{Variables, local_url};

/// Who plays: the account that the samples name, and the name at every service.
pub(super) const PERSON: &str = "mira";

/// Everything that the demonstration runs on.
pub(super) struct Stage {
    pub(super) clock: Clock,
    pub(super) twins: Twins,
    pub(super) hub: Hub,
    pub(super) access: Access,
    pub(super) user: UserId,
    /// Where the hub listens.
    pub(super) url: Url,
    pub(super) server_token: Secret,
    /// The address that each source posts to.
    pub(super) webhooks: Vec<(Source, Url)>,
    /// Calls what is neither the hub's API nor a service: webhooks and sign-in pages.
    browser: HttpClient,
    /// Keeps the stores alive and the router served.
    _local: Local,
    _server: JoinHandle<()>,
}

impl Stage {
    /// Builds it, with every door open: from here on all goes through HTTP.
    pub(super) async fn build(listen: SocketAddr, clock: Clock) -> Result<Self, Failure> {
        let told = clock.clone();
        let twins = Twins::start(Arc::new(move || told.now())).await;
        let twins = twins
            .map_err(|error| Failure::because("The simulated services did not start", &error))?;
        // Trakt wants https for the way back, which a demonstration on one machine does not have.
        twins.trakt.allow_http_redirects(true);
        twins.trakt.add_user(PERSON);
        twins.simkl.add_user(PERSON);
        furnish(&twins.simkl);
        twins.lastfm.add_user(PERSON);
        let listener = TcpListener::bind(listen).await;
        let listener = listener.map_err(|error| {
            Failure::because(&format!("{listen} cannot be listened at"), &error)
        })?;
        let address = listener.local_addr()?;
        let opened = Local::open(None, variables(&twins), address, clock.clone()).await;
        let local = opened.map_err(|error| error.into_failure(None))?;
        let router = local.router();
        let server = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the demonstration no longer listens"
                );
            }
        });
        let url = Url::parse(&local_url(address))
            .map_err(|error| Failure::because("No address", &error))?;
        let server_token = local.settings.server_token.clone();
        let server_token =
            server_token.ok_or_else(|| Failure::new("The hub has no server token."))?;
        let access = Access::running(url.clone(), server_token.clone())?;
        let user = users::add(&access, PERSON).await?.id;
        let browser = HttpClient::new(ClientKind::Services, user_agent(None))
            .map_err(|error| Failure::because("The demonstration cannot call the hub", &error))?;
        let hub = local.hub.clone();
        let mut stage = Self {
            clock,
            twins,
            hub,
            access,
            user,
            url,
            server_token,
            webhooks: Vec::new(),
            browser,
            _local: local,
            _server: server,
        };
        stage.sign_in_everywhere().await?;
        stage.make_webhooks().await?;
        Ok(stage)
    }

    /// Posts a sample as its source does, and answers with the status.
    pub(super) async fn post(&self, sample: &Sample) -> Result<http::StatusCode, Failure> {
        let address = self
            .webhooks
            .iter()
            .find(|(source, _)| *source == sample.source)
            .map(|(_, url)| url.clone());
        let address = address
            .ok_or_else(|| Failure::new(format!("{} has no webhook address.", sample.source)))?;
        let request = self
            .browser
            .client()
            .post(address)
            .header(CONTENT_TYPE, &sample.content_type);
        let answer = request.body(sample.body.clone()).send().await;
        let answer = answer.map_err(|error| {
            Failure::because(
                &format!("{} was not taken", sample.file),
                &error.without_url(),
            )
        })?;
        Ok(answer.status())
    }

    async fn sign_in_everywhere(&self) -> Result<(), Failure> {
        let with_a_page = |service: &Service| service.sign_in() != SignIn::Token;
        for service in Service::ALL.into_iter().filter(with_a_page) {
            let path = format!("/api/v1/scrobble/connect/{service}");
            let begun = self.access.post(Some(self.user), &path, &json!({})).await?;
            let page = begun["authorize_url"]
                .as_str()
                .and_then(|url| Url::parse(url).ok());
            let page = page.ok_or_else(|| {
                Failure::new(format!("{} shows no sign-in page.", service.title()))
            })?;
            // What a browser does: the page's form, and wherever that leads.
            let form = [("user", PERSON), ("decision", "allow")];
            let way_back = self
                .redirect(self.browser.client().post(page).form(&form), service)
                .await?;
            let answer = self.browser.client().get(way_back).send().await;
            let answer = answer.map_err(|error| not_signed_in(service, &error.without_url()))?;
            let status = answer.status();
            if !(status.is_success() || status.is_redirection()) {
                return Err(Failure::new(format!(
                    "Signing in at {} ended with {status}.",
                    service.title()
                )));
            }
        }
        let token = self.twins.listenbrainz.issue_token(PERSON);
        let path = format!("/api/v1/user/services/{}/connect", Service::ListenBrainz);
        self.access
            .post(Some(self.user), &path, &json!({ "token": token }))
            .await?;
        let connections = self
            .access
            .get(Some(self.user), "/api/v1/scrobble/connections")
            .await?;
        let missing = Service::ALL
            .into_iter()
            .find(|service| !users::is_connected(&connections, *service));
        match missing {
            Some(service) => Err(Failure::new(format!(
                "{} is not connected after signing in.",
                service.title()
            ))),
            None => Ok(()),
        }
    }

    async fn redirect(
        &self,
        request: reqwest::RequestBuilder,
        service: Service,
    ) -> Result<Url, Failure> {
        let answer = request
            .send()
            .await
            .map_err(|error| not_signed_in(service, &error.without_url()))?;
        let place = answer
            .headers()
            .get(LOCATION)
            .and_then(|place| place.to_str().ok());
        let place = place.and_then(|place| Url::parse(place).ok());
        place.ok_or_else(|| {
            Failure::new(format!(
                "{}'s sign-in page answered {} and leads nowhere.",
                service.title(),
                answer.status()
            ))
        })
    }

    async fn make_webhooks(&mut self) -> Result<(), Failure> {
        for source in Source::WEBHOOKS {
            // Kodi names no account; whoever has its address is meant.
            let account = (source != Source::Kodi).then_some(PERSON);
            let made = users::make_webhook(&self.access, self.user, source, account, source.name())
                .await?;
            self.webhooks.push((source, made.url));
        }
        Ok(())
    }

    /// What the simulated services hold, as they themselves say it.
    pub(super) fn pages(&self) -> impl Iterator<Item = (Service, String)> + '_ {
        let page = |service| match service {
            Service::Trakt => self.twins.trakt.url(),
            Service::Simkl => self.twins.simkl.url(),
            Service::LastFm => self.twins.lastfm.url(),
            Service::ListenBrainz => self.twins.listenbrainz.url(),
        };
        Service::ALL
            .into_iter()
            .map(move |service| (service, page(service).to_owned()))
    }
}

/// What Simkl knows of the samples by their titles and by the ids of their episodes; films and shows that are named by
/// an id of their own it knows anyway. Of specials it knows none here.
fn furnish(simkl: &Simkl) {
    simkl.add_movie("Minnie & Moskowitz", 1971, &[("imdb", "tt0067433")]);
    simkl.add_show("Friends", 1994, &[("tvdb", "79168")], &[24, 24]);
    simkl.add_show("Andor", 2022, &[("tvdb", "393189")], &[12]);
    simkl.add_show("Dark", 2017, &[("tvdb", "334824")], &[10]);
    simkl.add_show("Firefly", 2002, &[("tvdb", "78874")], &[14]);
    let ids = [("imdb", "tt0944947"), ("tmdb", "1399"), ("tvdb", "121361")];
    let thrones = simkl.add_show(
        "Game of Thrones",
        2011,
        &ids,
        &[10, 10, 10, 10, 10, 10, 7, 6],
    );
    simkl.add_episode_id(3_254_641, thrones, 1, 1);
    simkl.add_episode_id(3_436_411, thrones, 1, 2);
    simkl.add_anime(Anime {
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
    });
}

fn not_signed_in(service: Service, error: &reqwest::Error) -> Failure {
    Failure::because(&format!("Signing in at {} failed", service.title()), error)
}

/// The settings of a hub before simulated services, and nothing of the machine's own.
fn variables(twins: &Twins) -> Variables {
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
    ])
}
