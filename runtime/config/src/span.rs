//! Durations as people write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A length of time: whole numbers with units, `d`, `h`, `m`, `s` or `ms`, e.g. `"30s"` or `"1h30m"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

const UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

impl Span {
    /// A whole number of seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut rest = text;
        let mut millis: u64 = 0;
        loop {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at_checked(digits)?;
            let letters = after.bytes().take_while(u8::is_ascii_lowercase).count();
            let (unit, after) = after.split_at_checked(letters)?;
            let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
            millis = millis.checked_add(number.parse::<u64>().ok()?.checked_mul(*factor)?)?;
            if after.is_empty() {
                return Some(Self(Duration::from_millis(millis)));
            }
            rest = after;
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, factor) = UNITS
            .iter()
            .rev()
            .find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor))
            .copied()
            .unwrap_or(("s", 1_000));
        write!(f, "{}{unit}", millis / factor)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text).ok_or_else(|| {
            format!(
                "`{text}` is not a length of time; write whole numbers with units (ms, s, m, h, d), e.g. \"30s\""
            )
        })
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "title": "length of time",
            "pattern": "^([0-9]+(ms|s|m|h|d))+$",
            "description": "A length of time: whole numbers with units, e.g. \"30s\" or \"1h30m\"."
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print() {
        for (text, expect) in [
            ("30s", Some("30s")),
            ("90s", Some("90s")),
            ("120s", Some("2m")),
            ("1500ms", Some("1500ms")),
            ("24h", Some("1d")),
            ("0s", Some("0s")),
            ("1h30m", Some("90m")),
            ("1d12h", Some("36h")),
            ("1h30", None),
            ("1h 30m", None),
            ("30", None),
            ("s", None),
            ("1.5h", None),
            ("-1s", None),
            ("99999999999999999999d", None),
        ] {
            assert_eq!(Span::parse(text).map(|span| span.to_string()).as_deref(), expect, "{text}");
        }
    }
}
