//! Who calls, and for whom.
//!
//! | caller | said by | may |
//! | --- | --- | --- |
//! | server token | `Authorization: Bearer`, with the user in `X-User-Id` | everything; users without naming one |
//! | user token, scope full | `Authorization: Bearer` | all that its user may |
//! | user token, scope ingest | `Authorization: Bearer`, or a webhook's address | hand in events, nothing else |

use axum::extract::FromRequestParts;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use http::request::Parts;
use hub_domain::UserId;
use hub_runtime::tokens::{ServerToken, hash_token, is_well_formed};
use hub_store::{ApiToken, Library, TokenScope};
use subtle::ConstantTimeEq;

use crate::ApiState;
use crate::admitted::Posted;
use crate::problem::Problem;

/// The header in which the media server names the user it acts for.
const USER_HEADER: &str = "x-user-id";
/// The road of events that come in the hub's own words.
pub(crate) const EVENTS_ROAD: &str = "events";

/// Whoever said a word that is known here.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Caller {
    /// The media server.
    Server,
    /// A user, by a token.
    Token(Box<ApiToken>),
}

/// What a route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// To act for a user, with all that they may.
    User,
    /// To hand in a user's events.
    Events,
    /// To act for the whole hub.
    Operator,
}

/// For whom a call may be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Permitted {
    /// For a user whom their token names, so that they are known to be here.
    OwnUser(UserId),
    /// For a user whom the media server names, perhaps for the first time.
    NamedUser(UserId),
    /// For the hub.
    Hub,
}

/// A caller who acts for one user.
#[derive(Debug, Clone)]
pub(crate) struct ForUser {
    /// The user.
    pub(crate) user: UserId,
    /// The media server says so, not the user.
    pub(crate) is_server: bool,
}

/// A caller who tells of what a media server owns.
#[derive(Debug, Clone)]
pub(crate) struct ForLibrary {
    /// The media server's own, or that of the user whose token it is.
    pub(crate) library: Library,
}

/// A caller who may hand in one user's events.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// The user.
    pub(crate) user: UserId,
    /// The token, where it is not the media server's.
    pub(crate) token: Option<Box<ApiToken>>,
}

/// A caller who hands in events, and may have been let in a moment ago already.
pub(crate) struct Poster {
    posted: Option<Posted>,
    headers: HeaderMap,
    /// And when they were read, from just before.
    sender: Option<(Sender, DateTime<Utc>)>,
}

/// The media server, acting for the whole hub.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator;

impl FromRequestParts<ApiState> for ForUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = authenticate(state, &parts.headers).await?;
        let is_server = caller == Caller::Server;
        let user = admit(state, &parts.headers, &caller, Need::User).await?;
        Ok(Self { user, is_server })
    }
}

impl FromRequestParts<ApiState> for ForLibrary {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = authenticate(state, &parts.headers).await?;
        let library = if caller == Caller::Server {
            // The library is the server's, whomever it acts for.
            named_user(&parts.headers)?;
            Library::Shared
        } else {
            Library::Of(admit(state, &parts.headers, &caller, Need::User).await?)
        };
        Ok(Self { library })
    }
}

impl FromRequestParts<ApiState> for Sender {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        Self::of(state, &parts.headers).await
    }
}

impl Sender {
    async fn of(state: &ApiState, headers: &HeaderMap) -> Result<Self, Problem> {
        let caller = authenticate(state, headers).await?;
        let user = admit(state, headers, &caller, Need::Events).await?;
        let token = match caller {
            Caller::Server => None,
            Caller::Token(token) => Some(token),
        };
        Ok(Self { user, token })
    }
}

impl FromRequestParts<ApiState> for Poster {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let posted = posted_by(state, &parts.headers);
        let now = state.clock.now();
        let is_known = |posted: &Posted| state.admitted.is_known(posted, now);
        let sender = if posted.as_ref().is_some_and(is_known) {
            None
        } else {
            Some((Sender::from_request_parts(parts, state).await?, now))
        };
        Ok(Self {
            posted,
            headers: parts.headers.clone(),
            sender,
        })
    }
}

impl Poster {
    /// By what word, if the caller was let in by it a moment ago: enough to drop what decides nothing, and for nothing
    /// else.
    pub(crate) fn known(&self) -> Option<&Posted> {
        self.posted.as_ref().filter(|_| self.sender.is_none())
    }

