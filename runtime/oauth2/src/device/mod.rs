//! The device authorization grant (RFC 8628): a device without a browser asks, and a person answers elsewhere.
//!
//! A request is a row: eight letters are all that travels from the device to the person, so nothing can be sealed into
//! them. The row holds keyed hashes of both codes, which client asks for what, when it may ask again, and what the
//! person answered.
//!
//! Attacks, and what stands against them:
//!
//! - A flood of requests, of public clients above all: each writes one small row, which leaves minutes later. A client
//!   has [`MOST_WAITING`] of them at a time; whoever calls this counts them by source before.
//! - Somebody guesses user codes to give strangers' devices an account of their own (section 5.1): 20⁸ codes, few of
//!   which wait, and whoever calls this counts guesses by source and by tenant.
//! - Somebody sends their own code to others, who sign their device in (section 5.4): a code is never taken from an
//!   address alone, the page says who asks for what, and the person is always asked. Neither a consent that was remembered
//!   nor `skip_consent` counts: the client may be one's own, the device in front of the sender is not. Nothing is
//!   remembered of the answer either. A consent app of the tenant's own is told the code, and is to say the same.
//! - Another site answers for the person: what was entered is sealed to the browser, and the question to the person who
//!   was shown it.
//! - A device code is tried by another client (it is bound), polled too often (`slow_down`, which bounds what polls
//!   write), or redeemed twice (guarded; the second one revokes what the first one got, as for authorization codes).

#[cfg(test)]
mod consent_app_tests;
mod entered;
mod external;
mod request;
mod store;
#[cfg(test)]
mod tests;
mod user_code;

pub(crate) use entered::WaitingDevice;
pub use entered::{DeviceOutcome, DeviceQuestion, DeviceStep};
pub(crate) use request::LEEWAY;
pub use request::{DeviceAuthorizationResponse, MOST_WAITING};
pub use store::{DeviceAnswer, DeviceCode, DeviceCodeRepository, Polling};
pub use user_code::UserCode;
