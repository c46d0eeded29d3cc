use std::collections::BTreeMap;

use url::form_urlencoded;

use super::super::tests::{myanimelist, provider, redirect};
use super::*;
use crate::testing::{Got, Server, at, give, tokens};

const TOKENS: &str = include_str!("fixtures/token-200.json");
const REFUSED: &str = include_str!("fixtures/token-refused-401.json");
const BLOCKED: &str = include_str!("fixtures/blocked-403.html");

fn fields(text: &str) -> BTreeMap<String, String> {
    form_urlencoded::parse(text.as_bytes())
        .into_owned()
        .collect()
}

fn form(got: &Got) -> BTreeMap<String, String> {
    assert_eq!(got.line, "POST /v1/oauth2/token");
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
async fn a_code_is_exchanged_with_the_verifier_that_is_its_own_challenge() {
    let server = Server::answering([give(200, TOKENS), give(200, TOKENS)]).await;
    let authorize = provider(&server)
        .authorize(&redirect(), "the-state")
        .unwrap();
    let verifier = authorize.verifier.unwrap();
    assert_eq!(authorize.url.path(), "/v1/oauth2/authorize");
    assert!((43..=128).contains(&verifier.reveal().len()));
    assert_eq!(
        fields(authorize.url.query().unwrap()),
        expected([
            ("response_type", "code"),
            ("client_id", "the-client"),
            ("redirect_uri", redirect().as_str()),
            ("state", "the-state"),
            ("code_challenge", verifier.reveal()),
            ("code_challenge_method", "plain"),
        ])
    );

    let exchanged = provider(&server)
        .exchange("the-code", &redirect(), Some(&verifier), at(0))
        .await
        .unwrap();
    assert_eq!(exchanged.access.reveal(), "mal_at_9b3f");
    assert_eq!(exchanged.refresh.unwrap().reveal(), "mal_rt_1c2d");
    assert_eq!(exchanged.expires_at, Some(at(2_678_400)));
    let mut sent = expected([
        ("grant_type", "authorization_code"),
        ("code", "the-code"),
        ("client_id", "the-client"),
        ("redirect_uri", redirect().as_str()),
        ("code_verifier", verifier.reveal()),
    ]);
    assert_eq!(
        form(&server.got()[0]),
        sent,
        "an app without a secret sends none"
    );

    myanimelist(&server.url, Some("the-secret"))
        .exchange("the-code", &redirect(), Some(&verifier), at(0))
        .await
        .unwrap();
    sent.insert("client_secret".to_owned(), "the-secret".to_owned());
    assert_eq!(form(&server.got()[1]), sent);
}

#[tokio::test]
async fn a_refresh_gives_a_new_pair_and_only_a_refused_one_ends_the_connection() {
    let server = Server::answering([
        give(200, TOKENS),
        give(401, REFUSED),
        give(400, REFUSED),
        give(401, r#"{"error":"invalid_client","message":""}"#),
        give(403, BLOCKED).with("content-type", "text/html"),
        give(403, r#"{"error":"forbidden","message":""}"#),
        give(503, "<html>"),
        give(200, "<html>maintenance"),
        give(200, "{}"),
    ])
    .await;
    let provider = provider(&server);
    let old = tokens();
    let new = provider.refresh(&old, &redirect(), at(0)).await.unwrap();
    assert_eq!(new.access.reveal(), "mal_at_9b3f");
    assert_eq!(new.refresh.unwrap().reveal(), "mal_rt_1c2d");
    let sent = expected([
        ("grant_type", "refresh_token"),
        ("refresh_token", "refresh-token"),
        ("client_id", "the-client"),
    ]);
    assert_eq!(form(&server.got()[0]), sent);
    for expected in [
        Disposition::Auth,
        Disposition::Auth,
        Disposition::AppRefused,
        Disposition::AddressBlocked { until: at(3600) },
        Disposition::Retryable,
        Disposition::Retryable,
        Disposition::Retryable,
        Disposition::Retryable,
    ] {
        let error = provider
            .refresh(&old, &redirect(), at(0))
            .await
            .unwrap_err();
        assert_eq!(error.disposition, expected, "{error:?}");
        assert!(!format!("{error:?}").contains("refresh-token"));
    }
    let lost = myanimelist(&Server::hanging_up().await, None);
    let error = lost.refresh(&old, &redirect(), at(0)).await.unwrap_err();
    assert_eq!(error.disposition, Disposition::Retryable);
}

#[tokio::test]
async fn without_a_refresh_token_the_user_signs_in_again_and_nobody_is_asked() {
    let server = Server::answering([]).await;
    let mut old = tokens();
    old.refresh = None;
    let error = provider(&server)
        .refresh(&old, &redirect(), at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Auth);
    assert!(server.got().is_empty());
}

#[tokio::test]
async fn a_code_that_is_no_longer_good_asks_for_another_sign_in() {
    let grant =
        r#"{"error":"invalid_grant","message":"The provided authorization grant is invalid."}"#;
    let server = Server::answering([give(400, grant)]).await;
    let error = provider(&server)
        .exchange("the-code", &redirect(), Some(&Secret::new("v")), at(0))
        .await
        .unwrap_err();
    assert_eq!(error.disposition, Disposition::Auth);
    assert!(error.why.contains("grant is invalid"), "{}", error.why);
}
