//! Signing in: codes, refresh tokens, devices.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_code_is_exchanged_once_and_only_with_its_verifier_and_address() {
    let stage = Stage::new().await;
    let page = stage.http.get(stage.authorize_url()).send().await.unwrap();
    assert_eq!(page.status(), 200);
    assert!(
        page.text()
            .await
            .unwrap()
            .contains("name=\"decision\" value=\"deny\"")
    );

    for (verifier, redirect_uri) in [
        ("another-verifier-of-at-least-forty-three-chars", CALLBACK),
        (VERIFIER, "https://hub.example/other"),
    ] {
        let refused = stage
            .auth(
                "/oauth/token",
                &exchange(&stage.code().await, verifier, redirect_uri),
            )
            .await;
        assert_eq!(refused.status(), 400);
        assert_eq!(
            refused.json::<Value>().await.unwrap()["error"],
            "invalid_grant"
        );
    }
    let code = stage.code().await;
    let tokens: Value = stage
        .auth("/oauth/token", &exchange(&code, VERIFIER, CALLBACK))
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(tokens["expires_in"], 604_800);
    assert_eq!(tokens["created_at"], stage.clock.now().timestamp());
    let again = stage
        .auth("/oauth/token", &exchange(&code, VERIFIER, CALLBACK))
        .await;
    assert_eq!(again.status(), 400);
}

#[tokio::test]
async fn a_denial_comes_back_as_an_error_with_the_state() {
    let stage = Stage::new().await;
    let to = stage
        .trakt
        .authorize(&stage.authorize_url(), "alice", false)
        .unwrap();
    assert_eq!(to, format!("{CALLBACK}?error=access_denied&state=s%2B1"));
}

#[tokio::test]
async fn an_authorize_address_with_a_wrong_part_is_refused() {
    let stage = Stage::new().await;
    for (part, wrong) in [
        ("S256", "plain"),
        ("response_type=code", "response_type=token"),
        (CLIENT_ID, "nobody"),
        ("redirect_uri=https", "redirect_uri=http"),
    ] {
        let url = stage.authorize_url().replace(part, wrong);
        assert_eq!(
            stage.http.get(url).send().await.unwrap().status(),
            400,
            "{wrong}"
        );
    }
    stage
        .trakt
        .register_app(CLIENT_ID, None, &["https://hub.example/registered"]);
    assert!(
        stage
            .trakt
            .authorize(&stage.authorize_url(), "alice", true)
            .is_err()
    );
}

#[tokio::test]
async fn the_token_endpoint_takes_json_alone_and_only_on_its_own_host() {
    let stage = Stage::new().await;
    let form = [("grant_type", "refresh_token"), ("client_id", CLIENT_ID)];
    let url = format!("{}/oauth/token", stage.trakt.auth_url());
    assert_eq!(
        stage
            .http
            .post(url)
            .form(&form)
            .send()
            .await
            .unwrap()
            .status(),
        400
    );
    assert_eq!(
        stage.post("/oauth/token", &refresh("any")).await.status(),
        404
    );
}

#[tokio::test]
async fn a_refresh_token_works_once_and_takes_the_old_access_token_with_it() {
    let stage = Stage::new().await;
    let old = stage.trakt.issue_tokens("alice");
    let new: Value = stage
        .auth("/oauth/token", &refresh(&old.refresh_token))
        .await
        .json()
        .await
        .unwrap();
    assert_ne!(new["refresh_token"], old.refresh_token);
    let mut bare = refresh(new["refresh_token"].as_str().unwrap());
    bare["redirect_uri"] = Value::Null;
    assert_eq!(
        stage.auth("/oauth/token", &bare).await.status(),
        400,
        "redirect_uri is required"
    );
    assert_eq!(
        stage
            .auth("/oauth/token", &refresh(&old.refresh_token))
            .await
            .status(),
        400
    );
    let settings = |token: String| {
        let url = format!("{}/users/settings", stage.trakt.url());
        let call = stage
            .http
            .get(url)
            .header("trakt-api-version", "2")
            .header("trakt-api-key", CLIENT_ID);
        call.bearer_auth(token).send()
    };
    assert_eq!(settings(old.access_token).await.unwrap().status(), 401);
    let answer = settings(new["access_token"].as_str().unwrap().to_owned())
        .await
        .unwrap();
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["user"]["username"], "alice");
    assert_eq!(body["user"]["ids"]["uuid"].as_str().unwrap().len(), 40);
}

