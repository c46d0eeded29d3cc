//! Who was let in lately, so that what decides nothing is dropped without asking the table again.
//!
//! A post is dropped from memory alone if the same word on the same road was read from the table less than a minute ago
//! with an event of the same playback and account, and [`drop`](crate::drop) finds that it decides nothing. Everything
//! else is authenticated by reading. What is remembered opens nothing: a word that was revoked meanwhile, a user erased
//! or an account given to somebody else can only have progress thrown away, and that for at most a minute. Where the
//! same process revokes, erases or assigns, it forgets at once. Nobody who was refused is remembered.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use hub_domain::session::SessionKey;
use hub_domain::{Account, Action, Event, UserId};
use hub_runtime::tokens::{hash_token, is_well_formed};

use crate::ApiState;
use crate::drop::{decides_nothing, make_room};

/// How long a word that was read is believed. Not longer than progress may go unforwarded, so that a playback's word is
/// read once a minute, however much of it is dropped.
const BELIEVED: TimeDelta = TimeDelta::seconds(60);
/// The longest id or name of an account that is remembered, in bytes: with [`MOST`](crate::drop::MOST) it bounds the memory.
const LONGEST_NAME: usize = 120;

/// By what word, and on what road, something was posted.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Posted {
    word: Word,
    road: String,
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Word {
    /// The server's token, for this user.
    Server(UserId),
    /// A token, by its hash.
    Token(String),
}

impl Posted {
    /// Posted with a token; `None` if the word cannot be one.
    pub(crate) fn with_token(word: &str, road: impl Into<String>) -> Option<Self> {
        is_well_formed(word).then(|| Self {
            word: Word::Token(hash_token(word)),
            road: road.into(),
        })
    }

    /// Posted by the media server for a user.
    pub(crate) fn by_server(user: UserId, road: impl Into<String>) -> Self {
        Self {
            word: Word::Server(user),
            road: road.into(),
        }
    }
}

/// Which words were read lately, and to whom the playbacks went that they told of; bounded.
#[derive(Default)]
pub(crate) struct Admitted(Mutex<Memory>);

/// By what word something was posted, and of which playback of whose account.
type Place = (Posted, SessionKey, Account);

#[derive(Default)]
struct Memory {
    words: HashMap<Posted, DateTime<Utc>>,
    ways: HashMap<Place, (DateTime<Utc>, Vec<UserId>)>,
}

impl Admitted {
    /// Says whether a word was read from the table lately, so that looking at what it posts may be worth while.
    pub(crate) fn is_known(&self, posted: &Posted, now: DateTime<Utc>) -> bool {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        memory.words.get(posted).is_some_and(is_believed(now))
    }

    /// Remembers that a word was read at `now`, and to whom the event went that came with it.
    pub(crate) fn remember(
        &self,
        posted: &Posted,
        event: &Event,
        users: &[UserId],
        now: DateTime<Utc>,
    ) {
        let goes_on = matches!(
            event.action,
            Action::Start | Action::Resume | Action::Progress | Action::Pause
        );
        let account = &event.account;
        let is_short =
            |name: &Option<String>| name.as_ref().is_none_or(|name| name.len() <= LONGEST_NAME);
        if !goes_on || users.is_empty() || !is_short(&account.id) || !is_short(&account.name) {
            return;
        }
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Memory { words, ways } = &mut *memory;
        make_room(words, is_believed(now));
        make_room(ways, |(at, _)| is_believed(now)(at));
        words.insert(posted.clone(), now);
        let place = (posted.clone(), SessionKey::of(event), account.clone());
        ways.insert(place, (now, users.to_vec()));
    }

    /// To whom an event goes, if one like it went there lately.
    fn users(&self, posted: &Posted, event: &Event, now: DateTime<Utc>) -> Option<Vec<UserId>> {
        let memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (posted.clone(), SessionKey::of(event), event.account.clone());
        let (at, users) = memory.ways.get(&place)?;
        is_believed(now)(at).then(|| users.clone())
    }

    /// Forgets everybody, since something was changed of what was read: that is rare, and reading again is cheap.
    pub(crate) fn forget(&self) {
        let mut memory = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *memory = Memory::default();
    }
}

fn is_believed(now: DateTime<Utc>) -> impl Fn(&DateTime<Utc>) -> bool {
    move |at| now - *at < BELIEVED
}

