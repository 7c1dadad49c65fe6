//! The `token` hook: [`TokenHook`] by way of `portcullis:token/hook`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use oauth2::hooks::{TokenDecision, TokenHook, TokenRequest, TokenShape};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::{Actor, ClientId, TenantId};
use serde_json::{Map, Value};
use tenancy::plugin::HookName;
use uuid::fmt::Hyphenated;
use wasmtime::Store;
use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre, TypedFunc};

use crate::PluginHost;
use crate::bindings::token::PluginPre;
use crate::bindings::token::exports::portcullis::token::hook as wit;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::{check_claims, check_description};
use crate::hooks::{FunctionName, GuestFunction};
use crate::plugin::Plugin;
use crate::state::CallState;

impl TokenHook for PluginHost {
    fn applies(&self, context: &HookContext) -> bool {
        // Of a tenant whose plugins are not installed nobody knows; the call then fails.
        self.find_tenant(&context.tenant)
            .is_none_or(|tenant| tenant.matching(HookName::Token, context).next().is_some())
    }

    fn shape_tokens<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        Box::pin(self.shape(FunctionName::ShapeTokens, context, request))
    }

    fn shape_userinfo<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        Box::pin(self.shape(FunctionName::ShapeUserinfo, context, request))
    }
}

impl PluginHost {
    /// Asks every plugin that is bound, in order. A later one's claim replaces an earlier one's of the
    /// same name; the first one that denies ends it.
    async fn shape(
        &self,
        function: FunctionName,
        context: &HookContext,
        request: &TokenRequest,
    ) -> Result<TokenDecision, HookFailure> {
        let mut shape = TokenShape::default();
        let tenant = self.find_tenant(&context.tenant).ok_or_else(not_installed)?;
        let input = Arc::new(Input::new(self.clock.now().micros(), context, request));
        let subject = request.subject.as_ref().map_or("", |subject| subject.id.as_str());
        let caller = Caller { gate: &tenant.gate, context, subject };
        for slot in tenant.matching(HookName::Token, context) {
            let call = TokenCall { function, input: Arc::clone(&input) };
            match self.call(caller, slot, call, check).await? {
                TokenDecision::Issue(added) => {
                    shape.id_token.extend(added.id_token);
                    shape.access_token.extend(added.access_token);
                }
                denied @ TokenDecision::Deny { .. } => return Ok(denied),
            }
        }
        Ok(TokenDecision::Issue(shape))
    }
}

/// A component that exports the hook. A call looks up the one function that it calls; the generated
/// bindings would look up and check every one.
pub(crate) struct TokenExports {
    shape_tokens: ComponentExportIndex,
    shape_userinfo: ComponentExportIndex,
}

impl TokenExports {
    /// Checks that the component has all functions of the interface, with its types.
    pub(crate) fn new(component: &Component, pre: &InstancePre<CallState>) -> wasmtime::Result<Self> {
        PluginPre::new(pre.clone())?;
        let interface = component.get_export_index(None, HookName::Token.interface());
        let function = |name: &str| {
            component
                .get_export_index(interface.as_ref(), name)
                .ok_or_else(|| wasmtime::Error::msg(format!("{name} is not exported")))
        };
        Ok(Self { shape_tokens: function("shape-tokens")?, shape_userinfo: function("shape-userinfo")? })
    }

