//! Spans of time in the notation of Go's `time.Duration`, as client documents and settings write them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A span of time, written `1h0m0s`, `10m`, `250ms`; read also with days, `30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GoDuration(pub Duration);

impl GoDuration {
    /// A span of whole seconds.
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// A span of whole minutes.
    pub const fn minutes(minutes: u64) -> Self {
        Self::seconds(minutes * 60)
    }

    /// A span of whole hours.
    pub const fn hours(hours: u64) -> Self {
        Self::minutes(hours * 60)
    }
}

/// The text is not a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a duration such as \"1h30m\" or \"10s\"")]
pub struct InvalidDuration;

const NANOS_PER_SECOND: u64 = 1_000_000_000;
// Days are ours: what people write by hand may be months long. We never write them ourselves.
const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", NANOS_PER_SECOND),
    ("m", 60 * NANOS_PER_SECOND),
    ("h", 3_600 * NANOS_PER_SECOND),
    ("d", 86_400 * NANOS_PER_SECOND),
];

impl FromStr for GoDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, InvalidDuration> {
        let mut rest = text.strip_prefix('+').unwrap_or(text);
        if rest == "0" {
            return Ok(Self(Duration::ZERO));
        }
        if rest.is_empty() {
            return Err(InvalidDuration);
        }
        let mut nanos: u64 = 0;
        while !rest.is_empty() {
            let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or(InvalidDuration)?;
            let (digits, tail) = rest.split_at(number);
            let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(end);
            let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidDuration)?;
            nanos = nanos.checked_add(scaled(digits, *scale)?).ok_or(InvalidDuration)?;
            rest = tail;
        }
        Ok(Self(Duration::from_nanos(nanos)))
    }
}

/// `digits` (with an optional fraction) times `scale`, in whole nanoseconds.
fn scaled(digits: &str, scale: u64) -> Result<u64, InvalidDuration> {
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return Err(InvalidDuration);
    }
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| InvalidDuration)? };
    let mut total = whole.checked_mul(scale).ok_or(InvalidDuration)?;
    let mut place = scale;
    for digit in fraction.chars() {
        place /= 10;
        let tenths = u64::from(digit.to_digit(10).ok_or(InvalidDuration)?) * place;
        total = total.checked_add(tenths).ok_or(InvalidDuration)?;
    }
    Ok(total)
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = u64::try_from(self.0.as_nanos()).unwrap_or(u64::MAX);
        match nanos {
            0 => f.write_str("0s"),
            1..1_000 => write!(f, "{nanos}ns"),
            1_000..1_000_000 => write_fraction(f, nanos, 1_000, "µs"),
            1_000_000..NANOS_PER_SECOND => write_fraction(f, nanos, 1_000_000, "ms"),
            _ => {
                let seconds = nanos / NANOS_PER_SECOND;
                let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
                if hours > 0 {
                    write!(f, "{hours}h")?;
                }
                if hours > 0 || minutes > 0 {
                    write!(f, "{minutes}m")?;
                }
                write_fraction(f, nanos % (60 * NANOS_PER_SECOND), NANOS_PER_SECOND, "s")
            }
        }
    }
}

fn write_fraction(f: &mut fmt::Formatter<'_>, value: u64, scale: u64, unit: &str) -> fmt::Result {
    write!(f, "{}", value / scale)?;
    let width = scale.ilog10() as usize;
    let fraction = format!("{:0width$}", value % scale);
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        write!(f, ".{fraction}")?;
    }
    f.write_str(unit)
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for GoDuration {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "title": "length of time",
            "description": "A span of time such as \"1h30m\", \"10m\" or \"30d\".",
            "pattern": "^(0|([0-9]+(\\.[0-9]*)?(ns|us|µs|ms|s|m|h|d))+)$",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_as_go_does() {
        for (text, expect) in [
            ("1h", Some("1h0m0s")),
            ("90m", Some("1h30m0s")),
            ("1h0m0s", Some("1h0m0s")),
            ("90s", Some("1m30s")),
            ("1.5s", Some("1.5s")),
            ("100ms", Some("100ms")),
            ("1us", Some("1µs")),
            ("0", Some("0s")),
            ("720h", Some("720h0m0s")),
            ("", None),
            ("1", None),
            ("30d", Some("720h0m0s")),
            ("1w", None),
            ("-1h", None),
            (".s", None),
            ("99999999999999h", None),
            // The most that there is, and one more by the fraction alone.
            ("18446744073.709551615s", Some("5124095h34m33.709551615s")),
            ("18446744073.709551616s", None),
            ("18446744073.999999999s", None),
        ] {
            let read = text.parse::<GoDuration>().ok().map(|d| d.to_string());
            assert_eq!(read.as_deref(), expect, "{text}");
        }
    }
}
