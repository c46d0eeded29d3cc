//! Reads the templates: YAML with `CloudFormation`'s tags, as the JSON that `CloudFormation` makes of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use saphyr::{LoadableYamlNode as _, YamlOwned};
use serde_json::{Map, Value, json};

/// One template.
pub(crate) struct Template {
    /// Its path in the repository.
    pub(crate) name: String,
    pub(crate) body: Value,
}

/// A resource of a template.
#[derive(Clone)]
pub(crate) struct Resource {
    /// The template it stands in.
    pub(crate) template: String,
    /// Its logical id there.
    pub(crate) id: String,
    pub(crate) kind: String,
    pub(crate) properties: Value,
    pub(crate) whole: Value,
}

/// The repository's folder.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// `template.yaml` and the pieces in `infra`.
pub(crate) fn templates() -> Vec<Template> {
    let mut names = vec!["template.yaml".to_owned()];
    for entry in std::fs::read_dir(repository().join("infra")).expect("infra") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".yaml") {
            names.push(format!("infra/{name}"));
        }
    }
    names.sort();
    names.into_iter().map(template).collect()
}

/// One template by its path in the repository.
pub(crate) fn template(name: impl Into<String>) -> Template {
    let name = name.into();
    let text = std::fs::read_to_string(repository().join(&name)).expect("the template");
    let documents = YamlOwned::load_from_str(&text).expect("YAML");
    assert_eq!(documents.len(), 1, "{name} is one document");
    Template {
        body: json_of(&documents[0]),
        name,
    }
}

impl Template {
    /// Every resource.
    pub(crate) fn resources(&self) -> Vec<Resource> {
        let resources = self.body["Resources"].as_object().expect("resources");
        let of = |(id, resource): (&String, &Value)| Resource {
            template: self.name.clone(),
            id: id.clone(),
            kind: text(&resource["Type"]),
            properties: resource["Properties"].clone(),
            whole: resource.clone(),
        };
        resources.iter().map(of).collect()
    }

    /// Every resource of one type.
    pub(crate) fn of_type(&self, kind: &str) -> Vec<Resource> {
        let mut resources = self.resources();
        resources.retain(|resource| resource.kind == kind);
        resources
    }

    /// The resource of that name.
    pub(crate) fn resource(&self, id: &str) -> Resource {
        let mut resources = self.resources().into_iter();
        let found = resources.find(|resource| resource.id == id);
        found.unwrap_or_else(|| panic!("{} has no {id}", self.name))
    }
}

impl Resource {
    /// Its name for a failed assertion.
    pub(crate) fn at(&self) -> String {
        format!("{} in {}", self.id, self.template)
    }
}

/// Every resource of one type, of all templates.
pub(crate) fn all_of_type(kind: &str) -> Vec<Resource> {
    let templates = templates();
    let of = |template: &Template| template.of_type(kind);
    templates.iter().flat_map(of).collect()
}

/// Every function, SAM's and plain ones, with what the globals give it.
pub(crate) fn functions() -> Vec<Resource> {
    let mut functions = all_of_type("AWS::Lambda::Function");
    for template in templates() {
        let globals = &template.body["Globals"]["Function"];
        for mut function in template.of_type("AWS::Serverless::Function") {
            let mut properties = globals.clone();
            lay_over(&mut properties, &function.properties);
            function.properties = properties;
            functions.push(function);
        }
    }
    functions
}

/// Every event source mapping: its name, the queue it names, and the rest.
pub(crate) fn mappings() -> Vec<(String, Value, Value)> {
    let plain = all_of_type("AWS::Lambda::EventSourceMapping");
    let plain = plain.into_iter().map(|mapping| {
        let queue = mapping.properties["EventSourceArn"].clone();
        (mapping.at(), queue, mapping.properties)
    });
    let mut mappings: Vec<_> = plain.collect();
    for function in all_of_type("AWS::Serverless::Function") {
        for (id, event) in function.properties["Events"]
            .as_object()
            .into_iter()
            .flatten()
        {
            assert_eq!(event["Type"], "SQS", "{id} of {}", function.at());
            let properties = event["Properties"].clone();
            mappings.push((function.at(), properties["Queue"].clone(), properties));
        }
    }
    mappings
}

/// The variables of a function's environment.
pub(crate) fn environment(function: &Resource) -> BTreeMap<String, Value> {
    let variables = function.properties["Environment"]["Variables"].as_object();
    let variables = variables.expect("an environment").clone();
    variables.into_iter().collect()
}

/// Every text inside a value, whatever function of `CloudFormation` it stands in.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

/// A value that has to be a text.
pub(crate) fn text(value: &Value) -> String {
    let text = value.as_str();
    text.unwrap_or_else(|| panic!("{value} is no text"))
        .to_owned()
}

fn lay_over(below: &mut Value, above: &Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (name, value) in above {
                lay_over(below.entry(name).or_insert(Value::Null), value);
            }
        }
        (below, above) => *below = above.clone(),
    }
}

fn json_of(node: &YamlOwned) -> Value {
    match node {
        YamlOwned::Tagged(tag, node) => {
            let name = match tag.suffix.as_str() {
                "Ref" | "Condition" => tag.suffix.clone(),
                function => format!("Fn::{function}"),
            };
            json!({ name: json_of(node) })
        }
        YamlOwned::Sequence(nodes) => nodes.iter().map(json_of).collect(),
        YamlOwned::Mapping(nodes) => {
            let mut members = Map::new();
            let mut merged = Map::new();
            for (name, node) in nodes {
                match (name.as_str().expect("a name"), json_of(node)) {
                    // YAML's merge key: what is named in the mapping itself wins.
                    ("<<", Value::Object(others)) => merged = others,
                    (name, value) => {
                        members.insert(name.to_owned(), value);
                    }
                }
            }
            for (name, value) in merged {
                members.entry(name).or_insert(value);
            }
            Value::Object(members)
        }
        YamlOwned::Value(_) | YamlOwned::Representation(..) => scalar(node),
        YamlOwned::Alias(_) | YamlOwned::BadValue => panic!("{node:?} is not understood"),
    }
}

fn scalar(node: &YamlOwned) -> Value {
    if let Some(text) = node.as_str() {
        json!(text)
    } else if let Some(number) = node.as_integer() {
        json!(number)
    } else if let Some(flag) = node.as_bool() {
        json!(flag)
    } else {
        panic!("{node:?} is no scalar that a template needs")
    }
}
