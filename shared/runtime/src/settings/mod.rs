//! The settings: read once, at start, from the environment (on AWS with the secrets laid over it).
//!
//! A variable that is not set has its default, or switches the service off that needs it; a wrong one stops the
//! start with its name. What one function needs and another does not (a queue's address, the table) is asked for by
//! the accessor that needs it.

mod anime;
mod dead_letters;
mod reader;
mod services;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use hub_domain::retry::{LONGEST_PAUSE, Policy};
use hub_domain::threshold::Rule;
use hub_domain::{Secret, Service, Thresholds};
use url::Url;

pub use anime::{AnimeSettings, DEFAULT_MAP_URL, DEFAULT_TMDB_API_URL};
pub use dead_letters::DeadLetters;
pub use reader::SettingsError;
pub use services::{
    Credentials, OAuthClient, ServiceApp, ServiceSetting, default_api_url, default_auth_url,
};

use crate::sealing::{Sealing, SealingKey};
use crate::telemetry::{LogFormat, is_log_filter};
use reader::Reader;

/// The largest body of a request, unless `MAX_BODY_BYTES` says otherwise: 4 MiB.
pub const DEFAULT_MAX_BODY_BYTES: usize = 4 * 1024 * 1024;
/// The largest value of `MAX_BODY_BYTES`: as base64 it is 6,000,000 bytes and fits Lambda's 6 MiB with its envelope.
///
/// Source: <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MOST_BODY_BYTES: usize = 4_500_000;

/// Everything that an operator can set.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Each service: on with its application, or off with the reason.
    pub services: BTreeMap<Service, ServiceSetting>,
    /// Plays are sent (`SCROBBLE_ENABLED`); if not, they are kept and wait.
    pub scrobble_enabled: bool,
    /// The server's rules of what counts as played (`…_THRESHOLD`, `…_MIN_DURATION`).
    pub thresholds: Thresholds,
    /// How failures are retried (`MAX_RETRIES`, `RETRY_BACKOFF`).
    pub retries: Policy,
    /// The tick (`QUEUE_PROCESS_INTERVAL`), 1 s to 1 h; on AWS the schedule in the template decides.
    pub tick: TimeDelta,
    /// The media server's token (`SERVER_TOKEN`).
    pub server_token: Option<Secret>,
    /// Seal and open the tokens at rest (`SEALING_KEYS`); the first one seals.
    pub sealing_keys: Vec<SealingKey>,
    /// Where the hub is reached from outside (`PUBLIC_URL`).
    pub public_url: Option<Url>,
    /// Users may enter private addresses and such without TLS (`ALLOW_PRIVATE_ADDRESSES`).
    pub allow_private_addresses: bool,
    /// Connects the local hub's first user (`LISTENBRAINZ_TOKEN`); always `None` on AWS.
    pub listenbrainz_token: Option<Secret>,
    /// Where the list of anime comes from, and who knows which show an episode is of.
    pub anime: AnimeSettings,
    /// The largest body of a request, in bytes (`MAX_BODY_BYTES`).
    pub max_body_bytes: usize,
    /// What is logged (`RUST_LOG`), in the words of `tracing-subscriber`.
    pub log_filter: String,
    /// How it is logged (`LOG_FORMAT`): JSON on AWS, text elsewhere.
    pub log_format: LogFormat,
    /// It runs as a Lambda function.
    pub is_on_aws: bool,
    trakt_redirect_uri: Option<String>,
    table: Option<String>,
    events_queue: Option<String>,
    sync_queue: Option<String>,
    deliver_queues: BTreeMap<Service, String>,
    dead_letters: Vec<(dead_letters::Of, String)>,
    service: Option<Service>,
}

