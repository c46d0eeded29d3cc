//! Queues, and the mappings that hand their messages to functions.

use std::collections::BTreeSet;

use hub_local::mapping::FUNCTION_TIMEOUT;
use hub_runtime::http::CALL_TIMEOUT;
use serde_json::{Value, json};

use super::read::{Resource, all_of_type, functions, mappings, templates, text};

/// Fourteen days, the longest that SQS keeps a message, in seconds.
const FOURTEEN_DAYS: u64 = 14 * 24 * 3600;

/// The queue that a `GetAtt` of its ARN names.
fn named(arn: &Value) -> String {
    let name = text(&arn["Fn::GetAtt"]);
    name.strip_suffix(".Arn").expect("an ARN").to_owned()
}

fn is_fifo(queue: &Resource) -> bool {
    queue.properties["FifoQueue"] == true
}

/// The queues that something dies into, by template and logical id.
fn dead_letters() -> BTreeSet<(String, String)> {
    let mut named_by = BTreeSet::new();
    for template in templates() {
        for resource in template.resources() {
            let redrive = &resource.properties["RedrivePolicy"]["deadLetterTargetArn"];
            let target = &resource.properties["Target"]["DeadLetterConfig"]["Arn"];
            for arn in [redrive, target] {
                if !arn.is_null() {
                    named_by.insert((template.name.clone(), named(arn)));
                }
            }
        }
    }
    named_by
}

#[test]
fn every_queue_has_dead_letters_of_its_own_kind() {
    let dead = dead_letters();
    let queues = all_of_type("AWS::SQS::Queue");
    for queue in &queues {
        let place = (queue.template.clone(), queue.id.clone());
        let redrive = &queue.properties["RedrivePolicy"];
        assert_eq!(redrive.is_null(), dead.contains(&place), "{}", queue.at());
        if redrive.is_null() {
            continue;
        }
        let dead = named(&redrive["deadLetterTargetArn"]);
        let is_it = |other: &&Resource| other.template == queue.template && other.id == dead;
        let dead = queues.iter().find(is_it).expect("the dead letters");
        assert_eq!(is_fifo(dead), is_fifo(queue), "{}", queue.at());
        // An event is nowhere else, so failures of the infrastructure must never use this up; a wake-up is in the table.
        let tries = if is_fifo(queue) { 1000 } else { 10 };
        assert_eq!(redrive["maxReceiveCount"], tries, "{}", queue.at());
    }
}

#[test]
fn every_queue_keeps_fourteen_days_sealed_and_out_of_sight_for_six_times_the_function() {
    for queue in all_of_type("AWS::SQS::Queue") {
        let of = |name: &str| queue.properties[name].as_u64();
        assert_eq!(
            of("MessageRetentionPeriod"),
            Some(FOURTEEN_DAYS),
            "{}",
            queue.at()
        );
        let visibility = of("VisibilityTimeout").expect("a visibility timeout");
        assert!(
            visibility >= 6 * FUNCTION_TIMEOUT.as_secs(),
            "{}",
            queue.at()
        );
        assert_eq!(
            queue.properties["SqsManagedSseEnabled"],
            true,
            "{}",
            queue.at()
        );
    }
}

#[test]
fn fifo_queues_are_of_high_throughput() {
    for queue in all_of_type("AWS::SQS::Queue")
        .iter()
        .filter(|queue| is_fifo(queue))
    {
        assert_eq!(
            queue.properties["DeduplicationScope"],
            "messageGroup",
            "{}",
            queue.at()
        );
        assert_eq!(
            queue.properties["FifoThroughputLimit"],
            "perMessageGroupId",
            "{}",
            queue.at()
        );
    }
}

#[test]
fn timeouts_nest() {
    let lease = hub_worker::LEASE.to_std().expect("a lease");
    assert!(CALL_TIMEOUT < FUNCTION_TIMEOUT && FUNCTION_TIMEOUT < lease);
    for function in functions() {
        assert_eq!(
            function.properties["Timeout"],
            FUNCTION_TIMEOUT.as_secs(),
            "{}",
            function.at()
        );
    }
    for queue in all_of_type("AWS::SQS::Queue") {
        let visibility = queue.properties["VisibilityTimeout"].as_u64();
        assert!(visibility > Some(lease.as_secs()), "{}", queue.at());
    }
}

#[test]
fn every_mapping_reports_what_failed_and_is_capped() {
    let mappings = mappings();
    assert_eq!(mappings.len(), 3, "progress, sync and the workers");
    for (place, _, mapping) in mappings {
        assert_eq!(
            mapping["FunctionResponseTypes"],
            json!(["ReportBatchItemFailures"]),
            "{place}"
        );
        let cap = &mapping["ScalingConfig"]["MaximumConcurrency"];
        assert!(cap == 2 || cap["Ref"].is_string(), "{place}");
        // What SQS hands out at once, without a window in which more could gather.
        assert!(
            mapping["BatchSize"].as_u64().is_some_and(|size| size <= 10),
            "{place}"
        );
    }
}

#[test]
fn what_caps_a_mapping_is_two_unless_it_is_told_otherwise() {
    let template = super::read::template("template.yaml");
    for name in ["ProgressConcurrency", "WorkerConcurrency"] {
        let parameter = &template.body["Parameters"][name];
        assert_eq!(
            (&parameter["Default"], &parameter["MinValue"]),
            (&json!(2), &json!(2))
        );
    }
}

#[test]
fn a_window_in_which_wake_ups_gather_is_a_parameter_and_none_by_itself() {
    let template = super::read::template("template.yaml");
    assert_eq!(template.body["Parameters"]["BatchingWindow"]["Default"], 0);
    let service = super::read::template("infra/service.yaml");
    for mapping in service.of_type("AWS::Lambda::EventSourceMapping") {
        let window = &mapping.properties["MaximumBatchingWindowInSeconds"];
        assert_eq!(*window, json!({ "Ref": "BatchingWindow" }));
    }
}

#[test]
fn the_clock_ticks_and_has_dead_letters_of_its_own() {
    let ticks = all_of_type("AWS::Scheduler::Schedule");
    assert_eq!(ticks.len(), 1);
    let tick = &ticks[0].properties;
    assert_eq!(
        tick["Target"]["Arn"],
        json!({ "Fn::GetAtt": "SyncFunction.Arn" })
    );
    assert_eq!(tick["FlexibleTimeWindow"]["Mode"], "OFF");
    assert!(tick["Target"]["RetryPolicy"].is_object());
    named(&tick["Target"]["DeadLetterConfig"]["Arn"]);
}
