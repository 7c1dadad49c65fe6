//! Passkeys and security keys in forms: signing in and up with one, proving one as the second factor, and the settings
//! page on which they are added and removed.
//!
//! A ceremony's challenge stays with the form, sealed as all of it is. Whatever an answer leads to, the form goes on with
//! another challenge or not at all; of several who send the same answer at a time, the guards of the credential's
//! version or of its id let one pass.

mod change;
mod named;
mod named_form;
mod named_sign_up;
mod nodes;
mod prove;
mod register;
mod sign_in;
mod sign_up;

use primitives::{Actor, AuditEvent, Change, IdentityId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(super) use change::{change_passkeys, change_security_keys};
pub(super) use named::with_security_key as sign_in_named;
pub use named_form::NamedForm;
pub(super) use named_sign_up::with_security_key as sign_up_named;
pub(super) use nodes::{named_nodes, nodes};
pub(super) use prove::prove;
pub(super) use sign_in::with_passkey as sign_in;
pub(super) use sign_up::with_passkey as sign_up;

use super::{Flow, Message, Room, Step};
use crate::identity::Identity;
use crate::ports::StoreUnavailable;
use crate::ways::Ways;
use crate::webauthn::{
    Asked, AttestationPolicy, CeremonyError, Challenge, CredentialId, CredentialRecord, Expected, KeyKind,
    RelyingParty, StoredKey, UnverifiedAssertion, UserHandle, creation_options, request_options,
};
use crate::write::Write;

/// What a form asks and shows of passkeys and security keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyForm {
    /// Nothing.
    #[default]
    Hidden,
    /// Any passkey, to sign in.
    SignIn(Ceremony),
    /// A security key, as the second factor.
    Prove(Ceremony),
    /// That one can sign up with a passkey.
    Offered,
    /// A new passkey, to sign up with.
    SignUp {
        /// Whose it will be.
        identity: IdentityId,
        /// What the browser is asked.
        ceremony: Ceremony,
    },
    /// Those of an account, and new ones.
    Settings(Box<SettingsKeys>),
}

/// A ceremony that was begun: what the browser is asked, and the challenge that its answer must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceremony {
    challenge: Challenge,
    /// The options of `navigator.credentials`, as JSON.
    pub options: String,
    /// When it may be answered no more. Forms that were begun by an earlier version have none, and end soon themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

/// Passkeys and security keys on the settings page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsKeys {
    /// To add a passkey; absent where there are none.
    pub passkey: Option<Ceremony>,
    /// To add a security key; absent where there are none.
    pub webauthn: Option<Ceremony>,
    /// Those that there are.
    pub keys: Vec<ShownKey>,
}

/// A passkey or a security key as a form shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownKey {
    /// Its id.
    pub id: CredentialId,
    /// What it is for.
    pub kind: KeyKind,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// Whether it is all that its owner signs in with.
    pub is_last: bool,
}

/// What a submitted form says of passkeys and security keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySubmission {
    passkey_login: Option<String>,
    passkey_register: Option<String>,
    passkey_settings_register: Option<String>,
    passkey_remove: Option<String>,
    webauthn_login: Option<String>,
    webauthn_register: Option<String>,
    webauthn_register_displayname: Option<String>,
    webauthn_remove: Option<String>,
}

impl KeySubmission {
    /// The fields that forms have of them.
    pub(super) const FIELDS: [&'static str; 8] = [
        "passkey_login",
        "passkey_register",
        "passkey_settings_register",
        "passkey_remove",
        "webauthn_login",
        "webauthn_register",
        "webauthn_register_displayname",
        "webauthn_remove",
    ];

    /// Whether it brings the new passkey of whoever signs up.
    pub(in crate::flow) const fn signs_up(&self) -> bool {
        self.passkey_register.is_some()
    }

    /// Takes a field; whether it is one of these. What is empty was not given.
    pub(super) fn take(&mut self, name: &str, value: String) -> bool {
        let field = match name {
            "passkey_login" => &mut self.passkey_login,
            "passkey_register" => &mut self.passkey_register,
            "passkey_settings_register" => &mut self.passkey_settings_register,
            "passkey_remove" => &mut self.passkey_remove,
            "webauthn_login" => &mut self.webauthn_login,
            "webauthn_register" => &mut self.webauthn_register,
            "webauthn_register_displayname" => &mut self.webauthn_register_displayname,
            "webauthn_remove" => &mut self.webauthn_remove,
            _ => return false,
        };
        *field = Some(value).filter(|value| !value.is_empty());
        true
    }

    /// The method of a form that scripts sent without a button, or whose button names none.
    pub(super) fn method(&self) -> Option<String> {
        let passkey = [
            &self.passkey_login,
            &self.passkey_register,
            &self.passkey_settings_register,
            &self.passkey_remove,
        ];
        let webauthn = [&self.webauthn_login, &self.webauthn_register, &self.webauthn_remove];
        if passkey.into_iter().any(Option::is_some) {
            return Some("passkey".to_owned());
        }
        webauthn.into_iter().any(Option::is_some).then(|| "webauthn".to_owned())
    }
}

