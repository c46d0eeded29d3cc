//! What Lambda changes: the very events that it hands over, through the functions' own handlers; batches of which a part
//! fails, sandboxes that slept, releases that are rolled back.

mod batches;
mod gateway;
mod redrive;
mod releases;
mod samples;
mod thawed;

use std::fs;
use std::path::Path;

use aws_lambda_events::sqs::SqsBatchResponse;
use hub_domain::{Service, UserId};
use hub_local::hub::Hub;
use lambda_http::request::LambdaRequest;
use lambda_http::{Adapter, Context, LambdaEvent};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tower::Service as _;

use crate::harness::{Person, World};

/// Whose they are.
const MIRA: &str = "0d9c6f0e-6f4b-4c1e-8a56-6d6972610001";
/// No message.
const NONE: [u32; 0] = [];
/// Who else appears in them.
const OTHER: &str = "0d9c6f0e-6f4b-4c1e-8a56-6d6972610002";

/// A sample of `events/`, as what it is read as.
fn sample<T: DeserializeOwned>(file: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../events")
        .join(file);
    let text = fs::read_to_string(path).expect("a sample");
    serde_json::from_str(&text).expect("a sample of that kind")
}

/// A user of the samples, connected to some services.
async fn person(world: &World, id: &str, name: &str, services: &[Service]) -> Person {
    let id = UserId(id.parse().expect("an id"));
    let now = world.clock.now();
    let made = world.hub.table.ensure_user(id, Some(name), now).await;
    made.expect("a user");
    let person = Person {
        id,
        name: name.to_owned(),
    };
    for service in services {
        world.connect(&person, *service).await;
    }
    person
}

/// Hands an event of API Gateway to the HTTP function as `lambda_http` does, and returns what API Gateway gets.
async fn invoke(hub: &Hub, event: &Value) -> Value {
    let request: LambdaRequest =
        serde_json::from_value(event.clone()).expect("an event of API Gateway");
    let mut function = Adapter::from(hub_api::router(hub.api.clone()));
    let event = LambdaEvent::new(request, Context::default());
    let answer = function.call(event).await.expect("an answer");
    serde_json::to_value(answer).expect("an answer is JSON")
}

/// The ids of the messages that a function handed back.
fn handed_back(response: &SqsBatchResponse) -> Vec<String> {
    let failures = response.batch_item_failures.iter();
    failures
        .map(|failure| failure.item_identifier.clone())
        .collect()
}

/// The last letters of the ids that the samples give their messages.
fn numbers(response: &SqsBatchResponse) -> Vec<u32> {
    let ids = handed_back(response);
    let number = |id: &String| id[id.len() - 4..].parse().expect("a number");
    ids.iter().map(number).collect()
}
