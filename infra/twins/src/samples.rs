//! Films, shows and anime that the video services know from the start, each by the same ids.
//!
//! The anime are entries as AniList, MyAnimeList and Simkl count them: a cour is an entry of its own. Where an entry
//! stands in the seasons of TheTVDB is a [`Part`]; split cours share a season.
//!
//! Source of the ids and spans: anibridge-mappings, <https://github.com/anibridge/anibridge-mappings> (MIT).

/// What an anime entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A series.
    Tv,
    /// A film.
    Movie,
    /// A special.
    Special,
}

/// A stretch of an entry within a season of its show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The season; 0 are specials.
    pub season: u32,
    /// The number, within the season, of the first episode of this stretch.
    pub first: u32,
    /// The entry's own number of that episode.
    pub own_first: u32,
    /// How many episodes it has.
    pub episodes: u32,
}

/// One anime entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anime {
    /// In its romanised form.
    pub title: String,
    /// The year it began.
    pub year: i64,
    /// What it is.
    pub format: Format,
    /// How many episodes it will have; none while nobody knows.
    pub episodes: Option<u32>,
    /// How many were shown so far.
    pub aired: u32,
    /// Simkl's number; none: the twin makes one.
    pub simkl: Option<u64>,
    /// AniList's number.
    pub anilist: u64,
    /// MyAnimeList's number.
    pub mal: u64,
    /// AniDB's number.
    pub anidb: u64,
    /// TheTVDB's number of the show it belongs to.
    pub tvdb_show: Option<u64>,
    /// TMDB's number: of the show it belongs to, or of the film it is.
    pub tmdb: Option<u64>,
    /// IMDb's id: of the show it belongs to, or of the film it is.
    pub imdb: Option<String>,
    /// Where it stands in the seasons of that show.
    pub parts: Vec<Part>,
}

impl Anime {
    /// The entry's own number of an episode that is named by its place in the show.
    #[must_use]
    pub fn own_number(&self, season: u32, number: u32) -> Option<u32> {
        self.parts.iter().find_map(|part| {
            let offset = number.checked_sub(part.first)?;
            (part.season == season && offset < part.episodes).then(|| part.own_first + offset)
        })
    }

    /// The place in the show of an episode that is named by its own number.
    #[must_use]
    pub fn place(&self, own_number: u32) -> Option<(u32, u32)> {
        self.parts.iter().find_map(|part| {
            let offset = own_number.checked_sub(part.own_first)?;
            (offset < part.episodes).then(|| (part.season, part.first + offset))
        })
    }

    /// Whether no more episodes come.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.episodes.is_some_and(|episodes| episodes <= self.aired)
    }
}

/// One film that is no anime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Film {
    /// The title in English.
    pub title: &'static str,
    /// The year of its release.
    pub year: i64,
    /// IMDb's id.
    pub imdb: &'static str,
    /// TMDB's number.
    pub tmdb: u64,
}

/// One show that is no anime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Show {
    /// The title in English.
    pub title: &'static str,
    /// The year it began.
    pub year: i64,
    /// IMDb's id.
    pub imdb: &'static str,
    /// TMDB's number.
    pub tmdb: u64,
    /// TheTVDB's number.
    pub tvdb: u64,
    /// How many episodes each season has, from the first on.
    pub seasons: &'static [u32],
}

/// Films that every twin of a film service knows.
pub const FILMS: [Film; 4] = [
    film("The Matrix", 1999, "tt0133093", 603),
    film("Heat", 1995, "tt0113277", 949),
    film("Inception", 2010, "tt1375666", 27205),
    film("Fight Club", 1999, "tt0137523", 550),
];

/// Shows that every twin of a show service knows; all have ended.
pub const SHOWS: [Show; 3] = [
    Show {
        title: "Breaking Bad",
        year: 2008,
        imdb: "tt0903747",
        tmdb: 1396,
        tvdb: 81189,
        seasons: &[7, 13, 13, 13, 16],
    },
    Show {
        title: "Game of Thrones",
        year: 2011,
        imdb: "tt0944947",
        tmdb: 1399,
        tvdb: 121_361,
        seasons: &[10, 10, 10, 10, 10, 10, 7, 6],
    },
    Show {
        title: "Chernobyl",
        year: 2019,
        imdb: "tt7366338",
        tmdb: 87108,
        tvdb: 360_893,
        seasons: &[5],
    },
];

const fn film(title: &'static str, year: i64, imdb: &'static str, tmdb: u64) -> Film {
    Film {
        title,
        year,
        imdb,
        tmdb,
    }
}

