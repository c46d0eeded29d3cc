//! Reading: the user, the list page by page, an anime. Answers are small unless `fields` asks for more.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use super::answers::{bad_request, not_found};
use super::state::{Entry, State, Status};
use crate::answer::{Answer, Call};
use crate::samples::{Anime, Format};

/// What `fields` asks for: names, each with what is asked for within it.
#[derive(Debug, Default, PartialEq)]
struct Fields(Vec<(String, Fields)>);

impl Fields {
    /// Reads `id,list_status{start_date,tags}`.
    fn read(text: &str) -> Fields {
        let mut fields = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find([',', '{']).unwrap_or(rest.len());
            let name = rest[..end].trim().to_owned();
            let mut within = Fields::default();
            if rest[end..].starts_with('{') {
                let close = closing(&rest[end..]).unwrap_or(rest.len() - end);
                within = Fields::read(&rest[end + 1..(end + close).max(end + 1)]);
                rest = rest.get(end + close + 1..).unwrap_or_default();
            } else {
                rest = &rest[end..];
            }
            rest = rest.strip_prefix(',').unwrap_or(rest);
            if !name.is_empty() {
                fields.push((name, within));
            }
        }
        Fields(fields)
    }

    fn get(&self, name: &str) -> Option<&Fields> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, within)| within)
    }

    fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// Where the brace that begins a text is closed.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 0;
    text.char_indices().find_map(|(at, character)| {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        (depth == 0).then_some(at)
    })
}

fn fields_of(call: &Call) -> Fields {
    call.query("fields").map(Fields::read).unwrap_or_default()
}

/// `GET /users/@me`.
pub(crate) fn user(state: &mut State, call: &Call, user: &str) -> Answer {
    let fields = fields_of(call);
    let id = state.sign_in.open_account(user);
    let mut shown =
        json!({"id": id, "name": user, "location": "", "joined_at": "2012-05-01T10:00:00+00:00"});
    if fields.has("anime_statistics") {
        let items = state
            .users
            .get(user)
            .map_or(0, std::collections::BTreeMap::len);
        shown["anime_statistics"] = json!({"num_items": items});
    }
    if fields.has("time_zone") {
        shown["time_zone"] = "Europe/Berlin".into();
    }
    if fields.has("is_supporter") {
        shown["is_supporter"] = false.into();
    }
    Answer::json(200, &shown)
}

/// `GET /users/{user}/animelist`.
pub(crate) fn list(state: &State, call: &Call, user: &str, named: &str) -> Result<Answer, Answer> {
    let fields = fields_of(call);
    let limit = whole(call, "limit", 100)?;
    if !(1..=1000).contains(&limit) {
        return Err(bad_request("invalid limit"));
    }
    let offset = whole(call, "offset", 0)?;
    let status = match call.query("status") {
        None => None,
        Some(word) => Some(Status::read(word).ok_or_else(|| bad_request("invalid status"))?),
    };
    let is_adult_shown = matches!(call.query("nsfw"), Some("true" | "1"));
    let entries = state.users.get(user).ok_or_else(not_found)?;
    let mut found: Vec<(&Entry, &Anime)> = entries
        .values()
        .filter(|entry| status.is_none_or(|status| status == entry.status))
        .filter(|entry| is_adult_shown || !state.adult.contains(&entry.anime))
        .filter_map(|entry| Some((entry, state.catalogue.get(&entry.anime)?)))
        .collect();
    match call.query("sort") {
        Some("list_updated_at") => {
            found.sort_by_key(|(entry, _)| std::cmp::Reverse(entry.updated_at))
        }
        Some("list_score") => found.sort_by_key(|(entry, _)| std::cmp::Reverse(entry.score)),
        Some("anime_title") | None => found.sort_by_key(|(_, anime)| anime.title.clone()),
        Some("anime_start_date") => found.sort_by_key(|(_, anime)| std::cmp::Reverse(anime.year)),
        Some("anime_id") => {}
        Some(_) => return Err(bad_request("invalid sort")),
    }
    let within = fields.get("list_status");
    let page: Vec<Value> = found
        .iter()
        .skip(offset)
        .take(limit)
        .map(|(entry, anime)| {
            let mut item = json!({"node": node(state, anime, &fields, None)});
            if let Some(within) = within {
                item["list_status"] = basic_status(entry, within);
            }
            item
        })
        .collect();
    let mut paging = Map::new();
    let mut link = |name: &str, offset: usize| {
        let address = page_address(state, call, named, offset);
        paging.insert(name.to_owned(), address.into());
    };
    if offset > 0 {
        link("previous", offset.saturating_sub(limit));
    }
    if found.len() > offset.saturating_add(limit) {
        link("next", offset + limit);
    }
    Ok(Answer::json(200, &json!({"data": page, "paging": paging})))
}

fn page_address(state: &State, call: &Call, named: &str, offset: usize) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("offset", &offset.to_string());
    for (name, value) in &call.query {
        if name != "offset" {
            query.append_pair(name, value);
        }
    }
    format!(
        "{}/v2/users/{named}/animelist?{}",
        state.api_url,
        query.finish()
    )
}

