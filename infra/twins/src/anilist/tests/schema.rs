//! What the twin plays is AniList's own schema.

use apollo_compiler::Schema;
use apollo_compiler::schema::ExtendedType;

use super::super::graphql::{EXCERPT, whole};
use super::*;
use crate::testing::reference;

/// Says what of the excerpt the whole schema has not, or has otherwise.
fn differences(excerpt: &Schema, whole: &Schema) -> Vec<String> {
    let mut differences = Vec::new();
    for (name, part) in &excerpt.types {
        if part.is_built_in() {
            continue;
        }
        let Some(real) = whole.types.get(name) else {
            differences.push(format!("{name} is unknown"));
            continue;
        };
        match (part, real) {
            (ExtendedType::Object(part), ExtendedType::Object(real)) => {
                for (field, part) in &part.fields {
                    let Some(real) = real.fields.get(field) else {
                        differences.push(format!("{name}.{field} is unknown"));
                        continue;
                    };
                    if part.ty != real.ty {
                        differences
                            .push(format!("{name}.{field} is {} and not {}", real.ty, part.ty));
                    }
                    for argument in &part.arguments {
                        let known = real.argument_by_name(&argument.name);
                        if known.is_none_or(|known| known.ty != argument.ty) {
                            differences.push(format!("{name}.{field}({}) differs", argument.name));
                        }
                    }
                }
            }
            (ExtendedType::Enum(part), ExtendedType::Enum(real)) => {
                let unknown = part
                    .values
                    .keys()
                    .filter(|value| !real.values.contains_key(*value));
                differences.extend(unknown.map(|value| format!("{name}.{value} is unknown")));
            }
            (ExtendedType::InputObject(part), ExtendedType::InputObject(real)) => {
                let differs = part.fields.iter().filter(|(field, part)| {
                    real.fields
                        .get(*field)
                        .is_none_or(|real| real.ty != part.ty)
                });
                differences.extend(differs.map(|(field, _)| format!("{name}.{field} differs")));
            }
            _ => differences.push(format!("{name} is of another kind")),
        }
    }
    differences
}

#[test]
fn the_excerpt_says_nothing_that_the_whole_schema_does_not() {
    let excerpt = Schema::parse_and_validate(EXCERPT, "excerpt.graphqls").unwrap();
    if reference("contracts/anilist-schema.graphqls").is_none() {
        return;
    }
    assert_eq!(
        differences(&excerpt, whole().unwrap()),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_document_that_the_schema_does_not_know_is_a_bad_request() {
    let stage = Stage::new().await;
    for query in [
        "query { Viewer { id nickname } }",
        "query { Viewer { id ",
        "mutation { SaveMediaListEntry(media: 1) { id } }",
        "mutation { SaveMediaListEntry(mediaId: 1, status: WATCHING) { id } }",
        "query ($id: String) { Media(id: $id) { id } }",
        "query { Viewer { mediaListOptions } }",
    ] {
        let (status, body) = stage.refused(query, json!({})).await;
        assert_eq!((status, &body["data"]), (400, &Value::Null), "{query}");
        assert_eq!(body["errors"][0]["status"], 400);
    }
    let query = "query ($id: Int) { Media(id: $id) { id } }";
    let (status, _) = stage.refused(query, json!({"id": "one"})).await;
    assert_eq!(status, 400, "variables have types, too");
}

#[tokio::test]
async fn what_only_the_whole_schema_has_is_not_simulated() {
    if reference("contracts/anilist-schema.graphqls").is_none() {
        return;
    }
    let stage = Stage::new().await;
    let (status, _) = stage
        .refused("query { Media(id: 21) { id genres } }", json!({}))
        .await;
    assert_eq!(status, 501);
}
