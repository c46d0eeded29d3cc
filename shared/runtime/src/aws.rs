//! The AWS clients, with small timeouts, and the secrets.
//!
//! The environment decides where they call: the SDK's own loader reads region and credentials, and honours
//! `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL_SQS` and `AWS_ENDPOINT_URL_SECRETS_MANAGER`.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_sqs::types::QueueAttributeName;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use crate::settings::{Settings, SettingsError, environment};
use crate::trust::amazon_http_client;

/// How long opening a connection to AWS may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// How long one attempt may take.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(4);
/// How long an operation may take, all its attempts included.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(10);
/// How often an operation is attempted.
pub const MOST_ATTEMPTS: u32 = 3;
/// How long warming up may take; the whole start of a function has 10 seconds.
const WARM_TIMEOUT: Duration = Duration::from_secs(3);

/// The clients that the functions share.
#[derive(Debug, Clone)]
pub struct Aws {
    /// The table.
    pub dynamodb: aws_sdk_dynamodb::Client,
    /// The queues.
    pub sqs: aws_sdk_sqs::Client,
}

impl Aws {
    /// The clients of one configuration.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            dynamodb: aws_sdk_dynamodb::Client::new(config),
            sqs: aws_sdk_sqs::Client::new(config),
        }
    }

    /// Clients for stores on this machine, each at its own address: no TLS, no real credentials, no environment.
    pub fn on_loopback(dynamodb_url: &str, sqs_url: &str) -> Self {
        let config = loopback_config();
        let dynamodb = aws_sdk_dynamodb::config::Builder::from(&config).endpoint_url(dynamodb_url);
        let sqs = aws_sdk_sqs::config::Builder::from(&config).endpoint_url(sqs_url);
        Self {
            dynamodb: aws_sdk_dynamodb::Client::from_conf(dynamodb.build()),
            sqs: aws_sdk_sqs::Client::from_conf(sqs.build()),
        }
    }

    /// Opens a connection to the table during start-up, where the first TLS handshake costs no one a wait.
    ///
    /// Whatever is answered is ignored: a call that the role may not make opens the connection just as well.
    pub async fn warm_table(&self) {
        let ask = self.dynamodb.describe_endpoints().send();
        let answered = tokio::time::timeout(WARM_TIMEOUT, ask).await;
        let is_open = answered.is_ok_and(|answer| answer.is_ok());
        tracing::debug!(is_open, "warmed the connection to the table");
    }

    /// Opens a connection to the queues, as [`Self::warm_table`] does to the table.
    pub async fn warm_queue(&self, queue_url: &str) {
        let ask = self.sqs.get_queue_attributes().queue_url(queue_url);
        let ask = ask.attribute_names(QueueAttributeName::QueueArn).send();
        let answered = tokio::time::timeout(WARM_TIMEOUT, ask).await;
        let is_open = answered.is_ok_and(|answer| answer.is_ok());
        tracing::debug!(is_open, "warmed the connection to the queues");
    }
}

/// The configuration that the environment gives, with our timeouts.
///
/// On Lambda the credentials lie in the environment, for as long as the sandbox lives. Everywhere else the SDK looks
/// through all the places where they may be, and has a client ready for each.
pub async fn config_from_environment() -> SdkConfig {
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(MOST_ATTEMPTS));
    let loader = match amazon_http_client() {
        Some(http_client) => loader.http_client(http_client),
        None => loader,
    };
    let loader = if is_lambda_with_credentials(&environment) {
        loader.credentials_provider(EnvironmentVariableCredentialsProvider::new())
    } else {
        loader
    };
    loader.load().await
}

/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>, "Defined runtime environment
/// variables".
fn is_lambda_with_credentials(environment: &impl Fn(&str) -> Option<String>) -> bool {
    let is_set = |name: &str| environment(name).is_some_and(|text| !text.trim().is_empty());
    let credentials = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    is_set("AWS_LAMBDA_FUNCTION_NAME") && credentials.into_iter().all(is_set)
}

/// A configuration for stores on this machine, without an address.
pub fn loopback_config() -> SdkConfig {
    let credentials = Credentials::new("local", "local", None, None, "loopback");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .timeout_config(timeouts())
        .retry_config(RetryConfig::standard().with_max_attempts(MOST_ATTEMPTS))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .http_client(HttpBuilder::new().build_http())
        .build()
}

