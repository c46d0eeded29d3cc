//! Signing in with OAuth, as far as services agree on it: apps, the page that asks for consent, codes and tokens.
//!
//! What they do not agree on is a [`Manner`]: how a verifier is checked, how long tokens live, whether they turn over.
//! How a refusal is spelled stays with each service.

use std::collections::{BTreeMap, HashMap};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use url::Url;

use crate::answer::{Answer, Call, value_of};
use crate::page::{Mint, consent_form, digest, page};

/// How long an authorization code lives. No service documents it; ten minutes are the longest that OAuth recommends.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// What a sign-in gave, issued without the pages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tokens {
    /// For `Authorization: Bearer`.
    pub access_token: String,
    /// None where the service has no refresh.
    pub refresh_token: Option<String>,
    /// When the access token ends.
    pub expires_at: DateTime<Utc>,
}

/// How a service proves that the one who brings a code is the one who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pkce {
    /// Required: the challenge is the verifier's SHA-256.
    S256,
    /// Required: the challenge is the verifier.
    Plain,
    /// Unknown to the service: what is sent of it is ignored.
    Unknown,
}

/// What an access token is made of.
pub(crate) struct Claims {
    pub(crate) secret: String,
    pub(crate) account: u64,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
}

/// What sets one service's sign-in apart.
pub(crate) struct Manner {
    pub(crate) service: &'static str,
    /// The path of the page, where its form is posted to.
    pub(crate) page: &'static str,
    pub(crate) pkce: Pkce,
    /// Sent back as `iss`.
    pub(crate) issuer: Option<&'static str>,
    pub(crate) access_lifetime: TimeDelta,
    /// How long a refresh token lives since its last use.
    pub(crate) refresh_lifetime: TimeDelta,
    /// Whether a refresh brings a new refresh token and ends the old one.
    pub(crate) is_rotating: bool,
    /// The scope granted for the one asked for.
    pub(crate) scope: fn(Option<&str>) -> String,
    pub(crate) code: fn(String) -> String,
    pub(crate) access_token: fn(&Claims) -> String,
    pub(crate) refresh_token: fn(String) -> String,
}

/// A registered app.
#[derive(Debug, Clone)]
pub(crate) struct App {
    /// An app with a secret has to send it.
    pub(crate) secret: Option<String>,
    /// Empty: any address is taken for registered.
    pub(crate) redirect_uris: Vec<String>,
}

/// An authorization code that was handed out.
#[derive(Debug)]
struct Code {
    user: String,
    client_id: String,
    redirect_uri: Option<String>,
    challenge: String,
    scope: String,
    expires_at: DateTime<Utc>,
}

/// One sign-in of one user through one app; its tokens change, it stays.
#[derive(Debug, Clone)]
pub(crate) struct Grant {
    pub(crate) user: String,
    pub(crate) client_id: String,
    pub(crate) access_token: String,
    pub(crate) refresh_token: String,
    pub(crate) scope: String,
    pub(crate) made_at: DateTime<Utc>,
    pub(crate) expires_at: DateTime<Utc>,
    pub(crate) refreshable_until: DateTime<Utc>,
    pub(crate) is_revoked: bool,
}

/// Why a token was not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// No such app, or not its secret.
    Client,
    /// The code or refresh token is unknown, used, expired, revoked or another app's.
    Grant,
    /// Something required is missing.
    Request(&'static str),
}

/// Whose call one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Bearer {
    /// The number of the grant.
    Of(usize),
    /// A token that is over; of this user.
    Ended(String),
    Unknown,
    Missing,
}

pub(crate) struct SignIn {
    manner: Manner,
    pub(crate) apps: BTreeMap<String, App>,
    /// The accounts with the service's number for each.
    pub(crate) accounts: BTreeMap<String, u64>,
    codes: HashMap<String, Code>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) mint: Mint,
}

