//! Webhooks at the places of the plugin hooks where an answer may change what is written: an account that somebody wants,
//! and traits that somebody changes.
//!
//! The tenant's plugins are asked as ever; what a webhook makes of the traits goes through the schema and through the
//! plugins on the hook `identity-schema`, as what people type does.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use identity::Identity;
use identity::hooks::{
    AccountEvent, Additions, Answer, IdentityHooks, ImportAttempt, ImportVerdict, LoginAttempt,
    LoginDecision, LoginOutcome, Refusals, RegistrationDecision, RegistrationForm, Told, TraitsCandidate,
    TraitsVerdict,
};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use serde_json::{Map, Value};
use tenancy::webhook::{FlowName, Stage, WEBHOOK_PREFIX, Webhook, at_place};

use super::answer::{Changes, Said};
use super::ask::ask;
use super::context::Submitted;

/// The plugins' hooks with the webhooks of one submission.
pub(crate) struct FormHooks<'a> {
    submitted: Submitted<'a>,
    /// By which method somebody signs up, or changes what.
    method: Option<String>,
    plugins: &'a dyn IdentityHooks,
    /// What webhooks said besides traits, for when the account is decided on.
    said: Mutex<Changes>,
}

impl fmt::Debug for FormHooks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FormHooks").field("method", &self.method).finish_non_exhaustive()
    }
}

/// What webhooks left of traits.
enum Asked {
    /// These, if they were changed.
    Traits(Option<Map<String, Value>>),
    /// Nothing is written.
    Stopped(Refusals),
}

impl<'a> FormHooks<'a> {
    pub(crate) fn new(submitted: Submitted<'a>, method: Option<&str>) -> Self {
        let plugins = &*submitted.call.node.identity_hooks;
        Self { submitted, method: method.map(str::to_owned), plugins, said: Mutex::default() }
    }

    /// What webhooks said besides traits, once.
    pub(super) fn take_said(&self) -> Changes {
        std::mem::take(&mut *self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn keep(&self, changes: &Changes) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.metadata_public = changes.metadata_public.clone().or_else(|| said.metadata_public.take());
        said.metadata_admin = changes.metadata_admin.clone().or_else(|| said.metadata_admin.take());
        said.verified.extend(changes.verified.iter().cloned());
    }

    fn webhooks(&self, flow: FlowName, method: Option<&str>) -> Vec<&'a Webhook> {
        let all = at_place(&self.submitted.call.tenant.webhooks, (flow, Stage::After), method);
        all.into_iter().filter(|webhook| webhook.has_a_say()).collect()
    }

    /// Asks each in turn; each sees what the one before it left.
    async fn ask_about(
        &self,
        (flow, method): (FlowName, Option<&str>),
        (schema, traits): (&str, &Map<String, Value>),
        show: impl Fn(&Map<String, Value>) -> Value,
    ) -> Result<Asked, HookFailure> {
        let mut changed: Option<Map<String, Value>> = None;
        for webhook in self.webhooks(flow, method) {
            let identity = show(changed.as_ref().unwrap_or(traits));
            let session = self.submitted.session;
            let session = session.map(|live| self.submitted.session(live.session(), live.identity()));
            let context = self.submitted.context(Some(&identity), session.as_ref());
            match ask(self.submitted.call, (webhook, flow.as_str()), context).await? {
                Said::Stop(messages) => {
                    return Ok(Asked::Stopped(Refusals { messages, ..Refusals::default() }));
                }
                Said::Go(changes) => {
                    self.keep(&changes);
                    if let Some(traits) = changes.traits {
                        self.check_traits(webhook, schema, &traits)?;
                        changed = Some(traits);
                    }
                }
            }
        }
        Ok(Asked::Traits(changed))
    }

    /// Attack: a webhook gives traits that the schema forbids. Whoever is asked next is promised that they fit.
    fn check_traits(
        &self,
        webhook: &Webhook,
        schema: &str,
        traits: &Map<String, Value>,
    ) -> Result<(), HookFailure> {
        let schemas = &self.submitted.call.tenant.schemas;
        let schema = schemas.find(schema).unwrap_or_else(|| schemas.default_schema());
        schema.check_traits(traits.clone()).map(drop).map_err(|violations| {
            let fields: Vec<&str> = violations.iter().map(|violation| violation.field.as_str()).collect();
            let (webhook, fields) = (&webhook.name, fields.join(", "));
            tracing::warn!(webhook, fields, "the traits that a webhook gave do not fit their schema");
            HookFailure {
                plugin: format!("{WEBHOOK_PREFIX}{webhook}"),
                kind: HookFailureKind::Upstream,
                detail: format!("the traits that it gave do not fit their schema: {fields}"),
            }
        })
    }

