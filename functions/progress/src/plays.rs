//! Recording a play: which item, which of its plays, and only then a new one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Timelike, Utc};
use hub_domain::identity::{
    Candidate, Seen, aliases, awaits_library, choose_item, find_same, item_key,
};
use hub_domain::names::ServerRef;
use hub_domain::{Delivery, ItemKey, MediaItem, Play, PlayId, Precision, Service, Sighting};
use hub_store::{AliasEntry, Freshness, PutPlay, Saved, User, Waiting};

use crate::library::hold_back;
use crate::wakes::Wakes;
use crate::{Failure, Progress};

/// How often the list of an item's last plays is read again that another writer changed.
const MOST_RACES: usize = 8;
/// A play that begins this soon after midnight may be known under the day before.
const AFTER_MIDNIGHT_HOURS: u32 = 4;
/// The most plays of one item that one day's list keeps.
const MOST_A_DAY: usize = 200;
/// When the sweep looks after a play whose wake-up was lost.
pub(crate) const LOOK_AFTER: TimeDelta = TimeDelta::minutes(10);

/// A sighting of a finished play.
pub(crate) struct Sighted<'a> {
    pub(crate) media: MediaItem,
    /// The media server's id of the file that it is of.
    pub(crate) library_id: Option<&'a str>,
    pub(crate) server: &'a ServerRef,
    pub(crate) road: &'a str,
    pub(crate) started_at: DateTime<Utc>,
    pub(crate) watched_at: DateTime<Utc>,
    pub(crate) began_percent: Option<f64>,
    pub(crate) progress_percent: Option<f64>,
    pub(crate) manual: bool,
    pub(crate) precision: Precision,
    /// The name that was promised to whoever queued it, if it turns out to be a new play.
    pub(crate) suggested: Option<PlayId>,
}

impl Progress {
    /// The item that a sighting is of, and the aliases it gains by it.
    pub(crate) async fn resolve_item(
        &self,
        user: &User,
        media: &MediaItem,
        server: &ServerRef,
    ) -> Result<ItemKey, Failure> {
        let names = aliases(media, server);
        let keys: Vec<String> = names.iter().map(|alias| alias.key.clone()).collect();
        let known = self.table.aliases(user.id, &keys).await?;
        let known = known
            .into_iter()
            .map(|(key, entry)| (key, (entry.item, entry.ids)))
            .collect();
        let choice = choose_item(&names, &known, item_key(media, server));
        if !choice.missing.is_empty() {
            let ids: Vec<String> = names
                .iter()
                .filter(|alias| alias.is_id)
                .map(|alias| alias.key.clone())
                .collect();
            let entries: Vec<(String, AliasEntry)> = choice
                .missing
                .iter()
                .map(|alias| {
                    (
                        alias.key.clone(),
                        AliasEntry {
                            item: choice.item.clone(),
                            ids: ids.clone(),
                        },
                    )
                })
                .collect();
            self.table.put_aliases(user.id, &entries).await?;
        }
        Ok(choice.item)
    }

    /// Records a sighting: as another sighting of a play that is known, else as a new play with its deliveries.
    ///
    /// The list of the item's last plays is written first, under its version: it alone decides what is the same play.
    /// A crash behind it leaves a name without a play, which the repeated message finds, and makes the play.
    pub(crate) async fn record_play(
        &self,
        user: &User,
        sighted: Sighted<'_>,
        mut deliveries: BTreeMap<Service, Delivery>,
        now: DateTime<Utc>,
        wakes: &mut Wakes,
    ) -> Result<PlayId, Failure> {
        let item = self
            .resolve_item(user, &sighted.media, sighted.server)
            .await?;
        let id = self.claim(user, &item, &sighted).await?;
        let library_id = sighted
            .library_id
            .filter(|_| awaits_library(&item, &sighted.media));
        if let Some(content_id) = library_id {
            hold_back(deliveries.values_mut());
            let what = Waiting::Parcel(id.clone().into());
            self.await_library(user.id, content_id, what, now, wakes)
                .await?;
        }
        let play = Play {
            id: id.clone(),
            user: user.id,
            item,
            started_at: Some(sighted.started_at),
            watched_at: Some(sighted.watched_at),
            precision: sighted.precision,
            progress_percent: sighted.progress_percent,
            manual: sighted.manual,
            sightings: vec![Sighting {
                road: sighted.road.to_owned(),
                at: sighted.started_at,
            }],
            created_at: now,
            deliveries,
            media: sighted.media,
            removed_at: None,
        };
        self.unlist_watched(user, &play, now, wakes).await?;
        let due_at = play.is_open().then_some(now + LOOK_AFTER);
        match self.table.put_play(&play, due_at).await? {
            PutPlay::Created => self.wake_open(wakes, &play),
            // Known already: made by this message before a crash, or sighted on another road.
            PutPlay::Exists(known) => self.wake_open(wakes, &known),
        }
        Ok(id)
    }

