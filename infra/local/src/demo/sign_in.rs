//! Signing in everywhere, as each service wants it: at its page, by a token, or by a name.

use chrono::TimeDelta;
use http::header::LOCATION;
use hub_domain::{Service, SignIn};
use serde_json::{Value, json};
use url::Url;

use super::stage::{PERSON, Stage};
use crate::failure::Failure;
use crate::users;

/// How long a person takes from one service to the next; MyAnimeList takes two calls a second.
const FROM_ONE_TO_THE_NEXT: TimeDelta = TimeDelta::seconds(2);

impl Stage {
    /// Connects the person to every service.
    pub(super) async fn sign_in_everywhere(&self) -> Result<(), Failure> {
        for service in Service::ALL {
            match service.sign_in() {
                SignIn::OAuth | SignIn::WebAuth => self.sign_in_at_the_page(service).await?,
                SignIn::Token => {
                    let token = self.twins.listenbrainz.issue_token(PERSON);
                    self.connect(service, &json!({ "token": token })).await?;
                }
                SignIn::Feed => {
                    let profile = self.profile(service);
                    self.connect(service, &json!({ "username": profile }))
                        .await?;
                }
            }
            self.clock.turn(FROM_ONE_TO_THE_NEXT);
        }
        let path = "/api/v1/scrobble/connections";
        let connections = self.access.get(Some(self.user), path).await?;
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

    async fn connect(&self, service: Service, body: &Value) -> Result<Value, Failure> {
        let path = format!("/api/v1/user/services/{service}/connect");
        self.access.post(Some(self.user), &path, body).await
    }

    /// How a person names their public profile: at Goodreads by its number, which its addresses end with.
    fn profile(&self, service: Service) -> String {
        match service {
            Service::Goodreads => self.twins.goodreads.add_user(PERSON).to_string(),
            Service::Letterboxd
            | Service::Trakt
            | Service::Simkl
            | Service::LastFm
            | Service::ListenBrainz
            | Service::AniList
            | Service::MyAnimeList => PERSON.to_owned(),
        }
    }

    async fn sign_in_at_the_page(&self, service: Service) -> Result<(), Failure> {
        let path = format!("/api/v1/scrobble/connect/{service}");
        let begun = self.access.post(Some(self.user), &path, &json!({})).await?;
        let page = begun["authorize_url"]
            .as_str()
            .and_then(|url| Url::parse(url).ok());
        let page = page
            .ok_or_else(|| Failure::new(format!("{} shows no sign-in page.", service.title())))?;
        // What a browser does: the page's form, and wherever that leads.
        let form = [("user", PERSON), ("decision", "allow")];
        let decided = self.browser.client().post(page).form(&form);
        let way_back = self.redirect(decided, service).await?;
        let answer = self.browser.client().get(way_back).send().await;
        let answer = answer.map_err(|error| not_signed_in(service, &error.without_url()))?;
        let status = answer.status();
        if status.is_success() || status.is_redirection() {
            Ok(())
        } else {
            Err(Failure::new(format!(
                "Signing in at {} ended with {status}.",
                service.title()
            )))
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
}

fn not_signed_in(service: Service, error: &reqwest::Error) -> Failure {
    Failure::because(&format!("Signing in at {} failed", service.title()), error)
}
