//! What forms say of passwords that are known from breaches.

use super::Message;

impl Message {
    /// The password was found in breaches: so often, where that is known.
    pub fn password_breached(times: Option<u64>) -> Self {
        let message = Self::error(
            4_000_034,
            "The password has been found in data breaches and must no longer be used.",
        );
        match times {
            Some(times) => message.with("breaches", times),
            None => message,
        }
    }

    /// Whoever would tell does not answer (ours).
    pub fn password_unchecked() -> Self {
        Self::error(
            8_000_060,
            "It could not be checked whether the password is known from data breaches. Nothing was changed. Please try \
             again in a few minutes; if it goes on, tell whoever runs this service.",
        )
    }
}
