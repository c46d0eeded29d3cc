//! AUTH V2: codes with PKCE, scopes, refresh, devices.

use super::*;

fn authorize_url(stage: &Stage, scope: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    format!(
        "{}/oauth2/authorize?response_type=code&client_id={CLIENT_ID}&redirect_uri={CALLBACK}&state=s1\
         &scope={scope}&code_challenge={challenge}&code_challenge_method=S256",
        stage.simkl.site_url()
    )
}

async fn signed_in(stage: &Stage, scope: &str) -> Value {
    let url = format!("{}&user=alice", authorize_url(stage, scope));
    let answer = stage.http.post(url).send().await.unwrap();
    assert_eq!(answer.status(), 302);
    let to = url::Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let pairs: Vec<_> = to.query_pairs().into_owned().collect();
    assert_eq!(pairs[1], ("state".to_owned(), "s1".to_owned()));
    assert_eq!(pairs[2], ("iss".to_owned(), "https://simkl.com".to_owned()));
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &pairs[0].1),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
        ("client_id", CLIENT_ID),
    ];
    let answer = stage.token(&fields).await;
    assert_eq!(answer.status(), 200);
    let again = stage.token(&fields).await;
    assert_eq!(again.status(), 400, "a code works once");
    answer.json().await.unwrap()
}

#[tokio::test]
async fn a_code_is_exchanged_once_for_a_token_of_seven_days() {
    let stage = Stage::new().await;
    let tokens = signed_in(&stage, "media:read%20media:write").await;
    assert_eq!(tokens["expires_in"], 604_800);
    assert_eq!(tokens["scope"], "media:read media:write");
    assert!(
        tokens["access_token"]
            .as_str()
            .unwrap()
            .starts_with("simkl_at_")
    );
}

#[tokio::test]
async fn a_misspelled_scope_gives_a_grant_that_only_reads() {
    let stage = Stage::new().await;
    let tokens = signed_in(&stage, "media:wirte").await;
    assert_eq!(tokens["scope"], "media:read");
    let token = tokens["access_token"].as_str().unwrap();
    let url = stage.address("/sync/history");
    let refused = stage
        .http
        .post(url)
        .bearer_auth(token)
        .json(&json!({"movies": [matrix()]}));
    assert_eq!(refused.send().await.unwrap().status(), 403);
    stage.clock.turn(TimeDelta::seconds(1));
    let read = stage
        .http
        .post(stage.address("/users/settings"))
        .bearer_auth(token);
    assert_eq!(read.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_refresh_ends_the_access_token_before_and_keeps_the_refresh_token() {
    let stage = Stage::new().await;
    let refresh_token = stage.tokens.refresh_token.clone().unwrap();
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str()),
        ("client_id", CLIENT_ID),
    ];
    let answer: Value = stage.token(&fields).await.json().await.unwrap();
    assert_eq!(answer["refresh_token"], refresh_token.as_str());
    assert_ne!(answer["access_token"], stage.tokens.access_token.as_str());
    let old = stage
        .call(Method::GET, "/sync/activities")
        .send()
        .await
        .unwrap();
    assert_eq!(old.status(), 401);
    let body: Value = old.json().await.unwrap();
    assert_eq!(
        (&body["error"], &body["code"]),
        (&json!("user_token_failed"), &json!(401))
    );
    stage.clock.turn(TimeDelta::days(179));
    assert_eq!(stage.token(&fields).await.status(), 200);
    stage.clock.turn(TimeDelta::days(180));
    let idle = stage.token(&fields).await;
    assert_eq!(idle.status(), 400);
    assert_eq!(
        idle.json::<Value>().await.unwrap()["error"],
        "invalid_grant"
    );
}

#[tokio::test]
async fn a_device_polls_until_its_code_is_approved() {
    let stage = Stage::new().await;
    let url = format!("{}/oauth2/device", stage.simkl.url());
    let form = [
        ("client_id", CLIENT_ID),
        ("scope", "media:read media:write"),
    ];
    let started: Value = stage
        .http
        .post(url)
        .form(&form)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&started["expires_in"], &started["interval"]),
        (&json!(900), &json!(5))
    );
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", started["device_code"].as_str().unwrap()),
        ("client_id", CLIENT_ID),
    ];
    let poll = async || -> Value { stage.token(&fields).await.json().await.unwrap() };
    assert_eq!(poll().await["error"], "authorization_pending");
    assert_eq!(poll().await["error"], "slow_down");
    stage.clock.turn(TimeDelta::seconds(9));
    assert_eq!(poll().await["error"], "slow_down", "each adds five seconds");
    stage
        .simkl
        .activate(started["user_code"].as_str().unwrap(), "alice", true)
        .unwrap();
    stage.clock.turn(TimeDelta::seconds(15));
    assert_eq!(poll().await["scope"], "media:read media:write");
    stage.clock.turn(TimeDelta::seconds(15));
    assert_eq!(poll().await["error"], "invalid_grant");
}

#[tokio::test]
async fn the_first_version_s_endpoints_know_no_app_of_the_second() {
    let stage = Stage::new().await;
    let url = format!("{}/oauth/pin?client_id={CLIENT_ID}", stage.simkl.url());
    let answer: Value = stage
        .http
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["error"], "unauthorized_client");
}

#[tokio::test]
async fn a_revoked_grant_neither_works_nor_refreshes() {
    let stage = Stage::new().await;
    let refresh_token = stage.tokens.refresh_token.clone().unwrap();
    let url = format!("{}/oauth2/revoke", stage.simkl.url());
    for token in ["unknown", refresh_token.as_str()] {
        let form = [("client_id", CLIENT_ID), ("token", token)];
        let answer = stage.http.post(&url).form(&form).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let call = stage.call(Method::GET, "/sync/activities");
    assert_eq!(call.send().await.unwrap().status(), 401);
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", refresh_token.as_str()),
        ("client_id", CLIENT_ID),
    ];
    assert_eq!(stage.token(&fields).await.status(), 400);
}
