//! Contracts of the services that are not part of this project.
//!
//! `HUB_REFERENCE` names the folder that holds `contracts/`; without it the twins check against their own excerpts.

use std::path::Path;

/// A file of that folder, if there is one.
#[expect(
    clippy::disallowed_methods,
    reason = "the reference is no setting of the hub; it only makes the twins stricter"
)]
pub(crate) fn read(file: &str) -> Option<String> {
    let folder = std::env::var("HUB_REFERENCE").ok()?;
    match std::fs::read_to_string(Path::new(&folder).join(file)) {
        Ok(text) => Some(text),
        Err(error) => {
            tracing::warn!(%error, file, "HUB_REFERENCE names a folder without this contract");
            None
        }
    }
}