/// `GET /anime/{id}`.
pub(crate) fn anime(
    state: &State,
    call: &Call,
    user: Option<&str>,
    id: &str,
) -> Result<Answer, Answer> {
    let id: u64 = id.parse().map_err(|_| not_found())?;
    let anime = state.catalogue.get(&id).ok_or_else(not_found)?;
    Ok(Answer::json(
        200,
        &node(state, anime, &fields_of(call), user),
    ))
}

/// `GET /anime?q=…`: by title alone.
pub(crate) fn search(state: &State, call: &Call) -> Result<Answer, Answer> {
    let title = call.query("q").unwrap_or_default().to_lowercase();
    if title.chars().count() < 3 {
        return Err(bad_request("invalid q"));
    }
    let limit = whole(call, "limit", 100)?;
    if !(1..=100).contains(&limit) {
        return Err(bad_request("invalid limit"));
    }
    let fields = fields_of(call);
    let found: Vec<Value> = state
        .catalogue
        .values()
        .filter(|anime| anime.title.to_lowercase().contains(&title))
        .skip(whole(call, "offset", 0)?)
        .take(limit)
        .map(|anime| json!({"node": node(state, anime, &fields, None)}))
        .collect();
    Ok(Answer::json(200, &json!({"data": found, "paging": {}})))
}

/// An anime: its number and title, a picture, and what was asked for.
fn node(state: &State, anime: &Anime, fields: &Fields, user: Option<&str>) -> Value {
    let mut shown = json!({"id": anime.mal, "title": anime.title, "main_picture": null});
    for (name, within) in &fields.0 {
        let value = match name.as_str() {
            "alternative_titles" => json!({"synonyms": [], "en": "", "ja": ""}),
            "start_date" => json!(anime.year.to_string()),
            "media_type" => json!(match anime.format {
                Format::Tv => "tv",
                Format::Movie => "movie",
                Format::Special => "special",
            }),
            "status" => json!(if anime.is_finished() {
                "finished_airing"
            } else if anime.aired > 0 {
                "currently_airing"
            } else {
                "not_yet_aired"
            }),
            // 0 is "unknown".
            "num_episodes" => json!(anime.episodes.unwrap_or_default()),
            "start_season" => json!({"year": anime.year, "season": "fall"}),
            "nsfw" if state.adult.contains(&anime.mal) => json!("black"),
            "nsfw" => json!("white"),
            "related_anime" => json!([]),
            "my_list_status" => {
                // Absent, and not null, when the anime is not on the list.
                match user.and_then(|user| state.entry(user, anime.mal)) {
                    Some(entry) => basic_status(entry, within),
                    None => continue,
                }
            }
            _ => continue,
        };
        shown[name.as_str()] = value;
    }
    shown
}

/// An entry as reading shows it: the basic keys, and those asked for.
fn basic_status(entry: &Entry, asked: &Fields) -> Value {
    let whole = whole_status(entry);
    let basic = [
        "status",
        "score",
        "num_episodes_watched",
        "is_rewatching",
        "updated_at",
        "start_date",
        "finish_date",
    ];
    let mut shown = Map::new();
    for (name, value) in whole.as_object().into_iter().flatten() {
        if basic.contains(&name.as_str()) || asked.has(name) {
            shown.insert(name.clone(), value.clone());
        }
    }
    Value::Object(shown)
}

/// An entry as a change answers it; dates only if they are set.
pub(crate) fn whole_status(entry: &Entry) -> Value {
    let mut shown = json!({"status": entry.status.word(), "score": entry.score,
        "num_episodes_watched": entry.episodes_watched, "is_rewatching": entry.is_rewatching,
        "updated_at": spelled(entry.updated_at), "priority": entry.priority,
        "num_times_rewatched": entry.times_rewatched, "rewatch_value": entry.rewatch_value,
        "tags": entry.tags, "comments": entry.comments});
    for (name, date) in [
        ("start_date", entry.start_date),
        ("finish_date", entry.finish_date),
    ] {
        if let Some(date) = date {
            shown[name] = date.to_string().into();
        }
    }
    shown
}

/// A time as MyAnimeList spells it: `2022-12-28T19:21:04+00:00`.
fn spelled(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}

fn whole(call: &Call, name: &str, otherwise: usize) -> Result<usize, Answer> {
    match call.query(name) {
        None => Ok(otherwise),
        Some(text) => text
            .parse()
            .map_err(|_| bad_request(&format!("invalid {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_within_fields() {
        let fields = Fields::read("id,list_status{start_date,tags},num_episodes");
        assert!(fields.has("id") && fields.has("num_episodes") && !fields.has("tags"));
        assert!(fields.get("list_status").unwrap().has("tags"));
        assert_eq!(Fields::read("a{b{c},d},e").0.len(), 2);
        for broken in ["a{", "{", "a{b", "}", ",,", "a}b"] {
            Fields::read(broken);
        }
    }
}
