//! What the user says about single shows: it wins over the list.

use serde::{Deserialize, Serialize};

use super::names::{Catalogue, Entry, Origin};
use super::query::{At, Query, Reference};

/// A user's own rule for a stretch of a show, or for a film.
///
/// A choice among candidates becomes one, once and for all ([`Override::of_choice`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Override {
    /// Whose id and numbering.
    pub origin: Origin,
    /// The show's (or film's, or entry's) id there.
    pub id: u32,
    /// The season; `None` for numbers over all seasons, and for a film.
    pub season: Option<u32>,
    /// The first episode it is about; 1 for a film, 0 for the season or show as a whole, which is rated and listed.
    pub from: u32,
    /// The last; `None` for "and all that follow", 0 for the whole alone and none of its episodes.
    pub to: Option<u32>,
    /// What it says.
    pub says: Says,
}

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// `from` is this episode of this entry, the next one its next, and so on.
    Is {
        /// The entry.
        entry: Entry,
        /// Its episode, from 1.
        first: u32,
    },
    /// None of it is sent to either catalogue.
    IsNotSent,
}

impl Override {
    /// The rule that a choice makes: from this episode on to the season's end, until a narrower rule says otherwise.
    pub fn of_choice(reference: Reference, entry: Entry, episode: u32) -> Self {
        let (season, from) = numbered(reference.at);
        Self {
            origin: reference.origin,
            id: reference.id,
            season,
            from,
            to: match reference.at {
                At::Film => Some(1),
                // Which entry a season is rated as says nothing of where its episodes lie.
                At::All { .. } => Some(0),
                At::Season { .. } | At::Absolute { .. } => None,
            },
            says: Says::Is {
                entry,
                first: episode,
            },
        }
    }

    /// The rule that none of it is sent: a film, everything from an episode on, or all of a season or show.
    pub fn of_refusal(reference: Reference) -> Self {
        let (season, from) = numbered(reference.at);
        Self {
            origin: reference.origin,
            id: reference.id,
            season,
            from,
            to: matches!(reference.at, At::Film).then_some(1),
            says: Says::IsNotSent,
        }
    }

    fn holds(&self, reference: &Reference) -> Option<u32> {
        let (season, episode) = numbered(reference.at);
        let is_of_it = self.origin == reference.origin && self.id == reference.id;
        if is_of_it && self.is_of_whole_show() {
            return Some(episode);
        }
        let is_meant = is_of_it
            && self.season == season
            && episode >= self.from
            && self.to.is_none_or(|to| episode <= to);
        is_meant.then(|| episode - self.from)
    }

    /// Says whether it refuses everything there is of a show, whatever the season.
    fn is_of_whole_show(&self) -> bool {
        let is_all = self.season.is_none() && self.from == 0 && self.to.is_none();
        is_all && self.says == Says::IsNotSent
    }

    fn width(&self) -> u32 {
        self.to.map_or(u32::MAX, |to| to.saturating_sub(self.from))
    }
}

/// What the rules say of an item: the entry and the episode in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ruling {
    Is(Entry, u32),
    IsNotSent,
}

/// What the rules say for a catalogue: the narrowest one that holds, of equal ones the one that begins later, then one
/// that names this very catalogue, else the one that was said later.
///
/// The order of the references decides between rules for different ids of the item; its title comes last.
pub(super) fn ruling(rules: &[Override], query: &Query, catalogue: Catalogue) -> Option<Ruling> {
    let title = query.title();
    let references = query.references().iter().chain(title.as_ref());
    references.into_iter().find_map(|reference| {
        let (_, rule, offset) = rules
            .iter()
            .enumerate()
            .filter_map(|(said, rule)| Some((said, rule, rule.holds(reference)?)))
            .min_by_key(|(said, rule, _)| {
                let is_elsewhere =
                    matches!(rule.says, Says::Is { entry, .. } if entry.catalogue != catalogue);
                let from = u32::MAX - rule.from;
                (rule.width(), from, is_elsewhere, usize::MAX - said)
            })?;
        Some(match rule.says {
            Says::Is { entry, first } => Ruling::Is(entry, first.saturating_add(offset).max(1)),
            Says::IsNotSent => Ruling::IsNotSent,
        })
    })
}

/// The entries that rules name for parts of a season or show that is asked for as a whole.
pub(super) fn entries_of_parts(
    rules: &[Override],
    reference: Reference,
) -> impl Iterator<Item = Entry> {
    rules.iter().filter_map(move |rule| {
        let At::All { season } = reference.at else {
            return None;
        };
        let is_of_it = rule.origin == reference.origin && rule.id == reference.id;
        let is_part = rule.from > 0
            && match season {
                Some(_) => rule.season == season,
                // The specials of a show are not asked for.
                None => rule.season != Some(0),
            };
        match rule.says {
            Says::Is { entry, .. } if is_of_it && is_part => Some(entry),
            Says::Is { .. } | Says::IsNotSent => None,
        }
    })
}

const fn numbered(at: At) -> (Option<u32>, u32) {
    match at {
        At::Season { season, episode } => (Some(season), episode),
        At::Absolute { episode } => (None, episode),
        At::Film => (None, 1),
        At::All { season } => (season, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(from: u32, to: Option<u32>, catalogue: Catalogue, id: u32) -> Override {
        let entry = Entry { catalogue, id };
        Override {
            origin: Origin::TvdbShow,
            id: 1,
            season: Some(1),
            from,
            to,
            says: Says::Is { entry, first: 1 },
        }
    }

    #[test]
    fn of_the_rules_that_hold_the_narrowest_then_the_latest_beginning_then_the_catalogues_own_wins()
    {
        use Catalogue::{AniList, MyAnimeList};
        let rules = [
            rule(1, None, AniList, 10),
            rule(13, None, MyAnimeList, 21),
            rule(13, None, AniList, 20),
            rule(15, Some(15), AniList, 30),
        ];
        let says = |episode, catalogue| {
            let at = At::Season { season: 1, episode };
            let (origin, id, is_own_number) = (Origin::TvdbShow, 1, false);
            let query = Query::new([Reference {
                origin,
                id,
                at,
                is_own_number,
            }]);
            match ruling(&rules, &query, catalogue) {
                Some(Ruling::Is(entry, episode)) => Some((entry.id, episode)),
                Some(Ruling::IsNotSent) | None => None,
            }
        };
        assert_eq!(says(2, MyAnimeList), Some((10, 2)));
        assert_eq!(says(14, AniList), Some((20, 2)));
        assert_eq!(says(14, MyAnimeList), Some((21, 2)));
        assert_eq!(says(15, MyAnimeList), Some((30, 1)));
        assert_eq!(says(0, AniList), None);
    }

    #[test]
    fn a_rule_keeps_its_stored_form() {
        let text = serde_json::to_string(&rule(13, None, Catalogue::AniList, 20)).unwrap();
        assert_eq!(
            text,
            r#"{"origin":"tvdb_show","id":1,"season":1,"from":13,"to":null,"says":{"is":{"entry":{"catalogue":"anilist","id":20},"first":1}}}"#
        );
    }
}
