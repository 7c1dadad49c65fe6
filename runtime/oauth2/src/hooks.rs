//! What a tenant's plugin may do to tokens: the traits that `plugin-host` implements.

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::ClientId;
use primitives::hooks::{FailurePolicy, HookContext, HookFailure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::derivation::Act;

/// Claim names that belong to the server. A hook that returns one fails; it is never overruled silently.
pub const PROTECTED_CLAIMS: [&str; 23] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "iat",
    "nbf",
    "jti",
    "azp",
    "cnf",
    "act",
    "authorization_details",
    "exchanged_from",
    "exchanged_tokens",
    "scope",
    "client_id",
    "sid",
    "auth_time",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "acr",
    "amr",
];

/// What is about to be issued.
#[derive(Debug, Clone)]
pub struct TokenRequest {
    /// The grant type, e.g. `authorization_code`, `refresh_token`, `client_credentials`.
    pub grant_type: String,
    /// The subject, absent when a client acts for itself. At the JWT bearer grant it may be whom the issuer names and of whom
    /// nothing is known here but that name: no session, no methods, no traits.
    pub subject: Option<TokenSubject>,
    /// The scopes that the tokens will carry.
    pub scopes: Vec<String>,
    /// The audience of the access token.
    pub audience: Vec<String>,
    /// Whether an ID token is issued too.
    pub id_token: bool,
    /// What is exchanged, at token exchange (RFC 8693).
    pub exchange: Option<TokenExchange>,
}

/// What of an exchange a hook is told beside what it is told of every token.
#[derive(Debug, Clone)]
pub struct TokenExchange {
    /// To whom the token was issued that is exchanged.
    pub subject_client: ClientId,
    /// `act` of the new token; none where the client impersonates, or narrows its own token.
    pub act: Option<Act>,
}

/// The subject as a hook sees it.
#[derive(Debug, Clone)]
pub struct TokenSubject {
    /// `sub`.
    pub id: String,
    /// The session behind the grant.
    pub session: Option<String>,
    /// `acr`.
    pub assurance: String,
    /// `amr`.
    pub methods: Vec<String>,
    /// The identity's traits, a JSON object.
    pub traits: Map<String, Value>,
    /// The identity's public metadata, a JSON object.
    pub metadata: Map<String, Value>,
    /// What the hook `login` said of the session, a JSON object.
    pub session_claims: Map<String, Value>,
}

/// What a hook answers.
#[derive(Debug, Clone, PartialEq)]
pub enum TokenDecision {
    /// Issue, with these claims added.
    Issue(TokenShape),
    /// Do not issue. The client gets `access_denied` with this description.
    Deny {
        /// Shown to the client and, in a browser flow, to the person.
        description: String,
    },
}

/// Claims to add, by document. None of them is protected: the host has checked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenShape {
    /// For the ID token.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub id_token: Map<String, Value>,
    /// For a JWT access token, and for the introspection answer of an opaque one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub access_token: Map<String, Value>,
}

/// A live access token that is introspected.
#[derive(Debug, Clone)]
pub struct IntrospectedToken {
    /// The person that it stands for, absent when a client acts for itself.
    pub subject: Option<TokenSubject>,
    /// Its scopes.
    pub scopes: Vec<String>,
    /// Its audience.
    pub audience: Vec<String>,
    /// What `ext` has already.
    pub claims: Map<String, Value>,
    /// The client that asks; none for an administrator.
    pub resource_server: Option<ClientId>,
}

/// What a hook answers about one.
#[derive(Debug, Clone, PartialEq)]
pub enum IntrospectionDecision {
    /// Answer, with these claims added to `ext`. None of them is protected: the host has checked.
    Answer(Map<String, Value>),
    /// The token is inactive for whoever asks (RFC 7662 section 2.2).
    Inactive,
}

/// What happens when a token hook cannot answer: nothing is issued.
pub const TOKEN_FAILURE_POLICY: FailurePolicy = FailurePolicy::Closed;

/// Shapes or denies tokens. Called at every issue and at userinfo.
pub trait TokenHook: Send + Sync + fmt::Debug {
    /// Whether the tenant has a plugin on this hook; where it has none, no input is gathered.
    fn applies(&self, context: &HookContext) -> bool;

    /// Called after the grant was verified and before anything is signed or stored.
    fn shape_tokens<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>>;

    /// Called at userinfo; returns claims to add.
    fn shape_userinfo<'a>(
        &'a self,
        context: &'a HookContext,
        request: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>>;

    /// Whether a plugin on this hook has something to say of introspection.
    fn introspects(&self, context: &HookContext) -> bool;

    /// Called at introspection of a live access token.
    fn shape_introspection<'a>(
        &'a self,
        context: &'a HookContext,
        token: &'a IntrospectedToken,
    ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>>;
}

/// For a node without plugins: adds nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTokenHook;

impl TokenHook for NoTokenHook {
    fn applies(&self, _: &HookContext) -> bool {
        false
    }

    fn shape_tokens<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        Box::pin(async { Ok(TokenDecision::Issue(TokenShape::default())) })
    }

    fn shape_userinfo<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a TokenRequest,
    ) -> BoxFuture<'a, Result<TokenDecision, HookFailure>> {
        Box::pin(async { Ok(TokenDecision::Issue(TokenShape::default())) })
    }

    fn introspects(&self, _: &HookContext) -> bool {
        false
    }

    fn shape_introspection<'a>(
        &'a self,
        _: &'a HookContext,
        _: &'a IntrospectedToken,
    ) -> BoxFuture<'a, Result<IntrospectionDecision, HookFailure>> {
        Box::pin(async { Ok(IntrospectionDecision::Answer(Map::new())) })
    }
}
