//! What the forms say that verify addresses and let people back in.

use primitives::Timestamp;

use super::Message;

impl Message {
    /// A code was sent, as far as anybody is told.
    pub fn code_sent(kind: &str) -> Self {
        let (id, what) = match kind {
            "recovery" => (1_060_003, "recovery"),
            "login" => (1_010_014, "login"),
            "registration" => (1_040_005, "registration"),
            _ => (1_080_003, "verification"),
        };
        Self::info(
            id,
            format!(
                "An email containing a {what} code has been sent to the email address you provided. If you have not \
                 received an email, check the spelling of the address and make sure to use the address you registered \
                 with."
            ),
        )
    }

    /// A link was sent, as far as anybody is told.
    pub fn link_sent(kind: &str) -> Self {
        let (id, what) = match kind {
            "recovery" => (1_060_002, "recovery"),
            _ => (1_080_001, "verification"),
        };
        Self::info(
            id,
            format!(
                "An email containing a {what} link has been sent to the email address you provided. If you have not \
                 received an email, check the spelling of the address and make sure to use the address you registered \
                 with."
            ),
        )
    }

    /// A code was sent to a phone, as far as anybody is told.
    pub fn code_texted(kind: &str, masked: &str) -> Self {
        match kind {
            "recovery" => Self::texted(1_060_004, "recovery code", masked),
            _ => Self::info(
                1_080_004,
                "A text message containing a verification code has been sent to the phone number you provided. If you have \
                 not received a text message, check the spelling of the number and make sure to use the number you \
                 registered with.",
            ),
        }
    }

    /// A link was sent to a phone, as far as anybody is told (ours).
    pub fn link_texted(kind: &str, masked: &str) -> Self {
        Self::texted(8_000_080, &format!("{kind} link"), masked)
    }

    fn texted(id: u32, what: &str, masked: &str) -> Self {
        let text = format!(
            "A {what} has been sent to {masked}. If you have not received it, check the spelling of the address and make \
             sure to use the address you registered with."
        );
        Self::info(id, text).with("masked_address", masked)
    }

    /// The link is wrong, too old, used up or of another form; the four are one message.
    pub fn wrong_link(kind: &str) -> Self {
        let (id, what) = match kind {
            "recovery" => (4_060_004, "recovery"),
            "login" => (4_010_008, "login"),
            _ => (4_070_001, "verification"),
        };
        Self::error(
            id,
            format!("The {what} token is invalid or has already been used. Please retry the flow."),
        )
    }

    /// The code is wrong, too old, used up or of another form; the four are one message.
    pub fn wrong_code(kind: &str) -> Self {
        let (id, what) = match kind {
            "recovery" => (4_060_006, "recovery"),
            "login" => (4_010_008, "login"),
            "registration" => (4_040_003, "registration"),
            _ => (4_070_006, "verification"),
        };
        Self::error(id, format!("The {what} code is invalid or has already been used. Please try again."))
    }

    /// The form has served.
    pub fn already_done(kind: &str) -> Self {
        let id = match kind {
            "recovery" => 4_060_001,
            _ => 4_070_002,
        };
        Self::error(id, "The request was already completed successfully and can not be retried.")
    }

    /// The address was proven, or the number.
    pub fn address_verified(by_phone: bool) -> Self {
        if by_phone {
            return Self::success(1_080_005, "You successfully verified your phone number.");
        }
        Self::success(1_080_002, "You successfully verified your email address.")
    }

    /// Somebody is back in, and sets a new password next.
    pub fn recovered(until: Timestamp, now: Timestamp) -> Self {
        let minutes = until.since(now).as_secs() / 60;
        Self::success(
            1_060_001,
            format!(
                "You successfully recovered your account. Please change your password or set up an alternative login \
                 method (e.g. social sign in) within the next {minutes}.00 minutes."
            ),
        )
        .with("privileged_session_expires_at", until.rfc3339())
        .with("privileged_session_expires_at_unix", until.seconds())
    }

    /// Label of an address field.
    pub fn email_label() -> Self {
        Self::info(1_070_007, "Email")
    }

    /// Label of a field for an address, or a number, by which somebody gets back in.
    pub fn recovery_address_label() -> Self {
        Self::info(1_070_016, "Recovery address")
    }

    /// Label of a field for an address, or a number, that is to be verified.
    pub fn address_label() -> Self {
        Self::info(1_070_018, "Email or phone number")
    }

    /// Label of a field for a number.
    pub fn phone_label() -> Self {
        Self::info(1_070_017, "Phone number")
    }

    /// Asks to which of their addresses somebody wants a code.
    pub fn choose_recovery_address() -> Self {
        Self::info(1_060_006, "How do you want to recover your account?")
    }

    /// Asks for the whole of an address of which the beginning was shown.
    pub fn confirm_recovery_address() -> Self {
        Self::info(1_060_005, "Recover access to your account by providing your recovery address in full.")
    }

    /// Label of the button that goes back to the address, in a form that lets people back in.
    pub fn back_to_address() -> Self {
        Self::info(1_060_007, "Back")
    }

    /// Label of the button that chooses an address.
    pub fn masked_address(masked: &str) -> Self {
        Self::info(1_070_000, masked).with("masked_address", masked)
    }

    /// Label of the button that sends another code.
    pub fn resend_code() -> Self {
        Self::info(1_070_008, "Resend code")
    }

    /// Label of the button that signs in.
    pub fn sign_in() -> Self {
        Self::info(1_010_001, "Sign in")
    }

    /// Label of the button that has a code to sign in with sent.
    pub fn send_login_code() -> Self {
        Self::info(1_010_015, "Send sign in code")
    }

    /// Label of the button that has a code to sign up with sent.
    pub fn send_registration_code() -> Self {
        Self::info(1_040_006, "Send sign up code")
    }

    /// The code was sent for other traits than those that came with it.
    pub fn traits_differ() -> Self {
        Self::error(
            4_000_036,
            "The provided traits do not match the traits previously associated with this flow.",
        )
    }

    /// Asks for what the new account is signed in with.
    pub fn choose_credential() -> Self {
        Self::info(1_040_009, "Please choose a credential to authenticate yourself with.")
    }

    /// Label of the button that goes back.
    pub fn back() -> Self {
        Self::info(1_040_008, "Back")
    }

    /// Label of the button that sends a code to an address.
    pub fn send_code_to(address: &str) -> Self {
        Self::info(1_010_023, format!("Send code to {address}")).with("address", address)
    }

    /// The account has no such address.
    pub fn unknown_address() -> Self {
        Self::error(
            4_010_010,
            "The address you entered does not match any known addresses in the current account.",
        )
    }

    /// Label of the button that sends another link (ours).
    pub fn resend_link() -> Self {
        Self::info(8_000_010, "Send the link again")
    }

    /// Label of the button, or the link, that goes on.
    pub fn go_on() -> Self {
        Self::info(1_070_009, "Continue")
    }

    /// Label of the field for a code.
    pub fn code_label(kind: &str) -> Self {
        match kind {
            "recovery" => Self::info(1_070_010, "Recovery code"),
            "registration" => Self::info(1_070_012, "Registration code"),
            "login" => Self::info(1_070_013, "Login code"),
            _ => Self::info(1_070_011, "Verification code"),
        }
    }
}
