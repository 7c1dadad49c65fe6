//! What forms say of the check that a person is there.

use super::Message;

impl Message {
    /// Asks to prove that a person is there.
    pub fn captcha_label() -> Self {
        Self::info(1_070_015, "Please complete the captcha challenge to continue.")
    }

    /// There is no proof that a person is there, or one that proves nothing; the two are one message.
    pub fn captcha_failed() -> Self {
        Self::error(4_000_038, "Captcha verification failed, please try again.")
    }

    /// Whoever would tell does not answer (ours).
    pub fn captcha_unavailable() -> Self {
        Self::error(
            8_000_050,
            "It could not be checked that a person is there. Nothing was changed. Please try again in a few minutes; if \
             it goes on, tell whoever runs this service.",
        )
    }
}
