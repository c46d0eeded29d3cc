//! The fields of users, media and entries.

use apollo_compiler::resolvers::ResolvedValue;
use chrono::TimeDelta;
use serde_json::json;

use super::resolve::{Arguments, Thing, What, leaf};
use super::score::ScoreFormat;
use super::state::Entry;
use crate::samples::Format;

impl<'d, 's> Thing<'d, 's> {
    pub(crate) fn user<'a>(&'a self, user: &str, field: &str) -> ResolvedValue<'a> {
        let state = self.desk.state.borrow();
        let plain = |type_name: &str, value| self.one(What::Plain(type_name.to_owned(), value));
        match field {
            "id" => leaf(json!(state.sign_in.accounts.get(user))),
            "name" => leaf(user.into()),
            "siteUrl" => leaf(format!("https://anilist.co/user/{user}").into()),
            "options" => plain(
                "UserOptions",
                json!({"titleLanguage": "ROMAJI", "timezone": "+01:00"}),
            ),
            _ => {
                let account = state.users.get(user);
                let format = account
                    .map(|account| account.score_format)
                    .unwrap_or_default();
                plain(
                    "MediaListOptions",
                    json!({"scoreFormat": format.word(),
                        "animeList": {"splitCompletedSectionByFormat": false, "customLists": []}}),
                )
            }
        }
    }

    pub(crate) fn media<'a>(&'a self, id: u64, field: &str) -> ResolvedValue<'a> {
        let state = self.desk.state.borrow();
        let Some(anime) = state.catalogue.get(&id) else {
            return ResolvedValue::null();
        };
        let plain = |type_name: &str, value| self.one(What::Plain(type_name.to_owned(), value));
        match field {
            "id" => leaf(id.into()),
            "idMal" => leaf(anime.mal.into()),
            "title" => plain(
                "MediaTitle",
                json!({"romaji": anime.title, "english": null, "native": null, "userPreferred": anime.title}),
            ),
            "type" => leaf("ANIME".into()),
            "format" => leaf(match anime.format {
                Format::Tv => "TV".into(),
                Format::Movie => "MOVIE".into(),
                Format::Special => "SPECIAL".into(),
            }),
            "status" => leaf(if anime.is_finished() {
                "FINISHED".into()
            } else if anime.aired > 0 {
                "RELEASING".into()
            } else {
                "NOT_YET_RELEASED".into()
            }),
            "startDate" => plain(
                "FuzzyDate",
                json!({"year": anime.year, "month": null, "day": null}),
            ),
            "seasonYear" => leaf(anime.year.into()),
            "episodes" => leaf(json!(anime.episodes)),
            "synonyms" => ResolvedValue::list([]),
            "isAdult" => leaf(false.into()),
            "siteUrl" => leaf(format!("https://anilist.co/anime/{id}").into()),
            "nextAiringEpisode" if anime.is_finished() => ResolvedValue::null(),
            "nextAiringEpisode" => {
                let airing_at = (self.desk.now + TimeDelta::days(3)).timestamp();
                let next = json!({"episode": anime.aired + 1, "airingAt": airing_at});
                plain("AiringSchedule", next)
            }
            "relations" => self.one(What::Relations(id)),
            _ => {
                let viewer = self.desk.viewer.as_deref();
                let entry = viewer.and_then(|viewer| state.users.get(viewer)?.entries.get(&id));
                match entry.zip(viewer) {
                    None => ResolvedValue::null(),
                    Some((entry, viewer)) => {
                        self.one(What::Entry(Box::new(entry.clone()), viewer.to_owned()))
                    }
                }
            }
        }
    }

    pub(crate) fn entry<'a>(
        &'a self,
        entry: &Entry,
        owner: &str,
        field: &str,
        arguments: Arguments<'_>,
    ) -> ResolvedValue<'a> {
        let state = self.desk.state.borrow();
        let date = |date| self.one(What::Plain("FuzzyDate".to_owned(), json!(date)));
        match field {
            "id" => leaf(entry.id.into()),
            "userId" => leaf(json!(state.sign_in.accounts.get(owner))),
            "mediaId" => leaf(entry.media.into()),
            "status" => leaf(entry.status.word().into()),
            "score" => {
                let account = state.users.get(owner);
                let own = account
                    .map(|account| account.score_format)
                    .unwrap_or_default();
                let format = arguments.text("format").and_then(ScoreFormat::read);
                leaf(format.unwrap_or(own).of_raw(entry.score_raw).into())
            }
            "progress" => leaf(entry.progress.into()),
            "repeat" => leaf(entry.repeat.into()),
            "priority" => leaf(entry.priority.into()),
            "private" => leaf(entry.private.into()),
            "hiddenFromStatusLists" => leaf(entry.hidden.into()),
            "notes" => leaf(json!(entry.notes)),
            "startedAt" => date(entry.started_at),
            "completedAt" => date(entry.completed_at),
            "updatedAt" => leaf(entry.updated_at.timestamp().into()),
            "createdAt" => leaf(entry.created_at.timestamp().into()),
            "media" => self.one(What::Media(entry.media)),
            _ => self.one(What::User(owner.to_owned())),
        }
    }
}
