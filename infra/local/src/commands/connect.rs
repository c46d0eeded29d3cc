//! `hub connect`, `hub connections`, `hub disconnect`: the services and the user's accounts there.

use std::io::{BufRead, Write};
use std::time::Duration;

use http::{Method, StatusCode};
use hub_domain::{Secret, Service, SignIn};
use serde_json::{Value, json};

use super::answer;
use crate::access::Access;
use crate::cli::{Connect, Disconnect, Whom};
use crate::failure::Failure;
use crate::output::{Output, cell, time_cell};
use crate::users::{self, User};

const CONNECTIONS: &str = "/api/v1/scrobble/connections";
/// How often a service is asked whether the person has agreed, unless it says otherwise.
const DEFAULT_INTERVAL: Duration = Duration::from_secs(5);
/// The longest pause between two askings, whatever an answer says.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Connects a service, or says what there is to connect.
pub(super) async fn connect<R: BufRead, W: Write>(
    asked: &Connect,
    access: &Access,
    input: &mut R,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let Some(service) = asked.service else {
        return explain(&asked.whom, access, output).await;
    };
    let user = users::find(access, asked.whom.user.as_deref()).await?;
    let connection = match service.sign_in() {
        SignIn::Token => by_token(asked, &user, access, input, output).await?,
        SignIn::Feed => by_name(asked, service, &user, access, input, output).await?,
        SignIn::OAuth | SignIn::WebAuth => {
            if asked.token.is_some() || asked.url.is_some() {
                return Err(Failure::new(format!(
                    "--token and --url are for listenbrainz, not for {service}."
                )));
            }
            if service.has_device_flow() {
                by_device(service, &user, access, output).await?
            } else {
                in_the_browser(service, &user, access, input, output).await?
            }
        }
    };
    if output.is_json() {
        return Ok(output.json(&connection)?);
    }
    let account = cell(&connection["username"]);
    let account = if account.is_empty() {
        String::new()
    } else {
        format!(" as {account}")
    };
    output.line(format!(
        "{} is connected{account} for {}.",
        service.title(),
        user.label()
    ))?;
    if !access.is_running() {
        output.line("No hub runs at the moment: `hub serve` starts it.")?;
    }
    Ok(())
}

/// Lists the connections.
pub(super) async fn list<W: Write>(
    whom: &Whom,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let user = users::find(access, whom.user.as_deref()).await?;
    let connections = access.get(Some(user.id), CONNECTIONS).await?;
    if output.is_json() {
        return Ok(output.json(&connections)?);
    }
    let columns = ["service", "account", "health", "connected", "profile"];
    Ok(output.table(&columns, items(&connections).map(row).collect())?)
}

/// Disconnects a service.
pub(super) async fn disconnect<W: Write>(
    asked: &Disconnect,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    let user = users::find(access, asked.whom.user.as_deref()).await?;
    let path = format!("/api/v1/user/services/{}/disconnect", asked.service);
    let done = access.post(Some(user.id), &path, &json!({})).await?;
    if output.is_json() {
        return Ok(output.json(&done)?);
    }
    Ok(output.line(cell(&done["detail"]))?)
}

async fn explain<W: Write>(
    whom: &Whom,
    access: &Access,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    if output.is_json() {
        return list(whom, access, output).await;
    }
    list(whom, access, output).await?;
    output.line("")?;
    for service in Service::ALL {
        let command = format!("hub connect {service}");
        output.line(format!("{command:<28}{}", needs(service)))?;
    }
    Ok(())
}

/// What a person meets when connecting, and what the hub needs before.
const fn needs(service: Service) -> &'static str {
    match service {
        Service::Trakt => "a code to enter at trakt.tv; the hub needs TRAKT_CLIENT_ID",
        Service::Simkl => "a code to enter at simkl.com/pin; the hub needs SIMKL_CLIENT_ID",
        Service::LastFm => "an address to open; the hub needs LASTFM_API_KEY and LASTFM_API_SECRET",
        Service::ListenBrainz => {
            "your token from https://listenbrainz.org/settings/; --url for other servers"
        }
        Service::AniList => {
            "a page to agree on; the hub needs ANILIST_CLIENT_ID and ANILIST_CLIENT_SECRET"
        }
        Service::MyAnimeList => "a page to agree on; the hub needs MYANIMELIST_CLIENT_ID",
        Service::Goodreads => {
            "your profile, or the address of your shelf's feed; in by feed, out by file"
        }
        Service::Letterboxd => "your name there; in by feed, out by file",
    }
}

