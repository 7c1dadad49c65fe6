//! What a tenant's plugins may say when people sign in, sign up and write their traits: the trait that
//! `plugin-host` implements.
//!
//! All but `account` fail closed: a plugin that gives no usable answer lets nobody in and writes nothing.

mod account;
mod claim_mapper;
mod credential_import;

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::hooks::{FailurePolicy, HookContext, HookFailure, HookFailureKind};
use primitives::{Actor, ClientAddress, IdentityId, SessionClaims};
use serde_json::{Map, Value};

use crate::flow::{Flow, FlowError, Message, Room, with_verified};
use crate::identity::Identity;
use crate::return_to::{ReturnTo, check_login_redirect};
use crate::schema::{CheckedTraits, Schema};
use crate::session::Method;

pub use account::{ACCOUNT_FAILURE_POLICY, AccountEvent, Happening, Told};
pub use claim_mapper::{ClaimMapper, Mapping, MappingDecision, NoClaimMapper, Upstream, UpstreamSource};
pub use credential_import::{ImportAttempt, ImportVerdict};

/// What happens when one of these hooks but `account` cannot answer: the operation fails.
pub const IDENTITY_FAILURE_POLICY: FailurePolicy = FailurePolicy::Closed;

/// From where a person speaks.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The address of the client.
    pub address: ClientAddress,
    /// Its `User-Agent`.
    pub user_agent: Option<String>,
}

/// An attempt to sign in.
#[derive(Debug, Clone)]
pub struct LoginAttempt {
    /// What was typed to say who it is.
    pub identifier: String,
    /// How it is proven.
    pub method: Method,
    /// Whether somebody who is signed in proves again who they are.
    pub refresh: bool,
    /// From where.
    pub origin: Origin,
}

/// Whether somebody may go on to prove who they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginDecision {
    /// They may.
    Allow,
    /// They may not.
    Deny {
        /// Shown on the form.
        message: String,
    },
    /// They do it elsewhere.
    Redirect {
        /// Where, as the plugin says it.
        url: String,
    },
}

/// Whether somebody who has proven who they are may sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginOutcome {
    /// They may.
    Allow {
        /// What is said of the session, in the place of what was; empty leaves it.
        claims: SessionClaims,
    },
    /// They may not.
    Deny {
        /// Shown on the form.
        message: String,
    },
    /// They may not without a second factor.
    RequireSecondFactor,
}

/// An account that somebody wants.
#[derive(Debug, Clone)]
pub struct RegistrationForm {
    /// The name of the schema of its traits.
    pub schema: String,
    /// The traits, which fit the schema.
    pub traits: Map<String, Value>,
    /// From where, when a person signs up; none of an administrator.
    pub origin: Option<Origin>,
}

/// Whether an account may be made.
#[derive(Debug, Clone, PartialEq)]
pub enum RegistrationDecision {
    /// It may.
    Allow {
        /// With these traits in the place of those of the form.
        traits: Option<Map<String, Value>>,
    },
    /// It may not.
    Deny(Refusals),
}

/// What is wrong with a form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Refusals {
    /// With all of it.
    pub form: Option<String>,
    /// With single fields, by their names, e.g. `traits.email`.
    pub fields: Vec<(String, String)>,
    /// The same in whole messages, of a field or of all of it.
    pub messages: Vec<(Option<String>, Message)>,
}

/// What a plugin adds to a new account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Additions {
    /// Its public metadata, where there is any.
    pub metadata_public: Option<Map<String, Value>>,
    /// Its administrators' metadata, where there is any.
    pub metadata_admin: Option<Map<String, Value>>,
    /// Addresses whose owner was proven. Those that its traits do not have say nothing.
    pub verified: Vec<String>,
}

/// Traits that somebody wants to write.
#[derive(Debug, Clone)]
pub struct TraitsCandidate {
    /// The name of their schema.
    pub schema: String,
    /// The traits, which fit the schema.
    pub traits: Map<String, Value>,
    /// Whose traits they replace; none for a new account.
    pub replaces: Option<IdentityId>,
}

/// Whether traits may be written.
#[derive(Debug, Clone, PartialEq)]
pub enum TraitsVerdict {
    /// They may; with these in their place if there are any.
    Valid(Option<Map<String, Value>>),
    /// They may not, for these fields.
    Invalid(Vec<(String, String)>),
    /// They may not, and the form says so in these words.
    Refused(Refusals),
}

