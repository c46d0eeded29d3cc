//! What the functions are told: names that the settings read, and the settings' own defaults.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use hub_runtime::Settings;
use serde_json::json;

use super::read::{environment, functions, template, text};

/// What is read by somebody else than the settings, and by whom.
const READ_ELSEWHERE: [(&str, &str); 3] = [
    (
        "SECRET_ARN",
        "runtime::aws::load_settings, before there are settings",
    ),
    ("SSL_CERT_FILE", "rustls-native-certs"),
    ("UPLOADS_BUCKET", "the import of files, which is to come"),
];

#[test]
fn every_variable_is_one_that_is_read() {
    let read = RefCell::new(BTreeSet::new());
    let lookup = |name: &str| {
        read.borrow_mut().insert(name.to_owned());
        None
    };
    Settings::read(&lookup).expect("nothing set is nothing wrong");
    let read = read.into_inner();
    for function in functions() {
        for name in environment(&function).keys() {
            let is_read_elsewhere = READ_ELSEWHERE.iter().any(|(other, _)| other == name);
            assert!(
                is_read_elsewhere || read.contains(name),
                "nobody reads {name} of {}",
                function.at()
            );
        }
    }
}

/// A function's environment as it is where nobody sets a parameter: what is a parameter's has its default.
fn by_default(id: &str) -> BTreeMap<String, String> {
    let parameters = &template("template.yaml").body["Parameters"];
    let functions = functions();
    let function = functions
        .iter()
        .find(|function| function.id == id)
        .expect("the function");
    let mut variables = BTreeMap::new();
    for (name, value) in environment(function) {
        let default = if let Some(parameter) = value["Ref"].as_str() {
            parameters[parameter]["Default"].clone()
        } else if value == json!({ "Fn::Sub": "${TickMinutes}m" }) {
            json!(format!("{}m", parameters["TickMinutes"]["Default"]))
        } else {
            continue;
        };
        if !default.is_null() {
            let text = default.as_str().map(str::to_owned);
            variables.insert(name, text.unwrap_or_else(|| default.to_string()));
        }
    }
    variables
}

#[test]
fn the_parameters_defaults_are_those_of_the_settings() {
    let variables = by_default("ProgressFunction");
    assert!(variables.len() > 15, "{variables:?}");
    let pairs = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let told = Settings::of(pairs).expect("settings");
    let own = Settings::of([]).expect("settings");
    assert_eq!(told.thresholds, own.thresholds);
    assert_eq!(told.retries, own.retries);
    assert_eq!(told.tick, own.tick);
    assert_eq!(told.scrobble_enabled, own.scrobble_enabled);
    assert_eq!(told.allow_private_addresses, own.allow_private_addresses);
    assert_eq!(told.log_filter, own.log_filter);
    // What is on without anybody's credentials.
    assert_eq!(
        told.writable_services_on().collect::<Vec<_>>(),
        [hub_domain::Service::ListenBrainz]
    );
}

#[test]
fn no_credential_is_a_parameter_or_a_variable() {
    let mut secrets = vec![
        "SERVER_TOKEN",
        "SEALING_KEYS",
        "LISTENBRAINZ_TOKEN",
        "TMDB_TOKEN",
    ];
    secrets.extend([
        "TRAKT_CLIENT_ID",
        "TRAKT_CLIENT_SECRET",
        "LASTFM_API_KEY",
        "LASTFM_API_SECRET",
        "SIMKL_CLIENT_ID",
        "SIMKL_CLIENT_SECRET",
        "ANILIST_CLIENT_ID",
        "ANILIST_CLIENT_SECRET",
        "MYANIMELIST_CLIENT_ID",
        "MYANIMELIST_CLIENT_SECRET",
    ]);
    for function in functions() {
        let variables = environment(&function);
        for secret in &secrets {
            assert!(
                !variables.contains_key(*secret),
                "{secret} of {}",
                function.at()
            );
        }
    }
}

/// Changing a letter of it would make `CloudFormation` write a new secret over the one that a person filled.
#[test]
fn a_later_deploy_never_writes_a_new_secret() {
    let secret = template("template.yaml").resource("Secret");
    let generated = json!({
        "SecretStringTemplate": "{}",
        "GenerateStringKey": "SERVER_TOKEN",
        "PasswordLength": 48,
        "ExcludePunctuation": true,
    });
    assert_eq!(secret.properties["GenerateSecretString"], generated);
    assert!(secret.properties["SecretString"].is_null());
}

#[test]
fn nothing_that_cannot_be_made_again_goes_with_the_stack() {
    for id in ["Table", "Secret"] {
        let kept = template("template.yaml").resource(id).whole;
        assert_eq!(
            (
                text(&kept["DeletionPolicy"]),
                text(&kept["UpdateReplacePolicy"])
            ),
            ("Retain".into(), "Retain".into())
        );
    }
}
