//! What forms say of second factors.

use serde_json::json;

use super::Message;

impl Message {
    /// Whether a second factor is asked for in this browser (ours).
    pub fn trust_device(days: u32) -> Self {
        let text = format!("Do not ask for a second factor in this browser for {days} days");
        Self::info(8_000_040, text).with("days", days)
    }

    /// Asks for the second factor.
    pub fn second_factor_challenge() -> Self {
        Self::info(1_010_004, "Please complete the second authentication challenge.")
    }

    /// Label of the code of an authenticator app.
    pub fn totp_code_label() -> Self {
        Self::info(1_010_006, "Authentication code")
    }

    /// Label of a backup code.
    pub fn lookup_secret_label() -> Self {
        Self::info(1_010_007, "Backup recovery code")
    }

    /// Label of the button that proves an authenticator app.
    pub fn sign_in_with_totp() -> Self {
        Self::info(1_010_009, "Use Authenticator")
    }

    /// Label of the button that uses a backup code.
    pub fn sign_in_with_lookup_secret() -> Self {
        Self::info(1_010_010, "Use backup recovery code")
    }

    /// Label of the button that takes an authenticator app away.
    pub fn unlink_totp() -> Self {
        Self::info(1_050_004, "Unlink TOTP Authenticator App")
    }

    /// Label of the QR code.
    pub fn totp_qr_label() -> Self {
        Self::info(1_050_005, "Authenticator app QR code")
    }

    /// The secret of an authenticator app.
    pub fn totp_secret(secret: &str) -> Self {
        Self::info(1_050_006, secret).with("secret", secret)
    }

    /// Label of the button that shows backup codes.
    pub fn reveal_lookup_secrets() -> Self {
        Self::info(1_050_007, "Reveal backup recovery codes")
    }

    /// Label of the button that makes backup codes.
    pub fn regenerate_lookup_secrets() -> Self {
        Self::info(1_050_008, "Generate new backup recovery codes")
    }

    /// One backup code.
    pub fn lookup_secret(code: &str) -> Self {
        Self::info(1_050_009, code).with("secret", code)
    }

    /// Label of backup codes.
    pub fn lookup_secrets_label() -> Self {
        Self::info(1_050_010, "These are your back up recovery codes. Please keep them in a safe place!")
    }

    /// Label of the button that takes backup codes.
    pub fn confirm_lookup_secrets() -> Self {
        Self::info(1_050_011, "Confirm backup recovery codes")
    }

    /// In the place of a backup code that was used.
    pub fn lookup_secret_was_used(at: String) -> Self {
        Self::info(1_050_014, format!("Secret was used at {at}")).with("used_at", at)
    }

    /// All backup codes; each is a message of its own, too.
    pub fn lookup_secret_list(codes: &[Self]) -> Self {
        let texts: Vec<&str> = codes.iter().map(|code| code.text.as_str()).collect();
        let text = texts.join(", ");
        Self::info(1_050_015, text).with("secrets", json!(codes))
    }

    /// Label of the button that takes backup codes away.
    pub fn disable_lookup_secrets() -> Self {
        Self::info(1_050_016, "Disable this method")
    }

    /// Label of the secret of an authenticator app.
    pub fn totp_secret_label() -> Self {
        Self::info(
            1_050_017,
            "This is your authenticator app secret. Use it if you can not scan the QR code.",
        )
    }

    /// Label of the code that confirms an authenticator app.
    pub fn verify_code_label() -> Self {
        Self::info(1_070_006, "Verify code")
    }

    /// Wrong or used before; the two are one message.
    pub fn wrong_totp_code() -> Self {
        Self::error(4_000_008, "The provided authentication code is invalid, please try again.")
    }

    /// There is no authenticator app.
    pub fn no_totp_device() -> Self {
        Self::error(4_000_011, "You have no TOTP device set up.")
    }

    /// Every backup code counts once.
    pub fn used_lookup_secret() -> Self {
        Self::error(4_000_012, "This backup recovery code has already been used.")
    }

    /// There are no backup codes.
    pub fn no_lookup_secrets() -> Self {
        Self::error(4_000_014, "You have no backup recovery codes set up.")
    }

    /// It is none of the backup codes.
    pub fn wrong_lookup_secret() -> Self {
        Self::error(4_000_016, "The backup recovery code is not valid.")
    }
}
