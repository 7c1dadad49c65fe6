//! Second factors in forms: proving one when signing in, and setting them up on the settings page.
//!
//! What a form shows of them stays with the form, sealed as all of it is: the secret of an authenticator app that is
//! not confirmed yet, and backup codes that were made but not taken.

mod change;
mod code;
mod nodes;
mod prove;

use primitives::subject::AssuranceLevel;
use primitives::{Actor, AuditEvent, Change, IdentityId, SessionClaims};
use serde::{Deserialize, Serialize};

pub(super) use change::{change_lookup_secrets, change_totp};
pub use code::CodeAddress;
pub(super) use code::prove_by_code;
pub(super) use nodes::nodes;
pub(super) use prove::prove;

use super::proven::proven_in;
use super::{Flow, KeyForm, Message, NamedForm, Room};
use crate::factor::lookup_secret::LookupSecrets;
use crate::factor::totp::TotpSecret;
use crate::factor::{FactorKind, StoredFactor, find};
use crate::identity::Identity;
use crate::ports::StoreUnavailable;
use crate::session::{AuthenticationMethod, LiveSession, Method, Session};
use crate::settings::RequiredAssurance;
use crate::ways::Ways;
use crate::webauthn::StoredKey;
use crate::write::Write;

/// What a form asks and shows of second factors.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FactorForm {
    /// Whose second factor a sign-in asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step_up: Option<StepUp>,
    /// The authenticator app of a settings form.
    pub totp: TotpForm,
    /// The backup codes of a settings form.
    pub lookup_secret: LookupForm,
    /// Passkeys and security keys, which some forms ask for as the first factor.
    #[serde(skip_serializing_if = "KeyForm::is_hidden")]
    pub keys: KeyForm,
    /// Security keys that sign in alone.
    #[serde(skip_serializing_if = "NamedForm::is_hidden")]
    pub named: NamedForm,
}

/// A sign-in that goes on with a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepUp {
    /// Who is signed in with the first.
    pub identity: IdentityId,
    /// What they can prove it with.
    pub kinds: Vec<FactorKind>,
    /// Where a code can be sent that proves it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<CodeAddress>,
    /// For how many days they may have none asked for in this browser; 0 if they may not.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub trust_days: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(days: &u32) -> bool {
    *days == 0
}

/// An authenticator app as a settings form shows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TotpForm {
    /// Not at all.
    #[default]
    Hidden,
    /// To be set up with this secret.
    Offered {
        /// The secret, until a code confirms it.
        secret: TotpSecret,
        /// Under which name an app lists the account.
        issuer: String,
        /// Whose it is.
        account: String,
    },
    /// Set up, to be taken away.
    Set,
}

/// Backup codes as a settings form shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LookupForm {
    /// Not at all.
    #[default]
    Hidden,
    /// There are none; they can be made.
    Absent,
    /// There are some.
    Set,
    /// There are these.
    Revealed(LookupSecrets),
    /// These are made, and count when they are confirmed.
    Proposed(LookupSecrets),
}

/// What a submitted form says of second factors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FactorSubmission {
    /// A code of an authenticator app.
    pub totp_code: Option<String>,
    /// A backup code.
    pub lookup_secret: Option<String>,
    /// The button that was pressed, where it is one of these.
    pub button: Option<FactorButton>,
}

/// The buttons that name no method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorButton {
    /// Takes the authenticator app away.
    TotpUnlink,
    /// Makes backup codes.
    LookupSecretRegenerate,
    /// Shows them.
    LookupSecretReveal,
    /// Takes those that were made.
    LookupSecretConfirm,
    /// Takes them away.
    LookupSecretDisable,
}

impl FactorButton {
    const ALL: [(&'static str, Self); 5] = [
        ("totp_unlink", Self::TotpUnlink),
        ("lookup_secret_regenerate", Self::LookupSecretRegenerate),
        ("lookup_secret_reveal", Self::LookupSecretReveal),
        ("lookup_secret_confirm", Self::LookupSecretConfirm),
        ("lookup_secret_disable", Self::LookupSecretDisable),
    ];
}

impl FactorSubmission {
    pub(super) fn is_button(name: &str) -> bool {
        FactorButton::ALL.iter().any(|(known, _)| *known == name)
    }

    pub(super) fn with_buttons(mut self, is_pressed: impl Fn(&str) -> bool) -> Self {
        self.button = FactorButton::ALL.iter().find(|(name, _)| is_pressed(name)).map(|(_, button)| *button);
        self
    }