/// The future of an answer.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, HookFailure>>;

/// The hooks `login`, `registration`, `identity-schema`, `credential-import` and `account`. Where a tenant has no plugin on one,
/// it allows and adds nothing; of a password that was set elsewhere nobody knows then.
pub trait IdentityHooks: Send + Sync + fmt::Debug {
    /// Called before the account is looked up.
    fn before_login<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a LoginAttempt,
    ) -> Answer<'a, LoginDecision>;

    /// Called when the proof was right, before the session begins.
    fn after_login<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a LoginAttempt,
        identity: &'a Identity,
    ) -> Answer<'a, LoginOutcome>;

    /// Called when somebody signs in whose password was set elsewhere, and when any other sign-in failed.
    fn verify_import<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a ImportAttempt<'a>,
    ) -> Answer<'a, ImportVerdict>;

    /// Called when somebody did something with their account, and it is durable. Every plugin is told, whatever became
    /// of the others.
    fn after_account<'a>(&'a self, context: &'a HookContext, event: &'a AccountEvent<'a>) -> Told<'a>;

    /// Called when an account is about to be made.
    fn before_registration<'a>(
        &'a self,
        context: &'a HookContext,
        form: &'a RegistrationForm,
    ) -> Answer<'a, RegistrationDecision>;

    /// Called when it is decided on, before it is written.
    fn after_registration<'a>(
        &'a self,
        context: &'a HookContext,
        identity: &'a Identity,
    ) -> Answer<'a, Additions>;

    /// Called before traits are written.
    fn validate_traits<'a>(
        &'a self,
        context: &'a HookContext,
        candidate: &'a TraitsCandidate,
    ) -> Answer<'a, TraitsVerdict>;
}

/// For a node without plugins: allows everything and adds nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoIdentityHooks;

impl IdentityHooks for NoIdentityHooks {
    fn before_login<'a>(&'a self, _: &'a HookContext, _: &'a LoginAttempt) -> Answer<'a, LoginDecision> {
        Box::pin(async { Ok(LoginDecision::Allow) })
    }

    fn after_login<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a LoginAttempt,
        _: &'a Identity,
    ) -> Answer<'a, LoginOutcome> {
        Box::pin(async { Ok(LoginOutcome::Allow { claims: SessionClaims::default() }) })
    }

    fn verify_import<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a ImportAttempt<'a>,
    ) -> Answer<'a, ImportVerdict> {
        Box::pin(async { Ok(ImportVerdict::Wrong) })
    }

    fn after_account<'a>(&'a self, _: &'a HookContext, _: &'a AccountEvent<'a>) -> Told<'a> {
        Box::pin(async { Vec::new() })
    }

    fn before_registration<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a RegistrationForm,
    ) -> Answer<'a, RegistrationDecision> {
        Box::pin(async { Ok(RegistrationDecision::Allow { traits: None }) })
    }

    fn after_registration<'a>(&'a self, _: &'a HookContext, _: &'a Identity) -> Answer<'a, Additions> {
        Box::pin(async { Ok(Additions::default()) })
    }

    fn validate_traits<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a TraitsCandidate,
    ) -> Answer<'a, TraitsVerdict> {
        Box::pin(async { Ok(TraitsVerdict::Valid(None)) })
    }
}