impl Settings {
    /// Reads every setting through `lookup`, which answers with a variable's text.
    ///
    /// # Errors
    ///
    /// The first variable that holds what it must not.
    pub fn read(lookup: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let reader = Reader(lookup);
        let is_on_aws = reader.text("AWS_LAMBDA_FUNCTION_NAME").is_some();
        let listenbrainz_token = reader.secret("LISTENBRAINZ_TOKEN")?;
        Ok(Self {
            services: services::read(&reader)?,
            scrobble_enabled: reader.flag("SCROBBLE_ENABLED", true)?,
            thresholds: read_thresholds(&reader)?,
            retries: read_retries(&reader)?,
            tick: reader.duration(
                "QUEUE_PROCESS_INTERVAL",
                TimeDelta::minutes(1),
                TimeDelta::seconds(1)..=TimeDelta::hours(1),
            )?,
            server_token: reader.secret("SERVER_TOKEN")?,
            sealing_keys: read_sealing_keys(&reader)?,
            public_url: reader.url("PUBLIC_URL")?,
            allow_private_addresses: reader.flag("ALLOW_PRIVATE_ADDRESSES", false)?,
            listenbrainz_token: listenbrainz_token.filter(|_| !is_on_aws),
            anime: anime::read(&reader)?,
            max_body_bytes: reader.number(
                "MAX_BODY_BYTES",
                DEFAULT_MAX_BODY_BYTES,
                1024..=MOST_BODY_BYTES,
            )?,
            log_filter: read_log_filter(&reader)?,
            log_format: read_log_format(&reader, is_on_aws)?,
            is_on_aws,
            trakt_redirect_uri: read_redirect(&reader)?,
            table: read_table(&reader)?,
            events_queue: queue_url(&reader, "EVENTS_QUEUE_URL")?,
            sync_queue: queue_url(&reader, "SYNC_QUEUE_URL")?,
            deliver_queues: read_deliver_queues(&reader)?,
            dead_letters: dead_letters::read(&reader)?,
            service: read_service(&reader)?,
        })
    }

    /// Reads every setting from the process's environment.
    ///
    /// # Errors
    ///
    /// The first variable that holds what it must not.
    pub fn from_env() -> Result<Self, SettingsError> {
        Self::read(&environment)
    }

    /// Reads every setting from pairs of a name and a text; what is not named has its default.
    ///
    /// # Errors
    ///
    /// The first variable that holds what it must not.
    pub fn of<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, SettingsError> {
        let pairs: BTreeMap<&str, &str> = pairs.into_iter().collect();
        Self::read(&|name| pairs.get(name).map(|text| (*text).to_owned()))
    }

    /// The application at a service.
    ///
    /// # Errors
    ///
    /// Why the service is off, for people.
    pub fn app(&self, service: Service) -> Result<&ServiceApp, &str> {
        match self.services.get(&service) {
            Some(ServiceSetting::On(app)) => Ok(app),
            Some(ServiceSetting::Off { why }) => Err(why),
            None => Err("this release does not know it"),
        }
    }

    /// The application at a service that this function cannot do without.
    ///
    /// # Errors
    ///
    /// Why the service is off.
    pub fn app_of(&self, service: Service) -> Result<&ServiceApp, SettingsError> {
        self.app(service).map_err(|why| SettingsError::Off {
            service,
            why: why.to_owned(),
        })
    }

