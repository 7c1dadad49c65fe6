//! What a form is asked for with.

use primitives::KeyedHash;
use url::Url;

use super::{AskedOnward, Transport};

/// What a flow is asked for with.
#[derive(Debug, Clone, Copy)]
pub struct StartRequest<'a> {
    /// Who shows it.
    pub transport: Transport,
    /// The tenant's public base URL.
    pub base: &'a Url,
    /// Path and query below it.
    pub request: &'a str,
    /// Where to go afterwards.
    pub return_to: Option<&'a str>,
    /// What comes after it, beyond that.
    pub onward: AskedOnward<'a>,
    /// Which identity schema.
    pub identity_schema: Option<&'a str>,
    /// The authorization request that waits for it.
    pub login_challenge: Option<&'a str>,
    /// Who the client behind it thinks will sign in.
    pub login_hint: Option<&'a str>,
    /// Whether somebody signed in is to prove it again.
    pub refresh: bool,
    /// Whether somebody else is to sign in, in the place of whoever is signed in.
    pub select_account: bool,
    /// The assurance level that is asked for.
    pub aal: Option<&'a str>,
    /// To which address a code goes that proves the second factor.
    pub via: Option<&'a str>,
    /// In which organisation's name.
    pub organisation: Option<&'a str>,
    /// The token of the invitation with which somebody signs up.
    pub invitation: Option<&'a str>,
    /// Whether the session is to be fetched with two codes, by a native application.
    pub exchange: bool,
    /// The hash of the cookie of the browser; absent for native applications.
    pub browser: Option<&'a KeyedHash>,
    /// Whether it takes the place of one that the browser began and does not keep any more. It is a row: a browser that keeps
    /// none of them would lose each that it is given.
    pub lost: bool,
}

impl<'a> StartRequest<'a> {
    /// One that says no more than who shows the form, and where it was asked for: path and query below the tenant's public
    /// base URL.
    pub const fn new(transport: Transport, base: &'a Url, request: &'a str) -> Self {
        Self {
            transport,
            base,
            request,
            return_to: None,
            onward: AskedOnward { after_verification: None, skip_settings: false },
            identity_schema: None,
            login_challenge: None,
            login_hint: None,
            refresh: false,
            select_account: false,
            aal: None,
            via: None,
            organisation: None,
            invitation: None,
            exchange: false,
            browser: None,
            lost: false,
        }
    }
}
