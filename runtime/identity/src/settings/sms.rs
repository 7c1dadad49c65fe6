//! What text messages may cost.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Rate;
use crate::identifier::phone_number;

/// Text messages, where a schema says `via: sms`. Each costs its tenant money, and some numbers pay those who cause messages
/// to them: so they are counted by source and for the whole tenant, besides by number like any address (`limits.mail`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SmsSettings {
    /// Messages that one client address (IPv6: one /64) causes.
    pub source: Rate,
    /// Messages of the tenant, whoever causes them. Those to numbers that nobody has count like the others, since else the
    /// count would tell who has an account.
    pub tenant: Rate,
    /// How numbers begin to which messages go, e.g. `+49` or `+43`; all without any. A number that begins otherwise is
    /// refused where somebody types it to get one.
    #[schemars(inner(regex(pattern = r"^\+[1-9][0-9]{0,14}$")))]
    pub prefixes: BTreeSet<String>,
}

impl Default for SmsSettings {
    fn default() -> Self {
        Self {
            source: Rate { burst: 10, refill_seconds: 300 },
            tenant: Rate { burst: 1000, refill_seconds: 4 },
            prefixes: BTreeSet::new(),
        }
    }
}

impl SmsSettings {
    /// Whether messages go to a number: one in international form (ITU-T E.164) that begins as the tenant says.
    ///
    /// Attack: a national number, of an account from before they were refused, is counted as no number and gets messages.
    pub fn reach(&self, number: &str) -> bool {
        let Some(number) = phone_number(number) else { return false };
        self.prefixes.is_empty() || self.prefixes.iter().any(|prefix| number.starts_with(prefix))
    }

    /// The first prefix with which no international number begins.
    pub fn unusable_prefix(&self) -> Option<&str> {
        let is_prefix = |text: &str| {
            text.strip_prefix('+').is_some_and(|digits| {
                (1..=15).contains(&digits.len())
                    && !digits.starts_with('0')
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
            })
        };
        self.prefixes.iter().map(String::as_str).find(|prefix| !is_prefix(prefix))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(prefixes: &[&str]) -> SmsSettings {
        let prefixes = prefixes.iter().map(|&prefix| prefix.to_owned()).collect();
        SmsSettings { prefixes, ..SmsSettings::default() }
    }

    #[test]
    fn numbers_are_reached_by_their_prefix() {
        for (prefixes, number, reached) in [
            (&[][..], "+88213000000", true),
            (&["+49", "+4320"], "+49301234567", true),
            (&["+49", "+4320"], "+4321234567", false),
            (&["+49"], "+4", false),
            (&[], "030 1234567", false),
            (&[], "0049301234567", false),
        ] {
            assert_eq!(with(prefixes).reach(number), reached, "{prefixes:?} {number}");
        }
    }

    #[test]
    fn prefix_that_no_number_has_is_found() {
        for prefix in ["49", "+", "+049", "+49x", "", "0049", "+1234567890123456"] {
            assert_eq!(with(&["+49", prefix]).unusable_prefix(), Some(prefix));
        }
        assert_eq!(with(&["+49", "+1242"]).unusable_prefix(), None);
    }
}
