//! Self-service flows: the forms with which people sign up, sign in and change their account.
//!
//! A flow is a form in progress. [`next_step`] is the one place that says what a submitted form leads
//! to; the methods return to it and never lead to one another.

mod address_choice;
mod addresses;
mod admission;
mod captcha;
mod challenge;
mod challenge_message;
mod challenge_nodes;
mod code_form;
mod code_login;
mod code_registration;
pub mod csrf;
mod document;
mod exchange;
mod held;
mod keys;
mod kind;
mod login;
mod message;
mod message_breached;
mod message_captcha;
mod message_factors;
mod message_keys;
mod message_providers;
mod oidc;
mod onward;
mod proven;
mod recovery;
mod registration;
mod screen;
mod second_factor;
mod sending;
mod sent_code;
mod settings;
mod start;
mod start_request;
mod step;
mod stored;
mod submission;
mod test_login;
mod transient;
mod unproven;
mod verification;
mod verified;

use std::sync::Arc;

use primitives::{
    ClientAddress, ClientId, FlowId, InvitationId, OrganisationId, RequestId, Rng, Sealer, TenantId,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;

pub use address_choice::AddressChoice;
pub use challenge::Challenge;
pub(crate) use challenge::with_verified;
pub use code_form::CodeForm;
pub use document::{FlowView, expired_since, flow_document, schema_url};
pub use exchange::{Exchange, ForApplication, flow_of_init_code, for_application, init_code, redeem};
pub use held::{FlowBounds, FlowTrace, MOST_SEALED, NotHeld, begun_at, open_held};
pub use keys::{Ceremony, KeyForm, KeySubmission, NamedForm, SettingsKeys, ShownKey};
pub use kind::{FlowKind, Transport};
pub use message::{Message, MessageKind};
pub use oidc::{
    ProviderForm, ProviderSubmission, Waiting, arrived, fits_callback, mark_used, provider_failed,
};
pub use onward::{AskedOnward, Onward};
pub use recovery::{recovery_by_operator, recovery_link_by_operator};
pub(crate) use registration::creation;
pub use registration::identifier_taken;
pub use screen::Screen;
pub use second_factor::{CodeAddress, FactorForm, FactorSubmission, LookupForm, StepUp, TotpForm};
pub use sent_code::{SentCode, SentLink};
pub use start::{
    StartError, SuccessorToldTo, renew, start_login, start_recovery, start_registration, start_settings,
    start_verification,
};
pub use start_request::StartRequest;
pub use step::{FlowError, PendingChange, Recovered, SignedIn, Step};
pub use stored::{ForeignFlow, KEPT_AFTER_EXPIRY, OwnFlow, StoredFlow};
pub use submission::{MalformedSubmission, RecoverySubmission, Submission};
pub use test_login::{NoTest, OwnTest, TestLogin, start_test_login};
pub use transient::TransientPayload;
pub(crate) use verified::verify;

use crate::captcha::CaptchaVerifier;
use crate::courier::Composer;
use crate::factor::FactorKind;
use crate::hooks::{IdentityHooks, Origin};
use crate::limiter::Attempts;
use crate::organisation::{Discovered, Organisations, connection, policy};
use crate::password::HashingPool;
use crate::password::breach::Breaches;
use crate::ports::{Factors, Identities, Links};
use crate::providers::Providers;
use crate::schema::{Schema, Schemas};
use crate::session::{Device, LiveSession, Method};
use crate::settings::{ProofMeans, Settings};
use crate::trusted_device::trusted;

/// A form in progress. Serialises for sealing; [`flow_document`] is what clients see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// Names it.
    pub id: FlowId,
    /// What it is for.
    pub kind: FlowKind,
    /// Who shows it.
    pub transport: Transport,
    /// When it began.
    pub issued_at: Timestamp,
    /// Until when it may be submitted.
    pub expires_at: Timestamp,
    /// Path and query with which it was asked for.
    pub request: String,
    /// Where the browser goes afterwards; checked against the allow-list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_to: Option<String>,
    /// The schema whose fields it shows.
    pub schema: String,
    /// The method that was tried last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<Method>,
    /// Messages of the whole form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Messages of single fields, by the field's name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub field_messages: Vec<(String, Message)>,
    /// Traits as they were last typed.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
    /// What it asks and shows of second factors.
    #[serde(default, skip_serializing_if = "FactorForm::is_empty")]
    pub factors: FactorForm,
    /// What a form to sign in or up does with codes.
    #[serde(default, skip_serializing_if = "CodeForm::is_empty")]
    pub code: CodeForm,
    /// What a form to sign in or up asks for now.
    #[serde(default, skip_serializing_if = "is_default")]
    pub screen: Screen,
    /// Whether it proves an address by a code or by a link.
    #[serde(default, skip_serializing_if = "is_default")]
    pub means: ProofMeans,
    /// The link that opens it in any browser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<SentLink>,
    /// Whether it takes phone numbers where it asks for an address.
    #[serde(default, skip_serializing_if = "is_default")]
    pub phones: bool,
    /// What comes after it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub onward: Onward,
    /// The authorization request that waits for it, where its kind has none of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// What it knows and shows of other providers.
    #[serde(default, skip_serializing_if = "ProviderForm::is_empty")]
    pub federation: ProviderForm,
    /// What was sent with it for webhooks and messages alone.
    #[serde(default, skip_serializing_if = "TransientPayload::is_empty")]
    pub transient_payload: TransientPayload,
    /// In which organisation's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<OrganisationId>,
    /// That it tries a provider out, and signs nobody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test: Option<Box<TestLogin>>,
    /// The invitation with which somebody signs up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invitation: Option<InvitationId>,
    /// Where the organisation leads that was named, or found by a domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub discovered: Option<Discovered>,
    /// That its session is fetched with two codes, where a native application asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<Exchange>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a new flow is asked for with.
#[derive(Debug, Clone)]
pub struct NewFlow {
    /// What it is for.
    pub kind: FlowKind,
    /// Who shows it.
    pub transport: Transport,
    /// Path and query.
    pub request: String,
    /// Where to go afterwards, checked.
    pub return_to: Option<String>,
    /// The schema whose fields it shows.
    pub schema: String,
}

impl Flow {
    /// Begins a flow.
    pub fn begin(new: NewFlow, rng: &dyn Rng, now: Timestamp, settings: &Settings) -> Self {
        let messages = match &new.kind {
            FlowKind::Login { refresh: Some(_), .. } => vec![Message::confirm_it_is_you()],
            FlowKind::Login { .. }
            | FlowKind::Registration { .. }
            | FlowKind::Settings { .. }
            | FlowKind::Verification { .. }
            | FlowKind::Recovery { .. } => Vec::new(),
        };
        let means = match &new.kind {
            FlowKind::Verification { .. } => settings.verification.means,
            FlowKind::Recovery { .. } => settings.recovery.means,
            FlowKind::Login { .. } | FlowKind::Registration { .. } | FlowKind::Settings { .. } => {
                ProofMeans::Code
            }
        };
        let code = CodeForm::begin(&new.kind, settings);
        let screen = Screen::begin(&new.kind, settings);
        Self {
            id: FlowId::generate(rng),
            kind: new.kind,
            transport: new.transport,
            issued_at: now,
            expires_at: now.after(settings.flow.lifespan()),
            request: new.request,
            return_to: new.return_to,
            schema: new.schema,
            active: None,
            messages,
            field_messages: Vec::new(),
            values: Map::new(),
            factors: FactorForm::default(),
            code,
            screen,
            means,
            phones: false,
            onward: Onward::default(),
            link: None,
            waiting: None,
            federation: ProviderForm::default(),
            transient_payload: TransientPayload::default(),
            organisation: None,
            test: None,
            invitation: None,
            discovered: None,
            exchange: None,
        }
    }

    /// A new flow for the same purpose, in the place of this one that expired.
    #[must_use]
    pub fn renew(&self, rng: &dyn Rng, now: Timestamp, settings: &Settings) -> Self {
        let mut kind = self.kind.clone();
        if let FlowKind::Settings { saved, .. } = &mut kind {
            *saved = false;
        }
        // A code is one flow's and does not outlive it.
        if let FlowKind::Verification { challenge } | FlowKind::Recovery { challenge } = &mut kind {
            *challenge = Challenge::ChooseMethod;
        }
        let minutes = now.since(self.expires_at).as_secs() / 60;
        let expired = Message::flow_expired(kind.as_str(), minutes);
        let new = NewFlow {
            kind,
            transport: self.transport,
            request: self.request.clone(),
            return_to: self.return_to.clone(),
            schema: self.schema.clone(),
        };
        let mut flow = Self::begin(new, rng, now, settings)
            .with_factors(self.factors.clone())
            .waited_for(self.waiting.as_deref());
        flow.federation = self.federation.renewed();
        flow.transient_payload.clone_from(&self.transient_payload);
        (flow.phones, flow.onward) = (self.phones, self.onward.clone());
        (flow.organisation, flow.invitation) = (self.organisation, self.invitation);
        if flow.organisation.is_some() {
            (flow.discovered, flow.screen) = (self.discovered.clone(), self.screen);
        }
        flow.messages.push(expired);
        flow
    }

    /// The form, with the authorization request that waits for it.
    #[must_use]
    fn waited_for(mut self, challenge: Option<&str>) -> Self {
        self.waiting = challenge.map(str::to_owned);
        self
    }

    /// The authorization request that waits for it.
    pub fn login_challenge(&self) -> Option<&str> {
        self.kind.login_challenge().or(self.waiting.as_deref())
    }

    /// Whether it may not be submitted any more.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        now >= self.expires_at
    }

    /// The form again, with a message for the whole of it.
    #[must_use]
    pub fn with_message(mut self, message: Message) -> Self {
        self.messages = vec![message];
        self
    }

    /// Forgets what the last submission led to.
    pub(crate) fn tried(mut self, method: Option<Method>) -> Self {
        self.active = method;
        self.messages.clear();
        self.field_messages.clear();
        self
    }

    fn refuse_field(&mut self, name: &str, message: Message) {
        self.field_messages.push((name.to_owned(), message));
    }
}