    pub(crate) fn shape_tokens(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<ShapeTokens> {
        instance.get_typed_func(store, self.shape_tokens)
    }

    pub(crate) fn shape_userinfo(
        &self,
        store: &mut Store<CallState>,
        instance: &Instance,
    ) -> wasmtime::Result<ShapeUserinfo> {
        instance.get_typed_func(store, self.shape_userinfo)
    }
}

/// What both functions take.
type Arguments = (wit::CallContext<'static>, wit::TokenRequest<'static>);
/// `shape-tokens` of an instance.
pub(crate) type ShapeTokens = TypedFunc<Arguments, (Result<wit::TokenDecision, wit::HookError>,)>;
/// `shape-userinfo` of an instance.
pub(crate) type ShapeUserinfo = TypedFunc<Arguments, (Result<wit::UserinfoDecision, wit::HookError>,)>;

/// What the guests are told, written out once for all of them. It outlives whoever asked: a guest may still
/// be on its way to its end when nobody waits for it any more.
struct Input {
    now: i64,
    tenant: TenantId,
    organisation: Option<String>,
    client: Option<ClientId>,
    actor: Actor,
    /// The actor's identifier, where it is not text already.
    actor_id: String,
    request_id: [u8; Hyphenated::LENGTH],
    grant_type: String,
    subject: Option<SubjectInput>,
    scopes: Vec<String>,
    audience: Vec<String>,
    id_token: bool,
}

struct SubjectInput {
    id: String,
    session: Option<String>,
    assurance: String,
    methods: Vec<String>,
    traits: String,
    metadata: String,
}

impl Input {
    fn new(now: i64, context: &HookContext, request: &TokenRequest) -> Self {
        let json =
            |object: &Map<String, Value>| serde_json::to_string(object).unwrap_or_else(|_| "{}".to_owned());
        Self {
            now,
            tenant: context.tenant.clone(),
            organisation: context.organisation.map(|organisation| organisation.to_string()),
            client: context.client.clone(),
            actor: context.actor.clone(),
            actor_id: match &context.actor {
                Actor::Subject(id) => id.to_string(),
                Actor::AdminKey(id) => id.to_string(),
                Actor::Anonymous | Actor::System | Actor::Client(_) | Actor::Listener(_) => String::new(),
            },
            request_id: {
                let mut text = [0; Hyphenated::LENGTH];
                context.request.0.hyphenated().encode_lower(&mut text);
                text
            },
            grant_type: request.grant_type.clone(),
            subject: request.subject.as_ref().map(|subject| SubjectInput {
                id: subject.id.clone(),
                session: subject.session.clone(),
                assurance: subject.assurance.clone(),
                methods: subject.methods.clone(),
                traits: json(&subject.traits),
                metadata: json(&subject.metadata),
            }),
            scopes: request.scopes.clone(),
            audience: request.audience.clone(),
            id_token: request.id_token,
        }
    }
}

/// One call of one plugin.
struct TokenCall {
    function: FunctionName,
    input: Arc<Input>,
}

/// What came back, of either function.
enum Answer {
    Tokens(Result<wit::TokenDecision, wit::HookError>),
    Userinfo(Result<wit::UserinfoDecision, wit::HookError>),
}

fn strings(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

impl GuestCall for TokenCall {
    type Answer = Answer;

    const HOOK: HookName = HookName::Token;

    fn function(&self) -> FunctionName {
        self.function
    }

    async fn run(self, function: GuestFunction, store: &mut Store<CallState>) -> wasmtime::Result<Answer> {
        let input = &*self.input;
        let (scopes, audience) = (strings(&input.scopes), strings(&input.audience));
        let methods = input.subject.as_ref().map_or_else(Vec::new, |subject| strings(&subject.methods));
        let call = wit::CallContext {
            tenant: input.tenant.as_str(),
            organisation: input.organisation.as_deref(),
            client: input.client.as_ref().map(ClientId::as_str),
            actor: match &input.actor {
                Actor::Anonymous => wit::Actor::Anonymous,
                Actor::Subject(_) => wit::Actor::Subject(&input.actor_id),
                Actor::Client(id) => wit::Actor::Client(id.as_str()),
                Actor::AdminKey(_) => wit::Actor::AdminKey(&input.actor_id),
                Actor::Listener(name) => wit::Actor::Listener(name),
                Actor::System => wit::Actor::System,
            },
            // Written as ASCII above.
            request_id: std::str::from_utf8(&input.request_id).unwrap_or_default(),
            now: input.now,
            extensions: &[],
        };
        let request = wit::TokenRequest {
            grant_type: &input.grant_type,
            subject: input.subject.as_ref().map(|subject| wit::Subject {
                id: &subject.id,
                session: subject.session.as_deref(),
                assurance: &subject.assurance,
                methods: &methods,
                traits: &subject.traits,
                metadata: &subject.metadata,
                extensions: &[],
            }),
            scopes: &scopes,
            audience: &audience,
            id_token: input.id_token,
            extensions: &[],
        };
        Ok(match function {
            GuestFunction::ShapeTokens(function) => {
                Answer::Tokens(function.call_async(store, (call, request)).await?.0)
            }
            GuestFunction::ShapeUserinfo(function) => {
                Answer::Userinfo(function.call_async(store, (call, request)).await?.0)
            }
        })
    }
}

/// Checks an answer: well-formed claims, none protected, nothing that this version does not know.
fn check(plugin: &Plugin, answer: Answer) -> Result<TokenDecision, Failure> {
    let bad = |detail: String| (HookFailureKind::BadAnswer, detail);
    let claims =
        |document: &str, text: &str| check_claims(document, text, plugin.may_set_groups()).map_err(bad);
    let known = |extensions: &[(String, String)]| {
        if extensions.is_empty() {
            Ok(())
        } else {
            Err(bad("extensions are empty in this version".to_owned()))
        }
    };
    let deny = |denial: wit::Denial| {
        known(&denial.extensions)?;
        Ok(TokenDecision::Deny { description: check_description(&denial.description) })
    };
    let guest_error = |error: wit::HookError| (HookFailureKind::GuestError, error.message);
    match answer {
        Answer::Tokens(answer) => match answer.map_err(guest_error)? {
            wit::TokenDecision::Issue(added) => {
                known(&added.extensions)?;
                Ok(TokenDecision::Issue(TokenShape {
                    id_token: claims("id-token", &added.id_token)?,
                    access_token: claims("access-token", &added.access_token)?,
                }))
            }
            wit::TokenDecision::Deny(denial) => deny(denial),
        },
        Answer::Userinfo(answer) => match answer.map_err(guest_error)? {
            wit::UserinfoDecision::Answer(added) => {
                known(&added.extensions)?;
                let id_token = claims("claims", &added.claims)?;
                Ok(TokenDecision::Issue(TokenShape { id_token, ..TokenShape::default() }))
            }
            wit::UserinfoDecision::Deny(denial) => deny(denial),
        },
    }
}