    /// The services that are on.
    pub fn services_on(&self) -> impl Iterator<Item = Service> + '_ {
        let on = |(service, setting): (&Service, &ServiceSetting)| setting.app().map(|_| *service);
        self.services.iter().filter_map(on)
    }

    /// Those of them that can be written to: each has a queue and a worker.
    pub fn writable_services_on(&self) -> impl Iterator<Item = Service> + '_ {
        self.services_on().filter(|service| service.is_writable())
    }

    /// Where a service sends the browser after sign-in, letter for letter as it has to be registered there; `None`
    /// without a `PUBLIC_URL`.
    pub fn redirect_uri(&self, service: Service) -> Option<String> {
        let set = match service {
            Service::Trakt => self.trakt_redirect_uri.clone(),
            Service::Simkl
            | Service::LastFm
            | Service::ListenBrainz
            | Service::AniList
            | Service::MyAnimeList
            | Service::Goodreads
            | Service::Letterboxd => None,
        };
        set.or_else(|| {
            let root = self.public_url.as_ref()?.as_str().trim_end_matches('/');
            Some(format!("{root}/api/v1/scrobble/{service}/callback"))
        })
    }

    /// The table's name (`TABLE_NAME`).
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn table(&self) -> Result<&str, SettingsError> {
        needed(self.table.as_deref(), "TABLE_NAME", "the table's name")
    }

    /// The address of the events' FIFO queue (`EVENTS_QUEUE_URL`).
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn events_queue(&self) -> Result<&str, SettingsError> {
        needed(
            self.events_queue.as_deref(),
            "EVENTS_QUEUE_URL",
            "the queue's address",
        )
    }

    /// The address of sync's queue (`SYNC_QUEUE_URL`).
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn sync_queue(&self) -> Result<&str, SettingsError> {
        needed(
            self.sync_queue.as_deref(),
            "SYNC_QUEUE_URL",
            "the queue's address",
        )
    }

    /// The addresses of the workers' queues (`DELIVER_QUEUE_URL_<SERVICE>`, or `DELIVER_QUEUE_URL` with `{service}`
    /// where the name goes); only services that are on have one.
    pub const fn deliver_queues(&self) -> &BTreeMap<Service, String> {
        &self.deliver_queues
    }

    /// The service that this worker serves (`SERVICE`).
    ///
    /// # Errors
    ///
    /// Where it is not set.
    pub fn service(&self) -> Result<Service, SettingsError> {
        self.service
            .ok_or_else(|| SettingsError::missing("SERVICE", service_names()))
    }

    /// Seals and opens with the keys that are set.
    ///
    /// # Errors
    ///
    /// Where none is set.
    pub fn sealing(&self) -> Result<Sealing, SettingsError> {
        Sealing::new(self.sealing_keys.clone())
            .ok_or_else(|| SettingsError::missing("SEALING_KEYS", SEALING_KEYS))
    }
}

/// Looks a variable up in the process's environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    match std::env::var(name) {
        Ok(text) => Some(text),
        Err(std::env::VarError::NotPresent) => None,
        // Not silently left out: the replaced letters make a word wrong where its form matters.
        Err(std::env::VarError::NotUnicode(text)) => Some(text.to_string_lossy().into_owned()),
    }
}

/// The addresses of all workers' queues in one pattern; with a service's name behind it, that of one.
const DELIVER_QUEUE_URL: &str = "DELIVER_QUEUE_URL";

const SEALING_KEYS: &str = "one or more `id:key` with commas between them, the key being 32 bytes as base64; \
                            the first one seals, all of them open";

fn needed<'a>(
    text: Option<&'a str>,
    variable: &str,
    allowed: &str,
) -> Result<&'a str, SettingsError> {
    text.ok_or_else(|| SettingsError::missing(variable, allowed))
}

fn read_thresholds(reader: &Reader<'_>) -> Result<Thresholds, SettingsError> {
    let day = TimeDelta::hours(24);
    let rule = |rule: Rule, percent: &str, length: &str| {
        Ok(Rule {
            percent: reader.number(percent, rule.percent, 1.0..=100.0)?,
            least_length: reader.duration(length, rule.least_length, TimeDelta::zero()..=day)?,
        })
    };
    let default = Thresholds::default();
    Ok(Thresholds {
        video: rule(default.video, "VIDEO_THRESHOLD", "VIDEO_MIN_DURATION")?,
        music: rule(default.music, "MUSIC_THRESHOLD", "MUSIC_MIN_DURATION")?,
        podcast: rule(default.podcast, "PODCAST_THRESHOLD", "PODCAST_MIN_DURATION")?,
        book: default.book,
    })
}

fn read_retries(reader: &Reader<'_>) -> Result<Policy, SettingsError> {
    let default = Policy::default();
    Ok(Policy {
        quick_tries: reader.number("MAX_RETRIES", default.quick_tries, 0..=3)?,
        backoff: reader.duration(
            "RETRY_BACKOFF",
            default.backoff,
            TimeDelta::seconds(1)..=LONGEST_PAUSE,
        )?,
    })
}