    async fn registration(
        &self,
        context: &HookContext,
        form: &RegistrationForm,
    ) -> Result<RegistrationDecision, HookFailure> {
        let by_plugins = match self.plugins.before_registration(context, form).await? {
            RegistrationDecision::Allow { traits } => traits,
            denied @ RegistrationDecision::Deny(_) => return Ok(denied),
        };
        let traits = by_plugins.as_ref().unwrap_or(&form.traits);
        let show = |traits: &Map<String, Value>| self.submitted.candidate(&form.schema, traits);
        let place = (FlowName::Registration, self.method.as_deref());
        match self.ask_about(place, (&form.schema, traits), show).await? {
            Asked::Traits(changed) => Ok(RegistrationDecision::Allow { traits: changed.or(by_plugins) }),
            Asked::Stopped(refusals) => Ok(RegistrationDecision::Deny(refusals)),
        }
    }

    async fn additions(&self, context: &HookContext, identity: &Identity) -> Result<Additions, HookFailure> {
        let Changes { metadata_public, metadata_admin, verified, .. } = self.take_said();
        let by_plugins = self.plugins.after_registration(context, identity).await?;
        Ok(Additions {
            metadata_public: by_plugins.metadata_public.or(metadata_public),
            metadata_admin: by_plugins.metadata_admin.or(metadata_admin),
            verified: by_plugins.verified.into_iter().chain(verified).collect(),
        })
    }

    async fn traits(
        &self,
        context: &HookContext,
        candidate: &TraitsCandidate,
    ) -> Result<TraitsVerdict, HookFailure> {
        let owner = self.submitted.session.map(identity::session::LiveSession::identity);
        let Some(owner) = owner.filter(|owner| candidate.replaces == Some(owner.id)) else {
            return self.plugins.validate_traits(context, candidate).await;
        };
        let show = |traits: &Map<String, Value>| {
            self.submitted.identity(&Identity { traits: traits.clone(), ..owner.clone() })
        };
        let place = (FlowName::Settings, Some("profile"));
        let changed = match self.ask_about(place, (&candidate.schema, &candidate.traits), show).await? {
            Asked::Traits(changed) => changed,
            Asked::Stopped(refusals) => return Ok(TraitsVerdict::Refused(refusals)),
        };
        let traits = changed.clone().unwrap_or_else(|| candidate.traits.clone());
        let candidate = TraitsCandidate { traits, ..candidate.clone() };
        Ok(match self.plugins.validate_traits(context, &candidate).await? {
            TraitsVerdict::Valid(by_plugins) => TraitsVerdict::Valid(by_plugins.or(changed)),
            refused @ (TraitsVerdict::Invalid(_) | TraitsVerdict::Refused(_)) => refused,
        })
    }
}

impl IdentityHooks for FormHooks<'_> {
    fn before_login<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a LoginAttempt,
    ) -> Answer<'a, LoginDecision> {
        self.plugins.before_login(context, attempt)
    }

    fn after_login<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a LoginAttempt,
        identity: &'a Identity,
    ) -> Answer<'a, LoginOutcome> {
        self.plugins.after_login(context, attempt, identity)
    }

    fn verify_import<'a>(
        &'a self,
        context: &'a HookContext,
        attempt: &'a ImportAttempt<'a>,
    ) -> Answer<'a, ImportVerdict> {
        self.plugins.verify_import(context, attempt)
    }

    fn after_account<'a>(&'a self, context: &'a HookContext, event: &'a AccountEvent<'a>) -> Told<'a> {
        self.plugins.after_account(context, event)
    }

    fn before_registration<'a>(
        &'a self,
        context: &'a HookContext,
        form: &'a RegistrationForm,
    ) -> Answer<'a, RegistrationDecision> {
        Box::pin(self.registration(context, form))
    }

    fn after_registration<'a>(
        &'a self,
        context: &'a HookContext,
        identity: &'a Identity,
    ) -> Answer<'a, Additions> {
        Box::pin(self.additions(context, identity))
    }

    fn validate_traits<'a>(
        &'a self,
        context: &'a HookContext,
        candidate: &'a TraitsCandidate,
    ) -> Answer<'a, TraitsVerdict> {
        Box::pin(self.traits(context, candidate))
    }
}
