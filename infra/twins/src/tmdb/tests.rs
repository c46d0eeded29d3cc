use super::*;
use crate::testing::{Clock, client};

async fn ask(tmdb: &Tmdb, path: &str) -> (u16, Value, Option<String>) {
    let request = client()
        .get(format!("{}{path}", tmdb.url()))
        .bearer_auth(TOKEN);
    let answer = request.send().await.unwrap();
    let wait = answer.headers().get("retry-after").cloned();
    let status = answer.status().as_u16();
    let wait = wait.map(|wait| wait.to_str().unwrap().to_owned());
    (status, answer.json().await.unwrap(), wait)
}

fn titan() -> Episode {
    Episode {
        show: 1429,
        season: 4,
        number: 17,
        tvdb: Some(8_960_000),
        imdb: Some("tt9300001".to_owned()),
        aired_on: NaiveDate::from_ymd_opt(2022, 1, 10),
    }
}

#[tokio::test]
async fn an_episode_is_found_by_its_ids_elsewhere_and_its_show_has_names_there() {
    let tmdb = Tmdb::start(Clock::standing().handle()).await.unwrap();
    let own = tmdb.add_episode(titan());
    for (id, source) in [("8960000", "tvdb_id"), ("tt9300001", "imdb_id")] {
        let path = format!("/3/find/{id}?external_source={source}");
        let (status, found, _) = ask(&tmdb, &path).await;
        let episode = &found["tv_episode_results"][0];
        assert_eq!((status, &episode["id"]), (200, &json!(own)));
        assert_eq!(episode["show_id"], 1429);
        assert_eq!(
            (&episode["season_number"], &episode["episode_number"]),
            (&json!(4), &json!(17))
        );
        assert_eq!(episode["air_date"], "2022-01-10");
    }
    let (_, ids, _) = ask(&tmdb, "/3/tv/1429/external_ids").await;
    assert_eq!(
        (&ids["tvdb_id"], &ids["imdb_id"]),
        (&json!(267_440), &json!("tt2560140"))
    );
}

#[tokio::test]
async fn a_number_of_a_show_is_no_episode_and_nothing_is_found_under_another_source() {
    let tmdb = Tmdb::start(Clock::standing().handle()).await.unwrap();
    tmdb.add_episode(titan());
    let (_, found, _) = ask(&tmdb, "/3/find/267440?external_source=tvdb_id").await;
    assert_eq!(found["tv_episode_results"], json!([]));
    assert_eq!(found["tv_results"][0]["id"], 1429);
    let (_, found, _) = ask(&tmdb, "/3/find/tt5311514?external_source=imdb_id").await;
    assert_eq!(found["movie_results"][0]["id"], 372_058);
    let (status, refused, _) = ask(&tmdb, "/3/find/8960000").await;
    assert_eq!((status, &refused["status_code"]), (422, &json!(5)));
    let (status, refused, _) = ask(&tmdb, "/3/tv/9/external_ids").await;
    assert_eq!((status, &refused["status_code"]), (404, &json!(34)));
}

#[tokio::test]
async fn a_wrong_token_is_refused_and_forty_requests_in_ten_seconds_are_taken() {
    let clock = Clock::standing();
    let tmdb = Tmdb::start(clock.handle()).await.unwrap();
    let wrong = client()
        .get(format!("{}/3/tv/1429/external_ids", tmdb.url()))
        .bearer_auth("wrong");
    let wrong = wrong.send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    for _ in 1..40 {
        assert_eq!(ask(&tmdb, "/3/tv/1429/external_ids").await.0, 200);
    }
    let (status, refused, wait) = ask(&tmdb, "/3/tv/1429/external_ids").await;
    assert_eq!((status, &refused["status_code"]), (429, &json!(25)));
    let wait: i64 = wait.unwrap().parse().unwrap();
    assert!((1..=11).contains(&wait), "{wait}");
    clock.turn(TimeDelta::seconds(wait));
    assert_eq!(ask(&tmdb, "/3/tv/1429/external_ids").await.0, 200);
    assert_eq!(tmdb.calls("/3/tv/1429/external_ids"), 42);
}
