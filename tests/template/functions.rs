//! Functions: what they are, what they may do, where they log.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::read::{all_of_type, functions, repository, template, templates, text, texts};

#[test]
fn every_function_is_a_binary_of_the_workspace() {
    let mut built = BTreeSet::new();
    for function in functions() {
        let code = function.properties.get("CodeUri");
        let code = text(code.unwrap_or(&function.properties["Code"]));
        let code = code.trim_start_matches("../");
        let binary = code
            .strip_prefix("target/lambda/")
            .and_then(|code| code.strip_suffix('/'));
        let binary = binary.unwrap_or_else(|| panic!("{code} is nothing that is built"));
        let room = binary.strip_prefix("hub-").expect("a function of ours");
        let manifest = repository().join("functions").join(room).join("Cargo.toml");
        let manifest = std::fs::read_to_string(manifest).expect("the function's manifest");
        assert!(
            manifest.contains(&format!("name = \"{binary}\"")),
            "{}",
            function.at()
        );
        built.insert(binary.to_owned());
        let of = |name: &str| &function.properties[name];
        assert_eq!(of("Runtime"), "provided.al2023", "{}", function.at());
        assert_eq!(
            *of("Architectures"),
            json!([{ "Ref": "Architecture" }]),
            "{}",
            function.at()
        );
    }
    assert_eq!(built.len(), 4, "{built:?}");
    assert_eq!(
        template("template.yaml").body["Parameters"]["Architecture"]["Default"],
        "arm64"
    );
}

#[test]
fn every_function_logs_json_into_a_group_that_forgets() {
    let groups = all_of_type("AWS::Logs::LogGroup");
    for group in &groups {
        let retention = json!({ "Ref": "LogRetentionDays" });
        assert_eq!(
            group.properties["RetentionInDays"],
            retention,
            "{}",
            group.at()
        );
    }
    for function in functions() {
        let logging = &function.properties["LoggingConfig"];
        assert_eq!(logging["LogFormat"], "JSON", "{}", function.at());
        assert_eq!(logging["SystemLogLevel"], "WARN", "{}", function.at());
        let group = text(&logging["LogGroup"]["Ref"]);
        let is_there = groups
            .iter()
            .any(|other| other.template == function.template && other.id == group);
        assert!(is_there, "{}", function.at());
    }
}

/// Every statement that allows something, with the place it stands in.
fn allowed() -> Vec<(String, Value)> {
    let mut statements = Vec::new();
    for template in templates() {
        for resource in template.resources() {
            let own = &resource.properties["PolicyDocument"]["Statement"];
            let inline = resource.properties["Policies"]
                .as_array()
                .into_iter()
                .flatten();
            let inline = inline.map(|policy| &policy["PolicyDocument"]["Statement"]);
            for statement in inline
                .chain([own])
                .flat_map(|all| all.as_array().into_iter().flatten())
            {
                if statement["Effect"] == "Allow" {
                    statements.push((resource.at(), statement.clone()));
                }
            }
        }
    }
    statements
}

#[test]
fn no_policy_allows_more_than_it_names() {
    let statements = allowed();
    assert!(statements.len() > 15);
    for (place, statement) in statements {
        for action in texts(&statement["Action"]) {
            assert!(!action.contains('*'), "{place} allows {action}");
        }
        assert!(!statement["Resource"].is_null(), "{place}");
        for resource in texts(&statement["Resource"]) {
            // Files have no names yet when the policy is made.
            let is_of_files = resource == "${Uploads.Arn}/imports/*";
            assert!(
                is_of_files || !resource.contains('*'),
                "{place} allows {resource}"
            );
        }
    }
    for role in all_of_type("AWS::IAM::Role") {
        assert!(
            role.properties["ManagedPolicyArns"].is_null(),
            "{}",
            role.at()
        );
    }
}

#[test]
fn no_two_functions_share_a_role() {
    let mut roles = BTreeSet::new();
    for function in functions() {
        let role = text(&function.properties["Role"]["Fn::GetAtt"]);
        assert!(
            roles.insert((function.template.clone(), role)),
            "{}",
            function.at()
        );
    }
}

#[test]
fn only_those_who_look_for_what_is_due_read_the_index() {
    let readers: BTreeSet<String> = allowed()
        .into_iter()
        .filter(|(_, statement)| {
            texts(&statement["Resource"])
                .iter()
                .any(|text| text.ends_with("/index/due"))
        })
        .map(|(place, _)| place)
        .collect();
    let expected = ["Role in infra/service.yaml", "SyncRole in template.yaml"];
    assert_eq!(readers, expected.map(str::to_owned).into());
}

#[test]
fn every_parameter_is_described_and_used() {
    for template in templates() {
        let parameters = template.body["Parameters"].as_object().expect("parameters");
        let mut rest = template.body.clone();
        rest.as_object_mut()
            .expect("a template")
            .retain(|section, _| section != "Parameters" && section != "Metadata");
        let used = texts(&rest);
        for (name, parameter) in parameters {
            assert!(!text(&parameter["Description"]).is_empty(), "{name}");
            let placeholder = format!("${{{name}}}");
            let is_used = used
                .iter()
                .any(|text| text == name || text.contains(&placeholder));
            assert!(is_used, "{name} of {} is not used", template.name);
        }
    }
}
