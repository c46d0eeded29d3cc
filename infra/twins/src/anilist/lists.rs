//! Reading lists: by page, by chunk, and who may see what.

use apollo_compiler::resolvers::FieldError;

use super::resolve::{Arguments, Desk, has, refusal};
use super::state::{Entry, State, Status};

/// How many entries a chunk has at most.
const MOST_PER_CHUNK: usize = 500;

/// One list of a collection; a list without a status is one of the user's own.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) status: Option<Status>,
    pub(crate) entries: Vec<Entry>,
}

/// The entries that the arguments ask for, of one user. The viewer is not inferred.
pub(crate) fn entries(
    desk: &Desk<'_>,
    arguments: Arguments<'_>,
) -> Result<(String, Vec<Entry>), FieldError> {
    let state = desk.state.borrow();
    let (id, name) = (arguments.id("userId"), arguments.text("userName"));
    let user = match (id, name, arguments.id("id")) {
        (None, None, Some(entry)) => {
            let found = state.entry(entry).map(|(user, _)| user.to_owned());
            found.ok_or_else(|| refusal("Not Found."))?
        }
        (None, None, None) => return Err(desk.invalid("userId", "userId or userName is required.")),
        (id, name, _) => state
            .user(id, name)
            .ok_or_else(|| refusal("User not found"))?,
    };
    let is_owner = desk.viewer.as_ref() == Some(&user);
    let is_hidden = state
        .users
        .get(&user)
        .is_some_and(|account| account.is_hidden);
    if is_hidden && !is_owner {
        return Err(refusal("Private User"));
    }
    let status = arguments.text("status").and_then(Status::read);
    let mut found = state.list(&user);
    found.retain(|entry| {
        (is_owner || !entry.private)
            && status.is_none_or(|status| status == entry.status)
            && arguments.id("mediaId").is_none_or(|id| id == entry.media)
            && arguments.id("id").is_none_or(|id| id == entry.id)
            && arguments.text("type").is_none_or(|kind| kind == "ANIME")
    });
    let sort = arguments
        .get("sort")
        .and_then(|sort| sort.as_array())
        .and_then(|sort| sort.first())
        .and_then(|sort| sort.as_str());
    match sort {
        Some("ADDED_TIME") => found.sort_by_key(|entry| (entry.created_at, entry.id)),
        Some("UPDATED_TIME") => found.sort_by_key(|entry| entry.updated_at),
        Some("UPDATED_TIME_DESC") => found.sort_by_key(|entry| std::cmp::Reverse(entry.updated_at)),
        _ => {}
    }
    Ok((user, found))
}

/// One chunk of a user's lists, and whether there is another. An entry on a list of the user's own comes twice.
pub(crate) fn collection(
    desk: &Desk<'_>,
    arguments: Arguments<'_>,
) -> Result<(String, Vec<Group>, bool), FieldError> {
    let (user, found) = entries(desk, arguments)?;
    let number = |name| {
        arguments
            .id(name)
            .and_then(|number| usize::try_from(number).ok())
    };
    let per_chunk = number("perChunk")
        .unwrap_or(MOST_PER_CHUNK)
        .clamp(1, MOST_PER_CHUNK);
    let start = number("chunk")
        .unwrap_or(1)
        .max(1)
        .saturating_sub(1)
        .saturating_mul(per_chunk);
    let has_next = found.len() > start.saturating_add(per_chunk);
    let chunk: Vec<Entry> = found.into_iter().skip(start).take(per_chunk).collect();
    let of_status = Status::ALL.into_iter().map(|status| {
        let is_of = |entry: &&Entry| entry.status == status && !entry.hidden;
        Group {
            name: status.list().to_owned(),
            status: Some(status),
            entries: chunk.iter().filter(is_of).cloned().collect(),
        }
    });
    let mut groups: Vec<Group> = of_status.collect();
    let mut names: Vec<&String> = chunk.iter().flat_map(|entry| &entry.custom_lists).collect();
    names.sort();
    names.dedup();
    for name in names {
        let is_of = |entry: &&Entry| entry.custom_lists.contains(name);
        groups.push(Group {
            name: name.clone(),
            status: None,
            entries: chunk.iter().filter(is_of).cloned().collect(),
        });
    }
    groups.retain(|group| !group.entries.is_empty());
    Ok((user, groups, has_next))
}

/// The anime that a page of media asks for.
pub(crate) fn page_of_media(state: &State, arguments: Arguments<'_>) -> Vec<u64> {
    let among = |wanted: Option<Vec<u64>>, id: u64| wanted.is_none_or(|ids| ids.contains(&id));
    state
        .catalogue
        .values()
        .filter(|anime| {
            among(arguments.ids("id_in"), anime.anilist)
                && among(arguments.ids("idMal_in"), anime.mal)
                && arguments.id("id").is_none_or(|id| id == anime.anilist)
                && arguments.id("idMal").is_none_or(|id| id == anime.mal)
                && arguments
                    .number("seasonYear")
                    .is_none_or(|year| year == anime.year)
                && arguments.text("type").is_none_or(|kind| kind == "ANIME")
                && arguments
                    .text("search")
                    .is_none_or(|title| has(&anime.title, title))
        })
        .map(|anime| anime.anilist)
        .collect()
}
