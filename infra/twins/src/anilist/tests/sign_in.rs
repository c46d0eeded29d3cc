//! Signing in, and what a token looks like when it is over.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::*;

const CALLBACK: &str = "https://hub.example/callback/anilist";

#[tokio::test]
async fn a_code_is_exchanged_with_the_secret_for_a_token_of_a_year() {
    let stage = Stage::new().await;
    let url = format!(
        "{}/api/v2/oauth/authorize?client_id={CLIENT_ID}&redirect_uri={CALLBACK}&response_type=code&state=s1",
        stage.anilist.site_url()
    );
    let to = stage.anilist.authorize(&url, "alice", true).unwrap();
    let to = url::Url::parse(&to).unwrap();
    let pairs: Vec<_> = to.query_pairs().into_owned().collect();
    assert!(pairs[0].1.len() > 700, "a code is long");
    assert_eq!(pairs[1].1, "s1");
    let token_url = format!("{}/api/v2/oauth/token", stage.anilist.site_url());
    let body = json!({"grant_type": "authorization_code", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "redirect_uri": CALLBACK, "code": pairs[0].1});
    let mut wrong = body.clone();
    wrong["client_secret"] = "another".into();
    let refused = stage
        .http
        .post(&token_url)
        .json(&wrong)
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
    let answer = stage
        .http
        .post(&token_url)
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let tokens: Value = answer.json().await.unwrap();
    assert_eq!(tokens["expires_in"], 31_536_000);
    let token = tokens["access_token"].as_str().unwrap();
    assert!(token.len() > 1000);
    let claims = URL_SAFE_NO_PAD
        .decode(token.split('.').nth(1).unwrap())
        .unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["exp"], 1_795_176_000 + 31_536_000);
    let refresh = json!({"grant_type": "refresh_token", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "refresh_token": tokens["refresh_token"]});
    let refused = stage
        .http
        .post(&token_url)
        .json(&refresh)
        .send()
        .await
        .unwrap();
    assert_eq!(
        refused.status(),
        400,
        "the refresh token is there, and of no use"
    );
    let denied = stage.anilist.authorize(&url, "alice", false).unwrap();
    assert!(denied.contains("error=access_denied"));
}

#[tokio::test]
async fn a_dead_token_is_a_bad_request_that_says_so() {
    let stage = Stage::new().await;
    stage.anilist.revoke("alice");
    let (status, body) = stage.refused("query { Viewer { id } }", json!({})).await;
    assert_eq!(status, 400);
    let expected = json!({"errors": [{"message": "Invalid token", "status": 400}], "data": null});
    assert_eq!(body, expected);
    let token = stage.anilist.issue_tokens("alice").access_token;
    stage.clock.turn(TimeDelta::days(365));
    let old = stage
        .call("query { Viewer { id } }", json!({}))
        .bearer_auth(token);
    assert_eq!(old.send().await.unwrap().status(), 400);
    let none = stage.call("query { Viewer { id } }", json!({}));
    let none = none.send().await.unwrap();
    assert_eq!(none.status(), 401);
    let body: Value = none.json().await.unwrap();
    assert_eq!(body["errors"][0]["message"], "Unauthorized.");
}
