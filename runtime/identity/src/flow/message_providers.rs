//! What forms say of other providers.

use primitives::RequestId;

use super::Message;

impl Message {
    /// Label of the button that signs in with a provider.
    pub fn sign_in_with_provider(label: &str, id: &str) -> Self {
        Self::info(1_010_002, format!("Sign in with {label}")).with("provider", label).with("provider_id", id)
    }

    /// Says that an account has the identifier already, and is to be proven.
    pub fn link_after_sign_in(identifier: &str, label: &str) -> Self {
        let text = format!(
            "You tried to sign in with \"{identifier}\", but that email is already used by another account. Sign in \
             to your account with one of the options below to add your account \"{identifier}\" at \"{label}\" as \
             another way to sign in."
        );
        Self::info(1_010_016, text).with("duplicateIdentifier", identifier).with("provider", label)
    }

    /// Label of the button that proves an account by another provider that it is linked to.
    pub fn confirm_with_provider(label: &str, id: &str) -> Self {
        Self::info(1_010_018, format!("Confirm with {label}")).with("provider", label).with("provider_id", id)
    }

    /// Label of the button that signs up with a provider.
    pub fn sign_up_with_provider(label: &str, id: &str) -> Self {
        Self::info(1_040_002, format!("Sign up with {label}")).with("provider", label).with("provider_id", id)
    }

    /// Label of the button that goes on with a sign-up.
    pub fn go_on_registration() -> Self {
        Self::info(1_040_003, "Continue")
    }

    /// Label of the button that links an account to a provider.
    pub fn link_provider(label: &str, id: &str) -> Self {
        Self::info(1_050_002, format!("Link {label}")).with("provider", label).with("provider_id", id)
    }

    /// Label of the button that unlinks it.
    pub fn unlink_provider(label: &str, id: &str) -> Self {
        Self::info(1_050_003, format!("Unlink {label}")).with("provider", label).with("provider_id", id)
    }

    /// The account that was proven is not the one that a link waits for.
    pub fn linked_credentials_differ() -> Self {
        Self::error(4_010_009, "Linked credentials do not match.")
    }

    /// The provider did not answer as it should (ours).
    pub fn provider_failed(label: &str, request: RequestId) -> Self {
        let text = format!(
            "{label} did not answer as it should, and nothing was changed. Please try again, or choose another way. If \
             it goes on, tell whoever runs this service: request {request}."
        );
        Self::error(8_000_020, text).with("provider", label).with("request", request.to_string())
    }

    /// The provider, or the person there, refused (ours).
    pub fn provider_refused(label: &str, request: RequestId) -> Self {
        let text = format!(
            "{label} did not confirm who you are, and nothing was changed. Please try again and allow it there, or \
             choose another way. (Request {request}.)"
        );
        Self::error(8_000_021, text).with("provider", label).with("request", request.to_string())
    }

    /// The account, or another one, is linked to that provider already (ours).
    pub fn provider_link_taken(label: &str) -> Self {
        let text = format!("An account at {label} can be linked once, to one account here.");
        Self::error(8_000_022, text).with("provider", label)
    }

    /// The organisation whose domain an address has takes no other way (ours).
    pub fn connection_required(label: &str, id: &str) -> Self {
        let text = format!("Your organization asks you to sign in with {label}. Please use its button.");
        Self::error(8_000_024, text).with("provider", label).with("provider_id", id)
    }

    /// A connection named an address for which it does not speak (ours).
    pub fn connection_overreaches(label: &str) -> Self {
        let text = format!(
            "{label} named an address that belongs to another organization, and nothing was changed. Please tell whoever \
             runs {label}."
        );
        Self::error(8_000_025, text).with("provider", label)
    }

    /// A connection let somebody in who is no member, and does not become one (ours).
    pub fn connection_of_others(label: &str) -> Self {
        let text = format!(
            "{label} is for the members of an organization, and you are not one of them. Please ask its administrator for \
             an invitation."
        );
        Self::error(8_000_026, text).with("provider", label)
    }

    /// What was to be taken away is the last thing to sign in with (ours).
    pub fn last_credential() -> Self {
        Self::error(
            8_000_023,
            "This is the only way in which you can sign in, so it stays. Set up another first.",
        )
    }
}
