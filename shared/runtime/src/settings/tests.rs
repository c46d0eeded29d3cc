use chrono::TimeDelta;

use super::*;

const KEY: &str = "main:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn wrong(variable: &str, text: &str) -> SettingsError {
    Settings::of([(variable, text)]).expect_err("a wrong value is refused")
}

#[test]
fn without_any_variable_the_documented_defaults_hold() {
    let settings = Settings::of([]).unwrap();
    assert_eq!(settings.thresholds, Thresholds::default());
    assert_eq!(settings.retries, Policy::default());
    assert_eq!(settings.tick, TimeDelta::minutes(1));
    assert_eq!(settings.max_body_bytes, 4 * 1024 * 1024);
    assert!(settings.scrobble_enabled && !settings.allow_private_addresses);
    assert_eq!(settings.log_format, LogFormat::Text);
    assert!(settings.server_token.is_none() && settings.sealing_keys.is_empty());
}

#[test]
fn every_variable_of_the_rules_and_retries_is_read() {
    let settings = Settings::of([
        ("SCROBBLE_ENABLED", "false"),
        ("VIDEO_THRESHOLD", "90"),
        ("MUSIC_THRESHOLD", "60.5"),
        ("PODCAST_THRESHOLD", "70"),
        ("VIDEO_MIN_DURATION", "0s"),
        ("MUSIC_MIN_DURATION", "45s"),
        ("PODCAST_MIN_DURATION", "1h"),
        ("QUEUE_PROCESS_INTERVAL", "30s"),
        ("MAX_RETRIES", "0"),
        ("RETRY_BACKOFF", "10m"),
        ("MAX_BODY_BYTES", "65536"),
    ])
    .unwrap();
    let rule = |percent, seconds| Rule {
        percent,
        least_length: TimeDelta::seconds(seconds),
    };
    assert!(!settings.scrobble_enabled);
    assert_eq!(settings.thresholds.video, rule(90.0, 0));
    assert_eq!(settings.thresholds.music, rule(60.5, 45));
    assert_eq!(settings.thresholds.podcast, rule(70.0, 3600));
    assert_eq!(settings.tick, TimeDelta::seconds(30));
    assert_eq!(
        settings.retries,
        Policy {
            quick_tries: 0,
            backoff: TimeDelta::minutes(10)
        }
    );
    assert_eq!(settings.max_body_bytes, 65_536);
}

#[test]
fn a_wrong_value_names_its_variable_and_what_is_allowed_and_is_not_repeated() {
    for (variable, text, allowed) in [
        ("VIDEO_THRESHOLD", "0.5", "a number from 1 to 100"),
        ("VIDEO_THRESHOLD", "NaN", "a number from 1 to 100"),
        ("MUSIC_THRESHOLD", "half", "a number from 1 to 100"),
        ("MAX_RETRIES", "-1", "a number from 0 to 3"),
        (
            "MUSIC_MIN_DURATION",
            "30",
            "a duration such as 90s, 5m or 24h, from 0s to 1day",
        ),
        ("PODCAST_MIN_DURATION", "25h", "from 0s to 1day"),
        ("RETRY_BACKOFF", "7h", "from 1s to 6h"),
        ("QUEUE_PROCESS_INTERVAL", "0s", "from 1s to 1h"),
        ("SCROBBLE_ENABLED", "maybe", "true or false"),
        ("TRAKT_ENABLED", "perhaps", "true or false"),
        ("MAX_BODY_BYTES", "6000000", "a number from 1024 to 4500000"),
        ("PUBLIC_URL", "hub.example", "an http or https address"),
        (
            "PUBLIC_URL",
            "https://user:word@hub.example",
            "without a user",
        ),
        (
            "LASTFM_API_URL",
            "ftp://ws.example",
            "an http or https address",
        ),
        (
            "EVENTS_QUEUE_URL",
            "events.fifo",
            "an http or https address",
        ),
        (
            "DELIVER_QUEUE_URL",
            "https://sqs.example/1/deliver",
            "{service}",
        ),
        (
            "DELIVER_QUEUE_URL_LASTFM",
            "deliver",
            "an http or https address",
        ),
        ("TABLE_NAME", "a table", "3 to 255"),
        (
            "SERVICE",
            "myspace",
            "one of trakt, simkl, lastfm, listenbrainz",
        ),
        ("SERVER_TOKEN", "two words", "one word"),
        ("LASTFM_API_SECRET", "häßlich", "one word"),
        ("SEALING_KEYS", "main:c2hvcnQ=", "32 bytes as base64"),
        ("TRAKT_REDIRECT_URI", "/callback", "registered at Trakt"),
        ("RUST_LOG", "hub=loudly", "a level"),
        ("LOG_FORMAT", "xml", "json or text"),
    ] {
        let error = wrong(variable, text);
        let words = error.to_string();
        assert_eq!(error.variable(), variable);
        assert!(words.starts_with(variable), "{words}");
        assert!(words.contains(allowed), "{words}");
        assert!(!words.contains(text) || text.len() < 3, "{words}");
    }
}

