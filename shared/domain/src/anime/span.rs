//! Ranges of episodes, and the arithmetic from one numbering to another.

/// Why a range was not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// One stretch of a season and the stretch of the entry that it stands for. Both count from 1, both ends are inside.
///
/// The lengths are equal, or one is a whole multiple of the other; [`Span::read`] makes no other ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) from: u16,
    /// 0: still running.
    pub(super) to: u16,
    /// 0: the list says that this stretch stands for nothing.
    pub(super) first: u16,
    /// 0: still running.
    pub(super) last: u16,
    /// How open stretches are paced: n > 1, one episode is n of the entry; n < -1, n episodes are one of the entry.
    pub(super) pace: i8,
}

/// Where an episode lies in an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Hit {
    /// The first of the entry's episodes that it shows.
    pub(super) first: u32,
    /// The last of them.
    pub(super) last: u32,
    /// Which part of `parts` it is; 1 of 1 for a whole episode.
    pub(super) part: u32,
    pub(super) parts: u32,
}

#[derive(Debug, Clone, Copy)]
struct Range {
    from: u16,
    to: Option<u16>,
    pace: Option<i16>,
}

impl Range {
    /// Reads `x`, `x-y` or `x-`, with `|n` or `|-n` behind it.
    fn read(text: &str) -> Result<Self, Broken> {
        let (range, pace) = match text.split_once('|') {
            Some((range, pace)) => (range, Some(pace.parse::<i16>().map_err(|_| Broken)?)),
            None => (text, None),
        };
        let number = |text: &str| {
            let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
            let number = text.parse::<u16>().ok().filter(|_| is_number);
            number.filter(|number| *number > 0).ok_or(Broken)
        };
        let (from, to) = match range.split_once('-') {
            None => (number(range)?, Some(number(range)?)),
            Some((from, "")) => (number(from)?, None),
            Some((from, to)) => (number(from)?, Some(number(to)?)),
        };
        if to.is_some_and(|to| to < from) || pace == Some(0) {
            return Err(Broken);
        }
        Ok(Self { from, to, pace })
    }

    fn length(self) -> Option<u32> {
        self.to.map(|to| length(self.from, to))
    }
}

const fn length(from: u16, to: u16) -> u32 {
    (to as u32).saturating_sub(from as u32) + 1
}

impl Span {
    /// Reads one source range and its target, which may be a list: a span for each part of it.
    ///
    /// Where both sides are bounded the written pace is ignored and follows from the lengths: the generator and the
    /// hand-written part of the list read its sign differently.
    pub(super) fn read(source: &str, target: Option<&str>) -> Result<Vec<Self>, Broken> {
        let source = Range::read(source)?;
        let Some(target) = target else {
            return Ok(vec![Self {
                from: source.from,
                to: source.to.unwrap_or(0),
                first: 0,
                last: 0,
                pace: 1,
            }]);
        };
        let ranges = target
            .split(',')
            .map(Range::read)
            .collect::<Result<Vec<_>, _>>()?;
        match (ranges.as_slice(), source.to) {
            ([one], None) => Ok(vec![Self::open(source, *one)?]),
            ([one], Some(_)) if one.to.is_none() => Ok(vec![Self::open(source, *one)?]),
            (several, Some(_)) => Self::pieces(source, several),
            (_, None) => Err(Broken),
        }
    }

    /// A stretch of which at least one side is open: episode for episode unless a pace is written.
    fn open(source: Range, target: Range) -> Result<Self, Broken> {
        let pace = match (source.pace, target.pace) {
            (None | Some(1 | -1), None) => 1,
            (None | Some(1 | -1), Some(pace)) => i8::try_from(pace).map_err(|_| Broken)?,
            // Which side it then counts for, nobody says.
            (Some(_), _) => return Err(Broken),
        };
        let is_plain = matches!(pace, 1 | -1);
        let end = |from: u16, length: u32| {
            let to = u32::from(from) + length - 1;
            u16::try_from(to).map_err(|_| Broken)
        };
        let (to, last) = match (source.length(), target.length()) {
            (None, None) => (0, 0),
            (None, Some(length)) if is_plain => (end(source.from, length)?, target.to.unwrap_or(0)),
            (Some(length), None) if is_plain => (source.to.unwrap_or(0), end(target.from, length)?),
            _ => return Err(Broken),
        };
        Ok(Self {
            from: source.from,
            to,
            first: target.from,
            last,
            pace: if is_plain { 1 } else { pace },
        })
    }

