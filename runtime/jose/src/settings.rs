//! What a tenant may set about its signing keys.

use std::time::Duration;

use primitives::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::SigningAlgorithm;

/// What a tenant signs with, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The algorithms that it has a key for. In a tenant that signs already, the key of one that is added is
    /// published first and signs after `rotation.publish_ahead_seconds`; what signed before goes on until
    /// then. One that is taken out signs no more once all others do, and its keys stay published until what
    /// they signed has expired.
    pub algorithms: Vec<SigningAlgorithm>,
    /// When its keys follow each other.
    pub rotation: RotationSchedule,
}

impl Default for Settings {
    fn default() -> Self {
        Self { algorithms: vec![SigningAlgorithm::Es256], rotation: RotationSchedule::default() }
    }
}

/// When signing keys follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RotationSchedule {
    /// How long a key signs, in seconds. 90 days.
    pub rotate_every_seconds: u64,
    /// How long a key is published before it signs, in seconds. A day: longer than anybody should keep a
    /// copy of the key set; 300 at least. Counted into the time of the key before it.
    pub publish_ahead_seconds: u64,
    /// How long a key stays published after it has signed for the last time, in seconds. In any case for as
    /// long as a token of the tenant or of any of its clients lives. 30 days.
    pub keep_retired_seconds: u64,
}

impl Default for RotationSchedule {
    fn default() -> Self {
        const DAY: u64 = 24 * 3600;
        Self { rotate_every_seconds: 90 * DAY, publish_ahead_seconds: DAY, keep_retired_seconds: 30 * DAY }
    }
}

/// How long another node may go on signing with a key that has just been retired, and a verifier take a
/// token that has just expired.
const SLACK: Duration = Duration::from_mins(1);

impl RotationSchedule {
    /// The same schedule, with retired keys kept for at least as long as a token lives that they sign.
    #[must_use]
    pub fn covering(self, longest_token: Duration) -> Self {
        // Rounded up, so that a fraction of a second does not cost a token its key.
        let seconds = longest_token.as_secs().saturating_add(u64::from(longest_token.subsec_nanos() > 0));
        Self { keep_retired_seconds: self.keep_retired_seconds.max(seconds), ..self }
    }

    /// When the successor of a key that signs from `now` on is to be published. A schedule that
    /// publishes longer ahead than a key signs publishes at once.
    pub(crate) fn rotate_at(&self, now: Timestamp) -> Timestamp {
        let before_successor = self.rotate_every_seconds.saturating_sub(self.publish_ahead_seconds);
        now.after(Duration::from_secs(before_successor))
    }

    /// When a key that is published now takes over.
    pub(crate) fn signs_from(&self, now: Timestamp) -> Timestamp {
        now.after(Duration::from_secs(self.publish_ahead_seconds))
    }

    /// When a key that signs no more from `now` on is needed by nobody.
    pub(crate) fn retired_until(&self, now: Timestamp) -> Timestamp {
        now.after(Duration::from_secs(self.keep_retired_seconds)).after(SLACK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_setting_is_refused_and_missing_ones_have_defaults() {
        let some: RotationSchedule = serde_json::from_str(r#"{"rotate_every_seconds": 7}"#).unwrap();
        assert_eq!(some, RotationSchedule { rotate_every_seconds: 7, ..RotationSchedule::default() });
        assert!(serde_json::from_str::<RotationSchedule>(r#"{"rotate_every": 7}"#).is_err());
    }

    #[test]
    fn retired_key_outlives_the_longest_token() {
        let schedule = RotationSchedule { keep_retired_seconds: 10, ..RotationSchedule::default() };
        for (longest, keep) in [(5_000, 10), (10_000, 10), (10_001, 11), (60_000, 60)] {
            let longest = Duration::from_millis(longest);
            assert_eq!(schedule.covering(longest).keep_retired_seconds, keep, "{longest:?}");
            let now = Timestamp::from_seconds(1);
            assert!(schedule.covering(longest).retired_until(now) > now.after(longest));
        }
    }

    #[test]
    fn absurd_schedules_saturate() {
        let schedule = RotationSchedule {
            rotate_every_seconds: 5,
            publish_ahead_seconds: u64::MAX,
            keep_retired_seconds: u64::MAX,
        };
        let now = Timestamp::from_seconds(1);
        assert_eq!(schedule.rotate_at(now), now);
        assert!(schedule.signs_from(now) > now && schedule.retired_until(now) > now);
    }
}
