//! The documents that AniList is sent, and the bodies as it spells them. What is not known is left out, never `null`.

use chrono::{Datelike, NaiveDate};
use hub_domain::anime::progress::{Listed, Status};
use hub_domain::rating::{Scale, Shown};
use serde::{Deserialize, Serialize};

use crate::seam::OnList;

/// Who the user is.
pub(super) const VIEWER: &str = "query { Viewer { id name siteUrl } }";

/// What stands at some entries, and how the user rates. At most [`PAGE`] ids, so there is no second page.
pub(super) const SURVEY: &str = "query ($ids: [Int]) { \
    Viewer { mediaListOptions { scoreFormat } } \
    Page(page: 1, perPage: 50) { media(id_in: $ids, type: ANIME) { id episodes mediaListEntry { \
    id mediaId status progress repeat score(format: POINT_100) \
    startedAt { year month day } completedAt { year month day } } } } }";

/// Makes or changes the user's own entry; a variable that is not sent leaves what stands.
pub(super) const SAVE: &str = "mutation ($mediaId: Int, $status: MediaListStatus, $progress: Int, $repeat: Int, \
    $scoreRaw: Int, $startedAt: FuzzyDateInput, $completedAt: FuzzyDateInput) { \
    SaveMediaListEntry(mediaId: $mediaId, status: $status, progress: $progress, repeat: $repeat, \
    scoreRaw: $scoreRaw, startedAt: $startedAt, completedAt: $completedAt) { \
    id mediaId status progress repeat score(format: POINT_100) \
    startedAt { year month day } completedAt { year month day } } }";

/// Takes the user's own entry off the list, named by its own number.
pub(super) const DELETE: &str = "mutation ($id: Int) { DeleteMediaListEntry(id: $id) { deleted } }";

/// How many results a page has at most.
pub(super) const PAGE: usize = 50;

/// A request: the document and its variables.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a, V> {
    pub(super) query: &'a str,
    pub(super) variables: V,
}

/// A request that was written down, of which only the variables are read again.
#[derive(Debug, Deserialize)]
pub(super) struct Written<V> {
    pub(super) variables: V,
}

/// The variables of [`VIEWER`].
#[derive(Debug, Serialize)]
pub(super) struct Nothing {}

/// The variables of [`SURVEY`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Ids {
    pub(super) ids: Vec<u32>,
}

/// The variables of [`DELETE`].
#[derive(Debug, Serialize)]
pub(super) struct EntryId {
    pub(super) id: u64,
}

/// The variables of [`SAVE`]: what is to change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) media_id: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) progress: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) repeat: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) score_raw: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) started_at: Option<FuzzyDate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) completed_at: Option<FuzzyDate>,
}

impl Change {
    /// What has to change for an entry to become `after`; `before`: what stands, `None` if it is not on the list.
    pub(super) fn between(media: u32, before: Option<&Listed>, after: &Listed) -> Self {
        let is_new = before.is_none();
        let was = before.copied().unwrap_or(Listed {
            status: after.status,
            progress: 0,
            rewatches: 0,
            started_on: None,
            completed_on: None,
        });
        let day = |was: Option<NaiveDate>, is: Option<NaiveDate>| {
            is.filter(|_| was != is).map(FuzzyDate::of)
        };
        Self {
            media_id: media,
            status: (is_new || was.status != after.status).then(|| word(after.status).to_owned()),
            progress: (is_new || was.progress != after.progress).then_some(after.progress),
            repeat: (was.rewatches != after.rewatches).then_some(after.rewatches),
            score_raw: None,
            started_at: day(was.started_on, after.started_on),
            completed_at: day(was.completed_on, after.completed_on),
        }
    }
}

/// A day of which parts may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FuzzyDate {
    pub(super) year: Option<i32>,
    pub(super) month: Option<u32>,
    pub(super) day: Option<u32>,
}

impl FuzzyDate {
    fn of(day: NaiveDate) -> Self {
        Self {
            year: Some(day.year()),
            month: Some(day.month()),
            day: Some(day.day()),
        }
    }

