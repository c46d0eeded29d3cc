//! Tokens: what a code or a refresh token is exchanged for, and whose call one is.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::{Bearer, Claims, Grant, Pkce, Refused, SignIn};
use crate::answer::{Call, value_of};
use crate::page::digest;

impl SignIn {
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

fn is_verifier_of(challenge: &str, verifier: &str) -> bool {
    let is_well_formed = (43..=128).contains(&verifier.len())
        && verifier
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    is_well_formed && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes())) == challenge
}
