use std::collections::BTreeMap;

use super::super::tests::{provider, redirect, simkl};
use super::*;
use crate::testing::{Got, Server, at, give, tokens};

const TOKEN: &str = include_str!("fixtures/token-200.json");
const APP: &str = "?client_id=the-client&app-name=ScrobbleHub&app-version=0.1.0";

fn fields(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn form(got: &Got) -> BTreeMap<String, String> {
    assert_eq!(
        got.header("content-type"),
        "application/x-www-form-urlencoded"
    );
    fields(&got.body)
}

fn expected<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

#[tokio::test]
async fn a_code_is_exchanged_with_its_verifier_in_a_form() {
    let server = Server::answering([give(200, TOKEN), give(200, TOKEN)]).await;
    let authorize = provider(&server)
        .authorize(&redirect(), "the-state")
        .unwrap();
    let verifier = authorize.verifier.unwrap();
    assert_eq!(authorize.url.path(), "/oauth2/authorize");
    let query = fields(authorize.url.query().unwrap());
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], "the-client");
    assert_eq!(query["redirect_uri"], redirect().as_str());
    assert_eq!(query["state"], "the-state");
    assert_eq!(query["scope"], "media:read media:write");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["code_challenge"].len(), 43);
    assert_eq!(query.len(), 7);

    let tokens = provider(&server)
        .exchange("the-code", &redirect(), Some(&verifier), at(0))
        .await
        .unwrap();
    assert_eq!(tokens.access.reveal(), "simkl_at_9b3f");
    assert_eq!(tokens.refresh.unwrap().reveal(), "simkl_rt_1c2d");
    assert_eq!(tokens.expires_at, Some(at(604_800)));
    let mut sent = expected([
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("client_id", "the-client"),
        ("redirect_uri", redirect().as_str()),
        ("code_verifier", verifier.reveal()),
    ]);
    assert_eq!(server.got()[0].line, format!("POST /oauth2/token{APP}"));
    assert_eq!(form(&server.got()[0]), sent);

    simkl(&server.url, Some("the-secret"))
        .exchange("the-code", &redirect(), Some(&verifier), at(0))
        .await
        .unwrap();
    sent.insert("client_secret".to_owned(), "the-secret".to_owned());
    assert_eq!(form(&server.got()[1]), sent);
}

#[tokio::test]
async fn a_grant_that_only_reads_is_no_sign_in() {
    let reads = TOKEN.replace(" media:write", "");
    let server = Server::answering([give(200, reads.clone()), give(200, reads)]).await;
    let exchanged = provider(&server)
        .exchange("the-code", &redirect(), None, at(0))
        .await;
    let polled = provider(&server)
        .poll_device(&Secret::new("device"), at(0))
        .await;
    for error in [exchanged.unwrap_err(), polled.unwrap_err()] {
        assert_eq!(error.disposition, Disposition::Permanent);
        assert!(error.why.contains("reading alone"), "{}", error.why);
    }
}

#[tokio::test]
async fn a_refresh_keeps_the_refresh_token_and_only_a_refused_grant_ends_the_connection() {
    let without = r#"{"access_token":"simkl_at_new","token_type":"Bearer","expires_in":604800}"#;
    let grant = include_str!("fixtures/token-invalid-grant.json");
    let server = Server::answering([
        give(200, TOKEN),
        give(200, without),
        give(400, grant),
        give(401, r#"{"error":"invalid_client"}"#),
        give(500, ""),
        give(503, "<html>"),
        give(200, "{}"),
        give(429, "").with("retry-after", "2852"),
    ])
    .await;
    let provider = provider(&server);
    let old = tokens();
    let new = provider.refresh(&old, &redirect(), at(0)).await.unwrap();
    assert_eq!(new.refresh.unwrap().reveal(), "simkl_rt_1c2d");
    let sent = expected([
        ("grant_type", "refresh_token"),
        ("refresh_token", "refresh-token"),
        ("client_id", "the-client"),
    ]);
    assert_eq!(form(&server.got()[0]), sent);
    let new = provider.refresh(&old, &redirect(), at(0)).await.unwrap();
    assert_eq!(new.refresh.unwrap().reveal(), "refresh-token");
    for expected in [
        Disposition::Auth,
        Disposition::AppRefused,
        Disposition::Retryable,
        Disposition::Retryable,
        Disposition::Retryable,
        Disposition::RateLimited { until: at(2852) },
    ] {
        let error = provider
            .refresh(&old, &redirect(), at(0))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, expected, "{error:?}");
        assert!(!format!("{error:?}").contains("refresh-token"));
    }
    let lost = simkl(&Server::hanging_up().await, None);
    let error = lost.refresh(&old, &redirect(), at(0)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Retryable);
}

#[tokio::test]
async fn a_device_signs_in_by_polling() {
    let refused = |error: &str| give(400, format!(r#"{{"error":"{error}"}}"#));
    let server = Server::answering([
        give(200, include_str!("fixtures/device-200.json")),
        refused("authorization_pending"),
        refused("slow_down"),
        give(200, TOKEN),
        refused("access_denied"),
        refused("expired_token"),
        give(503, ""),
    ])
    .await;
    let provider = provider(&server);
    let start = provider.begin_device(at(0)).await.unwrap();
    assert_eq!(start.user_code.as_deref(), Some("ABCDE"));
    assert_eq!(start.verification_url, "https://simkl.com/pin");
    assert_eq!(
        (start.interval, start.expires_at),
        (TimeDelta::seconds(5), at(900))
    );
    assert!(!format!("{start:?}").contains(start.device_code.reveal()));
    let poll = || provider.poll_device(&start.device_code, at(5));
    assert!(matches!(poll().await, Ok(DevicePoll::Pending)));
    assert!(matches!(poll().await, Ok(DevicePoll::SlowDown)));
    assert!(
        matches!(poll().await, Ok(DevicePoll::Signed(tokens)) if tokens.expires_at == Some(at(604_805)))
    );
    assert!(matches!(poll().await, Ok(DevicePoll::Denied)));
    assert!(matches!(poll().await, Ok(DevicePoll::Expired)));
    assert_eq!(
        poll().await.unwrap_err().disposition,
        Disposition::Retryable
    );
    let got = server.got();
    assert_eq!(got[0].line, format!("POST /oauth2/device{APP}"));
    let begun = expected([
        ("client_id", "the-client"),
        ("scope", "media:read media:write"),
    ]);
    assert_eq!(form(&got[0]), begun);
    let polled = expected([
        ("client_id", "the-client"),
        ("device_code", start.device_code.reveal()),
        ("grant_type", DEVICE_GRANT),
    ]);
    assert_eq!(form(&got[1]), polled);
}

#[tokio::test]
async fn revoking_names_the_refresh_token_which_ends_all_of_it() {
    let server = Server::answering([give(200, "{}")]).await;
    let revoked = provider(&server).revoke(&tokens(), at(0)).await.unwrap();
    assert_eq!(revoked, crate::Revoked::AtTheService);
    let got = server.got();
    assert_eq!(got[0].line, format!("POST /oauth2/revoke{APP}"));
    let sent = expected([("client_id", "the-client"), ("token", "refresh-token")]);
    assert_eq!(form(&got[0]), sent);
}
