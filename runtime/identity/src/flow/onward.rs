//! Where a form leads beyond its own page, as whoever began it asked.
//!
//! Attack: a link to our own sign-up ends at a look-alike of it, at the moment at which somebody trusts where they are. So an
//! address is taken only if the tenant's list has it, and when the form begins; what is kept is never taken from a request
//! again (RFC 9700, section 4.11).

use serde::{Deserialize, Serialize};
use url::Url;

use super::{FlowKind, Transport, is_default};
use crate::return_to::{self, ReturnToForbidden};
use crate::settings::FlowSettings;

/// What a form is asked for with of what comes after it.
#[derive(Debug, Clone, Copy, Default)]
pub struct AskedOnward<'a> {
    /// Where the browser goes once an address of the new account is verified.
    pub after_verification: Option<&'a str>,
    /// Whether whoever gets back in goes on without setting a new password.
    pub skip_settings: bool,
}

/// What comes after a form.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Onward {
    /// Where the forms lead that verify the addresses of a new account; checked against the allow-list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_verification: Option<String>,
    /// Whether whoever gets back in is not led to the form that sets a new password.
    #[serde(skip_serializing_if = "is_default")]
    pub skip_settings: bool,
}

impl Onward {
    /// Takes what the kind of form has of it, and leaves the rest: an address that nothing leads to is not looked at.
    pub(super) fn check(
        asked: AskedOnward<'_>,
        (kind, transport): (&FlowKind, Transport),
        (base, settings): (&Url, &FlowSettings),
    ) -> Result<Self, ReturnToForbidden> {
        match kind {
            FlowKind::Registration { .. } => {
                let wanted = asked.after_verification.filter(|wanted| !wanted.is_empty());
                let checked = wanted.map(|wanted| return_to::check(wanted, base, settings)).transpose()?;
                let after_verification = checked.map(|checked| checked.as_str().to_owned());
                Ok(Self { after_verification, skip_settings: false })
            }
            // A native application has no page to be led to, and opens the form or does not.
            FlowKind::Recovery { .. } if transport == Transport::Browser => {
                Ok(Self { after_verification: None, skip_settings: asked.skip_settings })
            }
            FlowKind::Recovery { .. }
            | FlowKind::Login { .. }
            | FlowKind::Settings { .. }
            | FlowKind::Verification { .. } => Ok(Self::default()),
        }
    }
}
