//! What the clients that keep ratings of 1 to 10, hearts and lists share about statements: what a service shows already.

use hub_domain::rating::{Feeling, Hearts, Rating, Scale};
use hub_domain::{Aspect, Outcome, Says, Service, Statement};

/// What becomes of a statement without a call: the service does not keep such a thing, or it shows what is said already.
///
/// What it shows is what it last took ([`Statement::agreed`]), rounded as it rounds; where nothing was ever agreed on,
/// nobody knows, and it is told. "No rating" and "no heart" are told as what they are, never as a number.
pub(crate) fn settled_at_once(
    statement: &Statement,
    service: Service,
    hearts: Hearts,
) -> Option<Outcome> {
    let (aspect, kind) = (statement.id.aspect, statement.media.kind);
    let fits = statement
        .says
        .as_ref()
        .is_none_or(|says| is_said_of(aspect, says));
    if !service.takes_statement(aspect, kind) || !fits {
        return Some(Outcome::Ignored {
            why: format!("{} keeps no {} of a {kind}", service.title(), noun(aspect)),
        });
    }
    let agreed = statement.agreed.get(&service)?.says.as_ref();
    let said = statement.says.as_ref();
    let shown = match aspect {
        Aspect::Rating => rating_shown(rating_of(said), rating_of(agreed)),
        Aspect::Loved => heart_shown(hearts, feeling_of(said), feeling_of(agreed)),
        Aspect::Watchlist | Aspect::Collection | Aspect::Reading => {
            (said.is_some() == agreed.is_some()).then(|| match said {
                Some(_) => format!("it in the {} already", noun(aspect)),
                None => format!("no {} with it", noun(aspect)),
            })
        }
    }?;
    let detail = format!("{} shows {shown}", service.title());
    Some(Outcome::AlreadyThere {
        remote_id: None,
        detail,
    })
}

/// A rating as a service of whole points from 1 to 10 is told it.
pub(crate) fn step_of(rating: Rating) -> u8 {
    Scale::Ten.show(rating).step()
}

/// What a list is called.
pub(crate) const fn noun(aspect: Aspect) -> &'static str {
    match aspect {
        Aspect::Rating => "rating",
        Aspect::Loved => "heart",
        Aspect::Watchlist => "watchlist",
        Aspect::Collection => "collection",
        Aspect::Reading => "reading list",
    }
}

fn is_said_of(aspect: Aspect, says: &Says) -> bool {
    match says {
        Says::Rated { .. } => aspect == Aspect::Rating,
        Says::Felt(_) => aspect == Aspect::Loved,
        Says::Listed => matches!(
            aspect,
            Aspect::Watchlist | Aspect::Collection | Aspect::Reading
        ),
    }
}

fn rating_of(says: Option<&Says>) -> Option<Rating> {
    says.and_then(Says::rating)
}

fn feeling_of(says: Option<&Says>) -> Option<Feeling> {
    says.and_then(Says::feeling)
}

fn rating_shown(said: Option<Rating>, agreed: Option<Rating>) -> Option<String> {
    let step = said.map(step_of);
    (step == agreed.map(step_of)).then(|| match step {
        Some(step) => format!("{step} of 10 already"),
        None => "no rating of it".to_owned(),
    })
}

