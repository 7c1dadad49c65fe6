//! What is sealed and leaves the node: one list, and a key for each.
//!
//! Attack: what was sealed for one purpose is brought back for another, be it because both have one name, or because whoever learns
//! enough of one key (by seals without end) has those of all. So a text is sealed for a member of this list and nothing else
//! ([`Sealer::seal_text`](super::Sealer::seal_text)), and under a key that is derived for that member alone. What is stored stays under its tenant's
//! key, bound to its table and row.

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $text:literal;)+) => {
        /// A kind of sealed text.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum SealedKind {
            $($(#[$doc])+ $name,)+
        }

        impl SealedKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// By which its key is derived.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }
        }
    };
}

kinds! {
    /// A request that its client pushed (RFC 9126).
    PushedRequest = "pushed_authorization_request";
    /// A request whose person signs in.
    LoginChallenge = "login_challenge";
    /// A request whose person is asked.
    ConsentChallenge = "consent_challenge";
    /// The same for a login app of the tenant's own.
    AppLoginChallenge = "app_login_challenge";
    /// What that app answered.
    AppLoginVerifier = "app_login_verifier";
    /// For a consent app of the tenant's own.
    AppConsentChallenge = "app_consent_challenge";
    /// What that app answered.
    AppConsentVerifier = "app_consent_verifier";
    /// A device's request, whose code was entered.
    DeviceChallenge = "device_challenge";
    /// The same, with its person.
    DeviceConsent = "device_consent";
    /// The same, when an app has taken the code.
    DeviceVerifier = "device_verifier";
    /// For an app that takes the codes of devices.
    AppDeviceChallenge = "app_device_challenge";
    /// For a consent app, of a device.
    AppDeviceConsentChallenge = "app_device_consent_challenge";
    /// What that app answered.
    AppDeviceConsentVerifier = "app_device_consent_verifier";
    /// A sign-out that is to be confirmed.
    LogoutChallenge = "logout_challenge";
    /// One that an app has confirmed.
    AppLogoutVerifier = "app_logout_verifier";
    /// The page that signs somebody out of apps in their browser.
    Farewell = "farewell";
    /// A sign-in that goes on at a provider.
    ProviderState = "provider_state";
    /// A form that its browser keeps.
    BrowserFlow = "browser_flow";
    /// Where a list of the API goes on.
    PageToken = "page_token";
    /// Where the list of clients goes on.
    ClientPageToken = "page_token.clients";
}