#[test]
fn the_middle_of_a_retry_policy_beyond_three_quick_tries_is_refused_not_cut() {
    assert_eq!(wrong("MAX_RETRIES", "5").variable(), "MAX_RETRIES");
}

#[test]
fn a_service_is_on_once_it_has_its_credentials_and_else_says_what_is_missing() {
    let settings = Settings::of([]).unwrap();
    assert_eq!(
        settings.app(Service::Trakt),
        Err("TRAKT_CLIENT_ID is not set")
    );
    assert_eq!(
        settings.app(Service::Simkl),
        Err("SIMKL_CLIENT_ID is not set")
    );
    assert_eq!(
        settings.app(Service::LastFm),
        Err("LASTFM_API_KEY is not set")
    );
    assert!(settings.app(Service::ListenBrainz).is_ok());
    assert!(settings.writable_services_on().eq([Service::ListenBrainz]));

    let settings = Settings::of([
        ("TRAKT_CLIENT_ID", "id"),
        ("LASTFM_API_KEY", "key"),
        ("LASTFM_API_SECRET", ""),
        ("LISTENBRAINZ_ENABLED", "false"),
    ])
    .unwrap();
    assert_eq!(
        settings.app(Service::LastFm),
        Err("LASTFM_API_SECRET is not set"),
        "an empty variable is none"
    );
    assert_eq!(
        settings.app(Service::ListenBrainz),
        Err("LISTENBRAINZ_ENABLED is false")
    );
    let trakt = settings.app(Service::Trakt).unwrap();
    assert_eq!(
        trakt.credentials,
        Credentials::Trakt(OAuthClient {
            id: "id".to_owned(),
            secret: None
        })
    );
}

#[test]
fn every_service_has_an_address_by_default_and_may_be_given_another() {
    let settings = Settings::of([
        ("TRAKT_CLIENT_ID", "id"),
        ("LASTFM_API_KEY", "key"),
        ("LASTFM_API_SECRET", "secret"),
        ("LISTENBRAINZ_API_URL", "http://127.0.0.1:9000/lb"),
    ])
    .unwrap();
    let addresses = |service| {
        let app = settings.app(service).unwrap();
        (app.api_url.as_str(), app.auth_url.as_str())
    };
    assert_eq!(
        addresses(Service::Trakt),
        ("https://api.trakt.tv/", "https://auth.trakt.tv/")
    );
    assert_eq!(
        addresses(Service::LastFm),
        (
            "https://ws.audioscrobbler.com/2.0/",
            "https://www.last.fm/api/auth/"
        )
    );
    assert_eq!(
        addresses(Service::ListenBrainz),
        (
            "http://127.0.0.1:9000/lb",
            "https://listenbrainz.org/settings/"
        )
    );
}