    /// Bounded stretches, cut where the targets are.
    fn pieces(source: Range, targets: &[Range]) -> Result<Vec<Self>, Broken> {
        let lengths = targets
            .iter()
            .map(|target| target.length())
            .collect::<Option<Vec<_>>>()
            .ok_or(Broken)?;
        let (ours, theirs) = (source.length().ok_or(Broken)?, lengths.iter().sum::<u32>());
        let mut from = u32::from(source.from);
        let mut spans = Vec::with_capacity(targets.len());
        for (target, theirs_here) in targets.iter().zip(lengths) {
            let here = theirs_here * ours;
            // An episode that would show the end of one piece and the start of the next has no place to report.
            if !here.is_multiple_of(theirs) || here == 0 {
                return Err(Broken);
            }
            let here = here / theirs;
            if !here.is_multiple_of(theirs_here) && !theirs_here.is_multiple_of(here) {
                return Err(Broken);
            }
            spans.push(Self {
                from: u16::try_from(from).map_err(|_| Broken)?,
                to: u16::try_from(from + here - 1).map_err(|_| Broken)?,
                first: target.from,
                last: target.to.ok_or(Broken)?,
                pace: 1,
            });
            from += here;
        }
        Ok(spans)
    }

    /// Says whether the stretch holds an episode of the season.
    pub(super) fn holds(self, episode: u32) -> bool {
        episode >= u32::from(self.from) && (self.to == 0 || episode <= u32::from(self.to))
    }

    /// Says whether it has no end yet.
    pub(super) const fn is_open(self) -> bool {
        self.to == 0
    }

    /// Says whether the list takes this stretch out instead of placing it.
    pub(super) const fn is_unmapped(self) -> bool {
        self.first == 0
    }

    /// How many episodes of the entry one of the season is, and how many of the season one of the entry is.
    fn paces(self) -> (u32, u32) {
        if self.to == 0 || self.last == 0 {
            let pace = u32::from(self.pace.unsigned_abs()).max(1);
            return if self.pace > 0 { (pace, 1) } else { (1, pace) };
        }
        let (ours, theirs) = (length(self.from, self.to), length(self.first, self.last));
        if theirs >= ours {
            ((theirs / ours).max(1), 1)
        } else {
            (1, (ours / theirs).max(1))
        }
    }

