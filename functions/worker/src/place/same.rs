//! Whether what a service says of an id is about the item that came with the id.
//!
//! The id alone does not tell: numbers of TheTVDB and TMDB name one thing as an episode and another as a show, and
//! libraries hold the one where the other is meant. IMDb's are unique over all kinds. A number of season and episode
//! tells little: every show has a first episode, and two databases may number one show differently.

use chrono::TimeDelta;
use hub_domain::identity::fold;
use hub_domain::media::{ExternalId, Namespace, Numbering};
use hub_domain::{MediaItem, Scope};
use hub_providers::EpisodeOf;

use super::Same;

/// How far two dates of one episode may lie apart: time zones, and a first showing the night before.
const SAME_DAYS: TimeDelta = TimeDelta::days(2);
/// How far apart they are where it is certainly another episode; a release elsewhere may be months later.
const OTHER_DAYS: TimeDelta = TimeDelta::days(400);

/// Says whether an answer about `asked_for`, one of the item's own ids, is about the item.
pub(crate) fn same(media: &MediaItem, asked_for: &ExternalId, of: &EpisodeOf) -> Same {
    let mut others = media
        .ids
        .iter()
        .filter(|id| id.scope == Scope::Item && id.namespace != asked_for.namespace);
    let is_told = |own: &ExternalId| {
        of.ids
            .iter()
            .any(|id| (id.namespace, id.value()) == (own.namespace, own.value()))
    };
    let titles = media.show_title.as_deref().zip(of.show_title.as_deref());
    let is_same_title = titles.is_some_and(|(one, other)| fold(one) == fold(other));
    let apart = media
        .released_on
        .zip(of.aired_on)
        .map(|(one, other)| (one - other).abs());
    if others.any(is_told) || is_same_title || apart.is_some_and(|apart| apart <= SAME_DAYS) {
        return Same::Yes;
    }
    if apart.is_some_and(|apart| apart > OTHER_DAYS) {
        return Same::No(format!("{}, shown years apart from it", words(of)));
    }
    if asked_for.namespace == Namespace::Imdb {
        return Same::Yes;
    }
    let numbers = media.numbering();
    let told = Numbering {
        season: of.season,
        episode: of.episode,
    };
    match numbers {
        Some(own) if own != told && titles.is_some() => Same::No(words(of)),
        Some(_) | None => Same::Unsure(format!(
            "{}, and nothing but the id says that it is this one",
            words(of)
        )),
    }
}

/// What an answer says, for people.
pub(crate) fn words(of: &EpisodeOf) -> String {
    let (season, episode) = (of.season, of.episode);
    match (&of.show_title, of.tmdb_show()) {
        (Some(title), _) => format!("S{season:02}E{episode:02} of “{title}”"),
        (None, Some(id)) => format!("S{season:02}E{episode:02} of TMDB show {id}"),
        (None, None) => format!("S{season:02}E{episode:02}"),
    }
}

#[cfg(test)]
mod tests {
    use hub_domain::ItemKind;

    use super::*;

    fn id(namespace: Namespace, scope: Scope, raw: &str) -> ExternalId {
        ExternalId::new(namespace, scope, raw).unwrap()
    }

    fn item(show: &str, released_on: Option<&str>) -> MediaItem {
        let mut item = MediaItem::new(ItemKind::Episode);
        (item.season, item.episode) = (Some(1), Some(1));
        item.show_title = Some(show.to_owned());
        item.released_on = released_on.map(|day| day.parse().unwrap());
        item.ids = vec![
            id(Namespace::Tmdb, Scope::Item, "229210"),
            id(Namespace::Tvdb, Scope::Item, "9"),
        ];
        item
    }

    fn answer(show: Option<&str>, aired_on: Option<&str>) -> EpisodeOf {
        EpisodeOf {
            show_ids: vec![id(Namespace::Tmdb, Scope::Show, "1").numbered(1, 1)],
            season: 1,
            episode: 1,
            ids: vec![id(Namespace::Tmdb, Scope::Item, "229210")],
            show_title: show.map(str::to_owned),
            aired_on: aired_on.map(|day| day.parse().unwrap()),
        }
    }

    fn judge(item: &MediaItem, of: &EpisodeOf) -> Same {
        same(item, &item.ids[0], of)
    }

    #[test]
    fn a_title_a_date_or_a_second_id_says_that_it_is_the_item() {
        let own = item("Baki Hanma", Some("2021-09-30"));
        for of in [
            answer(Some("Baki: Hanma"), None),
            answer(Some("範馬刃牙"), Some("2021-10-01")),
        ] {
            assert_eq!(judge(&own, &of), Same::Yes, "{of:?}");
        }
        let mut of = answer(Some("範馬刃牙"), None);
        of.ids.push(id(Namespace::Tvdb, Scope::Item, "9"));
        assert_eq!(judge(&own, &of), Same::Yes);
    }

    #[test]
    fn the_number_alone_is_not_enough_to_be_sure() {
        let own = item("灼灼风流", None);
        let Same::Unsure(why) = judge(&own, &answer(Some("Some Other Show"), None)) else {
            panic!("every show has a first episode");
        };
        assert!(why.starts_with("S01E01 of “Some Other Show”"), "{why}");
        assert!(matches!(judge(&own, &answer(None, None)), Same::Unsure(_)));
    }

    #[test]
    fn another_title_with_another_number_and_a_date_of_other_years_are_another_item() {
        let mut own = item("灼灼风流", None);
        own.episode = Some(2);
        assert!(matches!(
            judge(&own, &answer(Some("Other"), None)),
            Same::No(_)
        ));
        let own = item("灼灼风流", Some("2023-09-10"));
        let old = answer(None, Some("1994-09-22"));
        assert!(matches!(judge(&own, &old), Same::No(_)));
    }

    #[test]
    fn an_id_of_imdb_is_believed_unless_the_date_speaks_against_it() {
        let mut own = item("范马刃牙", Some("2021-09-30"));
        own.ids.clear();
        let imdb = id(Namespace::Imdb, Scope::Item, "tt14765720");
        assert_eq!(
            same(&own, &imdb, &answer(Some("Baki Hanma"), None)),
            Same::Yes
        );
        let old = answer(Some("Other"), Some("2001-09-30"));
        assert!(matches!(same(&own, &imdb, &old), Same::No(_)));
    }
}
