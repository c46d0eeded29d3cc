//! 420: the account may keep no more on a list. How much it may keep is read from the account, never assumed.
//!
//! Source: <https://docs.trakt.tv> (account limits, 2026-09-24). Neither body nor headers of a 420 are promised.

use chrono::{DateTime, Utc};
use hub_domain::{Aspect, Disposition, Outcome, StatementId};
use reqwest::Method;
use reqwest::header::HeaderMap;

use super::wire::Settings;
use super::{Trakt, read};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::said;
use crate::seam::{Account, Prepared};

/// Where VIP is sold, if the answer does not say.
const VIP: &str = "https://trakt.tv/vip";
/// One entry of the watchlist: its headers tell how many there are.
const COUNT_OF_WATCHLIST: &str = "sync/watchlist/all/rank/asc?page=1&limit=1";

const ASK: &str = "say how much the account may keep";

/// What is known of a limit.
#[derive(Debug, Default, PartialEq, Eq)]
struct Reached {
    limit: Option<usize>,
    is_vip: bool,
    upgrade_url: Option<String>,
}

impl Trakt {
    /// What becomes of statements after a 420. A lone one is refused, as are all once no room is left; of several, fewer
    /// may fit.
    pub(super) async fn at_the_limit(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        headers: &HeaderMap,
        now: DateTime<Utc>,
    ) -> Result<Vec<(StatementId, Outcome)>, ProviderError> {
        let aspect = prepared.statements.first().map(|it| it.id.aspect);
        let settings = self.account_limits(account, now).await.ok();
        let reached = Reached::of(headers, settings.as_ref(), aspect);
        let is_full = match (prepared.len(), aspect, reached.limit) {
            (1, _, _) => true,
            (_, Some(Aspect::Watchlist), Some(limit)) => {
                let count = self.count_of_watchlist(account, now).await;
                count.is_some_and(|count| count >= limit)
            }
            // In what a collection is counted is not documented, so the halves have to tell how much fits.
            _ => false,
        };
        let why = reached.words(aspect);
        if !is_full {
            return Err(super::error(ASK, Disposition::Permanent, why));
        }
        let refused = Outcome::Refused { why };
        let ids = prepared.statements.iter().map(|it| it.id.clone());
        Ok(ids.map(|id| (id, refused.clone())).collect())
    }

    async fn account_limits(
        &self,
        account: &Account<'_>,
        now: DateTime<Utc>,
    ) -> Result<Settings, ProviderError> {
        let request = self.call(Method::GET, "users/settings", account);
        let answer = self.send(ASK, Effect::Reads, request, now).await?;
        read(ASK, Effect::Reads, &answer)
    }

    async fn count_of_watchlist(&self, account: &Account<'_>, now: DateTime<Utc>) -> Option<usize> {
        let request = self.call(Method::GET, COUNT_OF_WATCHLIST, account);
        let answer = self.send(ASK, Effect::Reads, request, now).await.ok()?;
        number(&answer.headers, "x-pagination-item-count")
    }
}

impl Reached {
    fn of(headers: &HeaderMap, settings: Option<&Settings>, aspect: Option<Aspect>) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let read = settings.and_then(|settings| match aspect {
            Some(Aspect::Watchlist) => settings.limits.watchlist.item_count,
            Some(Aspect::Collection) => settings.limits.collection.item_count,
            Some(Aspect::Rating | Aspect::Loved | Aspect::Reading) | None => None,
        });
        let is_vip = match text("x-vip-user") {
            Some(word) => word == "true",
            None => settings.is_some_and(|settings| settings.user.vip),
        };
        Self {
            limit: read.or_else(|| number(headers, "x-account-limit")),
            is_vip,
            upgrade_url: text("x-upgrade-url").map(str::to_owned),
        }
    }

    fn words(&self, aspect: Option<Aspect>) -> String {
        let list = aspect.map_or("list", said::noun);
        let most = match self.limit {
            Some(limit) => format!("the account's {list} is full: Trakt keeps {limit} items"),
            None => format!("the account's {list} is full"),
        };
        if self.is_vip {
            format!("{most}, with VIP as well")
        } else {
            let url = self.upgrade_url.as_deref().unwrap_or(VIP);
            format!("{most}; VIP lifts the limit ({url})")
        }
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<usize> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn the_limit_is_named_as_far_as_it_is_known_and_vip_where_it_helps() {
        let settings: Settings =
            serde_json::from_str(include_str!("fixtures/users-settings-200.json")).unwrap();
        let all = headers(&[
            ("x-upgrade-url", "https://trakt.tv/vip/now"),
            ("x-vip-user", "false"),
            ("x-account-limit", "250"),
        ]);
        let words = |headers: &HeaderMap, settings, aspect| {
            Reached::of(headers, settings, aspect).words(aspect)
        };
        assert_eq!(
            words(&all, None, Some(Aspect::Watchlist)),
            "the account's watchlist is full: Trakt keeps 250 items; VIP lifts the limit (https://trakt.tv/vip/now)"
        );
        assert_eq!(
            words(&HeaderMap::new(), None, Some(Aspect::Collection)),
            "the account's collection is full; VIP lifts the limit (https://trakt.tv/vip)"
        );
        let vip = headers(&[("x-vip-user", "true"), ("x-account-limit", "5000")]);
        assert_eq!(
            words(&vip, None, Some(Aspect::Watchlist)),
            "the account's watchlist is full: Trakt keeps 5000 items, with VIP as well"
        );
        let read = Reached::of(&HeaderMap::new(), Some(&settings), Some(Aspect::Watchlist));
        assert_eq!(read.limit, settings.limits.watchlist.item_count);
        assert_eq!(read.is_vip, settings.user.vip);
    }
}
