//! `/api/v1/user/settings`: what a user sets.

use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use hub_domain::threshold::{RuleSetting, ThresholdSettings};
use hub_domain::user::ManualMarks;
use hub_domain::{Thresholds, UserSettings};
use hub_runtime::addresses::check_user_url;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::ApiState;
use crate::caller::ForUser;
use crate::problem::Problem;
use crate::wire::within;

/// The longest least length: a day.
const LONGEST: i64 = 24 * 60 * 60 * 1000;

/// What is to be changed: what is left out stays, `null` goes back to the server's.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SettingsPatch {
    /// How much has to be played.
    thresholds: Option<ThresholdsPatch>,
    /// The time zone, as the IANA names it: `Europe/Berlin`. For services that keep a day.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    time_zone: Option<Option<String>>,
    /// What marking as watched says of its time: `now`, `release_date`, or `ignore`.
    #[schema(value_type = Option<String>)]
    manual_marks: Option<ManualMarks>,
    /// What was watched, heard or read leaves the watchlist.
    unlist_watched: Option<bool>,
    /// Where notices go, such as that a service needs signing in again.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    notification_url: Option<Option<String>>,
}

/// How much has to be played, by kind.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct ThresholdsPatch {
    /// Films and episodes.
    video: Option<RulePatch>,
    /// Tracks.
    music: Option<RulePatch>,
    /// Podcast episodes.
    podcast: Option<RulePatch>,
    /// Books.
    book: Option<RulePatch>,
}

/// How much of one kind has to be played.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct RulePatch {
    /// The percentage, 1 to 100.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<f64>)]
    percent: Option<Option<f64>>,
    /// The item's least length, in milliseconds; a track has to be longer.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    least_length_ms: Option<Option<i64>>,
}

/// Reads a field that may be `null`, so that it is told from one that is left out.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(from).map(Some)
}

/// What a user set, and what holds in the end.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Settings {
    /// What the user set of the thresholds.
    #[schema(value_type = Object)]
    thresholds: ThresholdSettings,
    /// What holds, with the server's thresholds where the user set none.
    #[schema(value_type = Object)]
    effective_thresholds: Thresholds,
    /// The time zone; `UTC` where none is set.
    time_zone: String,
    #[schema(value_type = String)]
    manual_marks: ManualMarks,
    /// What was watched, heard or read leaves the watchlist.
    unlist_watched: bool,
    notification_url: Option<String>,
}

impl Settings {
    fn of(server: &Thresholds, settings: UserSettings) -> Self {
        Self {
            effective_thresholds: server.with(&settings.thresholds),
            thresholds: settings.thresholds,
            time_zone: settings.time_zone.unwrap_or_else(|| "UTC".to_owned()),
            manual_marks: settings.manual_marks,
            unlist_watched: settings.unlist_watched,
            notification_url: settings.notification_url.map(String::from),
        }
    }
}

/// Tells what the user set.
#[utoipa::path(
    get, path = "/api/v1/user/settings", tag = "user",
    responses((status = 200, description = "The settings", body = Settings))
)]
pub(crate) async fn show(
    State(state): State<ApiState>,
    caller: ForUser,
) -> Result<Json<Settings>, Problem> {
    let user = state.table.user(caller.user).await?.ok_or_else(gone)?;
    Ok(Json(Settings::of(
        &state.settings.thresholds,
        user.settings,
    )))
}

/// Changes what the user set; what is left out stays.
#[utoipa::path(
    patch, path = "/api/v1/user/settings", tag = "user", request_body = SettingsPatch,
    responses((status = 200, description = "The settings as they are now", body = Settings))
)]
pub(crate) async fn change(
    State(state): State<ApiState>,
    caller: ForUser,
    crate::body::Json(patch): crate::body::Json<SettingsPatch>,
) -> Result<Json<Settings>, Problem> {
    let user = state.table.user(caller.user).await?.ok_or_else(gone)?;
    let settings = apply(user.settings, patch, state.settings.allow_private_addresses)?;
    if !state
        .table
        .update_user_settings(caller.user, &settings)
        .await?
    {
        return Err(gone());
    }
    state.forget_what_was_read();
    Ok(Json(Settings::of(&state.settings.thresholds, settings)))
}

fn gone() -> Problem {
    Problem::not_found("There is no such user any more.")
}

