//! Taking back a scrobble: Last.fm lets no application do it, so its user is told where to.

use chrono::{DateTime, Utc};
use hub_domain::{Disposition, Outcome, Play, PlayId};

use super::{LastFm, error};
use crate::error::ProviderError;
use crate::seam::{Account, Preparation, Prepared};

/// The library of whoever is signed in.
const WHY: &str = "Last.fm lets no application remove a scrobble; remove it there: https://www.last.fm/user/_/library";

impl LastFm {
    #[expect(clippy::unused_self, reason = "each client has this method")]
    pub(crate) fn prepare_undo(&self, plays: &[Play]) -> Preparation<PlayId> {
        let why = WHY.to_owned();
        Preparation::all(
            plays.iter().map(|play| play.id.clone()),
            &Outcome::Ignored { why },
        )
    }

    #[expect(clippy::unused_async, reason = "each client has this method")]
    pub(crate) async fn take_back(
        &self,
        _account: &Account<'_>,
        _prepared: &Prepared,
        _now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        Err(error("remove the plays", Disposition::Permanent, WHY))
    }
}
