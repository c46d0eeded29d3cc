//! The house: which room may know which.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

/// The floor of each room; a room knows only rooms on lower floors. Siblings share a floor, and never know each other.
const FLOORS: &[(&str, u8)] = &[
    ("hub-domain", 0),
    ("hub-files", 1),
    ("hub-sources", 1),
    ("hub-providers", 1),
    ("hub-store", 1),
    ("hub-runtime", 1),
    ("hub-api", 2),
    ("hub-progress", 2),
    ("hub-worker", 2),
    ("hub-sync", 2),
    ("hub-twins", 2),
    ("hub-local", 3),
    ("hub-tests", 4),
];

/// The workspace, as cargo tells of it.
fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    serde_json::from_slice(&output.stdout).expect("cargo's metadata")
}

#[test]
fn arrows_point_down_only() {
    let floors: BTreeMap<&str, u8> = FLOORS.iter().copied().collect();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    assert_eq!(packages.len(), floors.len(), "a room has no floor yet");
    for package in packages {
        let name = package["name"].as_str().expect("a name");
        let own = floors
            .get(name)
            .unwrap_or_else(|| panic!("{name} has no floor"));
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            let other = dependency["name"].as_str().expect("a name");
            if let Some(floor) = floors.get(other) {
                assert!(floor < own, "{name} knows {other}, which is not below it");
            }
        }
    }
}

#[test]
fn the_domain_and_the_files_do_no_io_and_have_no_clock() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().expect("packages");
    for room in ["hub-domain", "hub-files"] {
        let package = packages
            .iter()
            .find(|package| package["name"] == room)
            .expect("the room");
        let known: Vec<&str> = package["dependencies"]
            .as_array()
            .expect("dependencies")
            .iter()
            .filter(|dependency| dependency["kind"].is_null())
            .filter_map(|dependency| dependency["name"].as_str())
            .collect();
        for forbidden in [
            "tokio",
            "reqwest",
            "axum",
            "tracing",
            "aws-sdk-dynamodb",
            "aws-sdk-sqs",
            "futures-util",
        ] {
            assert!(!known.contains(&forbidden), "{room} knows {forbidden}");
        }
    }
}