    /// The day. Of a month or year alone it is the first: what the user knows of a date is kept, and not written over.
    fn first_day(self) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year?, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }
}

/// An answer.
#[derive(Debug, Deserialize)]
pub(super) struct Answered<T> {
    pub(super) data: T,
}

/// The answer to [`VIEWER`].
#[derive(Debug, Deserialize)]
pub(super) struct Viewed {
    #[serde(rename = "Viewer")]
    pub(super) viewer: Viewer,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Viewer {
    pub(super) id: u64,
    pub(super) name: String,
    #[serde(default)]
    pub(super) site_url: Option<String>,
}

/// The answer to [`SURVEY`].
#[derive(Debug, Deserialize)]
pub(super) struct Surveyed {
    #[serde(rename = "Viewer")]
    viewer: Rater,
    #[serde(rename = "Page")]
    page: Page,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rater {
    #[serde(default)]
    media_list_options: Option<Rates>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rates {
    #[serde(default)]
    score_format: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    media: Vec<Option<Media>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Media {
    id: u32,
    #[serde(default)]
    episodes: Option<u32>,
    #[serde(default)]
    media_list_entry: Option<Saved>,
}

/// What stands at an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Standing {
    /// As the seam says it.
    pub(super) shown: OnList,
    /// The number of the user's own entry, which deleting it takes.
    pub(super) entry_id: Option<u64>,
}

impl Surveyed {
    /// What stands at each entry that AniList knows.
    pub(super) fn standings(self) -> impl Iterator<Item = (u32, Standing)> {
        let format = self
            .viewer
            .media_list_options
            .and_then(|it| it.score_format);
        // In a format that is not known yet a rating is compared by its points.
        let scale = format
            .and_then(|format| Scale::of_anilist(&format))
            .unwrap_or(Scale::Point100);
        self.page.media.into_iter().flatten().map(move |media| {
            let saved = media.media_list_entry;
            let shown = OnList {
                listed: saved.as_ref().map(Saved::listed),
                episodes: media.episodes,
                score: saved
                    .as_ref()
                    .and_then(|saved| Shown::of_raw(scale, saved.raw_score())),
                scale,
            };
            let entry_id = saved.map(|saved| saved.id);
            (media.id, Standing { shown, entry_id })
        })
    }
}

/// The answer to [`SAVE`].
#[derive(Debug, Deserialize)]
pub(super) struct SaveAnswer {
    #[serde(rename = "SaveMediaListEntry")]
    pub(super) saved: Saved,
}

/// The user's own entry.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Saved {
    id: u64,
    pub(super) media_id: u32,
    #[serde(default)]
    pub(super) status: Option<String>,
    #[serde(default)]
    progress: Option<u32>,
    #[serde(default)]
    repeat: Option<u32>,
    #[serde(default)]
    score: Option<f64>,
    #[serde(default)]
    started_at: Option<FuzzyDate>,
    #[serde(default)]
    completed_at: Option<FuzzyDate>,
}

impl Saved {
    /// The entry's own number.
    pub(super) const fn id(&self) -> u64 {
        self.id
    }

    /// The day on which it was completed, where all of it is known.
    pub(super) fn completed_on(&self) -> Option<NaiveDate> {
        let FuzzyDate { year, month, day } = self.completed_at?;
        NaiveDate::from_ymd_opt(year?, month?, day?)
    }

    pub(super) fn listed(&self) -> Listed {
        let day = |date: Option<FuzzyDate>| date.and_then(FuzzyDate::first_day);
        Listed {
            status: status(self.status.as_deref()),
            progress: self.progress.unwrap_or(0),
            rewatches: self.repeat.unwrap_or(0),
            started_on: day(self.started_at),
            completed_on: day(self.completed_at),
        }
    }

    /// The score in points, 0–100; 0 is no score.
    pub(super) fn raw_score(&self) -> u8 {
        let score = self.score.unwrap_or(0.0).round().clamp(0.0, 100.0);
        score as u8
    }

