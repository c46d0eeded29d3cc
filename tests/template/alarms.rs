//! Alarms: what they look at, and how many metrics are paid for.

use hub_domain::Service;

use super::read::{Resource, all_of_type, template, text, texts};

/// The metrics that an alarm looks at: those are what is billed.
fn metrics(alarm: &Resource) -> usize {
    match alarm.properties["Metrics"].as_array() {
        Some(queries) => queries
            .iter()
            .filter(|query| query["MetricStat"].is_object())
            .count(),
        None => 1,
    }
}

fn metrics_of(name: &str) -> usize {
    let alarms = template(name).of_type("AWS::CloudWatch::Alarm");
    alarms.iter().map(metrics).sum()
}

/// Source: <https://aws.amazon.com/cloudwatch/pricing/>
#[test]
fn three_services_stay_within_the_ten_metrics_that_are_free() {
    let each = metrics_of("infra/service.yaml");
    assert_eq!(each, 1);
    assert!(metrics_of("infra/alarms.yaml") + 3 * each <= 10);
    assert!(Service::WRITABLE.len() >= 3);
}

#[test]
fn dead_letters_the_oldest_event_errors_and_throttles_raise_an_alarm() {
    let alarms = all_of_type("AWS::CloudWatch::Alarm");
    let watched: Vec<String> = alarms
        .iter()
        .flat_map(|alarm| texts(&alarm.properties))
        .collect();
    for metric in [
        "ApproximateNumberOfMessagesVisible",
        "ApproximateAgeOfOldestMessage",
        "Throttles",
        "${Hub}-errors",
    ] {
        assert!(watched.iter().any(|text| text == metric), "{metric}");
    }
    for alarm in alarms {
        assert_eq!(
            text(&alarm.properties["TreatMissingData"]),
            "notBreaching",
            "{}",
            alarm.at()
        );
        assert!(
            !text(&alarm.properties["AlarmDescription"]).is_empty(),
            "{}",
            alarm.at()
        );
        assert!(
            alarm.properties["AlarmActions"].is_object(),
            "{}",
            alarm.at()
        );
    }
}

#[test]
fn errors_of_every_function_are_counted_alike() {
    let counted = all_of_type("AWS::Logs::MetricFilter");
    assert_eq!(counted.len(), super::read::functions().len());
    for filter in &counted {
        assert_eq!(
            filter.properties["FilterPattern"],
            counted[0].properties["FilterPattern"],
            "{}",
            filter.at()
        );
        assert_eq!(
            filter.properties["MetricTransformations"],
            counted[0].properties["MetricTransformations"],
            "{}",
            filter.at()
        );
    }
}
