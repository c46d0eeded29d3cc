//! Secrets Manager for one machine: `GetSecretValue` over one JSON file, so that the SDK's path stays the same.
//!
//! - Reference: <https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html>
//! - The file maps each secret's name to its text and is readable by its owner only. Whoever reaches the loopback port
//!   can read all of them: on one machine they are as safe as the account that runs the hub.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use http::{HeaderMap, Response, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::loopback::{self, Reply, Serving};

const ARN_PREFIX: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:";

/// The running secrets service.
pub struct Secrets {
    serving: OnceLock<Serving>,
    vault: Arc<Vault>,
}

struct Vault {
    /// Where they are kept; nowhere, in memory.
    path: Option<PathBuf>,
    secrets: Mutex<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GetSecretValue {
    secret_id: String,
}

impl Secrets {
    /// Opens the secrets kept in the file `path`, or in memory without one.
    ///
    /// # Errors
    ///
    /// The file is there and cannot be read.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let secrets = match path {
            Some(path) => load(path)?,
            None => BTreeMap::new(),
        };
        let vault = Arc::new(Vault {
            path: path.map(Path::to_path_buf),
            secrets: Mutex::new(secrets),
        });
        Ok(Self {
            serving: OnceLock::new(),
            vault,
        })
    }

    /// The URL to give to an SDK, without a slash at the end; listening begins with the first call.
    ///
    /// # Errors
    ///
    /// No loopback port can be bound.
    pub fn url(&self) -> io::Result<&str> {
        let vault = Arc::clone(&self.vault);
        loopback::url_of(&self.serving, |_, _| {
            Router::new().fallback(handle).with_state(vault)
        })
    }

    /// The text of the secret of that name.
    pub fn get(&self, name: &str) -> Option<String> {
        self.vault.get(name)
    }

    /// Sets a secret, and keeps it in the file before it is served.
    ///
    /// # Errors
    ///
    /// The file cannot be written; the secret is as it was.
    pub fn put(&self, name: &str, text: &str) -> io::Result<()> {
        let mut secrets = self
            .vault
            .secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut changed = secrets.clone();
        changed.insert(name.to_owned(), text.to_owned());
        if let Some(path) = &self.vault.path {
            save(path, &changed)?;
        }
        *secrets = changed;
        Ok(())
    }

    /// Answers what has begun and ends.
    pub async fn shutdown(self) {
        if let Some(serving) = self.serving.into_inner() {
            serving.stop().await;
        }
    }
}

impl Vault {
    fn get(&self, name: &str) -> Option<String> {
        self.secrets
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(name)
            .cloned()
    }
}

async fn handle(
    State(vault): State<Arc<Vault>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let target = headers.get("x-amz-target");
    let target = target.and_then(|target| target.to_str().ok());
    let operation = loopback::operation(target.unwrap_or_default(), "secretsmanager");
    if operation != Some("GetSecretValue") {
        return refused(
            "InvalidRequestException",
            "The embedded secrets only have GetSecretValue.",
        );
    }
    let Ok(GetSecretValue { secret_id }) = serde_json::from_slice(&body) else {
        return refused(
            "InvalidParameterException",
            "The request names no SecretId.",
        );
    };
    let name = secret_id.strip_prefix(ARN_PREFIX).unwrap_or(&secret_id);
    let Some(text) = vault.get(name) else {
        return refused(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        );
    };
    let answer = json!({
        "ARN": format!("{ARN_PREFIX}{name}"),
        "Name": name,
        "SecretString": text,
        "VersionStages": ["AWSCURRENT"],
    });
    Reply::json(StatusCode::OK, &answer).into_response("1.1")
}

fn refused(code: &str, message: &str) -> Response<Body> {
    let body = json!({ "__type": code, "Message": message });
    Reply::json(StatusCode::BAD_REQUEST, &body).into_response("1.1")
}

fn load(path: &Path) -> io::Result<BTreeMap<String, String>> {
    match fs::read(path) {
        // The error of the parser would show a piece of the file.
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            let place = format!("line {}, column {}", error.line(), error.column());
            io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{}: not a JSON map of texts at {place}", path.display()),
            )
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error),
    }
}

/// Replaces the file as a whole, so that a crash leaves the old one or the new one.
fn save(path: &Path, secrets: &BTreeMap<String, String>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let temporary = path.with_extension(format!("{}.new", Uuid::new_v4()));
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(&serde_json::to_vec_pretty(secrets)?)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        // What is left of it holds secrets; if it cannot go either, the first error tells the story.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // The renaming itself is only durable once the folder is.
    File::open(path.parent().unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all())
}