impl Room<'_> {
    /// Whose call of a hook it is. `identity` is the account that it is about, where that is known.
    pub fn hook_context(&self, actor: Actor, identity: Option<&Identity>) -> HookContext {
        HookContext {
            tenant: self.tenant.clone(),
            organisation: identity.and_then(|identity| identity.organisation),
            client: self.client.cloned(),
            actor,
            request: self.request,
        }
    }

    /// Where a plugin may send whoever signs in.
    pub(crate) fn check_login_redirect(&self, url: &str) -> Result<ReturnTo, HookFailure> {
        check_login_redirect(url, self.base, &self.settings.flow).map_err(|_| HookFailure {
            plugin: String::new(),
            kind: HookFailureKind::BadAnswer,
            detail: "it redirects to an address that neither `allowed_return_urls` nor `login_redirect_origins` has"
                .to_owned(),
        })
    }

    /// Whether traits may be written, by the plugins of the tenant: those to write, or what is wrong with them.
    ///
    /// Attack: a plugin gives traits that the schema forbids, an identifier without its form, say. So what it
    /// gives is checked as what people type is.
    pub(crate) async fn validate(
        &self,
        context: &HookContext,
        schema: &Schema,
        checked: CheckedTraits,
        replaces: Option<IdentityId>,
    ) -> Result<Result<CheckedTraits, Refusals>, HookFailure> {
        let candidate =
            TraitsCandidate { schema: schema.id().to_owned(), traits: checked.traits().clone(), replaces };
        match self.hooks.validate_traits(context, &candidate).await? {
            TraitsVerdict::Valid(None) => Ok(Ok(checked)),
            TraitsVerdict::Valid(Some(traits)) => checked_again(schema, traits).map(Ok),
            TraitsVerdict::Invalid(fields) => Ok(Err(Refusals { fields, ..Refusals::default() })),
            TraitsVerdict::Refused(refusals) => Ok(Err(refusals)),
        }
    }

    /// Whether an account may be made, and with which traits.
    pub(crate) async fn admit(
        &self,
        context: &HookContext,
        schema: &Schema,
        checked: CheckedTraits,
        origin: Option<Origin>,
    ) -> Result<Result<CheckedTraits, Refusals>, HookFailure> {
        let form =
            RegistrationForm { schema: schema.id().to_owned(), traits: checked.traits().clone(), origin };
        let checked = match self.hooks.before_registration(context, &form).await? {
            RegistrationDecision::Allow { traits: None } => checked,
            RegistrationDecision::Allow { traits: Some(traits) } => checked_again(schema, traits)?,
            RegistrationDecision::Deny(refusals) => return Ok(Err(refusals)),
        };
        self.validate(context, schema, checked, None).await
    }

    /// What the tenant's plugins add to an account that is decided on.
    pub(crate) async fn added(
        &self,
        context: &HookContext,
        mut identity: Identity,
    ) -> Result<Identity, HookFailure> {
        let Additions { metadata_public, metadata_admin, verified } =
            self.hooks.after_registration(context, &identity).await?;
        for address in verified {
            identity = with_verified(&identity, &address, self.now).unwrap_or(identity);
        }
        if let Some(metadata) = metadata_public {
            identity.metadata_public = Some(Value::Object(metadata));
        }
        if let Some(metadata) = metadata_admin {
            identity.metadata_admin = Some(Value::Object(metadata));
        }
        Ok(identity)
    }
}

/// Traits that a plugin gave.
fn checked_again(schema: &Schema, traits: Map<String, Value>) -> Result<CheckedTraits, HookFailure> {
    schema.check_traits(traits).map_err(|violations| HookFailure {
        plugin: String::new(),
        kind: HookFailureKind::BadAnswer,
        detail: format!(
            "the traits that it gave do not fit schema {:?}: {}",
            schema.id(),
            violations.iter().map(|violation| violation.field.as_str()).collect::<Vec<_>>().join(", ")
        ),
    })
}

impl Flow {
    /// The form again, with what plugins found wrong with it. What they say of fields that it does not show is
    /// said of the whole.
    #[must_use]
    pub fn refused(mut self, refusals: Refusals, schema: &Schema) -> Self {
        for (field, message) in refusals.messages {
            let is_shown = |name: &String| schema.fields().iter().any(|known| known.name == *name);
            match field.filter(is_shown) {
                Some(field) => self.field_messages.push((field, message)),
                None => self.messages.push(message),
            }
        }
        for (field, text) in refusals.fields {
            let shown = schema.fields().iter().any(|known| known.name == field);
            if shown {
                self.field_messages.push((field, Message::generic(&text)));
            } else {
                self.messages.push(Message::generic(&text));
            }
        }
        self.messages.extend(refusals.form.as_deref().map(Message::generic));
        if self.messages.is_empty() && self.field_messages.is_empty() {
            self.messages.push(Message::generic("The account could not be created with this input."));
        }
        self
    }
}

impl From<HookFailure> for FlowError {
    fn from(failure: HookFailure) -> Self {
        Self::Hook(failure)
    }
}