struct Request {
    client_id: String,
    redirect_to: Url,
    redirect_uri: Option<String>,
    state: Option<String>,
    challenge: String,
    scope: String,
}

impl SignIn {
    pub(crate) fn new(manner: Manner, address: &str) -> SignIn {
        SignIn {
            manner,
            apps: BTreeMap::new(),
            accounts: BTreeMap::new(),
            codes: HashMap::new(),
            grants: Vec::new(),
            mint: Mint::new(address),
        }
    }

    pub(crate) fn register(&mut self, client_id: &str, secret: Option<&str>, redirects: &[&str]) {
        let app = App {
            secret: secret.map(str::to_owned),
            redirect_uris: redirects.iter().map(|uri| (*uri).to_owned()).collect(),
        };
        self.apps.insert(client_id.to_owned(), app);
    }

    /// Opens an account and answers its number, which follows from its name.
    pub(crate) fn open_account(&mut self, user: &str) -> u64 {
        let number = digest(&format!("{} account {user}", self.manner.service))
            .get(..6)
            .and_then(|digits| u64::from_str_radix(digits, 16).ok())
            .unwrap_or_default();
        *self.accounts.entry(user.to_owned()).or_insert(number + 1)
    }

    pub(crate) fn users(&self) -> Vec<String> {
        self.accounts.keys().cloned().collect()
    }

    /// The page that asks for consent.
    pub(crate) fn page(&self, call: &Call) -> Answer {
        match self.request(&call.query) {
            Ok(_) => page(
                200,
                &format!("An app wants to use your {} account", self.manner.service),
                &consent_form(self.manner.page, &self.users(), &call.query),
            ),
            Err(reason) => not_a_request(reason),
        }
    }

    /// The decision of the page, or of a test that posts the same fields.
    pub(crate) fn decided(&mut self, call: &Call) -> Answer {
        let fields = call.fields();
        let user = value_of(&fields, "user").unwrap_or_default().to_owned();
        let is_allowed = value_of(&fields, "decision").is_none_or(|decision| decision == "allow");
        match self.decide(&fields, &user, is_allowed, call.at) {
            Ok(callback) => Answer::redirect(&callback),
            Err(reason) => not_a_request(reason),
        }
    }