/// What a step is decided with: the tenant's settings and what this room needs from outside.
#[derive(Clone, Copy)]
pub struct Room<'a> {
    /// The tenant.
    pub tenant: &'a TenantId,
    /// Its public base URL.
    pub base: &'a Url,
    /// Its settings.
    pub settings: &'a Settings,
    /// Its schemas, compiled.
    pub schemas: &'a Schemas,
    /// Its people.
    pub identities: &'a dyn Identities,
    /// Their second factors.
    pub factors: &'a dyn Factors,
    /// Their links to other providers.
    pub links: &'a dyn Links,
    /// Those providers.
    pub providers: &'a dyn Providers,
    /// Its organisations.
    pub organisations: &'a dyn Organisations,
    /// Computes hashes.
    pub hashing: &'a HashingPool,
    /// Knows passwords from breaches.
    pub breaches: &'a dyn Breaches,
    /// Counts attempts.
    pub attempts: &'a dyn Attempts,
    /// Hashes one-time codes.
    pub sealer: &'a Sealer,
    /// Puts messages in words.
    pub composer: &'a dyn Composer,
    /// Shows proofs that a person is there to the tenant's service.
    pub captcha: &'a dyn CaptchaVerifier,
    /// Asks the tenant's plugins.
    pub hooks: &'a dyn IdentityHooks,
    /// The request, for logs.
    pub request: RequestId,
    /// The client whose authorization request waits, where one does.
    pub client: Option<&'a ClientId>,
    /// Randomness.
    pub rng: &'a dyn Rng,
    /// The present.
    pub now: Timestamp,
}