#[tokio::test]
async fn an_access_token_ends_after_seven_days_or_when_told_to() {
    let stage = Stage::new().await;
    stage
        .clock
        .turn(ACCESS_TOKEN_LIFETIME - TimeDelta::seconds(1));
    assert_eq!(stage.get("/users/settings").await.status(), 200);
    stage.trakt.expire_access("alice");
    let refused = stage.get("/users/settings").await;
    assert_eq!(refused.status(), 401);
    assert!(
        refused.headers()["www-authenticate"]
            .to_str()
            .unwrap()
            .contains("invalid_token")
    );
    assert_eq!(
        stage.trakt.requests().last().unwrap().user.as_deref(),
        Some("alice")
    );
}

#[tokio::test]
async fn a_revoked_sign_in_can_neither_call_nor_refresh() {
    let stage = Stage::new().await;
    let tokens = stage.trakt.issue_tokens("alice");
    stage.trakt.revoke("alice");
    assert_eq!(stage.get("/users/settings").await.status(), 401);
    assert_eq!(
        stage
            .auth("/oauth/token", &refresh(&tokens.refresh_token))
            .await
            .status(),
        400
    );
    let unknown = stage
        .auth(
            "/oauth/revoke",
            &json!({"token": "unknown", "client_id": CLIENT_ID}),
        )
        .await;
    assert_eq!(unknown.status(), 200);
}

#[tokio::test]
async fn an_app_with_a_secret_signs_in_with_it_instead_of_a_verifier() {
    let stage = Stage::new().await;
    stage
        .trakt
        .register_app("old-app", Some("hush"), &[CALLBACK]);
    let url = format!(
        "{}/oauth/authorize?response_type=code&client_id=old-app&redirect_uri={CALLBACK}",
        stage.trakt.auth_url()
    );
    let code = || {
        let to = stage.trakt.authorize(&url, "alice", true).unwrap();
        to.split("code=").nth(1).unwrap().to_owned()
    };
    let body = |code: String, secret: &str| {
        json!({"grant_type": "authorization_code", "code": code, "client_id": "old-app",
            "redirect_uri": CALLBACK, "client_secret": secret})
    };
    assert_eq!(
        stage
            .auth("/oauth/token", &body(code(), "wrong"))
            .await
            .status(),
        401
    );
    assert_eq!(
        stage
            .auth("/oauth/token", &body(code(), "hush"))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn the_device_flow_answers_every_documented_status() {
    let stage = Stage::new().await;
    let new_code = async || -> Value {
        stage
            .auth("/oauth/device/code", &json!({"client_id": CLIENT_ID}))
            .await
            .json()
            .await
            .unwrap()
    };
    let poll = async |code: &Value| {
        stage.clock.turn(TimeDelta::seconds(5));
        stage
            .auth(
                "/oauth/device/token",
                &json!({"code": code["device_code"], "client_id": CLIENT_ID}),
            )
            .await
            .status()
    };
    let code = new_code().await;
    assert_eq!(
        (code["interval"].as_i64(), code["expires_in"].as_i64()),
        (Some(5), Some(600))
    );
    assert_eq!(poll(&code).await, 400);
    stage.clock.turn(TimeDelta::seconds(-1));
    assert_eq!(poll(&code).await, 429);
    let page = stage.http.get(format!(
        "{}/{}",
        code["verification_url"].as_str().unwrap(),
        code["user_code"].as_str().unwrap()
    ));
    assert_eq!(page.send().await.unwrap().status(), 200);
    let form = [
        ("user_code", code["user_code"].as_str().unwrap()),
        ("user", "alice"),
        ("decision", "allow"),
    ];
    let approved = stage
        .http
        .post(code["verification_url"].as_str().unwrap())
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(approved.status(), 200);
    assert_eq!(poll(&code).await, 200);
    assert_eq!(poll(&code).await, 409);

    let denied = new_code().await;
    stage
        .trakt
        .activate(denied["user_code"].as_str().unwrap(), "alice", false)
        .unwrap();
    assert_eq!(poll(&denied).await, 418);
    let expired = new_code().await;
    stage.clock.turn(TimeDelta::seconds(600));
    assert_eq!(poll(&expired).await, 410);
    assert_eq!(poll(&json!({"device_code": "unknown"})).await, 404);
}
