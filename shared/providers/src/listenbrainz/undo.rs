//! `delete-listen`: taking back a listen, by its second and the server's own id of its names.
//!
//! That id is known only from reading the listen back. The server accepts a deletion at once and carries it out shortly
//! after the full hour; asked again, it accepts again. A listen that was submitted a moment ago may not be shown yet, so
//! one that is not there is looked for once more before it counts as gone.

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::{Delivery, Disposition, Outcome, Play, PlayId, Service};
use serde::{Deserialize, Serialize};

use super::wire::{Deletion, Listened};
use super::{ListenBrainz, error, is_taken};
use crate::error::ProviderError;
use crate::http::Effect;
use crate::music::Song;
use crate::seam::{Account, Preparation, Prepared, PreparedPlay};

/// The call, in [`Prepared::call`].
const DELETE: &str = "delete-listen";
/// Why a play waits after its listen was not found, and how `prepare_undo` knows that it was looked for before.
const LOOKED_FOR_ONCE_MORE: &str =
    "ListenBrainz does not show this listen yet; it is looked for once more";
/// After how long a listen is shown for sure; the documents name no time, only that answers are cached.
const SHOWN_WITHIN: TimeDelta = TimeDelta::minutes(10);

const TAKE_BACK: &str = "remove the listen";

/// What is written down: which listen it is.
#[derive(Debug, Serialize, Deserialize)]
struct Sought {
    listened_at: i64,
    artist_name: String,
    track_name: String,
    is_second_look: bool,
}

impl ListenBrainz {
    /// The first listen that can be removed is removed; the others wait for their turn.
    pub(crate) fn prepare_undo(
        &self,
        plays: &[Play],
        account_url: Option<&str>,
        now: DateTime<Utc>,
    ) -> Preparation<PlayId> {
        if let Some(url) = account_url.filter(|_| self.is_compatible(account_url)) {
            let why =
                format!("this server lets no application remove a listen; remove it there: {url}");
            return Preparation::all(
                plays.iter().map(|play| play.id.clone()),
                &Outcome::Ignored { why },
            );
        }
        let mut preparation = Preparation::default();
        for play in plays {
            if preparation.prepared.is_some() {
                preparation.left.push(play.id.clone());
                continue;
            }
            match sought_of(play) {
                Ok((sought, at)) => {
                    let body =
                        serde_json::to_string(&sought).expect("text and numbers are always JSON");
                    let told = vec![PreparedPlay {
                        play: play.id.clone(),
                        watched_at: Some(at),
                    }];
                    preparation.prepared = Some(Prepared::of_undo(DELETE, body, told, now));
                }
                Err(outcome) => preparation.settled.push((play.id.clone(), outcome)),
            }
        }
        preparation
    }

    pub(crate) async fn take_back(
        &self,
        account: &Account<'_>,
        prepared: &Prepared,
        now: DateTime<Utc>,
    ) -> Result<Vec<(PlayId, Outcome)>, ProviderError> {
        let sought: Option<Sought> = serde_json::from_str(&prepared.body).ok();
        let ([told], Some(sought)) = (prepared.plays.as_slice(), sought) else {
            let why = "what was written down is not about one listen";
            return Err(error(TAKE_BACK, Disposition::Permanent, why));
        };
        let outcome = self.take_back_one(account, &sought, now).await?;
        Ok(vec![(told.play.clone(), outcome)])
    }

    async fn take_back_one(
        &self,
        account: &Account<'_>,
        sought: &Sought,
        now: DateTime<Utc>,
    ) -> Result<Outcome, ProviderError> {
        // Both bounds are exclusive.
        let bounds = [
            ("min_ts", (sought.listened_at - 1).to_string()),
            ("max_ts", (sought.listened_at + 1).to_string()),
            ("count", "100".to_owned()),
        ];
        let listens = self.listens(account, TAKE_BACK, &bounds, now).await?;
        let Some(listen) = found(sought, &listens) else {
            return Ok(if sought.is_second_look {
                Outcome::AlreadyThere {
                    remote_id: None,
                    detail: "ListenBrainz has no such listen".to_owned(),
                }
            } else {
                Outcome::Wait {
                    until: now + SHOWN_WITHIN,
                    why: LOOKED_FOR_ONCE_MORE.to_owned(),
                }
            });
        };
        let deletion = Deletion {
            listened_at: listen.listened_at,
            recording_msid: &listen.recording_msid,
        };
        let body = serde_json::to_string(&deletion).expect("text and numbers are always JSON");
        let request = self.post(account, TAKE_BACK, "1/delete-listen", body)?;
        let answer = self.send(TAKE_BACK, Effect::Writes, request, now).await?;
        is_taken(&answer, false).map_err(|(next, why)| error(TAKE_BACK, next, why))?;
        Ok(Outcome::Delivered {
            remote_id: Some(listen.recording_msid.clone()),
            detail: Some("ListenBrainz removes it shortly after the full hour".to_owned()),
        })
    }
}

/// The listen of that second and those names; the hub's own where another program submitted one as well.
fn found<'l>(sought: &Sought, listens: &'l [Listened]) -> Option<&'l Listened> {
    let is_it = |listen: &&Listened| {
        listen.listened_at == sought.listened_at
            && listen.is_of(&sought.artist_name, &sought.track_name)
    };
    let mut all = listens.iter().filter(is_it);
    all.clone()
        .find(|listen| listen.is_ours())
        .or_else(|| all.next())
}

/// Which listen a play was; the error is what becomes of one that cannot be told.
fn sought_of(play: &Play) -> Result<(Sought, DateTime<Utc>), Outcome> {
    let song = Song::of(&play.media, Service::ListenBrainz)?;
    let delivery: Option<&Delivery> = play.deliveries.get(&Service::ListenBrainz);
    let at = delivery.and_then(|delivery| delivery.sent_watched_at);
    let at = at.ok_or_else(|| Outcome::Ignored {
        why: "it is not known which second ListenBrainz was told; remove it there: https://listenbrainz.org"
            .to_owned(),
    })?;
    let detail = delivery.and_then(|delivery| delivery.detail.as_deref());
    let sought = Sought {
        listened_at: at.timestamp(),
        artist_name: song.artist,
        track_name: song.title,
        is_second_look: detail == Some(LOOKED_FOR_ONCE_MORE),
    };
    Ok((sought, at))
}

#[cfg(test)]
#[path = "undo_tests.rs"]
mod tests;
