//! Signing in, wrong calls, formats, limits and faults.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn consent_sends_the_browser_back_with_a_token_that_works_once() {
    let stage = Stage::new().await;
    let callback = "https://hub.example/callback?state=s1";
    let mut url = url::Url::parse(&stage.lastfm.auth_url()).unwrap();
    url.query_pairs_mut()
        .append_pair("api_key", API_KEY)
        .append_pair("cb", callback);
    let page = stage
        .http
        .get(url.clone())
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(page.contains("<option>alice</option>"));
    let form = [
        ("api_key", API_KEY),
        ("cb", callback),
        ("user", "alice"),
        ("decision", "allow"),
    ];
    let answer = stage
        .http
        .post(stage.lastfm.auth_url())
        .form(&form)
        .send()
        .await
        .unwrap();
    let to = answer.headers()["location"].to_str().unwrap();
    assert!(
        to.starts_with("https://hub.example/callback?state=s1&token="),
        "{to}"
    );
    let token = to.rsplit('=').next().unwrap();
    let ask = stage.signed("auth.getSession", fields(&[("token", token)]));
    let session: Value = stage.post(&ask).await.json().await.unwrap();
    assert_eq!(
        (
            session["session"]["name"].as_str(),
            session["session"]["subscriber"].as_i64()
        ),
        (Some("alice"), Some(0))
    );
    let again = stage.post(&ask).await;
    assert_eq!(again.status(), 403);
    assert_eq!(again.json::<Value>().await.unwrap()["error"], 4);
    assert_eq!(
        stage.lastfm.authorize(url.as_str(), "alice", false),
        Ok(None)
    );
}

#[tokio::test]
async fn a_token_without_consent_is_14_and_after_an_hour_15() {
    let stage = Stage::new().await;
    let token: Value = stage
        .post(&stage.signed("auth.getToken", vec![]))
        .await
        .json()
        .await
        .unwrap();
    let token = token["token"].as_str().unwrap().to_owned();
    let ask = stage.signed("auth.getSession", fields(&[("token", &token)]));
    let number = async || {
        stage.post(&ask).await.json::<Value>().await.unwrap()["error"]
            .as_i64()
            .unwrap()
    };
    assert_eq!(number().await, 14);
    let url = format!(
        "{}?api_key={API_KEY}&token={token}",
        stage.lastfm.auth_url()
    );
    stage.lastfm.authorize(&url, "alice", true).unwrap();
    stage.clock.turn(TimeDelta::minutes(60));
    assert_eq!(number().await, 15);
}

#[tokio::test]
async fn a_call_that_is_wrong_gets_its_number_and_its_status() {
    let stage = Stage::new().await;
    let names = fields(&[("artist", "Low"), ("track", "Fly"), ("sk", &stage.session)]);
    let mut unsigned = stage.signed("track.love", names.clone());
    unsigned.pop();
    let mut wrong_key = stage.signed("track.love", names.clone());
    wrong_key[1].1 = "nobody".to_owned();
    let stale = fields(&[("artist", "Low"), ("track", "Fly"), ("sk", "stale")]);
    for (ask, status, number) in [
        (unsigned, 403, 13),
        (wrong_key, 403, 10),
        (stage.signed("track.love", stale), 403, 9),
        (stage.signed("track.hate", names), 400, 3),
        (
            stage.signed(
                "track.love",
                fields(&[("artist", "Low"), ("sk", &stage.session)]),
            ),
            400,
            6,
        ),
    ] {
        let answer = stage.post(&ask).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], number);
    }
    assert_eq!(
        stage.read("method=track.love").await.1["error"],
        6,
        "writes are POST"
    );
}

#[tokio::test]
async fn answers_are_xml_unless_json_is_asked_for() {
    let stage = Stage::new().await;
    let url = format!(
        "{}/2.0?method=user.getInfo&user=alice&api_key={API_KEY}",
        stage.lastfm.url()
    );
    let answer = stage.http.get(&url).send().await.unwrap();
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/xml")
    );
    let body = answer.text().await.unwrap();
    assert!(body.contains("<lfm status=\"ok\">") && body.contains("<name>alice</name>"));
    let body = stage
        .http
        .get(url.replace("alice", "nobody"))
        .send()
        .await
        .unwrap();
    assert_eq!(body.status(), 404);
    assert!(
        body.text()
            .await
            .unwrap()
            .contains("<error code=\"6\">User not found</error>")
    );
}

#[tokio::test]
async fn the_sessions_own_user_is_told_and_a_revoked_session_is_9() {
    let stage = Stage::new().await;
    let ask = stage.signed("user.getInfo", fields(&[("sk", &stage.session)]));
    let info: Value = stage.post(&ask).await.json().await.unwrap();
    assert_eq!(
        (&info["user"]["name"], &info["user"]["playcount"]),
        (&json!("alice"), &json!("0"))
    );
    assert_eq!(
        info["user"]["registered"],
        json!({"unixtime": "1200000000", "#text": 1_200_000_000})
    );
    stage.lastfm.revoke("alice");
    assert_eq!(
        stage.post(&ask).await.json::<Value>().await.unwrap()["error"],
        9
    );
}

#[tokio::test]
async fn more_than_five_requests_a_second_over_five_minutes_are_29() {
    let stage = Stage::new().await;
    for _ in 0..1500 {
        stage
            .lastfm
            .state()
            .requests
            .take("address", stage.clock.now())
            .unwrap();
    }
    let (status, body) = stage.read("method=user.getInfo&user=alice").await;
    assert_eq!((status, body["error"].as_i64()), (429, Some(29)));
    stage.lastfm.enforce_limits(false);
    assert_eq!(stage.read("method=user.getInfo&user=alice").await.0, 200);
    stage.lastfm.enforce_limits(true);
    stage.clock.turn(TimeDelta::minutes(5));
    assert_eq!(stage.read("method=user.getInfo&user=alice").await.0, 200);
}

#[tokio::test]
async fn requests_are_counted_by_method_without_their_secrets() {
    let stage = Stage::new().await;
    stage.lastfm.faults().once(
        "track.scrobble",
        Fault::answer(error(16, "try again", true)),
    );
    stage
        .write("track.love", &[("artist", "Low"), ("track", "Fly")])
        .await;
    let (status, body) = stage.write("track.scrobble", &[("artist", "Low")]).await;
    assert_eq!((status, body["error"].as_i64()), (503, Some(16)));
    let seen = stage.lastfm.requests();
    assert_eq!(
        (seen[0].operation.as_str(), seen[0].user.as_deref()),
        ("track.love", Some("alice"))
    );
    assert_eq!(
        (seen[1].operation.as_str(), seen[1].is_taken),
        ("track.scrobble", false)
    );
    assert_eq!(
        (&seen[0].body["sk"], &seen[0].body["artist"]),
        (&json!("…"), &json!("Low"))
    );
}