async fn by_token<R: BufRead, W: Write>(
    asked: &Connect,
    user: &User,
    access: &Access,
    input: &mut R,
    output: &mut Output<W>,
) -> Result<Value, Failure> {
    let token = match &asked.token {
        Some(token) => token.clone(),
        None => {
            if !output.is_json() {
                output.ask(
                    "Your token (ListenBrainz shows it at https://listenbrainz.org/settings/): ",
                )?;
            }
            let token = answer(input)?
                .ok_or_else(|| Failure::new("No token was given; nothing was connected."))?;
            Secret::new(token)
        }
    };
    let mut body = json!({ "token": token.reveal() });
    if let Some(url) = &asked.url {
        body["url"] = json!(url);
    }
    access
        .post(Some(user.id), &finish(Service::ListenBrainz), &body)
        .await
}

/// Names a public feed: there is nothing to sign in at.
async fn by_name<R: BufRead, W: Write>(
    asked: &Connect,
    service: Service,
    user: &User,
    access: &Access,
    input: &mut R,
    output: &mut Output<W>,
) -> Result<Value, Failure> {
    let title = service.title();
    if asked.token.is_some() {
        return Err(Failure::new(format!(
            "{title} is connected by a name, not by a token."
        )));
    }
    let name = match &asked.url {
        Some(url) => url.to_string(),
        None => {
            if !output.is_json() {
                if let Some(note) = service.note() {
                    output.line(note)?;
                }
                output.ask(&format!(
                    "Your name at {title}, or the address of your profile or feed: "
                ))?;
            }
            answer(input)?
                .ok_or_else(|| Failure::new("No name was given; nothing was connected."))?
        }
    };
    let body = json!({ "username": name });
    access.post(Some(user.id), &finish(service), &body).await
}