    /// Where an episode of the season lies in the entry.
    pub(super) fn place(self, episode: u32) -> Option<Hit> {
        if !self.holds(episode) || self.is_unmapped() {
            return None;
        }
        let offset = episode - u32::from(self.from);
        let (each, parts) = self.paces();
        let first = u32::from(self.first).checked_add(offset.checked_mul(each)? / parts)?;
        Some(Hit {
            first,
            last: first.checked_add(each - 1)?,
            part: offset % parts + 1,
            parts,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn place(source: &str, target: &str, episode: u32) -> Option<(u32, u32, u32, u32)> {
        let spans = Span::read(source, Some(target)).unwrap();
        let mut hits = spans.iter().filter_map(|span| span.place(episode));
        let hit = hits
            .next()
            .map(|hit| (hit.first, hit.last, hit.part, hit.parts));
        assert_eq!(hits.next(), None, "pieces do not overlap");
        hit
    }

    #[test]
    fn equal_lengths_are_an_offset() {
        assert_eq!(place("17-28", "1-12", 20), Some((4, 4, 1, 1)));
        assert_eq!(place("29", "1", 29), Some((1, 1, 1, 1)));
        assert_eq!(place("1-12", "2-13", 13), None);
    }

    #[test]
    fn a_list_of_targets_is_walked_in_order() {
        assert_eq!(place("1-12", "1-6,8-13", 6), Some((6, 6, 1, 1)));
        assert_eq!(place("1-12", "1-6,8-13", 7), Some((8, 8, 1, 1)));
        assert_eq!(place("1-4", "1,9", 3), Some((9, 9, 1, 2)));
    }

    #[test]
    fn the_pace_follows_from_the_lengths_whatever_sign_is_written() {
        for target in ["1-120|5", "1-120|-5", "1-120"] {
            assert_eq!(place("1-24", target, 2), Some((6, 10, 1, 1)), "{target}");
        }
        for target in ["1-12|-2", "1-12|2"] {
            assert_eq!(place("1-24", target, 3), Some((2, 2, 1, 2)), "{target}");
            assert_eq!(place("1-24", target, 4), Some((2, 2, 2, 2)), "{target}");
        }
    }

    #[test]
    fn open_stretches_go_on_and_keep_their_written_pace() {
        assert_eq!(place("25-", "1-", 30), Some((6, 6, 1, 1)));
        assert_eq!(place("1-", "1-|2", 3), Some((5, 6, 1, 1)));
        assert_eq!(place("1-", "1-|-2", 3), Some((2, 2, 1, 2)));
        assert_eq!(place("25-", "1-12", 37), None);
        assert_eq!(place("25-30", "1-", 30), Some((6, 6, 1, 1)));
        assert_eq!(place("25-30", "1-", 31), None);
    }

    #[test]
    fn what_stands_for_nothing_has_no_place() {
        let spans = Span::read("3-4", None).unwrap();
        assert!(spans[0].is_unmapped() && spans[0].holds(3));
        assert_eq!(spans[0].place(3), None);
    }

    #[test]
    fn a_range_that_cannot_be_right_is_broken() {
        for (source, target) in [
            ("", "1"),
            ("0", "1"),
            ("1-12", "0-11"),
            ("5-3", "1-3"),
            ("1-2-3", "1-3"),
            ("1-3", "1-3|0"),
            ("1-3", "1-3|x"),
            ("+1", "1"),
            ("1-70000", "1-70000"),
            ("1-12", "1-5"),
            ("1-12", "1-6,"),
            ("1-2", "1-3,5"),
            ("1-", "1-6,8-"),
            ("1-|2", "1-"),
            ("1-", "1-|153"),
            ("65535-", "1-12"),
        ] {
            assert_eq!(
                Span::read(source, Some(target)),
                Err(Broken),
                "{source} {target}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(source in "[0-9,|\\-]{0,12}", target in "[0-9,|\\-]{0,12}", episode in 0u32..100_000) {
            for span in Span::read(&source, Some(&target)).unwrap_or_default() {
                let _ = span.place(episode);
            }
        }

        #[test]
        fn bounded_stretches_fill_the_entry_without_gap_or_overlap(from in 1u16..500, first in 1u16..500, length in 1u16..40, pace in 1u16..6, shrink: bool) {
            let (ours, theirs) = if shrink { (length * pace, length) } else { (length, length * pace) };
            let source = format!("{from}-{}", from + ours - 1);
            let target = format!("{first}-{}", first + theirs - 1);
            let span = Span::read(&source, Some(&target)).unwrap()[0];
            let mut seen = Vec::new();
            for episode in from..from + ours {
                let hit = span.place(u32::from(episode)).unwrap();
                if hit.part == hit.parts {
                    seen.extend(hit.first..=hit.last);
                }
            }
            let all: Vec<u32> = (u32::from(first)..u32::from(first + theirs)).collect();
            prop_assert_eq!(seen, all);
        }
    }
}
