//! Devices on which no second factor is asked for.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Devices that people trust: no second factor is asked for there when they sign in with the first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrustedDeviceSettings {
    /// For how many days, at most 365; 0 has nobody asked whether they trust a device, and those that are trusted count for
    /// nothing. Sessions there stay `aal1`, and changing the account asks for the second factor all the same.
    pub lifespan_days: u32,
}

impl TrustedDeviceSettings {
    /// The longest time, in days.
    pub const LONGEST_DAYS: u32 = 365;

    /// Whether people may trust devices.
    pub const fn is_enabled(&self) -> bool {
        self.lifespan_days > 0
    }

    /// How long a device is trusted.
    pub const fn lifespan(&self) -> Duration {
        Duration::from_hours(24 * self.lifespan_days as u64)
    }
}