fn apply(
    mut settings: UserSettings,
    patch: SettingsPatch,
    allow_private: bool,
) -> Result<UserSettings, Problem> {
    if let Some(zone) = patch.time_zone {
        if zone
            .as_deref()
            .is_some_and(|zone| !UserSettings::is_time_zone(zone))
        {
            return Err(Problem::field(
                "time_zone",
                "A time zone of the IANA's is expected, such as Europe/Berlin.",
            ));
        }
        settings.time_zone = zone;
    }
    if let Some(marks) = patch.manual_marks {
        settings.manual_marks = marks;
    }
    settings.unlist_watched = patch.unlist_watched.unwrap_or(settings.unlist_watched);
    if let Some(url) = patch.notification_url {
        let checked = url
            .map(|url| check_user_url(&url, allow_private))
            .transpose();
        settings.notification_url = checked
            .map_err(|error| Problem::field("notification_url", format!("Not taken: {error}.")))?;
    }
    let thresholds = patch.thresholds.unwrap_or_default();
    let held = &mut settings.thresholds;
    change_rule("thresholds.video", &mut held.video, thresholds.video)?;
    change_rule("thresholds.music", &mut held.music, thresholds.music)?;
    change_rule("thresholds.podcast", &mut held.podcast, thresholds.podcast)?;
    change_rule("thresholds.book", &mut held.book, thresholds.book)?;
    Ok(settings)
}

fn change_rule(
    outer: &str,
    rule: &mut RuleSetting,
    patch: Option<RulePatch>,
) -> Result<(), Problem> {
    let patch = patch.unwrap_or_default();
    if let Some(percent) = patch.percent {
        rule.percent =
            within("percent", percent, 1.0, 100.0).map_err(|problem| problem.within(outer))?;
    }
    if let Some(length) = patch.least_length_ms {
        if length.is_some_and(|length| !(0..=LONGEST).contains(&length)) {
            let problem = Problem::field(
                "least_length_ms",
                "Milliseconds from 0 to a day are expected.",
            );
            return Err(problem.within(outer));
        }
        rule.least_length = length.map(TimeDelta::milliseconds);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::parse;

    fn changed(from: UserSettings, json: &str) -> Result<UserSettings, Option<String>> {
        let patch = parse(json.as_bytes()).unwrap();
        apply(from, patch, false).map_err(|problem| problem.field_name().map(str::to_owned))
    }

    #[test]
    fn what_is_left_out_stays_and_null_goes_back_to_the_servers() {
        let set = changed(
            UserSettings::default(),
            r#"{"time_zone":"Europe/Berlin","manual_marks":"ignore","notification_url":"https://ntfy.example/x",
                "thresholds":{"video":{"percent":90,"least_length_ms":0},"music":{"percent":60}}}"#,
        )
        .unwrap();
        assert_eq!(set.thresholds.video.percent, Some(90.0));
        assert_eq!(set.thresholds.video.least_length, Some(TimeDelta::zero()));
        assert_eq!(changed(set.clone(), "{}").unwrap(), set);
        let reset = changed(
            set,
            r#"{"time_zone":null,"thresholds":{"video":{"percent":null}}}"#,
        )
        .unwrap();
        assert_eq!(
            (reset.time_zone, reset.thresholds.video.percent),
            (None, None)
        );
        assert_eq!(reset.thresholds.music.percent, Some(60.0));
        assert_eq!(reset.manual_marks, ManualMarks::Ignore);
        assert!(reset.notification_url.is_some());
    }

    #[test]
    fn a_wrong_setting_is_refused_with_its_field() {
        for (json, field) in [
            (r#"{"time_zone":"Berlin"}"#, "time_zone"),
            (
                r#"{"notification_url":"http://ntfy.example"}"#,
                "notification_url",
            ),
            (
                r#"{"notification_url":"https://127.0.0.1/"}"#,
                "notification_url",
            ),
            (
                r#"{"thresholds":{"music":{"percent":0}}}"#,
                "thresholds.music.percent",
            ),
            (
                r#"{"thresholds":{"video":{"percent":100.5}}}"#,
                "thresholds.video.percent",
            ),
            (
                r#"{"thresholds":{"book":{"least_length_ms":-1}}}"#,
                "thresholds.book.least_length_ms",
            ),
        ] {
            assert_eq!(
                changed(UserSettings::default(), json)
                    .unwrap_err()
                    .as_deref(),
                Some(field),
                "{json}"
            );
        }
    }
}