    /// The method of a form whose button names none.
    pub(super) fn method(&self) -> Option<String> {
        let kind = match self.button? {
            FactorButton::TotpUnlink => FactorKind::Totp,
            FactorButton::LookupSecretRegenerate
            | FactorButton::LookupSecretReveal
            | FactorButton::LookupSecretConfirm
            | FactorButton::LookupSecretDisable => FactorKind::LookupSecret,
        };
        Some(kind.as_str().to_owned())
    }
}

impl FactorForm {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A sign-in of somebody with these factors; `None` if they have none.
    pub(super) fn step_up(
        room: Room<'_>,
        identity: IdentityId,
        (factors, keys): (&[StoredFactor], &[StoredKey]),
        addresses: Vec<CodeAddress>,
    ) -> Option<Self> {
        let kinds: Vec<FactorKind> = [FactorKind::Totp, FactorKind::LookupSecret]
            .into_iter()
            .filter(|kind| find(factors, *kind).is_some())
            .collect();
        let keys = KeyForm::of_step_up(room, keys);
        let has_one = !kinds.is_empty() || !addresses.is_empty() || !keys.is_hidden();
        has_one.then(|| Self {
            step_up: Some(StepUp {
                identity,
                kinds,
                addresses,
                trust_days: room.settings.trusted_device.lifespan_days,
            }),
            keys,
            ..Self::default()
        })
    }

    /// What a form to sign in or up asks of passkeys and security keys.
    pub(super) fn of_keys((keys, named): (KeyForm, NamedForm)) -> Self {
        Self { keys, named, ..Self::default() }
    }

    /// What a settings form shows of an identity's factors.
    pub(super) async fn of_settings(
        room: Room<'_>,
        identity: &Identity,
        ways: &Ways,
    ) -> Result<Self, StoreUnavailable> {
        let factors = room.factors.list_factors(room.tenant, identity.id).await?;
        let totp = match find(&factors, FactorKind::Totp) {
            Some(_) => TotpForm::Set,
            None => TotpForm::offered(room, identity).await?,
        };
        let lookup_secret = match find(&factors, FactorKind::LookupSecret) {
            Some(_) => LookupForm::Set,
            None => LookupForm::absent(room),
        };
        let keys = KeyForm::of_settings(room, identity, ways).await?;
        Ok(Self { totp, lookup_secret, keys, ..Self::default() })
    }
}

impl TotpForm {
    async fn offered(room: Room<'_>, identity: &Identity) -> Result<Self, StoreUnavailable> {
        if !room.settings.totp.enabled {
            return Ok(Self::Hidden);
        }
        let (issuer, account) = room.named_in_apps(identity).await?;
        Ok(Self::Offered { secret: TotpSecret::generate(room.rng), issuer, account })
    }
}

impl Room<'_> {
    /// Under which issuer and name authenticator apps list an account.
    pub(crate) async fn named_in_apps(
        &self,
        identity: &Identity,
    ) -> Result<(String, String), StoreUnavailable> {
        let held = self.identities.list_identifiers(self.tenant, identity.id).await?;
        let host = || self.base.host_str().unwrap_or_default().to_owned();
        let issuer = self.settings.totp.issuer.clone().unwrap_or_else(host);
        Ok((issuer, held.into_iter().next().unwrap_or_else(|| identity.id.to_string())))
    }
}

impl LookupForm {
    const fn absent(room: Room<'_>) -> Self {
        if room.settings.lookup_secret.enabled { Self::Absent } else { Self::Hidden }
    }
}

impl Flow {
    /// The form with what it asks and shows of second factors.
    #[must_use]
    pub(super) fn with_factors(mut self, factors: FactorForm) -> Self {
        if factors.step_up.is_some() {
            self.messages = vec![Message::second_factor_challenge()];
        }
        self.factors = factors;
        self
    }

    /// Whether it asks for a second factor.
    pub const fn is_step_up(&self) -> bool {
        self.factors.step_up.is_some()
    }
}

/// Whether somebody who signed in so proves a second factor before the session is worth anything.
pub(super) fn is_next(room: Room<'_>, identity: &Identity, first: Method) -> bool {
    (identity.available >= AssuranceLevel::Aal2
        || !room.code_factor(identity, std::iter::once(first)).is_empty())
        && room.settings.session.whoami.required_aal == RequiredAssurance::HighestAvailable
}

/// The session after a second factor was proven in it, or set up from it, and the writes that make it so.
fn proven(
    room: Room<'_>,
    live: &LiveSession,
    method: Method,
    claims: SessionClaims,
    change: Change<Write>,
) -> (Session, Change<Write>) {
    let method = AuthenticationMethod::new(method, AssuranceLevel::Aal2, room.now);
    proven_in(live, method, claims, change)
}

fn audit(action: &'static str, live: &LiveSession, kind: Method) -> AuditEvent {
    let identity = live.identity().id;
    AuditEvent::new(action, Actor::Subject(identity), "identity", &identity).with("type", &kind.as_str())
}