    /// Says whether everything that was to change reads back as it was sent.
    pub(super) fn has(&self, change: &Change) -> bool {
        let listed = self.listed();
        (change.status.is_none() || change.status == self.status)
            && change.progress.is_none_or(|it| it == listed.progress)
            && change.repeat.is_none_or(|it| it == listed.rewatches)
    }
}

/// The answer to [`DELETE`].
#[derive(Debug, Deserialize)]
pub(super) struct DeleteAnswer {
    #[serde(rename = "DeleteMediaListEntry", default)]
    deleted: Option<Deleted>,
}

#[derive(Debug, Deserialize)]
struct Deleted {
    #[serde(default)]
    deleted: Option<bool>,
}

impl DeleteAnswer {
    pub(super) fn is_deleted(&self) -> bool {
        let deleted = self.deleted.as_ref();
        deleted.is_some_and(|it| it.deleted == Some(true))
    }
}

/// A status as AniList spells it.
pub(super) const fn word(status: Status) -> &'static str {
    match status {
        Status::Planning => "PLANNING",
        Status::Watching => "CURRENT",
        Status::Rewatching => "REPEATING",
        Status::Completed => "COMPLETED",
        Status::Paused => "PAUSED",
        Status::Dropped => "DROPPED",
    }
}

/// A status as it is read. One that is none of those known in 2026 is like an interruption: a further episode takes the
/// entry up, and nothing goes back.
fn status(word: Option<&str>) -> Status {
    match word {
        Some("PLANNING") => Status::Planning,
        Some("CURRENT") => Status::Watching,
        Some("REPEATING") => Status::Rewatching,
        Some("COMPLETED") => Status::Completed,
        Some("DROPPED") => Status::Dropped,
        Some(_) | None => Status::Paused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(status: Status, progress: u32) -> Listed {
        Listed {
            status,
            progress,
            rewatches: 0,
            started_on: NaiveDate::from_ymd_opt(2026, 11, 1),
            completed_on: None,
        }
    }

    fn spelt(change: &Change) -> String {
        serde_json::to_string(change).unwrap()
    }

    #[test]
    fn only_what_changes_is_sent() {
        let before = listed(Status::Watching, 4);
        let next = listed(Status::Watching, 5);
        assert_eq!(
            spelt(&Change::between(21, Some(&before), &next)),
            r#"{"mediaId":21,"progress":5}"#
        );
        let done = Listed {
            rewatches: 1,
            completed_on: NaiveDate::from_ymd_opt(2026, 11, 20),
            ..listed(Status::Completed, 12)
        };
        assert_eq!(
            spelt(&Change::between(21, Some(&before), &done)),
            r#"{"mediaId":21,"status":"COMPLETED","progress":12,"repeat":1,"completedAt":{"year":2026,"month":11,"day":20}}"#
        );
        assert_eq!(
            spelt(&Change::between(21, None, &next)),
            r#"{"mediaId":21,"status":"CURRENT","progress":5,"startedAt":{"year":2026,"month":11,"day":1}}"#
        );
    }

    #[test]
    fn a_date_of_which_the_user_knows_the_year_alone_is_not_written_over() {
        let saved: Saved = serde_json::from_str(
            r#"{"id":1,"mediaId":21,"status":"PLANNING","startedAt":{"year":2019,"month":null,"day":null}}"#,
        )
        .unwrap();
        let before = saved.listed();
        assert_eq!(before.started_on, NaiveDate::from_ymd_opt(2019, 1, 1));
        let after = Listed {
            progress: 1,
            status: Status::Watching,
            ..before
        };
        assert_eq!(
            spelt(&Change::between(21, Some(&before), &after)),
            r#"{"mediaId":21,"status":"CURRENT","progress":1}"#
        );
    }

    #[test]
    fn every_status_comes_back_and_an_unknown_one_is_an_interruption() {
        for known in [
            Status::Planning,
            Status::Watching,
            Status::Rewatching,
            Status::Completed,
            Status::Paused,
            Status::Dropped,
        ] {
            assert_eq!(status(Some(word(known))), known);
        }
        assert_eq!(status(Some("SOMETHING_NEW")), Status::Paused);
        assert_eq!(status(None), Status::Paused);
    }
}
