//! What forms say of passkeys and security keys.

use primitives::Timestamp;

use super::Message;

impl Message {
    /// Label of the button that proves a security key.
    pub fn sign_in_with_security_key() -> Self {
        Self::info(1_010_008, "Sign in with hardware key")
    }

    /// Label of the button that signs in with a passkey.
    pub fn sign_in_with_passkey() -> Self {
        Self::info(1_010_021, "Sign in with passkey")
    }

    /// Label of the button that signs up with a passkey.
    pub fn sign_up_with_passkey() -> Self {
        Self::info(1_040_007, "Sign up with passkey")
    }

    /// Label of the button that adds a security key.
    pub fn add_security_key() -> Self {
        Self::info(1_050_012, "Add security key")
    }

    /// Label of the name of a security key.
    pub fn security_key_name() -> Self {
        Self::info(1_050_013, "Name of the security key")
    }

    /// Label of the button that takes a security key away.
    pub fn remove_security_key(name: &str, at: Timestamp) -> Self {
        Self::info(1_050_018, format!("Remove security key \"{name}\"")).of_key(name, at)
    }

    /// Label of the button that adds a passkey.
    pub fn add_passkey() -> Self {
        Self::info(1_050_019, "Add passkey")
    }

    /// Label of the button that takes a passkey away.
    pub fn remove_passkey(name: &str, at: Timestamp) -> Self {
        Self::info(1_050_020, format!("Remove passkey \"{name}\"")).of_key(name, at)
    }

    fn of_key(self, name: &str, at: Timestamp) -> Self {
        self.with("display_name", name)
            .with("added_at", at.rfc3339())
            .with("added_at_unix", at.seconds())
            // Ours: the day alone, for pages.
            .with("added_on", at.rfc3339().split('T').next().unwrap_or_default().to_owned())
    }

    /// Label of the button that signs in with a security key alone.
    pub fn sign_in_with_named_key() -> Self {
        Self::info(1_010_011, "Sign in with hardware key")
    }

    /// What is to be done next.
    pub fn prepare_security_key() -> Self {
        Self::info(
            1_010_012,
            "Prepare your WebAuthn device (e.g. security key, biometrics scanner, ...) and press continue.",
        )
    }

    /// Label of the button that asks for it.
    pub fn continue_with_security_key() -> Self {
        Self::info(1_010_013, "Continue")
    }

    /// Label of the button that signs up with a security key.
    pub fn sign_up_with_security_key() -> Self {
        Self::info(1_040_004, "Sign up with security key")
    }

    /// There is no security key.
    pub fn no_security_key() -> Self {
        Self::error(4_000_013, "You have no WebAuthn device set up.")
    }

    /// No such credential, or it did not prove it; the two are one message.
    pub fn no_such_key() -> Self {
        Self::error(4_000_015, "This account does not exist or has no security key set up.")
    }

    /// The ceremony proved nothing (ours).
    pub fn key_not_verified() -> Self {
        Self::error(8_000_030, "The passkey or security key could not be verified. Please try again.")
    }

    /// The browser's answer came when the time for it was over (ours).
    pub fn key_too_late() -> Self {
        Self::error(8_000_032, "That took too long. Please try again.")
    }

    /// The authenticator is none that the tenant takes (ours).
    pub fn key_not_accepted() -> Self {
        Self::error(
            8_000_033,
            "This passkey or security key is not of a kind that is accepted here. Please use another one.",
        )
    }

    /// Nobody could sign in any more (ours).
    pub fn last_key() -> Self {
        Self::error(
            8_000_031,
            "This is the last way to sign in to this account. Please add another one before you remove it.",
        )
    }
}