    /// The caller, authenticated by reading; and by what word, and when that was read.
    ///
    /// # Errors
    ///
    /// Those of [`Sender`].
    pub(crate) async fn sender(
        self,
        state: &ApiState,
    ) -> Result<(Sender, Option<(Posted, DateTime<Utc>)>), Problem> {
        let (sender, read_at) = match self.sender {
            Some(read) => read,
            None => {
                let now = state.clock.now();
                (Sender::of(state, &self.headers).await?, now)
            }
        };
        Ok((sender, self.posted.map(|posted| (posted, read_at))))
    }
}

/// By what word events come that are posted with these headers; `None` where that takes a closer look.
fn posted_by(state: &ApiState, headers: &HeaderMap) -> Option<Posted> {
    let word = bearer(headers)?;
    let named = named_user(headers).ok()?;
    let is_server = |server: &ServerToken| server.is(word);
    if state.server_token.as_ref().is_some_and(is_server) {
        return named.map(|user| Posted::by_server(user, EVENTS_ROAD));
    }
    match named {
        None => Posted::with_token(word, EVENTS_ROAD),
        Some(_) => None,
    }
}

impl FromRequestParts<ApiState> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let caller = authenticate(state, &parts.headers).await?;
        permit(&caller, named_user(&parts.headers)?, Need::Operator)?;
        Ok(Self)
    }
}

/// Finds out who calls.
///
/// # Errors
///
/// 401, the same for a token that is wrong, revoked or not there.
async fn authenticate(state: &ApiState, headers: &HeaderMap) -> Result<Caller, Problem> {
    let word = bearer(headers).ok_or_else(Problem::unauthorized)?;
    // The server's token is compared whether or not the word could be a user's, in a time that tells nothing.
    if state
        .server_token
        .as_ref()
        .is_some_and(|server| server.is(word))
    {
        return Ok(Caller::Server);
    }
    let token = token_of(state, word)
        .await?
        .ok_or_else(Problem::unauthorized)?;
    Ok(Caller::Token(Box::new(token)))
}

/// Finds the token that a word is, and notes that it was used.
///
/// The word is looked up by its hash, which whoever guesses does not choose, and the hashes are compared in constant
/// time: a token that is there and one that is not cost the same work.
pub(crate) async fn token_of(state: &ApiState, word: &str) -> Result<Option<ApiToken>, Problem> {
    if !is_well_formed(word) {
        return Ok(None);
    }
    let hash = hash_token(word);
    let found = state.table.token_by_hash(&hash).await?;
    let Some(token) =
        found.filter(|token| bool::from(token.hash.as_bytes().ct_eq(hash.as_bytes())))
    else {
        return Ok(None);
    };
    note_use(state, &token, state.clock.now()).await;
    Ok(Some(token))
}

/// Notes the use of a token; that this can fail is no reason to turn its user away.
async fn note_use(state: &ApiState, token: &ApiToken, now: DateTime<Utc>) {
    if !token.is_use_worth_noting(now) {
        return;
    }
    if let Err(error) = state.table.token_used(&token.hash, now).await {
        tracing::warn!(user.id = %token.user, error = &error as &dyn std::error::Error, "the use of a token was not noted");
    }
}

/// Decides for whom a call is carried out, and makes sure that they are there.
async fn admit(
    state: &ApiState,
    headers: &HeaderMap,
    caller: &Caller,
    need: Need,
) -> Result<UserId, Problem> {
    match permit(caller, named_user(headers)?, need)? {
        Permitted::OwnUser(user) => Ok(user),
        Permitted::NamedUser(user) => {
            state
                .table
                .ensure_user(user, None, state.clock.now())
                .await?;
            Ok(user)
        }
        // Only a route for the hub asks for the hub.
        Permitted::Hub => Err(Problem::internal()),
    }
}

