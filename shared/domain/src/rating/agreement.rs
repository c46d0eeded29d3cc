//! What to do when the hub and a service hold a rating of the same item: who changed since they last agreed.

use chrono::{DateTime, Utc};

use super::{Rating, Scale, Shown};

/// One side's rating as it is now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side<T> {
    /// The rating; `None` where there is none.
    pub value: Option<T>,
    /// When it was given or taken back, where that is known.
    pub changed_at: Option<DateTime<Utc>>,
}

/// What is known of the last time both sides were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known<T> {
    /// They were never compared: nothing can be told to be deleted.
    Nothing,
    /// Both showed this (`None`: neither had a rating).
    Agreed(Option<T>),
}

/// Whose change wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The hub's.
    Hub,
    /// The service's.
    Service,
}

/// What to do next, and what both sides then agree on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Both show the same: nothing is written, the hub's finer value stays. Remember it as agreed.
    Same(Option<Shown>),
    /// The hub changed: the service is to show this, or nothing.
    Send(Option<Shown>),
    /// The service changed: the hub takes this, or removes its own.
    Take(Option<Rating>),
}

/// Decides what becomes of a rating that the hub and a service both may hold.
///
/// Compared on the service's scale, so a rounding is never a change. If only one side changed since the last agreement,
/// its value goes to the other. If both did, or nothing is known, the later one wins; where no times tell, a rating wins
/// against none (nothing is deleted by a guess) and the hub's against the service's.
///
/// A service that could not be read has not "no rating": then this is not to be asked.
pub fn merge(scale: Scale, hub: Side<Rating>, service: Side<Shown>, known: Known<Shown>) -> Step {
    let ours = hub.value.map(|rating| scale.show(rating));
    // A service whose user chose another format in the meantime is compared in the present one.
    let theirs = service.value.map(|shown| on(scale, shown));
    if ours == theirs {
        return Step::Same(ours);
    }
    let agreed = match known {
        Known::Agreed(agreed) => Some(agreed.map(|shown| on(scale, shown))),
        Known::Nothing => None,
    };
    match whose(ours, theirs, agreed, hub.changed_at, service.changed_at) {
        Whose::Hub => Step::Send(ours),
        Whose::Service => Step::Take(theirs.map(Shown::rating)),
    }
}

/// Whose change wins, the two being different; `agreed` is `None` where they were never compared.
///
/// If only one side changed since the last agreement, it is that one's. If both did, or nothing is known, the later one
/// wins; where no times tell, a value wins against none (nothing is deleted by a guess) and the hub against the service.
pub(super) fn whose<T: PartialEq>(
    ours: Option<T>,
    theirs: Option<T>,
    agreed: Option<Option<T>>,
    ours_at: Option<DateTime<Utc>>,
    theirs_at: Option<DateTime<Utc>>,
) -> Whose {
    match agreed {
        Some(agreed) if agreed == theirs => Whose::Hub,
        Some(agreed) if agreed == ours => Whose::Service,
        None if ours.is_none() => Whose::Service,
        None if theirs.is_none() => Whose::Hub,
        Some(_) | None => match (ours_at, theirs_at) {
            (Some(ours), Some(theirs)) if theirs > ours => Whose::Service,
            _ => Whose::Hub,
        },
    }
}

