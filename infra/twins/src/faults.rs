//! Faults on demand: what goes wrong between a client and a service, chosen by the test, without sleeping.
//!
//! A rule names a path prefix (or, at Last.fm, a method such as `track.scrobble`; `""` is any request), how often it
//! strikes, and the fault. The first matching rule strikes; a used-up rule is gone.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::answer::Answer;

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub struct Fault {
    before: Option<Gate>,
    effect: Effect,
    after: Option<Gate>,
    reply: Reply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    None,
    Now,
    Late,
}

#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Own,
    Lost,
    Instead(Answer),
}

impl Fault {
    /// Answers so; the request has no effect.
    #[must_use]
    pub fn answer(answer: Answer) -> Fault {
        Fault::new(Effect::None, Reply::Instead(answer))
    }

    /// Answers with a bare status; the request has no effect.
    #[must_use]
    pub fn status(status: u16) -> Fault {
        Fault::answer(Answer::status(status))
    }

    /// Answers with the HTML error page of a proxy; the request has no effect.
    #[must_use]
    pub fn html_page(status: u16) -> Fault {
        Fault::answer(error_page(status))
    }

    /// Takes the request in full, then answers something else: a wrong body, or an error for what was carried out.
    #[must_use]
    pub fn taken_but_answered(answer: Answer) -> Fault {
        Fault::new(Effect::Now, Reply::Instead(answer))
    }

    /// Takes the request, answers 200 with a body that is not JSON although it says so.
    #[must_use]
    pub fn not_json() -> Fault {
        Fault::taken_but_answered(Answer::body(200, "application/json", "{\"cut\": sho"))
    }

    /// Takes the request, answers 200 with JSON of a shape that nobody documented.
    #[must_use]
    pub fn other_shape() -> Fault {
        Fault::taken_but_answered(Answer::json(
            200,
            &serde_json::json!({"unexpected": ["shape", 1, null]}),
        ))
    }

    /// Closes the connection without an answer; the request has no effect.
    #[must_use]
    pub fn drop_before() -> Fault {
        Fault::new(Effect::None, Reply::Lost)
    }

    /// Takes the request, then closes the connection without an answer.
    #[must_use]
    pub fn drop_after() -> Fault {
        Fault::new(Effect::Now, Reply::Lost)
    }

    /// Closes the connection without an answer and takes the request later, when [`Faults::apply_late`] says so.
    #[must_use]
    pub fn late() -> Fault {
        Fault::new(Effect::Late, Reply::Lost)
    }

    /// Takes the request, and answers it, only once the gate is open. A client that hangs up before is not heard.
    #[must_use]
    pub fn held(gate: &Gate) -> Fault {
        Fault {
            before: Some(gate.clone()),
            ..Fault::new(Effect::Now, Reply::Own)
        }
    }

    /// Takes the request at once and holds its answer back until the gate is open.
    #[must_use]
    pub fn answer_held(gate: &Gate) -> Fault {
        Fault {
            after: Some(gate.clone()),
            ..Fault::new(Effect::Now, Reply::Own)
        }
    }

    fn new(effect: Effect, reply: Reply) -> Fault {
        Fault {
            before: None,
            effect,
            after: None,
            reply,
        }
    }

    pub(crate) fn into_parts(self) -> (Option<Gate>, Effect, Option<Gate>, Reply) {
        (self.before, self.effect, self.after, self.reply)
    }
}

/// A gate that a test opens: requests wait at it, and the test can wait until they have arrived.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<Passage>>);

#[derive(Debug, Default)]
struct Passage {
    is_open: bool,
    arrived: usize,
}

impl Gate {
    /// A gate that is shut.
    #[must_use]
    pub fn shut() -> Gate {
        Gate(Arc::new(watch::Sender::new(Passage::default())))
    }

    /// Opens it, for those who wait and those who come.
    pub fn open(&self) {
        self.0.send_modify(|passage| passage.is_open = true);
    }

    /// How many requests have arrived at it so far.
    #[must_use]
    pub fn arrivals(&self) -> usize {
        self.0.borrow().arrived
    }

    /// Waits until that many requests have arrived.
    pub async fn reached(&self, arrivals: usize) {
        // The sender lives in `self`, so the wait cannot fail.
        let _passage = self
            .0
            .subscribe()
            .wait_for(|passage| passage.arrived >= arrivals)
            .await
            .is_ok();
    }

    pub(crate) async fn pass(&self) {
        self.0.send_modify(|passage| passage.arrived += 1);
        let _passage = self
            .0
            .subscribe()
            .wait_for(|passage| passage.is_open)
            .await
            .is_ok();
    }
}

/// The faults of one twin.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    rules: VecDeque<Rule>,
    is_down: bool,
    late: Vec<Box<dyn FnOnce() + Send>>,
}

