//! The fields of AniList's objects, one by one.

use std::cell::{Cell, RefCell};

use apollo_compiler::resolvers::{FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{JsonMap, JsonValue};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::lists::{Group, collection, entries, page_of_media};
use super::score::ScoreFormat;
use super::state::{Entry, State};
use super::write;

/// Who asks, and what there is.
pub(crate) struct Desk<'s> {
    pub(crate) state: RefCell<&'s mut State>,
    pub(crate) viewer: Option<String>,
    pub(crate) now: DateTime<Utc>,
    /// Whether the page that was read has another one after it.
    pub(crate) has_next_page: Cell<bool>,
    refused_fields: RefCell<Vec<Value>>,
}

/// One object of an answer.
pub(crate) struct Thing<'d, 's> {
    pub(crate) desk: &'d Desk<'s>,
    pub(crate) what: What,
}

pub(crate) enum What {
    Query,
    Mutation,
    User(String),
    Media(u64),
    Entry(Box<Entry>, String),
    Page {
        page: usize,
        per_page: usize,
    },
    Collection {
        user: String,
        groups: Vec<Group>,
        has_next: bool,
    },
    Group {
        user: String,
        group: Group,
    },
    /// What comes before and after an anime.
    Relations(u64),
    Edge(&'static str, u64),
    /// An object of plain fields, of that type.
    Plain(String, Value),
}

impl<'s> Desk<'s> {
    pub(crate) fn new(state: &'s mut State, viewer: Option<String>, now: DateTime<Utc>) -> Self {
        Desk {
            state: RefCell::new(state),
            viewer,
            now,
            has_next_page: Cell::new(false),
            refused_fields: RefCell::default(),
        }
    }

    /// The viewer's name, or "Unauthorized.".
    pub(crate) fn viewer(&self) -> Result<&str, FieldError> {
        self.viewer
            .as_deref()
            .ok_or_else(|| refusal("Unauthorized."))
    }

    /// Refuses a field's arguments: `{"progress": ["…"]}`.
    pub(crate) fn invalid(&self, argument: &str, reason: &str) -> FieldError {
        self.refused_fields
            .borrow_mut()
            .push(json!({argument: [reason]}));
        refusal("validation")
    }

    pub(crate) fn refused_fields(&self) -> Vec<Value> {
        self.refused_fields.borrow().clone()
    }

    pub(crate) fn forget_refusals(&self) {
        self.refused_fields.borrow_mut().clear();
    }
}

pub(crate) fn refusal(message: &str) -> FieldError {
    FieldError {
        message: message.to_owned(),
    }
}

/// The arguments of a field.
#[derive(Clone, Copy)]
pub(crate) struct Arguments<'a>(pub(crate) &'a JsonMap);

impl<'a> Arguments<'a> {
    pub(crate) fn get(self, name: &str) -> Option<&'a JsonValue> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn number(self, name: &str) -> Option<i64> {
        self.get(name).and_then(JsonValue::as_i64)
    }

    pub(crate) fn id(self, name: &str) -> Option<u64> {
        self.number(name).and_then(|id| u64::try_from(id).ok())
    }

    pub(crate) fn text(self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(JsonValue::as_str)
    }

    pub(crate) fn ids(self, name: &str) -> Option<Vec<u64>> {
        let ids = self.get(name)?.as_array()?;
        Some(ids.iter().filter_map(JsonValue::as_u64).collect())
    }
}

impl ObjectValue for Thing<'_, '_> {
    fn type_name(&self) -> &str {
        match &self.what {
            What::Query => "Query",
            What::Mutation => "Mutation",
            What::User(_) => "User",
            What::Media(_) => "Media",
            What::Entry(..) => "MediaList",
            What::Page { .. } => "Page",
            What::Collection { .. } => "MediaListCollection",
            What::Group { .. } => "MediaListGroup",
            What::Relations(_) => "MediaConnection",
            What::Edge(..) => "MediaEdge",
            What::Plain(type_name, _) => type_name,
        }
    }

    fn resolve_field<'a>(
        &'a self,
        info: &'a ResolveInfo<'a>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let arguments = Arguments(info.arguments());
        let field = info.field_name();
        match &self.what {
            What::Query => self.query(field, arguments),
            What::Mutation => self.mutation(field, arguments),
            What::User(user) => Ok(self.user(user, field)),
            What::Media(id) => Ok(self.media(*id, field)),
            What::Entry(entry, owner) => Ok(self.entry(entry, owner, field, arguments)),
            What::Page { page, per_page } => self.page((*page, *per_page), field, arguments),
            What::Collection {
                user,
                groups,
                has_next,
            } => Ok(match field {
                "hasNextChunk" => ResolvedValue::leaf(*has_next),
                "user" => self.one(What::User(user.clone())),
                _ => self.many(groups.iter().map(|group| What::Group {
                    user: user.clone(),
                    group: group.clone(),
                })),
            }),
            What::Group { user, group } => Ok(match field {
                "name" => ResolvedValue::leaf(group.name.clone()),
                "isCustomList" => ResolvedValue::leaf(group.status.is_none()),
                "isSplitCompletedList" => ResolvedValue::leaf(false),
                "status" => leaf(json!(group.status.map(super::state::Status::word))),
                _ => self.entries(&group.entries, user),
            }),
            What::Relations(media) => {
                let relations = self.desk.state.borrow().relations(*media);
                let edges = relations.into_iter();
                Ok(self.many(edges.map(|(relation, media)| What::Edge(relation, media))))
            }
            What::Edge(relation, media) => Ok(match field {
                "relationType" => ResolvedValue::leaf(*relation),
                _ => self.one(What::Media(*media)),
            }),
            What::Plain(_, value) => {
                let value = value.get(field).cloned().unwrap_or_default();
                Ok(match value {
                    Value::Array(items) => ResolvedValue::list(items.into_iter().map(leaf)),
                    Value::Object(_) => {
                        let type_name = info.field_definition().ty.inner_named_type();
                        self.one(What::Plain(type_name.to_string(), value))
                    }
                    plain
                    @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                        leaf(plain)
                    }
                })
            }
        }
    }
}