/// A configuration for stores inside this process, which `http_client` leads to: nothing is signed and nothing repeated,
/// since no answer gets lost on the way.
pub fn in_process_config(http_client: SharedHttpClient) -> SdkConfig {
    // A disk may hang; whoever waits for it is told so.
    let timeouts = TimeoutConfig::builder()
        .operation_timeout(OPERATION_TIMEOUT)
        .build();
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url("http://in-process.localhost")
        .timeout_config(timeouts)
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .identity_cache(IdentityCache::no_cache())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .http_client(http_client)
        .build()
}

fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(ATTEMPT_TIMEOUT)
        .operation_timeout(OPERATION_TIMEOUT)
        .build()
}

/// An error's words and those of its causes, one after the other.
///
/// The SDK's own printer adds `Debug`, which shows the raw answer: of Secrets Manager that may be the secret.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |words, cause| {
        format!("{words}: {cause}")
    })
}

/// Why a function cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is wrong or missing.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Secrets Manager did not give the secret.
    #[error("Secrets Manager did not give the secret that SECRET_ARN names: {why}")]
    NoSecret {
        /// The SDK's words; they name no value.
        why: String,
    },
    /// The secret is no flat JSON object.
    #[error("the secret that SECRET_ARN names has to be a JSON object of names and texts")]
    SecretForm,
}

/// Reads the settings: the environment, and laid over it the secret that `SECRET_ARN` (or `SECRET_ID`) names, if any.
///
/// # Errors
///
/// Where the secret cannot be had or a setting is wrong; no part of the secret is shown.
pub async fn load_settings(config: &SdkConfig) -> Result<Settings, StartError> {
    let secrets = match environment("SECRET_ARN").or_else(|| environment("SECRET_ID")) {
        Some(id) if !id.trim().is_empty() => {
            fetch_secrets(&aws_sdk_secretsmanager::Client::new(config), id.trim()).await?
        }
        Some(_) | None => BTreeMap::new(),
    };
    Ok(Settings::read(&|name| {
        laid_over(&secrets, name, environment)
    })?)
}

/// Fetches a secret: a JSON object of variables' names and texts.
///
/// # Errors
///
/// Where it cannot be had, or is of another form.
pub async fn fetch_secrets(
    client: &aws_sdk_secretsmanager::Client,
    id: &str,
) -> Result<BTreeMap<String, String>, StartError> {
    let answer = client.get_secret_value().secret_id(id).send().await;
    let answer = answer.map_err(|error| StartError::NoSecret { why: chain(&error) })?;
    read_secrets(answer.secret_string().unwrap_or_default())
}

/// Numbers and flags may be written without quotes; `null` is not set.
fn read_secrets(text: &str) -> Result<BTreeMap<String, String>, StartError> {
    use serde_json::Value;
    let object: BTreeMap<String, Value> =
        serde_json::from_str(text).map_err(|_| StartError::SecretForm)?;
    let mut secrets = BTreeMap::new();
    for (name, value) in object {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Bool(flag) => flag.to_string(),
            Value::Number(number) => number.to_string(),
            Value::Array(_) | Value::Object(_) => return Err(StartError::SecretForm),
        };
        secrets.insert(name, text);
    }
    Ok(secrets)
}

