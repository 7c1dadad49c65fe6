//! Days, as the people of a language write them.

use primitives::Timestamp;
use serde::Deserialize;

use super::fill;

/// How a language writes a day.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Dates {
    /// The order of `{day}`, `{month}` and `{year}`.
    date: String,
    /// The first day of a month, which French counts in another way.
    first: String,
    /// From January.
    months: [String; 12],
}

impl Dates {
    /// A day in UTC: the server does not know where the reader is.
    pub(super) fn written(&self, at: Timestamp) -> String {
        let standard = at.rfc3339();
        let day = standard.split('T').next().unwrap_or_default();
        let mut parts = day.split('-');
        let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else {
            return day.to_owned();
        };
        let index = month.parse::<usize>().ok().and_then(|month| month.checked_sub(1));
        let month = index.and_then(|index| self.months.get(index)).map_or(month, String::as_str);
        let day = match day.trim_start_matches('0') {
            "1" => &self.first,
            day => day,
        };
        fill(&self.date, &[("day", day), ("month", month), ("year", year)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::{Catalogue, Locale};

    #[test]
    fn a_day_is_written_as_its_readers_do() {
        let catalogue = Catalogue::load().unwrap();
        for (at, en, de, fr, es) in [
            (
                "2026-11-26T23:59:59Z",
                "26 November 2026",
                "26. November 2026",
                "26 novembre 2026",
                "26 de noviembre de 2026",
            ),
            ("2027-03-01T00:00:00Z", "1 March 2027", "1. März 2027", "1er mars 2027", "1 de marzo de 2027"),
            (
                "1999-12-31T12:00:00Z",
                "31 December 1999",
                "31. Dezember 1999",
                "31 décembre 1999",
                "31 de diciembre de 1999",
            ),
        ] {
            let at = Timestamp::parse_rfc3339(at).unwrap();
            for (locale, expect) in [(Locale::En, en), (Locale::De, de), (Locale::Fr, fr), (Locale::Es, es)] {
                assert_eq!(catalogue.words(locale).date(at), expect);
            }
        }
    }
}
