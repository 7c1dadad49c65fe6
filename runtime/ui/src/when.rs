//! When something was, in the words of a person.

use primitives::Timestamp;

use crate::locale::{Counted, Words, fill};

/// How long ago, in the words of a person; a date after a month.
pub(crate) fn ago(then: Timestamp, now: Timestamp, words: &Words) -> String {
    let w = &words.sessions;
    let minutes = now.since(then).as_secs() / 60;
    let n = |text: &Counted, count: u64| fill(words.counted(text, count), &[("n", &count.to_string())]);
    match minutes {
        0 => w.now.clone(),
        1..60 => n(&w.minutes, minutes),
        60..1440 => n(&w.hours, minutes / 60),
        1440..2880 => w.day.clone(),
        2880..43_200 => n(&w.days, minutes / 1440),
        _ => fill(&w.on_date, &[("date", &words.date(then))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::{Catalogue, Locale};

    #[test]
    fn one_is_not_said_like_many() {
        let catalogue = Catalogue::load().unwrap();
        let now = Timestamp::parse_rfc3339("2026-11-26T12:00:00Z").unwrap();
        for (seconds, en, de, fr, es) in [
            (59, "just now", "gerade eben", "à l’instant", "ahora mismo"),
            (60, "1 minute ago", "vor 1 Minute", "il y a 1 minute", "hace 1 minuto"),
            (3_599, "59 minutes ago", "vor 59 Minuten", "il y a 59 minutes", "hace 59 minutos"),
            (3_600, "1 hour ago", "vor 1 Stunde", "il y a 1 heure", "hace 1 hora"),
            (7_200, "2 hours ago", "vor 2 Stunden", "il y a 2 heures", "hace 2 horas"),
            (86_400, "yesterday", "gestern", "hier", "ayer"),
            (172_800, "2 days ago", "vor 2 Tagen", "il y a 2 jours", "hace 2 días"),
            (
                2_592_000,
                "on 27 October 2026",
                "am 27. Oktober 2026",
                "le 27 octobre 2026",
                "el 27 de octubre de 2026",
            ),
        ] {
            let then = Timestamp::from_seconds(now.seconds() - seconds);
            for (locale, expect) in [(Locale::En, en), (Locale::De, de), (Locale::Fr, fr), (Locale::Es, es)] {
                assert_eq!(ago(then, now, catalogue.words(locale)), expect);
            }
        }
    }
}