pub(crate) fn leaf<'a>(value: Value) -> ResolvedValue<'a> {
    ResolvedValue::leaf(JsonValue::from(value))
}

impl<'d, 's> Thing<'d, 's> {
    pub(crate) fn one<'a>(&'a self, what: What) -> ResolvedValue<'a> {
        ResolvedValue::object(Thing {
            desk: self.desk,
            what,
        })
    }

    fn many<'a>(&'a self, what: impl Iterator<Item = What> + 'a) -> ResolvedValue<'a> {
        ResolvedValue::list(what.map(|what| self.one(what)))
    }

    fn entries<'a>(&'a self, entries: &'a [Entry], owner: &'a str) -> ResolvedValue<'a> {
        let all = entries.iter().cloned();
        self.many(all.map(|entry| What::Entry(Box::new(entry), owner.to_owned())))
    }

    fn query<'a>(
        &'a self,
        field: &str,
        arguments: Arguments<'_>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let state = self.desk.state.borrow();
        match field {
            "Viewer" => Ok(self.one(What::User(self.desk.viewer()?.to_owned()))),
            "User" => {
                let user = state.user(arguments.id("id"), arguments.text("name"));
                let user = user.ok_or_else(|| refusal("Not Found."))?;
                Ok(self.one(What::User(user)))
            }
            "Media" => {
                let is_meant = |anime: &&crate::samples::Anime| {
                    let title = arguments.text("search");
                    arguments.id("id").is_none_or(|id| id == anime.anilist)
                        && arguments.id("idMal").is_none_or(|id| id == anime.mal)
                        && title.is_none_or(|title| has(&anime.title, title))
                };
                let is_anime = arguments.text("type").is_none_or(|kind| kind == "ANIME");
                let found = state.catalogue.values().find(is_meant).filter(|_| is_anime);
                let found = found.ok_or_else(|| refusal("Not Found."))?;
                Ok(self.one(What::Media(found.anilist)))
            }
            "MediaList" => {
                drop(state);
                let (user, found) = entries(self.desk, arguments)?;
                let found = found
                    .into_iter()
                    .next()
                    .ok_or_else(|| refusal("Not Found."))?;
                Ok(self.one(What::Entry(Box::new(found), user)))
            }
            "MediaListCollection" => {
                drop(state);
                let (user, groups, has_next) = collection(self.desk, arguments)?;
                Ok(self.one(What::Collection {
                    user,
                    groups,
                    has_next,
                }))
            }
            _ => {
                let number = |name| {
                    let number = arguments.number(name).filter(|number| *number > 0);
                    number.and_then(|number| usize::try_from(number).ok())
                };
                let page = number("page").unwrap_or(1);
                let per_page = number("perPage").unwrap_or(50).min(50);
                Ok(self.one(What::Page { page, per_page }))
            }
        }
    }

    fn mutation<'a>(
        &'a self,
        field: &str,
        arguments: Arguments<'_>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let viewer = self.desk.viewer()?.to_owned();
        match field {
            "SaveMediaListEntry" => {
                let entry = write::save(self.desk, &viewer, arguments)?;
                Ok(self.one(What::Entry(Box::new(entry), viewer)))
            }
            "UpdateMediaListEntries" => {
                let changed = write::update(self.desk, &viewer, arguments)?;
                let changed: Vec<ResolvedValue<'_>> = changed
                    .into_iter()
                    .map(|entry| self.one(What::Entry(Box::new(entry), viewer.clone())))
                    .collect();
                Ok(ResolvedValue::list(changed))
            }
            "DeleteMediaListEntry" => {
                write::delete(self.desk, &viewer, arguments)?;
                let deleted = json!({"deleted": true});
                Ok(self.one(What::Plain("Deleted".to_owned(), deleted)))
            }
            _ => {
                if let Some(format) = arguments.text("scoreFormat").and_then(ScoreFormat::read) {
                    self.desk.state.borrow_mut().account(&viewer).score_format = format;
                }
                Ok(self.one(What::User(viewer)))
            }
        }
    }

    fn page<'a>(
        &'a self,
        (page, per_page): (usize, usize),
        field: &str,
        arguments: Arguments<'_>,
    ) -> Result<ResolvedValue<'a>, FieldError> {
        let start = (page - 1).saturating_mul(per_page);
        match field {
            // The totals are known to be wrong; only `hasNextPage` counts.
            "pageInfo" => Ok(self.one(What::Plain(
                "PageInfo".to_owned(),
                json!({"total": 5000, "perPage": per_page, "currentPage": page, "lastPage": 5000 / per_page,
                    "hasNextPage": self.desk.has_next_page.get()}),
            ))),
            "media" => {
                let found = page_of_media(&self.desk.state.borrow(), arguments);
                self.desk.has_next_page.set(found.len() > start + per_page);
                let found = found.into_iter().skip(start).take(per_page);
                Ok(self.many(found.map(What::Media)))
            }
            _ => {
                let (user, found) = entries(self.desk, arguments)?;
                self.desk.has_next_page.set(found.len() > start + per_page);
                let found = found.into_iter().skip(start).take(per_page);
                Ok(self.many(found.map(move |entry| What::Entry(Box::new(entry), user.clone()))))
            }
        }
    }
}

pub(crate) fn has(title: &str, search: &str) -> bool {
    title.to_lowercase().contains(&search.to_lowercase())
}
