//! The services: one parameter, one condition and one row each, but for those that are read by feed alone.

use hub_domain::Service;
use serde_json::{Map, Value, json};

use super::read::{Resource, environment, functions, template, text};

fn rows() -> Vec<Resource> {
    let mut rows = template("template.yaml").of_type("AWS::CloudFormation::Stack");
    rows.retain(|row| row.properties["TemplateURL"] == "infra/service.yaml");
    rows
}

fn row_of(service: Service) -> Resource {
    let mut rows = rows();
    rows.retain(|row| row.properties["Parameters"]["Service"] == service.name());
    assert_eq!(rows.len(), 1, "{service} needs one row");
    rows.remove(0)
}

fn upper(service: Service) -> String {
    service.name().to_ascii_uppercase()
}

#[test]
fn every_service_that_is_written_to_has_a_row_and_every_row_a_service() {
    assert_eq!(rows().len(), Service::WRITABLE.len());
    for service in Service::WRITABLE {
        let body = template("template.yaml").body;
        let row = row_of(service);
        let condition = text(&row.whole["Condition"]);
        let is_enabled = &body["Conditions"][&condition]["Fn::Equals"];
        let parameter = text(&is_enabled[0]["Ref"]);
        assert_eq!(is_enabled[1], "true");
        assert_eq!(
            body["Parameters"][&parameter]["AllowedValues"],
            json!(["true", "false"])
        );
        for function in functions()
            .iter()
            .filter(|function| function.template == "template.yaml")
        {
            let variables = environment(function);
            let of = |name: String| &variables[&name];
            assert_eq!(
                *of(format!("{}_ENABLED", upper(service))),
                json!({ "Ref": parameter })
            );
            let output = |name: &str| json!({ "Fn::If": [condition, { "Fn::GetAtt": format!("{}.Outputs.{name}", row.id) }, ""] });
            assert_eq!(
                *of(format!("DELIVER_QUEUE_URL_{}", upper(service))),
                output("QueueUrl")
            );
            assert_eq!(
                row.properties["Parameters"]["ApiUrl"],
                *of(format!("{}_API_URL", upper(service)))
            );
            if function.id == "SyncFunction" {
                assert_eq!(
                    *of(format!("DEAD_LETTERS_URL_{}", upper(service))),
                    output("DeadLettersUrl")
                );
            }
        }
    }
}

#[test]
fn a_service_that_is_read_by_feed_has_an_address_and_nothing_to_switch_or_to_run() {
    let parameters = template("template.yaml").body["Parameters"].clone();
    let feeds = Service::ALL
        .into_iter()
        .filter(|service| !service.is_writable());
    for service in feeds {
        assert!(
            rows()
                .iter()
                .all(|row| row.properties["Parameters"]["Service"] != service.name()),
            "{service}"
        );
        for function in functions() {
            let variables = environment(&function);
            let is_in_hub = function.template == "template.yaml";
            let address = variables.get(&format!("{}_API_URL", upper(service)));
            assert_eq!(address.is_some(), is_in_hub, "{}", function.at());
            if let Some(address) = address {
                let parameter = text(&address["Ref"]);
                assert_eq!(parameters[&parameter]["Default"], "", "{parameter}");
            }
            for name in [
                format!("{}_ENABLED", upper(service)),
                format!("DELIVER_QUEUE_URL_{}", upper(service)),
                format!("DEAD_LETTERS_URL_{}", upper(service)),
            ] {
                assert!(!variables.contains_key(&name), "{name}");
            }
        }
    }
}

#[test]
fn a_worker_asks_trakt_at_trakts_address_whichever_service_it_serves() {
    let functions = functions();
    let worker = functions
        .iter()
        .find(|function| function.template == "infra/service.yaml");
    let worker = environment(worker.expect("the worker"));
    let progress = functions
        .iter()
        .find(|function| function.id == "ProgressFunction");
    let told = environment(progress.expect("progress"))["TRAKT_API_URL"].clone();
    let passed = text(&worker["TRAKT_API_URL"]["Ref"]);
    for row in rows() {
        assert_eq!(row.properties["Parameters"][&passed], told, "{}", row.at());
    }
}

#[test]
fn rows_differ_in_the_service_alone_and_give_all_that_it_takes() {
    let shared = |row: &Resource| {
        let mut given: Map<String, Value> = row.properties["Parameters"]
            .as_object()
            .expect("parameters")
            .clone();
        given.retain(|name, _| name != "Service" && name != "ApiUrl");
        given
    };
    let rows = rows();
    for row in &rows {
        assert_eq!(shared(row), shared(&rows[0]), "{}", row.at());
    }
    let given = rows[0].properties["Parameters"]
        .as_object()
        .expect("parameters");
    let taken = template("infra/service.yaml").body["Parameters"].clone();
    for name in taken.as_object().expect("parameters").keys() {
        assert!(given.contains_key(name), "{name} is not given");
    }
    assert_eq!(given.len(), taken.as_object().map_or(0, Map::len));
}

#[test]
fn a_worker_reads_the_settings_that_the_other_functions_read() {
    let functions = functions();
    let worker = functions
        .iter()
        .find(|function| function.template == "infra/service.yaml");
    let worker = environment(worker.expect("the worker"));
    let progress = functions
        .iter()
        .find(|function| function.id == "ProgressFunction");
    let progress = environment(progress.expect("progress"));
    let is_a_feeds = |name: &str| {
        let mut services = Service::ALL.into_iter();
        services
            .any(|service| !service.is_writable() && name == format!("{}_API_URL", upper(service)))
    };
    // Of its own: which service it serves. Not its business: whether services are on, feeds, queues of others, the clock.
    for (name, value) in &progress {
        let is_elsewhere = name.ends_with("_ENABLED") && name != "SCROBBLE_ENABLED"
            || is_a_feeds(name)
            || name.starts_with("DELIVER_QUEUE_URL")
            || name == "QUEUE_PROCESS_INTERVAL";
        assert_eq!(worker.contains_key(name), !is_elsewhere, "{name}");
        // The same parameter, passed on under the same name.
        if let (false, Some(parameter)) = (is_elsewhere, value["Ref"].as_str())
            && !name.ends_with("_API_URL")
        {
            let row = &rows()[0].properties["Parameters"];
            let passed = text(&worker[name]["Ref"]);
            assert_eq!(row[&passed], json!({ "Ref": parameter }), "{name}");
        }
    }
}
