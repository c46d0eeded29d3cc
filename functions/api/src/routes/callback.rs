//! Where services send the browser back to. The state says who is signing in; it is used up whatever comes of it.

use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY};
use http::{HeaderValue, StatusCode};
use hub_domain::{Secret, Service, SignIn};
use hub_store::OAuthState;
use serde::Deserialize;
use url::Url;
use utoipa::IntoParams;

use super::connect::browser::exchange;
use super::service;
use crate::ApiState;
use crate::body::Query;
use crate::problem::Problem;
use crate::sign_in::keep;

/// What the browser brings.
#[derive(Default, Deserialize, IntoParams)]
pub(crate) struct CallbackQuery {
    /// The word that the sign-in began with.
    state: Option<String>,
    /// The code (OAuth).
    code: Option<String>,
    /// The token (Last.fm).
    token: Option<String>,
    /// Who sends it back (RFC 9207).
    iss: Option<String>,
    /// Why there is none, such as `access_denied`.
    error: Option<String>,
}

/// How a sign-in ended, for people.
#[derive(Debug, PartialEq, Eq)]
enum Ended {
    Connected { username: String },
    Failed { status: StatusCode, why: String },
}

/// Ends a sign-in in the browser: answers a page, or sends it to the `return_to` that the beginning named.
#[utoipa::path(
    get, path = "/api/v1/scrobble/{service}/callback", tag = "connections",
    params(("service" = String, Path, description = "The service's name"), CallbackQuery),
    responses(
        (status = 200, description = "A page: connected", content_type = "text/html", body = String),
        (status = 303, description = "On to `return_to`, with `service` and `status` in its query"),
    ),
    security(())
)]
pub(crate) async fn callback(
    State(state): State<ApiState>,
    Path(name): Path<String>,
    Query(query): Query<CallbackQuery>,
) -> Result<Response, Problem> {
    let service = service(&name)?;
    let word = query
        .state
        .as_deref()
        .filter(|word| word.len() <= 200)
        .unwrap_or_default();
    let taken = match word {
        "" => None,
        word => state.table.take_state(word, state.clock.now()).await?,
    };
    let Some(taken) =
        taken.filter(|taken| taken.service == service && taken.device_sealed.is_none())
    else {
        let why = "This sign-in is unknown, was used already, or took longer than ten minutes. Begin again.".to_owned();
        return Ok(page(
            service,
            &Ended::Failed {
                status: StatusCode::BAD_REQUEST,
                why,
            },
        ));
    };
    let ended = end(&state, &taken, query).await;
    Ok(
        match taken
            .return_to
            .as_deref()
            .and_then(|text| Url::parse(text).ok())
        {
            Some(return_to) => redirect(service, return_to, &ended),
            None => page(service, &ended),
        },
    )
}

/// Ends a sign-in in the browser: answers a page, or sends it to the `return_to` that the beginning named.
#[utoipa::path(
    get, path = "/api/v1/auth/callback/{service}", tag = "connections",
    params(("service" = String, Path, description = "The service's name"), CallbackQuery),
    responses(
        (status = 200, description = "A page: connected", content_type = "text/html", body = String),
        (status = 303, description = "On to `return_to`, with `service` and `status` in its query"),
    ),
    security(())
)]
pub(crate) async fn auth_callback(
    state: State<ApiState>,
    path: Path<String>,
    query: Query<CallbackQuery>,
) -> Result<Response, Problem> {
    callback(state, path, query).await
}

async fn end(state: &ApiState, taken: &OAuthState, query: CallbackQuery) -> Ended {
    let code = match brought(taken.service, query) {
        Ok(code) => code,
        Err(ended) => return ended,
    };
    let signed_in = async {
        let tokens = exchange(state, taken, &code).await?;
        keep(state, taken.user, taken.service, &tokens, None).await
    };
    match signed_in.await {
        Ok(stored) => Ended::Connected {
            username: stored.connection.identity.username,
        },
        Err(problem) => Ended::Failed {
            status: problem.status(),
            why: problem.detail().to_owned(),
        },
    }
}

