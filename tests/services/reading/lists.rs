//! The anime lists: entries and their states instead of plays.

use chrono::TimeDelta;
use hub_domain::{Precision, Service};
use hub_providers::Reading;

use super::{Reader, everything, once, time_of};
use crate::harness::World;

#[tokio::test]
async fn an_anime_list_longer_than_a_page_is_read_to_its_end_with_its_days() {
    for service in [Service::AniList, Service::MyAnimeList] {
        let world = World::new().await;
        let reader = Reader::new(&world, service);
        assert!(!reader.activities().await.has_plays, "{service}");
        for number in 0..600 {
            put_entry(&world, service, number);
            world.clock.turn(TimeDelta::seconds(1));
        }
        let activity = reader.activities().await;
        assert!(activity.has_plays, "{service}");
        let count = std::cell::Cell::new(0);
        let pages = |number| {
            count.set(number);
            world.clock.turn(TimeDelta::seconds(1));
        };
        let records = once(reader.read(everything(&activity), pages).await);
        assert!(count.get() > 1, "{service}");
        assert_eq!(records.len(), 600, "{service}");
        for record in records.values() {
            let listed = record.entry.expect("a state");
            assert_eq!(listed.progress, 12);
            assert_eq!(record.precision, Precision::Day);
            assert_eq!(time_of(record).to_rfc3339(), "2026-11-01T00:00:00+00:00");
        }

        let since = activity.changed_at.map(|at| at - TimeDelta::seconds(9));
        let part = Reading {
            since,
            expects_plays: true,
        };
        assert_eq!(reader.read(part, |_| ()).await.len(), 10, "{service}");
    }
}

/// Puts an anime of twelve episodes, seen on 1 November 2026, on a list.
fn put_entry(world: &World, service: Service, number: u64) {
    let now = world.clock.now();
    let anime = hub_twins::samples::Anime {
        title: format!("Anime {number}"),
        year: 2020,
        format: hub_twins::samples::Format::Tv,
        episodes: Some(12),
        aired: 12,
        simkl: None,
        anilist: 500_000 + number,
        mal: 600_000 + number,
        anidb: 700_000 + number,
        tvdb_show: None,
        tmdb: None,
        imdb: None,
        parts: Vec::new(),
    };
    if service == Service::AniList {
        let day = hub_twins::anilist::FuzzyDate {
            year: Some(2026),
            month: Some(11),
            day: Some(1),
        };
        let entry = hub_twins::anilist::Entry {
            id: 10_000 + number,
            media: anime.anilist,
            status: hub_twins::anilist::Status::Completed,
            score_raw: 0,
            progress: 12,
            repeat: 0,
            priority: 0,
            private: number.is_multiple_of(2),
            hidden: false,
            notes: None,
            started_at: day,
            completed_at: day,
            custom_lists: std::iter::once("Favourites".to_owned()).collect(),
            created_at: now,
            updated_at: now,
        };
        world.twins.anilist.add_anime(anime);
        world.twins.anilist.put_entry("alice", entry);
    } else {
        let day = chrono::NaiveDate::from_ymd_opt(2026, 11, 1);
        let entry = hub_twins::myanimelist::Entry {
            anime: anime.mal,
            status: hub_twins::myanimelist::Status::Completed,
            score: 0,
            episodes_watched: 12,
            is_rewatching: false,
            times_rewatched: 0,
            priority: 0,
            rewatch_value: 0,
            tags: Vec::new(),
            comments: String::new(),
            start_date: day,
            finish_date: day,
            updated_at: now,
        };
        world.twins.myanimelist.add_anime(anime);
        world.twins.myanimelist.put_entry("alice", entry);
    }
}