#[test]
fn redirect_addresses_come_from_the_public_address_and_only_trakts_may_be_set() {
    let settings = Settings::of([
        ("PUBLIC_URL", "https://hub.example/base/"),
        ("TRAKT_REDIRECT_URI", "https://Hub.example/back"),
    ])
    .unwrap();
    assert_eq!(
        settings.redirect_uri(Service::LastFm).as_deref(),
        Some("https://hub.example/base/api/v1/scrobble/lastfm/callback")
    );
    assert_eq!(
        settings.redirect_uri(Service::Trakt).as_deref(),
        Some("https://Hub.example/back"),
        "letter for letter"
    );
    let unreachable = Settings::of([]).unwrap();
    assert_eq!(unreachable.redirect_uri(Service::Trakt), None);
}

#[test]
fn what_a_function_needs_and_has_not_is_named() {
    let settings = Settings::of([]).unwrap();
    for (error, variable) in [
        (settings.table().unwrap_err(), "TABLE_NAME"),
        (settings.events_queue().unwrap_err(), "EVENTS_QUEUE_URL"),
        (settings.sync_queue().unwrap_err(), "SYNC_QUEUE_URL"),
        (settings.service().unwrap_err(), "SERVICE"),
        (settings.sealing().unwrap_err(), "SEALING_KEYS"),
    ] {
        assert_eq!(error.variable(), variable);
        assert!(error.to_string().contains("is not set"), "{error}");
    }
}

#[test]
fn queues_are_named_one_by_one_or_by_a_pattern() {
    let settings = Settings::of([
        (
            "DELIVER_QUEUE_URL",
            "https://sqs.example/1/deliver-{service}",
        ),
        ("DELIVER_QUEUE_URL_TRAKT", "https://sqs.example/1/own"),
        ("EVENTS_QUEUE_URL", "https://sqs.example/1/events.fifo"),
        ("SERVICE", "lastfm"),
    ])
    .unwrap();
    let queue = |service| settings.deliver_queues()[&service].as_str();
    assert_eq!(queue(Service::Trakt), "https://sqs.example/1/own");
    assert_eq!(
        queue(Service::LastFm),
        "https://sqs.example/1/deliver-lastfm"
    );
    assert_eq!(
        settings.events_queue(),
        Ok("https://sqs.example/1/events.fifo")
    );
    assert_eq!(settings.service(), Ok(Service::LastFm));
}

#[test]
fn on_aws_logs_are_json_and_the_first_users_token_is_ignored() {
    let on_aws = Settings::of([
        ("AWS_LAMBDA_FUNCTION_NAME", "api"),
        ("LISTENBRAINZ_TOKEN", "token"),
    ])
    .unwrap();
    assert_eq!(on_aws.log_format, LogFormat::Json);
    assert!(on_aws.is_on_aws && on_aws.listenbrainz_token.is_none());
    let local = Settings::of([("LISTENBRAINZ_TOKEN", "token")]).unwrap();
    assert_eq!(local.listenbrainz_token, Some(Secret::new("token")));
}

#[test]
fn nothing_secret_is_printed() {
    let settings = Settings::of([
        ("TRAKT_CLIENT_ID", "id"),
        ("TRAKT_CLIENT_SECRET", "hunter2"),
        ("LASTFM_API_KEY", "key"),
        ("LASTFM_API_SECRET", "hunter2"),
        ("SERVER_TOKEN", "hunter2"),
        ("LISTENBRAINZ_TOKEN", "hunter2"),
        ("SEALING_KEYS", KEY),
    ])
    .unwrap();
    let printed = format!("{settings:?}");
    assert!(!printed.contains("hunter2"), "{printed}");
    assert!(
        !printed.contains("AAECAw") && !printed.contains("1, 2, 3"),
        "{printed}"
    );
    assert!(settings.sealing().is_ok());
}

#[test]
fn every_default_address_is_an_address() {
    for service in Service::ALL {
        assert!(Url::parse(default_api_url(service)).is_ok());
        assert!(Url::parse(default_auth_url(service)).is_ok());
    }
}