impl std::fmt::Debug for Room<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Room").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

impl<'a> Room<'a> {
    /// The schema of a flow or an identity; the default one if settings no longer have it.
    pub fn schema(&self, id: &str) -> &'a Arc<Schema> {
        self.schemas.find(id).unwrap_or_else(|| self.schemas.default_schema())
    }
}

/// Who submits a form.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// From where.
    pub address: ClientAddress,
    /// With what.
    pub user_agent: Option<&'a str>,
    /// Signed in as whom.
    pub session: Option<&'a LiveSession>,
}

impl Caller<'_> {
    fn device(&self, rng: &dyn Rng) -> Device {
        Device::new(rng, self.address, self.user_agent)
    }

    fn origin(&self) -> Origin {
        Origin { address: self.address, user_agent: self.user_agent.map(str::to_owned) }
    }
}

/// Decides what a submitted form leads to.
///
/// The caller has checked before that the flow is this browser's and not expired, and that the form is
/// ours ([`csrf`]).
pub async fn next_step(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    Box::pin(checked_step(room, caller, flow, submission)).await
}

async fn checked_step(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    // First: without a proof that a person is there nothing is looked up, hashed or sent.
    if let Some(step) = Box::pin(captcha::check(room, caller, &flow, &submission)).await? {
        return Ok(step);
    }
    if let Some(there) = closed_sign_up(room, &flow, &submission).await? {
        return Ok(Step::Form(Box::new(connection::sent_there(flow, there))));
    }
    let linking = oidc::Linking::of(&flow);
    let (asked, trusts) = (flow.clone(), submission.trusts_device);
    let step = Box::pin(decide(room, caller, flow, submission)).await?;
    // Whoever proved an account that a provider's word was not enough for gets the link in the same change.
    let step = match linking {
        Some(linking) => linking.complete(room, step).await?,
        None => step,
    };
    // Whatever the proof was: the organisation in whose name somebody signs in has a say.
    let step = Box::pin(policy::governed(room, asked.clone(), step)).await?;
    Ok(if trusts { trusted(room, caller, &asked, step) } else { step })
}

