//! The words of the seam: what goes to a service's client, and what comes back.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::anime::Place;
use hub_domain::anime::progress::{Listed, Rules};
use hub_domain::rating::{Scale, Shown};
use hub_domain::{
    Outcome, Parcel, ParcelId, Play, PlayId, Says, Secret, Service, Statement, StatementId,
};
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
    #[serde(default)]
    pub plays: Vec<PreparedPlay>,
    /// It takes these plays back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undo: bool,
    /// The statements in it, in the order in which the body holds them. A request holds plays or statements.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<PreparedStatement>,
    /// When it was written down.
    pub prepared_at: DateTime<Utc>,
}

impl Prepared {
    /// A request that delivers plays.
    pub(crate) fn of_plays(
        call: impl Into<String>,
        body: String,
        plays: Vec<PreparedPlay>,
        prepared_at: DateTime<Utc>,
    ) -> Self {
        Self {
            call: call.into(),
            body,
            plays,
            undo: false,
            statements: Vec::new(),
            prepared_at,
        }
    }

    /// A request that takes plays back.
    pub(crate) fn of_undo(
        call: impl Into<String>,
        body: String,
        plays: Vec<PreparedPlay>,
        prepared_at: DateTime<Utc>,
    ) -> Self {
        Self {
            undo: true,
            ..Self::of_plays(call, body, plays, prepared_at)
        }
    }

    /// A request that tells statements.
    pub(crate) fn of_statements(
        call: impl Into<String>,
        body: String,
        statements: Vec<PreparedStatement>,
        prepared_at: DateTime<Utc>,
    ) -> Self {
        Self {
            statements,
            ..Self::of_plays(call, body, Vec::new(), prepared_at)
        }
    }

    /// A question about these parcels: nothing that is sent, but what a failure to ask is told of.
    pub fn asking(parcels: &[Parcel], asked_at: DateTime<Utc>) -> Self {
        let plays = parcels.iter().filter_map(Parcel::play);
        let statements = parcels.iter().filter_map(Parcel::statement);
        Self {
            plays: plays
                .map(|play| PreparedPlay {
                    play: play.id.clone(),
                    watched_at: None,
                })
                .collect(),
            statements: statements.map(PreparedStatement::of).collect(),
            ..Self::of_plays("question", String::new(), Vec::new(), asked_at)
        }
    }

    /// What is in it, in the order of the body.
    pub fn parcels(&self) -> impl Iterator<Item = ParcelId> {
        let plays = self.plays.iter().map(|sent| sent.play.clone().into());
        let statements = self.statements.iter().map(|sent| sent.id.clone().into());
        plays.chain(statements)
    }

    /// How many parcels are in it.
    pub const fn len(&self) -> usize {
        self.plays.len() + self.statements.len()
    }

    /// Says whether nothing is in it.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
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

/// One statement in a prepared request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreparedStatement {
    /// Which one.
    pub id: StatementId,
    /// Which of its versions: the answer says nothing of a later one.
    pub version: u64,
    /// What the service is told; `None`: it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub says: Option<Says>,
}

impl PreparedStatement {
    /// What a request says of a statement.
    pub fn of(statement: &Statement) -> Self {
        Self {
            id: statement.id.clone(),
            version: statement.version,
            says: statement.says.clone(),
        }
    }
}

/// What deciding about a lane's parcels takes besides them.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The root of a compatible server; `None` is the service itself.
    pub account_url: Option<&'a str>,
    /// Where the parcels belong in the service's own numbers, if it keeps entries of anime.
    pub placed: &'a Placed,
    /// What the user allows there.
    pub rules: Rules,
    /// Where the user lives: services that keep a day are told theirs.
    pub time_zone: chrono_tz::Tz,
}

/// Where parcels belong in an anime list.
pub type Placed = BTreeMap<ParcelId, Situation>;

/// Where a parcel belongs in an anime list, and what stands there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Situation {
    /// The entry, and the episodes of it.
    pub place: Place,
    /// What the list shows of the entry; `None`: the service does not know it.
    pub stands: Option<OnList>,
}

/// What an anime list shows of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnList {
    /// The user's own entry; `None`: it is not on their list.
    pub listed: Option<Listed>,
    /// How many episodes the service says it has; `None` while it does not know.
    pub episodes: Option<u32>,
    /// The user's score; `None`: not rated.
    pub score: Option<Shown>,
    /// The scale on which the user rates there.
    pub scale: Scale,
}

/// What is to be done with some parcels: settled at once, sent in one request, or left for the next one.
///
/// A client that looks at plays alone names them by their own ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Preparation<Id = ParcelId> {
    /// Settled without a call: too old, no artist, no id.
    pub settled: Vec<(Id, Outcome)>,
    /// One request.
    pub prepared: Option<Prepared>,
    /// What did not fit into it, in the order given.
    pub left: Vec<Id>,
}

impl<Id> Default for Preparation<Id> {
    fn default() -> Self {
        Self {
            settled: Vec::new(),
            prepared: None,
            left: Vec::new(),
        }
    }
}

impl<Id> Preparation<Id> {
    /// The same end for all of them, without a call.
    pub(crate) fn all(ids: impl IntoIterator<Item = Id>, outcome: &Outcome) -> Self {
        Self {
            settled: ids.into_iter().map(|id| (id, outcome.clone())).collect(),
            ..Self::default()
        }
    }

    /// The same with another kind of name.
    pub(crate) fn named<Other: From<Id>>(self) -> Preparation<Other> {
        Preparation {
            settled: named(self.settled),
            prepared: self.prepared,
            left: self.left.into_iter().map(Into::into).collect(),
        }
    }
}

/// The same answers with another kind of name.
pub(crate) fn named<Id, Other: From<Id>, T>(answers: Vec<(Id, T)>) -> Vec<(Other, T)> {
    answers
        .into_iter()
        .map(|(id, answer)| (id.into(), answer))
        .collect()
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

/// What a service takes from one account in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayQuota {
    /// What it counts.
    pub counts: Counted,
    /// What of it goes to plays of the past, so that today's still find room: never more.
    pub for_the_past: u32,
    /// Where its day ends at midnight.
    pub zone: chrono_tz::Tz,
}

/// What a day's quota counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Requests, whatever is in them.
    Requests,
    /// Plays.
    Plays,
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