impl Ceremony {
    fn new(room: Room<'_>, challenge: Challenge, options: &Value) -> Self {
        let expires_at = Some(room.now.after(room.settings.ceremony.timeout()));
        Self { challenge, options: options.to_string(), expires_at }
    }

    /// The challenge, as long as it may be answered.
    fn open(&self, now: Timestamp) -> Result<&Challenge, CeremonyError> {
        match self.expires_at {
            Some(end) if now >= end => Err(CeremonyError::Expired),
            Some(_) | None => Ok(&self.challenge),
        }
    }

    /// The same with another challenge.
    fn renewed(self, room: Room<'_>) -> Self {
        let challenge = Challenge::generate(room.rng);
        let mut options: Value = serde_json::from_str(&self.options).unwrap_or_default();
        if let Some(fields) = options.get_mut("publicKey").and_then(Value::as_object_mut) {
            fields.insert("challenge".to_owned(), challenge.to_string().into());
        }
        Self::new(room, challenge, &options)
    }

    /// Asks for a proof.
    fn ask(room: Room<'_>, to: &RelyingParty, kind: KeyKind, allow: &[(CredentialId, Vec<String>)]) -> Self {
        let challenge = Challenge::generate(room.rng);
        let options = request_options(to, &challenge, (kind, &room.settings.ceremony), allow);
        Self::new(room, challenge, &options)
    }

    /// Asks for a new credential.
    fn create(
        room: Room<'_>,
        to: &RelyingParty,
        kind: KeyKind,
        whose: (&UserHandle, &str),
        exclude: &[CredentialRecord],
    ) -> Self {
        let challenge = Challenge::generate(room.rng);
        let attestation = AttestationPolicy::of(&room.settings.attestation, kind, room.now).conveyance();
        let asked = Asked { kind, attestation, settings: &room.settings.ceremony };
        let options = creation_options(to, &challenge, asked, whose, exclude);
        Self::new(room, challenge, &options)
    }
}

/// The relying party of a room; none where passkeys cannot be.
pub(super) fn relying_party(room: Room<'_>) -> Option<RelyingParty> {
    RelyingParty::of(&room.settings.relying_party, room.base).ok()
}

impl KeyForm {
    pub(super) fn is_hidden(&self) -> bool {
        *self == Self::Hidden
    }

    /// Of a form to sign in.
    pub(super) fn of_login(room: Room<'_>) -> Self {
        match relying_party(room).filter(|_| room.settings.passkey.enabled) {
            Some(to) => Self::SignIn(Ceremony::ask(room, &to, KeyKind::Passkey, &[])),
            None => Self::Hidden,
        }
    }

    /// Of a form to sign up.
    pub(super) fn of_registration(room: Room<'_>) -> Self {
        match relying_party(room).filter(|_| room.settings.passkey.enabled) {
            Some(_) => Self::Offered,
            None => Self::Hidden,
        }
    }

    /// Of a form that asks for a second factor; nothing if there is no security key.
    pub(super) fn of_step_up(room: Room<'_>, keys: &[StoredKey]) -> Self {
        let second = |key: &&StoredKey| key.record.kind == KeyKind::SecondFactor;
        let descriptor = |key: &StoredKey| (key.record.id.clone(), key.record.transports.clone());
        let keys: Vec<_> = keys.iter().filter(second).map(descriptor).collect();
        match relying_party(room).filter(|_| !keys.is_empty()) {
            Some(to) => Self::Prove(Ceremony::ask(room, &to, KeyKind::SecondFactor, &keys)),
            None => Self::Hidden,
        }
    }

    /// Of a form to change an account that has these credentials.
    pub(super) async fn of_settings(
        room: Room<'_>,
        identity: &Identity,
        ways: &Ways,
    ) -> Result<Self, StoreUnavailable> {
        let keys = &ways.keys;
        let Some(to) = relying_party(room) else { return Ok(Self::Hidden) };
        let settings = room.settings;
        let held = room.identities.list_identifiers(room.tenant, identity.id).await?;
        let name = held.into_iter().next().unwrap_or_else(|| identity.id.to_string());
        let handle = user_handle(identity, keys);
        let records: Vec<CredentialRecord> = keys.iter().map(|key| key.record.clone()).collect();
        let begin = |kind| Ceremony::create(room, &to, kind, (&handle, name.as_str()), &records);
        let shown = |key: &StoredKey| ShownKey {
            id: key.record.id.clone(),
            kind: key.record.kind,
            name: key.record.display_name.clone(),
            added_at: key.created_at,
            is_last: is_last(key.record.kind, ways),
        };
        Ok(Self::Settings(Box::new(SettingsKeys {
            passkey: settings.passkey.enabled.then(|| begin(KeyKind::Passkey)),
            webauthn: settings.webauthn.enabled.then(|| begin(settings.webauthn.kind())),
            keys: keys.iter().map(shown).collect(),
        })))
    }

    /// Says anew which of the keys that it shows may go.
    pub(super) fn judge(&mut self, ways: &Ways) {
        let Self::Settings(form) = self else { return };
        for key in &mut form.keys {
            key.is_last = is_last(key.kind, ways);
        }
    }