impl ApiState {
    /// Says whether all of these events decide nothing, by what this process remembers alone: nobody is asked.
    pub(crate) fn is_all_dropped(&self, posted: &Posted, events: &[Event]) -> bool {
        let now = self.clock.now();
        let is_dropped = |event: &Event| {
            let users = self.admitted.users(posted, event, now);
            users.is_some_and(|users| {
                users.into_iter().all(|user| {
                    let last = self.recent.last(user, event, now);
                    let rules = self.recent.rules(user, now);
                    std::iter::zip(last, rules)
                        .any(|(last, rules)| decides_nothing(&last, event, &rules))
                })
            })
        };
        !events.is_empty() && events.iter().all(is_dropped)
    }

    /// Forgets what was read to drop progress: who was let in, and their thresholds.
    pub(crate) fn forget_what_was_read(&self) {
        self.admitted.forget();
        self.recent.forget_rules();
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::{ItemKind, MediaItem, ServerRef, Source};
    use hub_runtime::tokens::TokenKind;
    use uuid::Uuid;

    use super::*;
    use crate::drop::MOST;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn user() -> UserId {
        UserId(Uuid::from_u128(1))
    }

    fn event(action: Action, account: Option<&str>) -> Event {
        let mut media = MediaItem::new(ItemKind::Movie);
        media.content_id = Some("77".to_owned());
        let mut event = Event::new(ServerRef::unnamed(Source::Emby), action, media, at(0));
        event.account.name = account.map(str::to_owned);
        event
    }

    #[test]
    fn a_word_is_known_for_a_minute_on_its_own_road_with_its_own_playback_and_account() {
        let admitted = Admitted::default();
        let word = TokenKind::Ingest.mint();
        let posted = Posted::with_token(word.reveal(), "webhook:emby").unwrap();
        let progress = event(Action::Progress, Some("ada"));
        assert!(!admitted.is_known(&posted, at(0)));
        admitted.remember(&posted, &progress, &[user()], at(0));
        for (seconds, is_known) in [(0, true), (59, true), (60, false)] {
            assert_eq!(
                admitted.is_known(&posted, at(seconds)),
                is_known,
                "{seconds}"
            );
            let users = admitted.users(&posted, &progress, at(seconds));
            assert_eq!(users, is_known.then(|| vec![user()]), "{seconds}");
        }
        let elsewhere = Posted::with_token(word.reveal(), "webhook:plex").unwrap();
        let other = Posted::with_token(TokenKind::Ingest.mint().reveal(), "webhook:emby").unwrap();
        for stranger in [elsewhere, other, Posted::by_server(user(), "webhook:emby")] {
            assert!(!admitted.is_known(&stranger, at(0)));
            assert_eq!(admitted.users(&stranger, &progress, at(0)), None);
        }
        for account in [None, Some("bob")] {
            let strange = event(Action::Progress, account);
            assert_eq!(admitted.users(&posted, &strange, at(0)), None);
        }
        assert!(Posted::with_token("not a token", "events").is_none());
    }

    #[test]
    fn what_goes_on_is_remembered_and_what_is_changed_forgotten() {
        let admitted = Admitted::default();
        let posted = Posted::by_server(user(), "events");
        for (action, users, is_known) in [
            (Action::Stop, &[user()][..], false),
            (Action::ScrobblePoint, &[user()][..], false),
            (Action::Start, &[][..], false),
            (Action::Start, &[user()][..], true),
        ] {
            admitted.remember(&posted, &event(action, None), users, at(0));
            assert_eq!(admitted.is_known(&posted, at(0)), is_known, "{action:?}");
        }
        admitted.forget();
        assert!(!admitted.is_known(&posted, at(0)));
    }

    #[test]
    fn memory_is_bounded_in_number_and_in_size() {
        let admitted = Admitted::default();
        let long = "x".repeat(LONGEST_NAME + 1);
        for number in 0..=MOST {
            let user = UserId(Uuid::from_u128(number as u128));
            let posted = Posted::by_server(user, "events");
            admitted.remember(&posted, &event(Action::Start, Some(&long)), &[user], at(0));
            assert!(!admitted.is_known(&posted, at(0)));
            admitted.remember(&posted, &event(Action::Start, None), &[user], at(0));
            assert!(admitted.is_known(&posted, at(0)));
        }
        let memory = admitted.0.lock().unwrap();
        assert_eq!((memory.words.len(), memory.ways.len()), (1, 1));
    }
}