/// Decides for whom a call may be carried out.
fn permit(caller: &Caller, named: Option<UserId>, need: Need) -> Result<Permitted, Problem> {
    match (caller, need) {
        (Caller::Server, Need::Operator) => Ok(Permitted::Hub),
        (Caller::Server, Need::User | Need::Events) => {
            named.map(Permitted::NamedUser).ok_or_else(|| {
                Problem::field(
                    "X-User-Id",
                    "The server's token acts for the user whose UUID stands in this header.",
                )
            })
        }
        (Caller::Token(_), Need::Operator) => {
            Err(Problem::forbidden("Only the server's token may do this."))
        }
        (Caller::Token(token), Need::User | Need::Events) => {
            if named.is_some_and(|named| named != token.user) {
                return Err(Problem::forbidden(
                    "This token acts for another user than X-User-Id names.",
                ));
            }
            match (token.scope, need) {
                (TokenScope::Ingest, Need::User) => {
                    Err(Problem::forbidden("This token may only hand in events."))
                }
                (TokenScope::Ingest | TokenScope::Full, _) => Ok(Permitted::OwnUser(token.user)),
            }
        }
    }
}

/// The word after `Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, word) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| word.trim())
}

/// The user whom the caller names.
fn named_user(headers: &HeaderMap) -> Result<Option<UserId>, Problem> {
    let Some(value) = headers.get(USER_HEADER) else {
        return Ok(None);
    };
    let user = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    user.map(Some)
        .ok_or_else(|| Problem::field("X-User-Id", "A UUID is expected."))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};
    use uuid::Uuid;

    use super::*;

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn token(scope: TokenScope) -> Caller {
        Caller::Token(Box::new(ApiToken {
            id: "1".to_owned(),
            user: user(1),
            scope,
            name: String::new(),
            hash: String::new(),
            source: None,
            account: None,
            created_at: DateTime::UNIX_EPOCH,
            last_used_at: None,
        }))
    }

    #[test]
    fn who_may_what_for_whom() {
        use Need::{Events, Operator, User};
        use TokenScope::{Full, Ingest};
        let (forbidden, unnamed) = (Err(StatusCode::FORBIDDEN), Err(StatusCode::BAD_REQUEST));
        for (caller, named, need, expected) in [
            (Caller::Server, None, Operator, Ok(Permitted::Hub)),
            (Caller::Server, Some(2), Operator, Ok(Permitted::Hub)),
            (
                Caller::Server,
                Some(2),
                User,
                Ok(Permitted::NamedUser(user(2))),
            ),
            (
                Caller::Server,
                Some(2),
                Events,
                Ok(Permitted::NamedUser(user(2))),
            ),
            (Caller::Server, None, User, unnamed),
            (Caller::Server, None, Events, unnamed),
            (token(Full), None, Operator, forbidden),
            (token(Full), None, User, Ok(Permitted::OwnUser(user(1)))),
            (token(Full), Some(1), User, Ok(Permitted::OwnUser(user(1)))),
            (token(Full), Some(2), User, forbidden),
            (token(Full), None, Events, Ok(Permitted::OwnUser(user(1)))),
            (token(Ingest), None, Operator, forbidden),
            (token(Ingest), None, User, forbidden),
            (token(Ingest), None, Events, Ok(Permitted::OwnUser(user(1)))),
            (token(Ingest), Some(2), Events, forbidden),
        ] {
            let permitted =
                permit(&caller, named.map(user), need).map_err(|problem| problem.status());
            assert_eq!(permitted, expected, "{caller:?} {named:?} {need:?}");
        }
    }

    #[test]
    fn a_token_is_read_from_the_one_authorization_header() {
        let headers = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            headers
        };
        for (values, word) in [
            (&["Bearer hub_x"][..], Some("hub_x")),
            (&["bearer  hub_x "][..], Some("hub_x")),
            (&["Basic hub_x"][..], None),
            (&["Bearer"][..], None),
            (&["hub_x"][..], None),
            (&["Bearer a", "Bearer b"][..], None),
            (&[][..], None),
        ] {
            assert_eq!(bearer(&headers(values)), word, "{values:?}");
        }
    }

    #[test]
    fn a_user_is_named_by_a_uuid() {
        let named = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(USER_HEADER, HeaderValue::from_static(value));
            named_user(&headers).map_err(|problem| problem.field_name().map(str::to_owned))
        };
        assert_eq!(
            named("00000000-0000-0000-0000-000000000001"),
            Ok(Some(user(1)))
        );
        assert_eq!(named("ada"), Err(Some("X-User-Id".to_owned())));
        assert!(matches!(named_user(&HeaderMap::new()), Ok(None)));
    }
}
