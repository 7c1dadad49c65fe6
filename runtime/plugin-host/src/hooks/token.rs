//! The `token` hook: [`TokenHook`] by way of `portcullis:token/hook`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use oauth2::hooks::{
    IntrospectedToken, IntrospectionDecision, TokenDecision, TokenExchange, TokenHook, TokenRequest,
    TokenShape, TokenSubject,
};
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use tenancy::plugin::HookName;
use wasmtime::Store;
use wasmtime::component::TypedFunc;

use crate::PluginHost;
use crate::bindings::token::exports::portcullis::token::hook as wit;
use crate::bindings::token::portcullis::call::types;
use crate::call::{Caller, Failure, GuestCall, not_installed};
use crate::claims::{check_claims, check_description};
use crate::hooks::context::{ContextInput, bad, call_context, check_extensions, object};
use crate::hooks::{FunctionName, GuestFunction, other_function};
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

    fn introspects(&self, context: &HookContext) -> bool {
        self.has_introspecting(context)
    }

    fn shape_introspection<'a>(
        &'a self,
        context: &'a HookContext,
        token: &'a IntrospectedToken,
    ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>> {
        Box::pin(self.introspect(context, token))
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

/// What both functions take.
type Arguments = (wit::CallContext<'static>, wit::TokenRequest<'static>);
/// `shape-tokens` of an instance.
pub(crate) type ShapeTokens = TypedFunc<Arguments, (Result<wit::TokenDecision, wit::HookError>,)>;
/// `shape-userinfo` of an instance.
pub(crate) type ShapeUserinfo = TypedFunc<Arguments, (Result<wit::UserinfoDecision, wit::HookError>,)>;

/// What the guests are told.
struct Input {
    context: ContextInput,
    grant_type: String,
    subject: Option<SubjectInput>,
    scopes: Vec<String>,
    audience: Vec<String>,
    id_token: bool,
    extensions: Vec<(&'static str, String)>,
}

/// The person, as guests see them.
pub(super) struct SubjectInput {
    pub(super) id: String,
    pub(super) session: Option<String>,
    pub(super) assurance: String,
    pub(super) methods: Vec<String>,
    pub(super) traits: String,
    pub(super) metadata: String,
    pub(super) session_claims: String,
}

impl SubjectInput {
    pub(super) fn new(subject: &TokenSubject) -> Self {
        Self {
            id: subject.id.clone(),
            session: subject.session.clone(),
            assurance: subject.assurance.clone(),
            methods: subject.methods.clone(),
            traits: object(&subject.traits),
            metadata: object(&subject.metadata),
            session_claims: object(&subject.session_claims),
        }
    }
}

impl Input {
    fn new(now: i64, context: &HookContext, request: &TokenRequest) -> Self {
        Self {
            context: ContextInput::new(now, context),
            grant_type: request.grant_type.clone(),
            subject: request.subject.as_ref().map(SubjectInput::new),
            scopes: request.scopes.clone(),
            audience: request.audience.clone(),
            id_token: request.id_token,
            extensions: request.exchange.as_ref().map_or_else(Vec::new, exchange),
        }
    }
}

/// What `extensions` of a request say of an exchange.
fn exchange(exchange: &TokenExchange) -> Vec<(&'static str, String)> {
    let act = exchange.act.as_ref().and_then(|act| serde_json::to_string(act).ok());
    std::iter::once(("subject_client", exchange.subject_client.to_string()))
        .chain(act.map(|act| ("act", act)))
        .collect()
}

/// One call of one plugin.
#[derive(Clone)]
struct TokenCall {
    function: FunctionName,
    input: Arc<Input>,
}

/// What came back, of either function.
enum Answer {
    Tokens(Result<wit::TokenDecision, wit::HookError>),
    Userinfo(Result<wit::UserinfoDecision, wit::HookError>),
}

pub(super) fn strings(list: &[String]) -> Vec<&str> {
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
        let extensions: Vec<_> = input.extensions.iter().map(|(name, text)| (*name, text.as_str())).collect();
        let call = call_context!(types, &input.context);
        let request = wit::TokenRequest {
            grant_type: &input.grant_type,
            subject: input.subject.as_ref().map(|subject| wit::Subject {
                id: &subject.id,
                session: subject.session.as_deref(),
                assurance: &subject.assurance,
                methods: &methods,
                traits: &subject.traits,
                metadata: &subject.metadata,
                session_claims: &subject.session_claims,
                extensions: &[],
            }),
            scopes: &scopes,
            audience: &audience,
            id_token: input.id_token,
            extensions: &extensions,
        };
        Ok(match function {
            GuestFunction::ShapeTokens(function) => {
                Answer::Tokens(function.call_async(store, (call, request)).await?.0)
            }
            GuestFunction::ShapeUserinfo(function) => {
                Answer::Userinfo(function.call_async(store, (call, request)).await?.0)
            }
            _ => return Err(other_function()),
        })
    }
}

/// Checks an answer: well-formed claims, none protected, nothing that this version does not know.
fn check(plugin: &Plugin, answer: Answer) -> Result<TokenDecision, Failure> {
    let claims =
        |document: &str, text: &str| check_claims(document, text, plugin.may_set_groups()).map_err(bad);
    let deny = |denial: wit::Denial| {
        check_extensions(&denial.extensions)?;
        Ok(TokenDecision::Deny { description: check_description(&denial.description) })
    };
    let guest_error = |error: wit::HookError| (HookFailureKind::GuestError, error.message);
    match answer {
        Answer::Tokens(answer) => match answer.map_err(guest_error)? {
            wit::TokenDecision::Issue(added) => {
                check_extensions(&added.extensions)?;
                Ok(TokenDecision::Issue(TokenShape {
                    id_token: claims("id-token", &added.id_token)?,
                    access_token: claims("access-token", &added.access_token)?,
                }))
            }
            wit::TokenDecision::Deny(denial) => deny(denial),
        },
        Answer::Userinfo(answer) => match answer.map_err(guest_error)? {
            wit::UserinfoDecision::Answer(added) => {
                check_extensions(&added.extensions)?;
                let id_token = claims("claims", &added.claims)?;
                Ok(TokenDecision::Issue(TokenShape { id_token, ..TokenShape::default() }))
            }
            wit::UserinfoDecision::Deny(denial) => deny(denial),
        },
    }
}
