//! The words of the seam: what goes to a service's client, and what comes back.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Outcome, Play, PlayId, Secret, Service};
use serde::{Deserialize, Serialize};
use url::Url;

/// What a call needs of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The tokens, opened.
    pub tokens: &'a Tokens,
    /// The name of the user there.
    pub username: &'a str,
    /// The root of a compatible server; `None` is the service itself.
    pub url: Option<&'a str>,
}

/// What a user's sign-in came to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tokens {
    /// What every call carries: an access token, a session key, a user token.
    pub access: Secret,
    /// What gets the next pair, where the service has such a thing; it works once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh: Option<Secret>,
    /// When the access token ends, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
}

impl Tokens {
    /// Tokens without an end.
    pub(crate) fn lasting(access: impl Into<String>) -> Self {
        Self {
            access: Secret::new(access),
            refresh: None,
            expires_at: None,
        }
    }
}

/// What is about to be sent, written down first and repeated byte for byte. It holds no secret: what signs or
/// authorizes it is added when it is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prepared {
    /// Which call it is, as the service names it.
    pub call: String,
    /// The body.
    pub body: String,
    /// The plays in it, in the order in which the body holds them.
    pub plays: Vec<PreparedPlay>,
    /// When it was written down.
    pub prepared_at: DateTime<Utc>,
}

/// One play in a prepared request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedPlay {
    /// Which one.
    pub play: PlayId,
    /// The time that the service is told, to the second; `None` where it is told that nobody knows.
    ///
    /// Kept as the delivery's `sent_watched_at`, it is told again whatever becomes known of the play meanwhile.
    pub watched_at: Option<DateTime<Utc>>,
}

/// What is to be done with some plays: settled at once, sent in one request, or left for the next one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Preparation {
    /// Settled without a call: too old, no artist, no id.
    pub settled: Vec<(PlayId, Outcome)>,
    /// One request.
    pub prepared: Option<Prepared>,
    /// What did not fit into it, in the order given.
    pub left: Vec<PlayId>,
}

/// What to do about a prepared request whose answer is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfLost {
    /// Send the same bytes again: the service stores them once, or nothing better can be done.
    Repeat,
    /// Wait so long after it was sent, so that the service must have finished, then read back.
    LookAfter(TimeDelta),
    /// It cannot be read back and a repeat would count twice: it stays in doubt, visible.
    StaysInDoubt,
}

/// What became of a live signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Live {
    /// The service was told.
    Sent,
    /// The service has no use for this state, or does not know the item.
    NothingToSend,
}

/// Within what a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitScope {
    /// All calls of this deployment to the host.
    Host,
    /// The calls of one account.
    Account,
}

/// How many writes a service takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// Within what they are counted.
    pub scope: LimitScope,
    /// So many calls …
    pub calls: u32,
    /// … in so long.
    pub per: TimeDelta,
}

/// Where the browser goes to sign in.
#[derive(Debug, Clone)]
pub struct Authorize {
    /// The service's page.
    pub url: Url,
    /// The PKCE verifier, kept until the callback; none where the service has no PKCE.
    pub verifier: Option<Secret>,
}

/// The beginning of a sign-in on another device.
#[derive(Debug, Clone)]
pub struct DeviceStart {
    /// What is polled with; as secret as a token.
    pub device_code: Secret,
    /// What the user types; `None` where opening the address is enough.
    pub user_code: Option<String>,
    /// Where the user goes.
    pub verification_url: String,
    /// How often to poll.
    pub interval: TimeDelta,
    /// When the code ends.
    pub expires_at: DateTime<Utc>,
}

/// What became of tokens that the hub no longer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// The service was told, and they are ended.
    AtTheService,
    /// The service lets only its user end them, in its settings.
    ByTheUserAlone,
}

/// What a poll of a device sign-in found.
#[derive(Debug, Clone)]
pub enum DevicePoll {
    /// The user has not decided: poll again after the interval.
    Pending,
    /// Polled too fast: double the interval.
    SlowDown,
    /// The user agreed.
    Signed(Tokens),
    /// The user refused.
    Denied,
    /// The code has ended: begin again.
    Expired,
    /// The code was used up already.
    Used,
    /// The service does not know the code.
    Unknown,
}

/// The time that a service is told: what it was told first, else the better known of two; none if nobody knows.
///
/// `watched_at` is fixed at the first claim, so that a repeat names the same second.
pub(crate) fn time_told(
    play: &Play,
    service: Service,
    better: Option<DateTime<Utc>>,
    other: Option<DateTime<Utc>>,
) -> Option<DateTime<Utc>> {
    let told_first = play
        .deliveries
        .get(&service)
        .and_then(|delivery| delivery.sent_watched_at);
    told_first.or_else(|| match play.precision {
        hub_domain::Precision::Unknown => None,
        hub_domain::Precision::Second
        | hub_domain::Precision::Minute
        | hub_domain::Precision::Day => better.or(other),
    })
}