fn read_sealing_keys(reader: &Reader<'_>) -> Result<Vec<SealingKey>, SettingsError> {
    let Some(text) = reader.text("SEALING_KEYS") else {
        return Ok(Vec::new());
    };
    SealingKey::read_all(&text).ok_or_else(|| SettingsError::wrong("SEALING_KEYS", SEALING_KEYS))
}

/// Kept as it was written: Trakt compares it letter for letter with what was registered.
fn read_redirect(reader: &Reader<'_>) -> Result<Option<String>, SettingsError> {
    let variable = "TRAKT_REDIRECT_URI";
    let text = reader.word(variable)?;
    match &text {
        Some(text) if Url::parse(text).is_err() => Err(SettingsError::wrong(
            variable,
            "the redirect URI that was registered at Trakt",
        )),
        Some(_) | None => Ok(text),
    }
}

/// Source: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
fn read_table(reader: &Reader<'_>) -> Result<Option<String>, SettingsError> {
    let is_name = |name: &String| {
        (3..=255).contains(&name.len())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    match reader.text("TABLE_NAME") {
        Some(name) if !is_name(&name) => Err(SettingsError::wrong(
            "TABLE_NAME",
            "3 to 255 letters, digits, `_`, `.` and `-`",
        )),
        name => Ok(name),
    }
}

fn queue_url(reader: &Reader<'_>, variable: &str) -> Result<Option<String>, SettingsError> {
    Ok(reader.url(variable)?.map(String::from))
}

/// The variable with the address of one worker's queue.
fn deliver_queue_variable(service: Service) -> String {
    format!(
        "{DELIVER_QUEUE_URL}_{}",
        service.name().to_ascii_uppercase()
    )
}

fn read_deliver_queues(reader: &Reader<'_>) -> Result<BTreeMap<Service, String>, SettingsError> {
    const PATTERN: &str = DELIVER_QUEUE_URL;
    let pattern = reader.text(PATTERN);
    let mut queues = BTreeMap::new();
    for service in Service::WRITABLE {
        let own = deliver_queue_variable(service);
        if let Some(url) = queue_url(reader, &own)? {
            queues.insert(service, url);
        } else if let Some(pattern) = &pattern {
            let url = pattern.replace("{service}", service.name());
            let is_url = Url::parse(&url).is_ok_and(|url| url.has_host());
            if !pattern.contains("{service}") || !is_url {
                return Err(SettingsError::wrong(
                    PATTERN,
                    "a queue's address with {service} where the service's name goes",
                ));
            }
            queues.insert(service, url);
        }
    }
    Ok(queues)
}

fn read_service(reader: &Reader<'_>) -> Result<Option<Service>, SettingsError> {
    match reader.text("SERVICE") {
        None => Ok(None),
        Some(name) => name
            .parse()
            .ok()
            .filter(|service: &Service| service.is_writable())
            .map(Some)
            .ok_or_else(|| SettingsError::wrong("SERVICE", service_names())),
    }
}

fn service_names() -> String {
    let names: Vec<&str> = Service::WRITABLE
        .iter()
        .map(|service| service.name())
        .collect();
    format!("one of {}", names.join(", "))
}

fn read_log_filter(reader: &Reader<'_>) -> Result<String, SettingsError> {
    let filter = reader.text("RUST_LOG").unwrap_or_else(|| "info".to_owned());
    if is_log_filter(&filter) {
        Ok(filter)
    } else {
        Err(SettingsError::wrong(
            "RUST_LOG",
            "a level (error, warn, info, debug, trace), or levels by module as in `info,hub_store=debug`",
        ))
    }
}

fn read_log_format(reader: &Reader<'_>, is_on_aws: bool) -> Result<LogFormat, SettingsError> {
    match reader.text("LOG_FORMAT").as_deref() {
        None if is_on_aws => Ok(LogFormat::Json),
        None => Ok(LogFormat::Text),
        Some("json") => Ok(LogFormat::Json),
        Some("text") => Ok(LogFormat::Text),
        Some(_) => Err(SettingsError::wrong("LOG_FORMAT", "json or text")),
    }
}