fn on(scale: Scale, shown: Shown) -> Shown {
    if shown.scale() == scale {
        shown
    } else {
        scale.show(shown.rating())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hub(points: f64) -> Side<Rating> {
        Side {
            value: Some(Rating::new(points).unwrap()),
            changed_at: None,
        }
    }

    fn service(scale: Scale, step: u8) -> Side<Shown> {
        Side {
            value: Shown::new(scale, step).unwrap(),
            changed_at: None,
        }
    }

    fn at<T>(side: Side<T>, seconds: i64) -> Side<T> {
        Side {
            changed_at: DateTime::from_timestamp(seconds, 0),
            ..side
        }
    }

    fn agreed(scale: Scale, step: u8) -> Known<Shown> {
        Known::Agreed(Shown::new(scale, step).unwrap())
    }

    #[test]
    fn nothing_is_written_when_both_round_to_the_same() {
        let step = merge(Scale::Ten, hub(8.7), service(Scale::Ten, 9), Known::Nothing);
        assert_eq!(step, Step::Same(Shown::new(Scale::Ten, 9).unwrap()));
    }

    #[test]
    fn the_side_that_changed_goes_to_the_other() {
        let known = agreed(Scale::Ten, 9);
        let step = merge(Scale::Ten, hub(7.2), service(Scale::Ten, 9), known);
        assert_eq!(step, Step::Send(Shown::new(Scale::Ten, 7).unwrap()));
        let step = merge(Scale::Ten, hub(8.7), service(Scale::Ten, 4), known);
        assert_eq!(step, Step::Take(Some(Rating::new(4.0).unwrap())));
        let step = merge(Scale::Ten, hub(8.7), service(Scale::Ten, 0), known);
        assert_eq!(step, Step::Take(None));
    }

    #[test]
    fn a_side_that_shows_what_was_agreed_did_not_change_whatever_its_time_says() {
        let known = agreed(Scale::Ten, 9);
        let (ours, theirs) = (at(hub(7.0), 1), at(service(Scale::Ten, 9), 2));
        assert_eq!(
            merge(Scale::Ten, ours, theirs, known),
            Step::Send(Shown::new(Scale::Ten, 7).unwrap())
        );
        let (ours, theirs) = (at(hub(8.7), 2), at(service(Scale::Ten, 4), 1));
        assert_eq!(
            merge(Scale::Ten, ours, theirs, known),
            Step::Take(Some(Rating::new(4.0).unwrap()))
        );
    }

    #[test]
    fn what_the_service_shows_on_another_scale_is_compared_on_this_one() {
        let theirs = service(Scale::Point100, 91);
        let step = merge(Scale::Ten, hub(8.7), theirs, Known::Nothing);
        assert_eq!(step, Step::Same(Shown::new(Scale::Ten, 9).unwrap()));
    }

    #[test]
    fn if_both_changed_the_later_one_wins_and_the_hub_where_no_time_tells() {
        let known = agreed(Scale::Ten, 9);
        let (ours, theirs) = (hub(7.0), service(Scale::Ten, 4));
        assert_eq!(
            merge(Scale::Ten, at(ours, 1), at(theirs, 2), known),
            Step::Take(Some(Rating::new(4.0).unwrap()))
        );
        for (ours, theirs) in [(at(ours, 2), at(theirs, 1)), (ours, at(theirs, 9))] {
            assert_eq!(
                merge(Scale::Ten, ours, theirs, known),
                Step::Send(Shown::new(Scale::Ten, 7).unwrap())
            );
        }
    }

    #[test]
    fn two_sides_that_never_met_delete_nothing() {
        let none = Side {
            value: None,
            changed_at: None,
        };
        assert_eq!(
            merge(Scale::Ten, none, service(Scale::Ten, 4), Known::Nothing),
            Step::Take(Some(Rating::new(4.0).unwrap()))
        );
        let absent = Side {
            value: None,
            changed_at: DateTime::from_timestamp(9, 0),
        };
        assert_eq!(
            merge(Scale::WholeStars, at(hub(4.0), 1), absent, Known::Nothing),
            Step::Send(Shown::new(Scale::WholeStars, 2).unwrap())
        );
    }

    #[test]
    fn another_score_format_at_the_service_is_no_change_of_the_rating() {
        let known = agreed(Scale::Point100, 87);
        let step = merge(Scale::Point3, hub(8.7), service(Scale::Point3, 3), known);
        assert_eq!(step, Step::Same(Shown::new(Scale::Point3, 3).unwrap()));
    }

    /// A hub and its services; each service remembers what it last agreed on with the hub.
    struct World {
        hub: Option<Rating>,
        services: Vec<(Scale, Option<Shown>, Known<Shown>)>,
        writes: usize,
    }

    impl World {
        fn sync(&mut self, index: usize) {
            let (scale, value, known) = self.services[index];
            let ours = Side {
                value: self.hub,
                changed_at: None,
            };
            let theirs = Side {
                value,
                changed_at: None,
            };
            let agreed = match merge(scale, ours, theirs, known) {
                Step::Same(shown) => shown,
                Step::Send(shown) => {
                    self.writes += 1;
                    shown
                }
                Step::Take(rating) => {
                    self.writes += 1;
                    self.hub = rating;
                    value
                }
            };
            self.services[index] = (scale, agreed, Known::Agreed(agreed));
        }

        fn sync_all(&mut self) {
            (0..self.services.len()).for_each(|index| self.sync(index));
        }
    }

    fn scales() -> impl Strategy<Value = Vec<Scale>> {
        prop::collection::vec(prop::sample::select(&Scale::ALL[..]), 1..6)
    }

    proptest! {
        #[test]
        fn a_rating_given_at_one_service_stays_what_it_shows_there_through_any_chain(
            scales in scales(), first in 0usize..6, step in 1u8..=100, order in prop::collection::vec(0usize..6, 0..30),
        ) {
            let first = first % scales.len();
            let step = 1 + step % scales[first].steps();
            let given = Shown::new(scales[first], step).unwrap();
            let mut services: Vec<_> = scales.iter().map(|scale| (*scale, None, Known::Nothing)).collect();
            services[first].1 = given;
            let mut world = World { hub: None, services, writes: 0 };
            world.sync(first);
            for index in order {
                world.sync(index % scales.len());
                prop_assert_eq!(world.services[first].1, given);
            }
            world.sync_all();
            let settled = world.writes;
            world.sync_all();
            prop_assert_eq!(world.writes, settled, "nothing is written once all have agreed");
            prop_assert_eq!(world.services[first].1, given);
            prop_assert_eq!(world.hub, given.map(Shown::rating));
        }

        #[test]
        fn a_rating_given_to_the_hub_keeps_its_decimals_whatever_the_services_show(
            scales in scales(), thousandths in 0u16..=10_000, order in prop::collection::vec(0usize..6, 0..30),
        ) {
            let hub = Rating::from_thousandths(thousandths);
            let services = scales.iter().map(|scale| (*scale, None, Known::Nothing)).collect();
            let mut world = World { hub, services, writes: 0 };
            for index in order {
                world.sync(index % scales.len());
            }
            world.sync_all();
            prop_assert_eq!(world.hub, hub);
            prop_assert_eq!(world.writes, scales.len(), "one write a service, and no echo of it");
            for (scale, shown, _) in world.services {
                prop_assert_eq!(shown, hub.map(|rating| scale.show(rating)));
            }
        }
    }
}
