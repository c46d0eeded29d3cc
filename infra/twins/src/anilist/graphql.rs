//! GraphQL around the rules: what is asked is parsed, checked against the schema, and carried out field by field.
//!
//! Every document is checked against the excerpt that the twin plays, and against the whole schema where that is at
//! hand (`HUB_REFERENCE`). What the whole schema has and the excerpt has not is answered 501: not simulated.

use std::sync::{LazyLock, OnceLock};

use apollo_compiler::ast::{Definition, Document, Selection};
use apollo_compiler::request::RequestError;
use apollo_compiler::resolvers::Execution;
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

use super::resolve::{Desk, Thing, What};
use crate::answer::{Answer, Call};

/// The part of the schema that the twin plays.
pub(crate) const EXCERPT: &str = include_str!("excerpt.graphqls");

static PLAYED: LazyLock<Valid<Schema>> = LazyLock::new(|| {
    Schema::parse_and_validate(EXCERPT, "excerpt.graphqls")
        .expect("the excerpt belongs to the twin, and a test reads it")
});

static WHOLE: OnceLock<Option<Valid<Schema>>> = OnceLock::new();

/// The whole schema, read once.
pub(crate) fn whole() -> Option<&'static Valid<Schema>> {
    let read = || {
        let text = crate::reference::read("contracts/anilist-schema.graphqls")?;
        // An introspected schema spells out what every GraphQL schema has.
        let built = Schema::builder()
            .ignore_builtin_redefinitions()
            .parse(text, "anilist-schema.graphqls")
            .build();
        match built.and_then(Schema::validate) {
            Ok(schema) => Some(schema),
            Err(invalid) => {
                let errors = invalid.errors.to_string();
                tracing::warn!(errors, "the reference schema is not valid");
                None
            }
        }
    };
    WHOLE.get_or_init(read).as_ref()
}

/// What a call asks for: the names of its root fields, or its path.
pub(crate) fn operation(call: &Call) -> String {
    let body = call.json().unwrap_or_default();
    let names = body.get("query").and_then(Value::as_str).and_then(|query| {
        let document = Document::parse(query, "query.graphql").ok()?;
        let operation = document.definitions.iter().find_map(|definition| {
            if let Definition::OperationDefinition(operation) = definition {
                Some(operation)
            } else {
                None
            }
        })?;
        let names: Vec<&str> = operation
            .selection_set
            .iter()
            .filter_map(|selection| match selection {
                Selection::Field(field) => Some(field.name.as_str()),
                Selection::FragmentSpread(_) | Selection::InlineFragment(_) => None,
            })
            .collect();
        Some(names.join(","))
    });
    names.unwrap_or_else(|| call.path.clone())
}

/// Answers one request.
pub(crate) fn answer(desk: &Desk<'_>, body: &Value) -> Answer {
    let Some(query) = body.get("query").and_then(Value::as_str) else {
        return refused(400, &[json!({"message": "No query or mutation provided."})]);
    };
    if let Some(whole) = whole()
        && let Err(errors) = checked(whole, query)
    {
        return refused(400, &errors);
    }
    let document = match checked(&PLAYED, query) {
        Ok(document) => document,
        Err(errors) if WHOLE.get().is_some_and(Option::is_some) => return refused(501, &errors),
        Err(errors) => return refused(400, &errors),
    };
    let variables = match body.get("variables") {
        None | Some(Value::Null) => json!({}),
        Some(variables) => variables.clone(),
    };
    let variables = JsonValue::from(variables);
    let Some(variables) = variables.as_object() else {
        return refused(400, &[json!({"message": "Variables must be an object."})]);
    };
    let name = body.get("operationName").and_then(Value::as_str);
    match carried_out(desk, &document, name, variables) {
        Ok(answer) => answer,
        Err(error) => refused(400, &[error]),
    }
}

fn checked(schema: &Valid<Schema>, query: &str) -> Result<Valid<ExecutableDocument>, Vec<Value>> {
    ExecutableDocument::parse_and_validate(schema, query, "query.graphql").map_err(|invalid| {
        let errors = invalid.errors.iter();
        errors.map(|error| shown(&error.to_json())).collect()
    })
}

fn carried_out(
    desk: &Desk<'_>,
    document: &Valid<ExecutableDocument>,
    name: Option<&str>,
    variables: &JsonMap,
) -> Result<Answer, Value> {
    let sources = &document.sources;
    let refused = |error: RequestError| shown(&error.to_graphql_error(sources));
    let execution = Execution::new(&PLAYED, document)
        .operation_name(name)
        .map_err(refused)?
        .raw_variable_values(variables);
    let operation = document.operations.get(name);
    let is_query = operation.is_ok_and(|operation| operation.is_query());
    let run = |what| {
        let root = Thing { desk, what };
        execution.execute_sync(&root).map_err(refused)
    };
    let response = if is_query {
        // `pageInfo` stands before the list it speaks of: the first run finds out, the second tells.
        run(What::Query)?;
        desk.forget_refusals();
        run(What::Query)?
    } else {
        run(What::Mutation)?
    };
    let mut fields = desk.refused_fields().into_iter();
    let errors: Vec<Value> = response
        .errors
        .iter()
        .map(|error| {
            let mut shown = shown(error);
            // The crate says so before each message that is not its own.
            let message = error.message.strip_prefix("resolver error: ");
            let message = message.unwrap_or(&error.message);
            shown["message"] = message.into();
            shown["status"] = status_of(message).into();
            if message == "validation" {
                shown["validation"] = fields.next().unwrap_or_default();
            }
            shown
        })
        .collect();
    let data = serde_json::to_value(&response.data).unwrap_or_default();
    let data = with_whole_numbers(data);
    if errors.is_empty() {
        return Ok(Answer::json(200, &json!({"data": data})));
    }
    let is_partial = data
        .as_object()
        .is_some_and(|fields| fields.values().any(|field| !field.is_null()));
    let first = errors.first().and_then(|error| error["status"].as_u64());
    let status = first.and_then(|status| u16::try_from(status).ok());
    let status = status.filter(|_| !is_partial).unwrap_or(200);
    Ok(Answer::json(
        status,
        &json!({"errors": errors, "data": data}),
    ))
}

fn shown(error: &GraphQLError) -> Value {
    serde_json::to_value(error).unwrap_or_default()
}

/// A score that is whole is written without its fraction.
fn with_whole_numbers(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(with_whole_numbers).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields
                .map(|(name, value)| (name, with_whole_numbers(value)))
                .collect()
        }
        Value::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            // The only fractions are scores, from 0 to 100.
            Some(score) if score.fract() == 0.0 => (score as i64).into(),
            Some(_) | None => Value::Number(number),
        },
        Value::Null | Value::Bool(_) | Value::String(_) => value,
    }
}

fn status_of(message: &str) -> u16 {
    match message {
        "Not Found." | "User not found" | "Private User" => 404,
        "Unauthorized." => 401,
        "validation" => 400,
        _ => 500,
    }
}

/// A refusal of the request as a whole.
pub(crate) fn refused(status: u16, errors: &[Value]) -> Answer {
    let errors: Vec<Value> = errors
        .iter()
        .map(|error| {
            let mut error = error.clone();
            error["status"] = status.into();
            error
        })
        .collect();
    Answer::json(status, &json!({"errors": errors, "data": null}))
}