/// A secret wins over the environment; an empty one does not count.
fn laid_over(
    secrets: &BTreeMap<String, String>,
    name: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let secret = secrets.get(name).filter(|text| !text.trim().is_empty());
    secret.cloned().or_else(|| environment(name))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::trust::PROXIES;

    #[test]
    fn a_secret_wins_over_the_environment_and_an_empty_one_does_not() {
        let secrets = read_secrets(
            r#"{"A":"secret","B":"","MAX_RETRIES":2,"SCROBBLE_ENABLED":false,"C":null}"#,
        )
        .unwrap();
        let environment = |name: &str| Some(format!("environment's {name}"));
        let read = |name| laid_over(&secrets, name, environment).unwrap();
        assert_eq!(read("A"), "secret");
        assert_eq!(read("B"), "environment's B");
        assert_eq!(read("C"), "environment's C");
        assert_eq!(read("MAX_RETRIES"), "2");
        assert_eq!(read("SCROBBLE_ENABLED"), "false");
    }

    #[test]
    fn a_secret_of_another_form_is_refused_without_showing_it() {
        for text in ["", "hunter2", "[\"hunter2\"]", r#"{"A":{"hunter2":1}}"#] {
            let error = read_secrets(text).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"));
        }
    }

    /// Answers one request on loopback with a JSON body, and says what was asked.
    async fn answer_once(listener: &TcpListener, body: &str) -> String {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut bytes = vec![0; 16_384];
        let length = stream.read(&mut bytes).await.unwrap();
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.1\r\n";
        let answer = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    #[tokio::test]
    async fn the_secret_is_fetched_by_its_name() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = aws_sdk_secretsmanager::config::Builder::from(&loopback_config());
        let client = aws_sdk_secretsmanager::Client::from_conf(config.endpoint_url(url).build());
        let body = r#"{"Name":"hub","SecretString":"{\"SERVER_TOKEN\":\"hunter2\"}"}"#;
        let (secrets, asked) =
            tokio::join!(fetch_secrets(&client, "hub"), answer_once(&listener, body));
        assert_eq!(secrets.unwrap()["SERVER_TOKEN"], "hunter2");
        assert!(asked.contains("GetSecretValue"), "{asked}");
    }

    #[tokio::test]
    async fn an_answer_that_is_not_understood_is_not_shown_because_it_may_hold_the_secret() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let config = aws_sdk_secretsmanager::config::Builder::from(&loopback_config())
            .retry_config(RetryConfig::disabled())
            .endpoint_url(url);
        let client = aws_sdk_secretsmanager::Client::from_conf(config.build());
        let body = r#"{"Name":"hub","SecretString":"hunter2"#;
        let (secrets, _) =
            tokio::join!(fetch_secrets(&client, "hub"), answer_once(&listener, body));
        let error = secrets.unwrap_err();
        assert!(matches!(error, StartError::NoSecret { .. }));
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }

    /// The environment of a process cannot be changed safely while its tests run, so a child has it from the start.
    #[test]
    fn the_environments_endpoint_addresses_are_honoured() {
        for function in ["", "hub-api"] {
            the_child_calls_the_endpoints_of_its_environment(function);
        }
    }

    fn the_child_calls_the_endpoints_of_its_environment(function: &str) {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let serving = std::thread::spawn(move || {
            let asked = |listener: &std::net::TcpListener| {
                use std::io::{Read as _, Write as _};
                let (mut stream, _) = listener.accept().unwrap();
                let mut bytes = vec![0; 16_384];
                let length = stream.read(&mut bytes).unwrap();
                let head =
                    "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
                stream.write_all(head.as_bytes()).unwrap();
                String::from_utf8_lossy(&bytes[..length]).into_owned()
            };
            [asked(&listener), asked(&listener)]
        });
        let endpoint = format!("http://127.0.0.1:{port}");
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        // With none of these, a function builds the client that trusts Amazon's roots alone.
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().chain(&PROXIES) {
            child.env_remove(name);
        }
        child
            .args([
                "--exact",
                "aws::tests::child_of_the_endpoint_test",
                "--ignored",
            ])
            .env("AWS_ENDPOINT_URL_DYNAMODB", format!("{endpoint}/table"))
            .env("AWS_ENDPOINT_URL_SQS", format!("{endpoint}/queues"))
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_LAMBDA_FUNCTION_NAME", function)
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local");
        assert!(child.output().unwrap().status.success());
        let asked = serving.join().unwrap().join("\n");
        assert!(asked.contains("POST /table"), "{asked}");
        assert!(asked.contains("POST /queues"), "{asked}");
        assert!(asked.contains("Credential=local/"), "{asked}");
        assert!(asked.contains("eu-central-1"), "{asked}");
    }

    #[tokio::test]
    #[ignore = "runs as the child of the_environments_endpoint_addresses_are_honoured"]
    async fn child_of_the_endpoint_test() {
        let aws = Aws::new(&config_from_environment().await);
        aws.warm_table().await;
        aws.warm_queue("https://sqs.eu-central-1.amazonaws.com/1/events.fifo")
            .await;
    }

    #[tokio::test]
    async fn warming_connections_to_nobody_ends_by_itself() {
        let aws = Aws::on_loopback("http://127.0.0.1:1", "http://127.0.0.1:1");
        aws.warm_table().await;
        aws.warm_queue("http://127.0.0.1:1/1/events.fifo").await;
    }
}