/// The anime that every twin of an anime service knows.
#[must_use]
pub fn anime() -> Vec<Anime> {
    let titan = |title: &str, year, episodes, ids, part| {
        let show = (267_440, 1429, "tt2560140");
        series(title, year, episodes, ids, show, &[part])
    };
    let spy = |title: &str, episodes, ids, part| {
        let show = (405_920, 120_089, "tt13706018");
        series(title, 2022, episodes, ids, show, &[part])
    };
    vec![
        Anime {
            simkl: Some(39687),
            ..titan(
                "Shingeki no Kyojin",
                2013,
                25,
                (16498, 16498, 9541),
                part(1, 1, 1, 25),
            )
        },
        Anime {
            simkl: Some(439_744),
            ..titan(
                "Shingeki no Kyojin Season 2",
                2017,
                12,
                (20958, 25777, 10944),
                part(2, 1, 1, 12),
            )
        },
        titan(
            "Shingeki no Kyojin Season 3",
            2018,
            12,
            (99147, 35760, 13241),
            part(3, 1, 1, 12),
        ),
        titan(
            "Shingeki no Kyojin Season 3 Part 2",
            2019,
            10,
            (104_578, 38524, 14444),
            part(3, 13, 1, 10),
        ),
        titan(
            "Shingeki no Kyojin: The Final Season",
            2020,
            16,
            (110_277, 40028, 14977),
            part(4, 1, 1, 16),
        ),
        titan(
            "Shingeki no Kyojin: The Final Season Part 2",
            2022,
            12,
            (131_681, 48583, 16177),
            part(4, 17, 1, 12),
        ),
        spy("SPY×FAMILY", 12, (140_960, 50265, 16947), part(1, 1, 1, 12)),
        spy(
            "SPY×FAMILY Part 2",
            13,
            (142_838, 50602, 17061),
            part(1, 13, 1, 13),
        ),
        Anime {
            simkl: Some(40398),
            ..series(
                "HUNTER×HUNTER (2011)",
                2011,
                148,
                (11061, 11061, 8550),
                (252_322, 46298, "tt2098220"),
                &[part(1, 1, 1, 58), part(2, 1, 59, 78), part(3, 1, 137, 12)],
            )
        },
        // Nobody knows how many it will have.
        Anime {
            episodes: None,
            aired: 1150,
            ..series(
                "ONE PIECE",
                1999,
                0,
                (21, 21, 69),
                (81797, 37854, "tt0388629"),
                &[
                    part(1, 1, 2, 8),
                    part(2, 1, 10, 22),
                    part(22, 1, 1086, 1_000_000),
                ],
            )
        },
        Anime {
            format: Format::Movie,
            tvdb_show: None,
            parts: Vec::new(),
            ..series(
                "Kimi no Na wa.",
                2016,
                1,
                (21519, 32281, 11829),
                (0, 372_058, "tt5311514"),
                &[],
            )
        },
    ]
}

fn part(season: u32, first: u32, own_first: u32, episodes: u32) -> Part {
    Part {
        season,
        first,
        own_first,
        episodes,
    }
}

fn series(
    title: &str,
    year: i64,
    episodes: u32,
    (anilist, mal, anidb): (u64, u64, u64),
    (tvdb, tmdb, imdb): (u64, u64, &str),
    parts: &[Part],
) -> Anime {
    Anime {
        title: title.to_owned(),
        year,
        format: Format::Tv,
        episodes: Some(episodes),
        aired: episodes,
        simkl: None,
        anilist,
        mal,
        anidb,
        tvdb_show: Some(tvdb),
        tmdb: Some(tmdb),
        imdb: Some(imdb.to_owned()),
        parts: parts.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_episode_of_a_split_cour_is_in_one_entry_and_comes_back() {
        for (season, number, entry, own) in [
            (3, 12, 99147, 12),
            (3, 13, 104_578, 1),
            (4, 28, 131_681, 12),
        ] {
            let found: Vec<_> = anime()
                .into_iter()
                .filter(|anime| anime.tvdb_show == Some(267_440))
                .filter_map(|anime| Some((anime.own_number(season, number)?, anime)))
                .collect();
            assert_eq!(found.len(), 1);
            let (number_in_entry, anime) = &found[0];
            assert_eq!((anime.anilist, *number_in_entry), (entry, own));
            assert_eq!(anime.place(own), Some((season, number)));
        }
    }

    #[test]
    fn a_later_season_goes_on_counting_in_the_same_entry() {
        let hunter = anime()
            .into_iter()
            .find(|anime| anime.mal == 11061)
            .unwrap();
        assert_eq!(hunter.own_number(2, 1), Some(59));
        assert_eq!(hunter.place(148), Some((3, 12)));
        assert!(hunter.own_number(3, 13).is_none());
        assert!(hunter.is_finished());
    }
}