struct Rule {
    prefix: String,
    skip: u32,
    /// None: until cleared.
    left: Option<u32>,
    fault: Fault,
}

impl std::fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state();
        write!(
            formatter,
            "Faults({} rules, {} late)",
            state.rules.len(),
            state.late.len()
        )
    }
}

impl Faults {
    /// Strikes the next request under that path (or of that Last.fm method).
    pub fn once(&self, prefix: &str, fault: Fault) {
        self.times(1, prefix, fault);
    }

    /// Strikes the next so many requests under that path.
    pub fn times(&self, times: u32, prefix: &str, fault: Fault) {
        self.push(prefix, 0, Some(times), fault);
    }

    /// Lets so many requests under that path through, then strikes one.
    pub fn once_after(&self, skip: u32, prefix: &str, fault: Fault) {
        self.push(prefix, skip, Some(1), fault);
    }

    /// Strikes every request under that path until [`Faults::clear`].
    pub fn always(&self, prefix: &str, fault: Fault) {
        self.push(prefix, 0, None, fault);
    }

    /// Forgets every rule and brings the service up; effects that are late stay due.
    pub fn clear(&self) {
        let mut state = self.state();
        state.rules.clear();
        state.is_down = false;
    }

    /// While down, every request is answered with a 503 HTML page.
    pub fn down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// How many rules have not been used up; standing ones count until cleared.
    #[must_use]
    pub fn outstanding(&self) -> usize {
        self.state().rules.len()
    }

    /// Takes the requests whose effect is late, in the order they came, and says how many there were.
    ///
    /// They are judged now: with the time, the tokens and the limits of this moment.
    pub fn apply_late(&self) -> usize {
        let late = std::mem::take(&mut self.state().late);
        let count = late.len();
        for apply in late {
            apply();
        }
        count
    }

    pub(crate) fn keep_for_later(&self, apply: Box<dyn FnOnce() + Send>) {
        self.state().late.push(apply);
    }

    /// The fault that strikes this request, if any.
    pub(crate) fn strike(&self, path: &str, operation: &str) -> Option<Fault> {
        let mut state = self.state();
        if state.is_down {
            return Some(Fault::html_page(503));
        }
        let mut struck = None;
        for (index, rule) in state.rules.iter_mut().enumerate() {
            if !path.starts_with(&rule.prefix)
                && !starts_with_ignoring_case(operation, &rule.prefix)
            {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.left = rule.left.map(|left| left.saturating_sub(1));
            struck = Some((index, rule.fault.clone()));
            break;
        }
        let (index, fault) = struck?;
        if state
            .rules
            .get(index)
            .is_some_and(|rule| rule.left == Some(0))
        {
            state.rules.remove(index);
        }
        Some(fault)
    }

    fn push(&self, prefix: &str, skip: u32, left: Option<u32>, fault: Fault) {
        if left != Some(0) {
            self.state().rules.push_back(Rule {
                prefix: prefix.to_owned(),
                skip,
                left,
                fault,
            });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn starts_with_ignoring_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The page of a proxy in front of a service that does not answer.
fn error_page(status: u16) -> Answer {
    Answer::html(
        status,
        format!(
            "<!DOCTYPE html>\n<html><head><title>{status}</title></head><body><h1>Error {status}</h1></body></html>\n"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_strikes_as_often_as_it_says_and_only_under_its_path() {
        let faults = Faults::default();
        faults.times(2, "/sync/history", Fault::status(500));
        assert!(faults.strike("/scrobble/stop", "/scrobble/stop").is_none());
        assert!(faults.strike("/sync/history", "/sync/history").is_some());
        assert!(
            faults
                .strike("/sync/history/remove", "/sync/history/remove")
                .is_some()
        );
        assert!(faults.strike("/sync/history", "/sync/history").is_none());
        assert_eq!(faults.outstanding(), 0);
    }

    #[test]
    fn a_rule_may_let_requests_through_first() {
        let faults = Faults::default();
        faults.once_after(1, "", Fault::drop_before());
        assert!(faults.strike("/a", "/a").is_none());
        assert!(faults.strike("/b", "/b").is_some());
    }

    #[test]
    fn a_last_fm_method_is_named_in_any_case() {
        let faults = Faults::default();
        faults.once("track.updateNowPlaying", Fault::status(500));
        assert!(faults.strike("/2.0/", "track.scrobble").is_none());
        assert!(faults.strike("/2.0/", "track.updatenowplaying").is_some());
    }

    #[test]
    fn a_standing_rule_ends_when_cleared() {
        let faults = Faults::default();
        faults.always("", Fault::status(500));
        faults.down(true);
        for _ in 0..3 {
            assert!(faults.strike("/", "/").is_some());
        }
        faults.clear();
        assert!(faults.strike("/", "/").is_none());
    }
}
