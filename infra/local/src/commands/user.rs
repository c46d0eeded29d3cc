//! `hub user`: who uses the hub.

use std::io::{BufRead, Write};

use serde_json::{Value, json};

use super::answer;
use crate::access::Access;
use crate::cli::UserCommand;
use crate::failure::Failure;
use crate::output::{Output, time_cell};
use crate::users::{self, User};

pub(super) async fn run<R: BufRead, W: Write>(
    command: &UserCommand,
    access: &Access,
    input: &mut R,
    output: &mut Output<W>,
) -> Result<(), Failure> {
    match command {
        UserCommand::Add { name } => {
            let user = users::add(access, name).await?;
            if output.is_json() {
                return Ok(output.json(&value(&user))?);
            }
            Ok(output.line(format!(
                "{} was added. Name them with --user {name}.",
                user.label()
            ))?)
        }
        UserCommand::List => {
            let users = users::list(access).await?;
            if output.is_json() {
                let items: Vec<Value> = users.iter().map(value).collect();
                return Ok(output.json(&json!({ "items": items }))?);
            }
            let rows = users.into_iter().map(|user| {
                let since = time_cell(&json!(user.created_at));
                vec![user.name.unwrap_or_default(), user.id.to_string(), since]
            });
            Ok(output.table(&["name", "id", "since"], rows.collect())?)
        }
        UserCommand::Remove { name, yes } => {
            let user = users::find(access, Some(name)).await?;
            if !yes {
                let what = "with their history, connections and tokens";
                output.ask(&format!(
                    "Erase {} {what}? Type the name to confirm: ",
                    user.label()
                ))?;
                if answer(input)?.as_deref() != Some(name) {
                    return Err(Failure::new("Nobody was erased."));
                }
            }
            users::erase(access, user.id).await?;
            if output.is_json() {
                return Ok(output.json(&json!({ "erased": user.id }))?);
            }
            Ok(output.line(format!(
                "{} was erased. What the services hold stays there.",
                user.label()
            ))?)
        }
    }
}

fn value(user: &User) -> Value {
    json!({ "id": user.id, "name": user.name, "created_at": user.created_at })
}