    /// Finds the name of the play that a sighting is of, or claims a new one.
    pub(crate) async fn claim(
        &self,
        user: &User,
        item: &ItemKey,
        sighted: &Sighted<'_>,
    ) -> Result<PlayId, Failure> {
        let candidate = Candidate {
            kind: sighted.media.kind,
            road: sighted.road,
            started_at: sighted.started_at,
            watched_at: sighted.watched_at,
            duration: sighted.media.duration,
            began_percent: sighted.began_percent,
        };
        let day = sighted.started_at.date_naive();
        let own = Sighting {
            road: sighted.road.to_owned(),
            at: sighted.started_at,
        };
        // What a first look a moment behind misses, the version of the list finds: then it is read as it is now.
        let mut freshness = Freshness::Lately;
        for _ in 0..MOST_RACES {
            let days = self
                .table
                .seen_around::<Seen>(user.id, item, day, freshness)
                .await?;
            freshness = Freshness::Now;
            let known: Vec<Seen> = days
                .days
                .iter()
                .flat_map(|(_, plays, _)| plays.iter().cloned())
                .collect();
            if let Some(same) = find_same(&known, &candidate) {
                let id = same.play.clone();
                if same.sightings.contains(&own) {
                    return Ok(id);
                }
                if let Some((of, plays, version)) = days
                    .days
                    .iter()
                    .find(|(_, plays, _)| plays.iter().any(|play| play.play == id))
                {
                    let mut plays = plays.clone();
                    for seen in plays.iter_mut().filter(|seen| seen.play == id) {
                        seen.sightings.push(own.clone());
                    }
                    match self
                        .table
                        .put_seen(user.id, item, *of, &plays, *version)
                        .await?
                    {
                        Saved::Saved(_) => return Ok(id),
                        Saved::Conflict => continue,
                    }
                }
                return Ok(id);
            }
            if sighted.started_at.hour() < AFTER_MIDNIGHT_HOURS
                && let Some((before, plays, version)) = days
                    .days
                    .iter()
                    .find(|(of, _, _)| Some(*of) == day.pred_opt())
            {
                // Near midnight the earlier day is the lock: whoever sees the play on the other side writes it too.
                let locked = self
                    .table
                    .put_seen(user.id, item, *before, plays, *version)
                    .await?;
                if matches!(locked, Saved::Conflict) {
                    continue;
                }
            }
            let Some((_, today, version)) = days.days.iter().find(|(of, _, _)| *of == day) else {
                continue;
            };
            let id = sighted
                .suggested
                .clone()
                .unwrap_or_else(|| PlayId::new(user.id, item, Some(sighted.started_at)));
            let mut plays = today.clone();
            plays.push(Seen {
                play: id.clone(),
                started_at: sighted.started_at,
                watched_at: sighted.watched_at,
                duration: sighted.media.duration,
                sightings: vec![own.clone()],
                manual: sighted.manual,
            });
            if plays.len() > MOST_A_DAY {
                plays.remove(0);
            }
            match self
                .table
                .put_seen(user.id, item, day, &plays, *version)
                .await?
            {
                Saved::Saved(_) => return Ok(id),
                Saved::Conflict => {}
            }
        }
        Err(Failure::Contended("list of last plays"))
    }
}