    /// Where the browser is sent once the user decided.
    pub(crate) fn decide(
        &mut self,
        fields: &[(String, String)],
        user: &str,
        is_allowed: bool,
        now: DateTime<Utc>,
    ) -> Result<String, &'static str> {
        let request = self.request(fields)?;
        if !self.accounts.contains_key(user) {
            return Err("no such account");
        }
        let mut callback = request.redirect_to;
        if is_allowed {
            let code = (self.manner.code)(self.mint.secret());
            callback.query_pairs_mut().append_pair("code", &code);
            let code_of = Code {
                user: user.to_owned(),
                client_id: request.client_id,
                redirect_uri: request.redirect_uri,
                challenge: request.challenge,
                scope: request.scope,
                expires_at: now + CODE_LIFETIME,
            };
            self.codes.insert(code, code_of);
        } else {
            callback
                .query_pairs_mut()
                .append_pair("error", "access_denied");
        }
        if let Some(state) = request.state {
            callback.query_pairs_mut().append_pair("state", &state);
        }
        if let Some(issuer) = self.manner.issuer {
            callback.query_pairs_mut().append_pair("iss", issuer);
        }
        Ok(callback.into())
    }

    fn request(&self, fields: &[(String, String)]) -> Result<Request, &'static str> {
        let field = |name| value_of(fields, name);
        if field("response_type") != Some("code") {
            return Err("response_type must be code");
        }
        let client_id = field("client_id").ok_or("client_id is missing")?;
        let app = self.apps.get(client_id).ok_or("no such app")?;
        let sent = field("redirect_uri");
        let redirect_uri = match (sent, app.redirect_uris.as_slice()) {
            (Some(sent), []) => sent,
            (Some(sent), known) if known.iter().any(|known| known == sent) => sent,
            (Some(_), _) => return Err("redirect_uri is not the registered one"),
            // With one registered address there is nothing to choose.
            (None, [only]) => only,
            (None, _) => return Err("redirect_uri is missing"),
        };
        let challenge = field("code_challenge").unwrap_or_default();
        let is_challenge = (43..=128).contains(&challenge.len());
        match (self.manner.pkce, field("code_challenge_method")) {
            (Pkce::Unknown, _) => {}
            (Pkce::S256, Some("S256")) if is_challenge => {}
            (Pkce::Plain, Some("plain") | None) if is_challenge => {}
            (Pkce::S256, _) => return Err("a code_challenge by S256 is required"),
            (Pkce::Plain, _) => return Err("a plain code_challenge is required"),
        }
        Ok(Request {
            client_id: client_id.to_owned(),
            redirect_to: Url::parse(redirect_uri).map_err(|_| "redirect_uri is not a URL")?,
            redirect_uri: sent.map(str::to_owned),
            state: field("state").map(str::to_owned),
            challenge: challenge.to_owned(),
            scope: (self.manner.scope)(field("scope")),
        })
    }

    /// Answers the app of a token request whose secret is right, too.
    pub(crate) fn app(&self, fields: &[(String, String)]) -> Result<String, Refused> {
        let client_id = value_of(fields, "client_id").ok_or(Refused::Client)?;
        let app = self.apps.get(client_id).ok_or(Refused::Client)?;
        let secret = value_of(fields, "client_secret").filter(|secret| !secret.is_empty());
        if secret == app.secret.as_deref() {
            Ok(client_id.to_owned())
        } else {
            Err(Refused::Client)
        }
    }

    /// Takes a code, which works once whatever comes of it, and answers the number of its grant.
    pub(crate) fn redeem(
        &mut self,
        fields: &[(String, String)],
        now: DateTime<Utc>,
    ) -> Result<usize, Refused> {
        let client_id = self.app(fields)?;
        let code = value_of(fields, "code").ok_or(Refused::Request("code"))?;
        let code = self.codes.remove(code).ok_or(Refused::Grant)?;
        let verifier = value_of(fields, "code_verifier").unwrap_or_default();
        let is_proven = match self.manner.pkce {
            Pkce::Unknown => true,
            Pkce::Plain => verifier == code.challenge,
            Pkce::S256 => is_verifier_of(&code.challenge, verifier),
        };
        let is_same_address = value_of(fields, "redirect_uri") == code.redirect_uri.as_deref();
        if code.expires_at <= now || code.client_id != client_id || !is_same_address || !is_proven {
            return Err(Refused::Grant);
        }
        Ok(self.grant(&code.user, &client_id, code.scope, now))
    }

    /// Turns an access token over; the one before is over at once.
    pub(crate) fn refresh(
        &mut self,
        fields: &[(String, String)],
        now: DateTime<Utc>,
    ) -> Result<usize, Refused> {
        let client_id = self.app(fields)?;
        let sent = value_of(fields, "refresh_token").ok_or(Refused::Request("refresh_token"))?;
        let is_meant = |grant: &Grant| {
            grant.refresh_token == sent
                && grant.client_id == client_id
                && !grant.is_revoked
                && grant.refreshable_until > now
        };
        let number = self
            .grants
            .iter()
            .position(is_meant)
            .ok_or(Refused::Grant)?;
        let account = self.account_of(number);
        let expires_at = now + self.manner.access_lifetime;
        let access_token = self.new_access_token(account, now, expires_at);
        let rotated = self
            .manner
            .is_rotating
            .then(|| (self.manner.refresh_token)(self.mint.secret()));
        if let Some(grant) = self.grants.get_mut(number) {
            grant.access_token = access_token;
            grant.made_at = now;
            grant.expires_at = expires_at;
            grant.refreshable_until = now + self.manner.refresh_lifetime;
            if let Some(rotated) = rotated {
                grant.refresh_token = rotated;
            }
        }
        Ok(number)
    }

    /// Signs a user in.
    pub(crate) fn grant(
        &mut self,
        user: &str,
        client_id: &str,
        scope: String,
        now: DateTime<Utc>,
    ) -> usize {
        let account = self.open_account(user);
        let expires_at = now + self.manner.access_lifetime;
        let grant = Grant {
            user: user.to_owned(),
            client_id: client_id.to_owned(),
            access_token: self.new_access_token(account, now, expires_at),
            refresh_token: (self.manner.refresh_token)(self.mint.secret()),
            scope,
            made_at: now,
            expires_at,
            refreshable_until: now + self.manner.refresh_lifetime,
            is_revoked: false,
        };
        self.grants.push(grant);
        self.grants.len() - 1
    }

    /// Signs a user in with the scope that an app gets when it asks for `scope`.
    pub(crate) fn issue(
        &mut self,
        user: &str,
        client_id: &str,
        scope: Option<&str>,
        now: DateTime<Utc>,
    ) -> Option<&Grant> {
        let scope = (self.manner.scope)(scope);
        let number = self.grant(user, client_id, scope, now);
        self.grants.get(number)
    }

    /// Whose token a call carries.
    pub(crate) fn bearer(&self, call: &Call) -> Bearer {
        let Some(header) = call.header("authorization") else {
            return Bearer::Missing;
        };
        let token = header
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map_or("", |(_, token)| token.trim());
        let number = self
            .grants
            .iter()
            .position(|grant| grant.access_token == token);
        match number.and_then(|number| Some((number, self.grants.get(number)?))) {
            Some((number, grant)) if !grant.is_revoked && grant.expires_at > call.at => {
                Bearer::Of(number)
            }
            Some((_, grant)) => Bearer::Ended(grant.user.clone()),
            None => Bearer::Unknown,
        }
    }

    pub(crate) fn expire_access(&mut self, user: &str, now: DateTime<Utc>) {
        self.grants
            .iter_mut()
            .filter(|grant| grant.user == user)
            .for_each(|grant| grant.expires_at = now);
    }

    pub(crate) fn revoke(&mut self, user: &str) {
        self.grants
            .iter_mut()
            .filter(|grant| grant.user == user)
            .for_each(|grant| grant.is_revoked = true);
    }

    fn account_of(&self, number: usize) -> u64 {
        let grant = self.grants.get(number);
        grant
            .and_then(|grant| self.accounts.get(&grant.user))
            .copied()
            .unwrap_or_default()
    }

    fn new_access_token(
        &mut self,
        account: u64,
        made_at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> String {
        (self.manner.access_token)(&Claims {
            secret: self.mint.secret(),
            account,
            made_at,
            expires_at,
        })
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "SignIn({}, {} grants)",
            self.manner.service,
            self.grants.len()
        )
    }
}

/// A JSON web token of the length that real ones have; nobody can check its signature.
pub(crate) fn json_web_token(claims: &Claims) -> String {
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(&serde_json::json!({"typ": "JWT", "alg": "RS256", "jti": claims.secret}));
    let body = part(
        &serde_json::json!({"aud": "1", "jti": claims.secret, "scopes": [],
        "sub": claims.account.to_string(), "iat": claims.made_at.timestamp(), "exp": claims.expires_at.timestamp()}),
    );
    format!("{head}.{body}.{}", long(&claims.secret))
}

/// A secret of some 700 characters, as some services hand out.
pub(crate) fn long(secret: &str) -> String {
    (0..11)
        .map(|part| digest(&format!("{secret} {part}")))
        .collect()
}

fn not_a_request(reason: &str) -> Answer {
    page(
        400,
        "Not a valid request to authorize",
        &format!("<p>{reason}</p>"),
    )
}

fn is_verifier_of(challenge: &str, verifier: &str) -> bool {
    let is_well_formed = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_well_formed && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == challenge
}