/// Where whoever signs up has to go first: an organisation that insists on its connection has the domain of their address.
/// Providers' people are asked when it is known who they are.
async fn closed_sign_up(
    room: Room<'_>,
    flow: &Flow,
    submission: &Submission,
) -> Result<Option<Discovered>, FlowError> {
    let is_of_provider = submission.method.as_deref() == Some("oidc");
    if !matches!(flow.kind, FlowKind::Registration { .. }) || is_of_provider {
        return Ok(None);
    }
    let traits = submission.traits.clone().unwrap_or_else(|| flow.values.clone());
    // What is not of the schema's form is said elsewhere.
    let Ok(checked) = room.schema(&flow.schema).check_traits(traits) else { return Ok(None) };
    Ok(connection::closes_sign_up(room, &checked, None).await?)
}

/// What the submitted form leads to by itself.
async fn decide(
    room: Room<'_>,
    caller: Caller<'_>,
    flow: Flow,
    submission: Submission,
) -> Result<Step, FlowError> {
    match (&flow.kind, submission.method.as_deref()) {
        (FlowKind::Login { .. }, Some("code")) if flow.is_step_up() => {
            second_factor::prove_by_code(room, caller, flow, submission).await
        }
        (FlowKind::Login { .. }, Some("webauthn")) if flow.factors.step_up.is_some() => {
            keys::prove(room, caller, flow, submission).await
        }
        (FlowKind::Login { .. }, Some(method)) if flow.factors.step_up.is_some() => {
            let kind = FactorKind::parse(method);
            second_factor::prove(room, caller, flow, submission, kind).await
        }
        (FlowKind::Settings { .. }, Some("totp")) => {
            second_factor::change_totp(room, caller, flow, submission).await
        }
        (FlowKind::Settings { .. }, Some("lookup_secret")) => {
            second_factor::change_lookup_secrets(room, caller, flow, submission).await
        }
        (
            FlowKind::Login { .. } | FlowKind::Registration { .. } | FlowKind::Settings { .. },
            Some("oidc"),
        ) => Box::pin(oidc::submitted(room, caller, flow, submission)).await,
        (FlowKind::Settings { .. }, Some("passkey")) => {
            keys::change_passkeys(room, caller, flow, submission).await
        }
        (FlowKind::Settings { .. }, Some("webauthn")) => {
            keys::change_security_keys(room, caller, flow, submission).await
        }
        (FlowKind::Login { .. }, Some("passkey")) => keys::sign_in(room, caller, flow, submission).await,
        (FlowKind::Registration { .. }, Some("passkey")) => {
            keys::sign_up(room, caller, flow, submission).await
        }
        (FlowKind::Login { .. }, Some("webauthn")) => {
            keys::sign_in_named(room, caller, flow, submission).await
        }
        (FlowKind::Registration { .. }, Some("webauthn")) => {
            keys::sign_up_named(room, caller, flow, submission).await
        }
        (FlowKind::Login { .. }, Some("password")) => {
            login::with_password(room, caller, flow, submission).await
        }
        (FlowKind::Login { .. }, Some("identifier_first")) => {
            screen::identify(room, caller, flow, submission).await
        }
        (FlowKind::Registration { .. }, Some("profile")) => Ok(screen::profile(room, flow, submission)),
        (FlowKind::Login { .. }, Some("code")) => code_login::with_code(room, caller, flow, submission).await,
        (FlowKind::Registration { .. }, Some("code")) => {
            code_registration::with_code(room, caller, flow, submission).await
        }
        (FlowKind::Registration { .. }, Some("password")) => {
            registration::with_password(room, caller, flow, submission).await
        }
        (FlowKind::Settings { .. }, Some("password")) => {
            settings::change_password(room, caller, flow, submission).await
        }
        (FlowKind::Settings { .. }, Some("profile")) => {
            settings::change_profile(room, caller, flow, submission).await
        }
        // Of what is typed an address and a code say by themselves what is wanted.
        (FlowKind::Verification { .. }, Some("code" | "link") | None) => {
            verification::with_message(room, caller, flow, submission).await
        }
        (FlowKind::Recovery { .. }, Some("code" | "link") | None) => {
            recovery::with_message(room, caller, flow, submission).await
        }
        (kind, Some(_) | None) => {
            let message = Message::no_strategy(kind.as_str());
            Ok(Step::Form(Box::new(flow.tried(None).with_message(message))))
        }
    }
}