/// What the browser brought: a code, or why there is none. The service's own words are not shown.
fn brought(service: Service, query: CallbackQuery) -> Result<Secret, Ended> {
    let title = service.title();
    let failed = |why: String| Ended::Failed {
        status: StatusCode::BAD_REQUEST,
        why,
    };
    // A code of another service's, brought here, would be handed to this one.
    if let (Some(issuer), Some(named)) = (service.issuer(), &query.iss)
        && named != issuer
    {
        return Err(failed(format!(
            "The browser came back from somewhere else than {title}. Begin again."
        )));
    }
    match query.error.as_deref() {
        Some("access_denied") => {
            return Err(failed(format!(
                "You did not let the hub into your {title} account."
            )));
        }
        Some(_) => {
            return Err(failed(format!(
                "{title} ended the sign-in with an error. Begin again."
            )));
        }
        None => {}
    }
    let code = match service.sign_in() {
        SignIn::WebAuth => query.token,
        SignIn::OAuth | SignIn::Token | SignIn::Feed => query.code,
    };
    let is_fit = |code: &String| {
        (1..=2_048).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let code = code.filter(is_fit).map(Secret::new);
    code.ok_or_else(|| {
        failed(format!(
            "{title} sent the browser back without a code. Begin again."
        ))
    })
}

fn redirect(service: Service, mut return_to: Url, ended: &Ended) -> Response {
    let status = match ended {
        Ended::Connected { .. } => "connected",
        Ended::Failed { .. } => "failed",
    };
    return_to
        .query_pairs_mut()
        .append_pair("service", service.name())
        .append_pair("status", status);
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(return_to.as_str()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn page(service: Service, ended: &Ended) -> Response {
    let title = service.title();
    let (status, heading, text) = match ended {
        Ended::Connected { username } => (
            StatusCode::OK,
            "Connected",
            format!("{title} is connected as {username}. You can close this page."),
        ),
        Ended::Failed { status, why } => (*status, "Not connected", why.clone()),
    };
    let text = html_escape::encode_text(&text);
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{heading}</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>body{{font:1.1rem/1.5 system-ui,sans-serif;\
         max-width:32rem;margin:20vh auto;padding:0 1rem}}</style></head>\
         <body><h1>{heading}</h1><p>{text}</p></body></html>"
    );
    let mut response = (status, Html(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
        ),
    );
    // The address holds the code, which is no business of any page that follows.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    fn query(code: Option<&str>, token: Option<&str>, error: Option<&str>) -> CallbackQuery {
        let text = |word: Option<&str>| word.map(str::to_owned);
        CallbackQuery {
            state: None,
            code: text(code),
            token: text(token),
            iss: None,
            error: text(error),
        }
    }

    #[test]
    fn lastfm_brings_a_token_and_the_others_a_code() {
        let code = |service, query| {
            brought(service, query)
                .map(|code| code.reveal().to_owned())
                .ok()
        };
        assert_eq!(
            code(Service::Trakt, query(Some("c"), None, None)).as_deref(),
            Some("c")
        );
        assert_eq!(
            code(Service::LastFm, query(None, Some("t"), None)).as_deref(),
            Some("t")
        );
        assert_eq!(code(Service::Trakt, query(None, Some("t"), None)), None);
        assert_eq!(
            code(
                Service::Trakt,
                query(Some("c"), None, Some("access_denied"))
            ),
            None
        );
        assert_eq!(
            code(Service::Trakt, query(Some(&"c".repeat(3000)), None, None)),
            None
        );
    }

    #[tokio::test]
    async fn a_page_shows_a_name_as_text_and_never_an_error_of_others() {
        let ended = Ended::Connected {
            username: "<script>x</script>".to_owned(),
        };
        let body = page(Service::Trakt, &ended)
            .into_body()
            .collect()
            .await
            .unwrap()
            .to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(
            body.contains("&lt;script&gt;") && !body.contains("<script>"),
            "{body}"
        );
        let Err(Ended::Failed { why, .. }) =
            brought(Service::Trakt, query(None, None, Some("<b>")))
        else {
            panic!("an error is a failure");
        };
        assert!(!why.contains("<b>"), "{why}");
    }

    #[test]
    fn a_return_is_told_how_it_ended() {
        let return_to = Url::parse("https://hub.example/x?a=1").unwrap();
        let ended = Ended::Connected {
            username: "ada".to_owned(),
        };
        let response = redirect(Service::LastFm, return_to, &ended);
        assert_eq!(response.status(), StatusCode::SEE_OTHER);
        assert_eq!(
            response.headers()[LOCATION],
            "https://hub.example/x?a=1&service=lastfm&status=connected"
        );
    }
}