/// Signs in by a page; the browser comes back to the hub where it has a public address, and else shows the person the
/// address that it was sent to.
async fn in_the_browser<R: BufRead, W: Write>(
    service: Service,
    user: &User,
    access: &Access,
    input: &mut R,
    output: &mut Output<W>,
) -> Result<Value, Failure> {
    let title = service.title();
    let path = format!("/api/v1/scrobble/connect/{service}");
    let begun = access.post(Some(user.id), &path, &json!({})).await?;
    let page = cell(&begun["authorize_url"]);
    if output.is_json() {
        output.json(&json!({ "authorize_url": page, "expires_at": begun["expires_at"] }))?;
    } else {
        output.line(format!("Open   {}", output.strong(&page)))?;
        output.ask(
            "Agree there, then paste the address that the browser was sent to (it holds a code): ",
        )?;
    }
    let nothing = || Failure::new("No address was given; nothing was connected.");
    let text = answer(input)?.ok_or_else(nothing)?;
    let back = url::Url::parse(text.trim()).map_err(|_| {
        Failure::new(format!(
            "That is no address. {title} sends the browser to one that holds a code."
        ))
    })?;
    let part = |name: &str| {
        let mut pairs = back.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let (Some(code), Some(state)) = (part("code"), part("state")) else {
        return Err(Failure::new(format!(
            "That address holds no code: {title} did not let the hub in. Begin again."
        )));
    };
    let body = json!({ "code": code, "state": state });
    match access.post(Some(user.id), &finish(service), &body).await {
        Ok(connection) => Ok(connection),
        // Where the hub runs at the address that the browser was sent to, the sign-in has ended there by now.
        Err(failure) => {
            let connections = access.get(Some(user.id), CONNECTIONS).await?;
            let connected = users::is_connected(&connections, service);
            let found = items(&connections).find(|item| item["service"] == service.name());
            found.filter(|_| connected).cloned().ok_or(failure)
        }
    }
}

/// Signs in on whatever screen the person likes, and asks until they have agreed: it needs no public address.
async fn by_device<W: Write>(
    service: Service,
    user: &User,
    access: &Access,
    output: &mut Output<W>,
) -> Result<Value, Failure> {
    let path = format!("/api/v1/scrobble/connect/{service}");
    let begun = access
        .post(Some(user.id), &path, &json!({ "device": true }))
        .await?;
    if output.is_json() {
        // A script shows this to somebody; the state in it is of use to nobody else.
        output.json(
            &json!({ "user_code": begun["user_code"], "verification_url": begun["verification_url"],
            "expires_at": begun["expires_at"] }),
        )?;
    } else {
        output.line(format!(
            "Open   {}",
            output.strong(&cell(&begun["verification_url"]))
        ))?;
        if let Some(code) = begun["user_code"].as_str() {
            output.line(format!("Enter  {}", output.strong(code)))?;
        }
        output.line(format!(
            "Waiting until you agree there (till {}) …",
            time_cell(&begun["expires_at"])
        ))?;
    }
    let state = begun["state"]
        .as_str()
        .ok_or_else(|| Failure::new("The hub's answer has no state."))?;
    let mut interval = seconds(&begun["interval"]).unwrap_or(DEFAULT_INTERVAL);
    loop {
        pause(interval).await;
        let asked = access
            .ask(
                Method::POST,
                Some(user.id),
                &finish(service),
                Some(&json!({ "state": state })),
            )
            .await?;
        if asked.status != StatusCode::ACCEPTED {
            return asked.ok();
        }
        // The service may ask for more patience.
        interval = seconds(&asked.body["retry_after"]).unwrap_or(interval);
    }
}

fn finish(service: Service) -> String {
    format!("/api/v1/user/services/{service}/connect")
}

fn items(connections: &Value) -> impl Iterator<Item = &Value> {
    connections["items"].as_array().into_iter().flatten()
}

fn row(connection: &Value) -> Vec<String> {
    let service = cell(&connection["service"]);
    let title = service
        .parse::<Service>()
        .map_or(service, |service| service.title().to_owned());
    let health = if let Some(why) = connection["why_unavailable"].as_str() {
        format!("off: {why}")
    } else if connection["connected"] != true {
        "not connected".to_owned()
    } else if connection["enabled"] == false {
        "switched off".to_owned()
    } else {
        let why = connection["health_detail"]
            .as_str()
            .map(|why| format!(": {why}"));
        format!(
            "{}{}",
            cell(&connection["health"]).replace('_', " "),
            why.unwrap_or_default()
        )
    };
    vec![
        title,
        cell(&connection["username"]),
        health,
        time_cell(&connection["connected_at"]),
        cell(&connection["profile_url"]),
    ]
}

/// A pause that an answer names in seconds, within bounds.
fn seconds(value: &Value) -> Option<Duration> {
    let seconds = value.as_f64().filter(|seconds| *seconds >= 0.0)?;
    Some(
        Duration::try_from_secs_f64(seconds)
            .unwrap_or(LONGEST_INTERVAL)
            .min(LONGEST_INTERVAL),
    )
}

async fn pause(length: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "a person at a terminal is waited for, not a delivery"
    )]
    tokio::time::sleep(length).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::post;
    use axum::{Json, Router};
    use hub_domain::UserId;
    use uuid::Uuid;

    use super::*;

    fn user() -> User {
        User {
            id: UserId(Uuid::from_u128(7)),
            name: Some("me".to_owned()),
            created_at: String::new(),
        }
    }

    #[tokio::test]
    async fn a_device_sign_in_is_asked_for_until_the_person_has_agreed() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        let begin = || async {
            Json(
                json!({ "state": "s", "user_code": "AB12", "verification_url": "https://trakt.tv/activate", "interval": 0 }),
            )
        };
        let poll = |Json(body): Json<Value>| async move {
            assert_eq!(body["state"], "s");
            let is_early = ASKED.fetch_add(1, Ordering::SeqCst) < 2;
            let status = if is_early {
                StatusCode::ACCEPTED
            } else {
                StatusCode::OK
            };
            (
                status,
                Json(json!({ "username": "anna", "retry_after": 0 })),
            )
        };
        let router = Router::new()
            .route("/api/v1/scrobble/connect/trakt", post(begin))
            .route("/api/v1/user/services/trakt/connect", post(poll));
        let access = Access::through(router, Secret::new("x"));
        let mut written = Vec::new();
        let mut output = Output::plain(&mut written, false);
        let connection = by_device(Service::Trakt, &user(), &access, &mut output)
            .await
            .unwrap();
        assert_eq!(
            (
                connection["username"].as_str(),
                ASKED.load(Ordering::SeqCst)
            ),
            (Some("anna"), 3)
        );
        let text = String::from_utf8(written).unwrap();
        assert!(
            text.contains("https://trakt.tv/activate\nEnter  AB12\n"),
            "{text}"
        );
    }

    #[test]
    fn a_connection_says_how_it_stands() {
        let health = |connection: Value| row(&connection)[2].clone();
        assert_eq!(
            health(json!({ "service": "trakt", "connected": false })),
            "not connected"
        );
        assert_eq!(
            health(json!({ "service": "trakt", "why_unavailable": "X is not set" })),
            "off: X is not set"
        );
        assert_eq!(
            health(json!({ "service": "trakt", "connected": true, "enabled": false })),
            "switched off"
        );
        let waits = json!({ "service": "trakt", "connected": true, "health": "reconnect_required",
            "health_detail": "Trakt asks you to sign in again." });
        assert_eq!(
            health(waits),
            "reconnect required: Trakt asks you to sign in again."
        );
    }

    #[test]
    fn an_interval_stays_within_bounds() {
        assert_eq!(seconds(&json!(5)), Some(Duration::from_secs(5)));
        assert_eq!(seconds(&json!(1e300)), Some(LONGEST_INTERVAL));
        assert_eq!(seconds(&json!(-1)), None);
        assert_eq!(seconds(&Value::Null), None);
    }
}