fn heart_shown(hearts: Hearts, said: Option<Feeling>, agreed: Option<Feeling>) -> Option<String> {
    hearts.is_same(said, agreed).then(|| {
        let shown = match hearts.show(said).feeling() {
            Some(Feeling::Loved) => "it as loved already",
            Some(Feeling::Hated) => "it as hated already",
            None => "no heart on it",
        };
        shown.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use hub_domain::Agreed;
    use hub_domain::rating::is_same_on;
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{at, movie, statement, track};

    fn rated(points: f64) -> Says {
        Says::Rated {
            rating: Rating::new(points).unwrap(),
            review: None,
        }
    }

    fn after(mut statement: Statement, service: Service, says: Option<Says>) -> Statement {
        statement.agreed.insert(service, Agreed { says, at: at(0) });
        statement
    }

    fn detail(statement: &Statement, service: Service, hearts: Hearts) -> Option<String> {
        match settled_at_once(statement, service, hearts)? {
            Outcome::AlreadyThere { detail, .. } => Some(detail),
            other @ (Outcome::Delivered { .. }
            | Outcome::Ignored { .. }
            | Outcome::NotFound { .. }
            | Outcome::Unclear { .. }
            | Outcome::Refused { .. }
            | Outcome::Wait { .. }) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_service_shows_already_is_not_told_again() {
        let film = |says| statement(movie("tt0133093"), Aspect::Rating, says);
        let trakt = |statement: &Statement| detail(statement, Service::Trakt, Hearts::Love);
        assert_eq!(trakt(&film(Some(rated(9.0)))), None, "nobody knows");
        assert_eq!(
            trakt(&film(None)),
            None,
            "a person took it back, whoever gave it"
        );
        let same = after(film(Some(rated(9.0))), Service::Trakt, Some(rated(8.7)));
        assert_eq!(trakt(&same).as_deref(), Some("Trakt shows 9 of 10 already"));
        let other = after(film(Some(rated(8.4))), Service::Trakt, Some(rated(8.7)));
        assert_eq!(trakt(&other), None);
        let taken_back = after(film(None), Service::Trakt, Some(rated(8.7)));
        assert_eq!(trakt(&taken_back), None);
        let nothing = after(film(None), Service::Trakt, None);
        assert_eq!(
            trakt(&nothing).as_deref(),
            Some("Trakt shows no rating of it")
        );
        let elsewhere = after(film(Some(rated(9.0))), Service::Simkl, Some(rated(9.0)));
        assert_eq!(trakt(&elsewhere), None, "each service for itself");

        let listed = statement(movie("tt0133093"), Aspect::Watchlist, Some(Says::Listed));
        let listed = after(listed, Service::Simkl, Some(Says::Listed));
        assert_eq!(
            detail(&listed, Service::Simkl, Hearts::Love).as_deref(),
            Some("Simkl shows it in the watchlist already")
        );
    }

    #[test]
    fn hate_is_no_heart_where_only_love_is_known() {
        let hated = statement(
            track("a", "b"),
            Aspect::Loved,
            Some(Says::Felt(Feeling::Hated)),
        );
        let unloved = after(hated.clone(), Service::LastFm, None);
        assert!(detail(&unloved, Service::LastFm, Hearts::Love).is_some());
        let unloved = after(hated, Service::ListenBrainz, None);
        assert!(detail(&unloved, Service::ListenBrainz, Hearts::LoveAndHate).is_none());
    }

    #[test]
    fn what_a_service_does_not_keep_is_ignored() {
        let why = |statement: &Statement, service| match settled_at_once(
            statement,
            service,
            Hearts::Love,
        ) {
            Some(Outcome::Ignored { why }) => why,
            other => panic!("{other:?}"),
        };
        let owned = statement(movie("tt0133093"), Aspect::Collection, Some(Says::Listed));
        assert_eq!(
            why(&owned, Service::Simkl),
            "Simkl keeps no collection of a movie"
        );
        let odd = statement(movie("tt0133093"), Aspect::Rating, Some(Says::Listed));
        why(&odd, Service::Trakt);
    }

    proptest! {
        #[test]
        fn ratings_that_round_to_the_same_step_are_never_told(said in 0u16..=10_000, agreed in 0u16..=10_000) {
            let rating = |thousandths| Rating::from_thousandths(thousandths).unwrap();
            let says = |thousandths| Some(Says::Rated { rating: rating(thousandths), review: None });
            for service in [Service::Trakt, Service::Simkl] {
                let film = statement(movie("tt0133093"), Aspect::Rating, says(said));
                let film = after(film, service, says(agreed));
                let settled = settled_at_once(&film, service, Hearts::Love);
                let is_same = is_same_on(Scale::Ten, Some(rating(said)), Some(rating(agreed)));
                prop_assert_eq!(settled.is_some(), is_same);
            }
        }
    }
}