    /// The same form with another challenge, for whoever may answer it again.
    pub(super) fn renewed(self, room: Room<'_>) -> Self {
        let again = |ceremony: Ceremony| ceremony.renewed(room);
        match self {
            Self::Hidden | Self::Offered => self,
            Self::SignIn(ceremony) => Self::SignIn(again(ceremony)),
            Self::Prove(ceremony) => Self::Prove(again(ceremony)),
            Self::SignUp { identity, ceremony } => Self::SignUp { identity, ceremony: again(ceremony) },
            Self::Settings(keys) => {
                let SettingsKeys { passkey, webauthn, keys } = *keys;
                let (passkey, webauthn) = (passkey.map(again), webauthn.map(again));
                Self::Settings(Box::new(SettingsKeys { passkey, webauthn, keys }))
            }
        }
    }
}

/// The longest name of a security key, in characters.
const MOST_NAME: usize = 64;

/// What its owner calls a security key.
fn key_name(given: Option<String>) -> String {
    given.unwrap_or_default().trim().chars().filter(|c| !c.is_control()).take(MOST_NAME).collect()
}

/// Whether a key is all that its owner signs in with.
fn is_last(kind: KeyKind, ways: &Ways) -> bool {
    kind.is_first_factor() && !ways.outlast(1)
}

/// How authenticators know somebody: as those know them that have a key of theirs.
fn user_handle(identity: &Identity, keys: &[StoredKey]) -> UserHandle {
    keys.first().map_or_else(|| UserHandle::of(identity.id), |key| key.record.user_handle.clone())
}

impl Flow {
    /// The form with another challenge.
    pub(super) fn with_new_challenge(mut self, room: Room<'_>) -> Self {
        self.factors.keys = std::mem::take(&mut self.factors.keys).renewed(room);
        self.factors.named = std::mem::take(&mut self.factors.named).renewed(room);
        self
    }
}

/// A credential that has just proven who is there.
struct Proven {
    key: StoredKey,
    /// As it is to be kept.
    record: CredentialRecord,
}

/// Why an answer proves nothing.
struct Unproven {
    error: CeremonyError,
    /// Whose credential it named, where it is somebody's.
    key: Option<StoredKey>,
}

impl Proven {
    fn write(&self, room: Room<'_>) -> Write {
        Write::UseKey { record: Box::new(self.record.clone()), version: self.key.version, at: room.now }
    }
}

/// The credential of an answer, verified, if it is of a kind.
async fn verify(
    room: Room<'_>,
    ceremony: &Ceremony,
    answer: &str,
    kind: KeyKind,
) -> Result<Result<Proven, Unproven>, StoreUnavailable> {
    let unproven = |error, key| Ok(Err(Unproven { error, key }));
    let Some(relying_party) = relying_party(room) else {
        return unproven(CeremonyError::RelyingParty, None);
    };
    let (challenge, assertion) = match (ceremony.open(room.now), UnverifiedAssertion::parse(answer)) {
        (Ok(challenge), Ok(assertion)) => (challenge, assertion),
        (Err(error), _) | (_, Err(error)) => return unproven(error, None),
    };
    // Who was not known before must be named by the authenticator (section 7.2 step 6).
    if kind == KeyKind::Passkey && !assertion.has_user_handle() {
        return unproven(CeremonyError::UserHandle, None);
    }
    let found = room.factors.find_key(room.tenant, assertion.id()).await?;
    let Some(key) = found.filter(|key| key.record.kind == kind) else {
        return unproven(CeremonyError::UserHandle, None);
    };
    let user_verification = kind.user_verification();
    let expected = Expected { relying_party: &relying_party, challenge, user_verification };
    Ok(match assertion.verify(&expected, &key.record) {
        Ok(record) => Ok(Proven { key, record }),
        Err(error) => Err(Unproven { error, key: Some(key) }),
    })
}

/// The form again, with a message. That time was over is nothing of the key, and is said; all else is one message. A counter
/// that went back is told to the operator: there may be two of that key.
fn refused(room: Room<'_>, flow: Flow, unproven: &Unproven, message: Message) -> Step {
    let is_late = unproven.error == CeremonyError::Expired;
    let flow = flow.with_message(if is_late { Message::key_too_late() } else { message });
    tracing::info!(request = %room.request, error = %unproven.error, "a passkey or security key was refused");
    let mut change = Change::new(room.tenant.clone());
    if let (CeremonyError::Counter, Some(key)) = (unproven.error, &unproven.key) {
        let seen = audit("credential.counter_went_back", Actor::Anonymous, key.identity, key.record.kind);
        change = change.audit(seen.with("credential", &key.record.id));
    }
    Step::Refused(Box::new(flow), change)
}

fn audit(action: &'static str, actor: Actor, identity: IdentityId, kind: KeyKind) -> AuditEvent {
    AuditEvent::new(action, actor, "identity", &identity).with("type", &kind.group())
}

/// The form again: it asks for nothing of the kind.
fn not_asked(flow: Flow, kind: &str) -> Step {
    Step::Form(Box::new(flow.with_message(Message::no_strategy(kind))))
}
