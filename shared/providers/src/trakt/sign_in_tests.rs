use serde_json::{Value, json};

use super::super::tests::{provider, redirect, trakt};
use super::*;
use crate::testing::{Got, Server, at, give, tokens};

const TOKEN: &str = include_str!("fixtures/token-200.json");

fn query(url: &Url) -> std::collections::BTreeMap<String, String> {
    url.query_pairs().into_owned().collect()
}

fn sent(got: &Got) -> Value {
    assert_eq!(got.header("content-type"), "application/json");
    got.json()
}

#[tokio::test]
async fn a_code_is_exchanged_with_its_verifier_as_json() {
    let server = Server::answering([give(200, TOKEN), give(200, TOKEN), give(200, TOKEN)]).await;
    let authorize = provider(&server)
        .authorize(&redirect(), "the-state")
        .unwrap();
    let verifier = authorize.verifier.unwrap();
    assert!((43..=128).contains(&verifier.reveal().len()));
    assert_eq!(authorize.url.path(), "/oauth/authorize");
    let query = query(&authorize.url);
    assert_eq!(query["response_type"], "code");
    assert_eq!(query["client_id"], "the-client");
    assert_eq!(query["redirect_uri"], redirect().as_str());
    assert_eq!(query["state"], "the-state");
    assert_eq!(query["code_challenge_method"], "S256");
    assert_eq!(query["code_challenge"].len(), 43);
    assert_eq!(query.len(), 6);

    let tokens = provider(&server)
        .exchange("the-code", &redirect(), Some(&verifier), at(0))
        .await
        .unwrap();
    assert_eq!(
        tokens.access.reveal(),
        "dbaf9757982a9e738f05d249b7b5b4a266b3a139049317c4909f2f263572c781"
    );
    assert_eq!(tokens.expires_at, Some(at(604_800)));
    let mut body = json!({"grant_type": "authorization_code", "code": "the-code", "client_id": "the-client",
        "redirect_uri": redirect().as_str(), "code_verifier": verifier.reveal()});
    assert_eq!(server.got()[0].line, "POST /oauth/token");
    assert_eq!(sent(&server.got()[0]), body);

    let older = trakt(&server.url, Some("the-secret"));
    older
        .exchange("the-code", &redirect(), Some(&verifier), at(0))
        .await
        .unwrap();
    body["client_secret"] = "the-secret".into();
    assert_eq!(sent(&server.got()[1]), body);
}

#[tokio::test]
async fn a_refresh_brings_a_new_pair_and_only_a_refused_grant_ends_the_connection() {
    let grant = include_str!("fixtures/token-invalid-grant.json");
    let server = Server::answering([
        give(200, TOKEN),
        give(400, grant),
        give(401, grant),
        give(500, ""),
        give(503, "<html>"),
        give(200, "{}"),
        give(429, "").with("retry-after", "2852"),
    ])
    .await;
    let provider = provider(&server);
    let old = tokens();
    let new = provider.refresh(&old, &redirect(), at(0)).await.unwrap();
    assert_eq!(
        new.refresh.unwrap().reveal(),
        "76ba4c5c75c96f6087f58a4de10be6c00b29ea1ddc3b2022ee2016d1363e3a7c"
    );
    assert_eq!(
        sent(&server.got()[0]),
        json!({"grant_type": "refresh_token", "refresh_token": "refresh-token", "client_id": "the-client",
               "redirect_uri": redirect().as_str()})
    );
    for expected in [
        Disposition::Auth,
        Disposition::Auth,
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
    let lost = trakt(&Server::hanging_up().await, None);
    let error = lost.refresh(&old, &redirect(), at(0)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Retryable);
}

#[tokio::test]
async fn a_device_signs_in_by_polling() {
    let server = Server::answering([
        give(200, include_str!("fixtures/device-code-200.json")),
        give(400, ""),
        give(429, ""),
        give(200, TOKEN),
        give(418, ""),
        give(503, ""),
    ])
    .await;
    let provider = provider(&server);
    let start = provider.begin_device(at(0)).await.unwrap();
    assert_eq!(start.user_code.as_deref(), Some("5055CC52"));
    assert_eq!(
        (start.interval, start.expires_at),
        (TimeDelta::seconds(5), at(600))
    );
    assert!(!format!("{start:?}").contains(start.device_code.reveal()));
    let poll = || provider.poll_device(&start.device_code, at(5));
    assert!(matches!(poll().await, Ok(DevicePoll::Pending)));
    assert!(matches!(poll().await, Ok(DevicePoll::SlowDown)));
    assert!(
        matches!(poll().await, Ok(DevicePoll::Signed(tokens)) if tokens.expires_at == Some(at(604_805)))
    );
    assert!(matches!(poll().await, Ok(DevicePoll::Denied)));
    assert_eq!(
        poll().await.unwrap_err().disposition,
        Disposition::Retryable
    );
    let got = server.got();
    assert_eq!(
        (got[0].line.as_str(), sent(&got[0])),
        (
            "POST /oauth/device/code",
            json!({"client_id": "the-client"})
        )
    );
    assert_eq!(got[1].line, "POST /oauth/device/token");
    assert_eq!(
        sent(&got[1]),
        json!({"client_id": "the-client", "code": start.device_code.reveal()})
    );
}

#[tokio::test]
async fn revoking_names_the_token_and_the_application() {
    let server = Server::answering([give(200, "{}")]).await;
    provider(&server).revoke(&tokens(), at(0)).await.unwrap();
    let got = server.got();
    assert_eq!(got[0].line, "POST /oauth/revoke");
    assert_eq!(
        sent(&got[0]),
        json!({"token": "access-token", "client_id": "the-client"})
    );
}
