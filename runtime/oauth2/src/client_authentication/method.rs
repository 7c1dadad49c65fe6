//! The methods by which clients prove who they are: one table, which discovery, registration, configuration and authentication read.
//!
//! A further method is a file beside the others and a line in [`METHODS`]. What it is worth (for FAPI, for clients that describe
//! themselves, for grants that need a client that authenticates) follows from its [`Proof`], and what it does not say of itself is
//! refused: a method takes the one kind of [`Credential`] that it knows.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::LazyLock;

use futures_util::future::BoxFuture;
use jose::UnverifiedJwt;
use primitives::{ClientAddress, ClientId, Secret};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;

use super::{AuthenticationError, FailedCause};
use super::{
    client_secret_basic, client_secret_post, none, private_key_jwt, self_signed_tls_client_auth,
    tls_client_auth,
};
use crate::client::{Client, ClientDocument, InvalidClient};
use crate::mtls::{CertificateFault, PresentedCertificate};
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::settings::Settings;
use crate::token::ClientRequest;
use crate::write::Write;

/// Every method, in the order in which discovery lists them and a request is searched for what they need.
static METHODS: &[&dyn Method] = &[
    &client_secret_basic::ClientSecretBasic,
    &client_secret_post::ClientSecretPost,
    &private_key_jwt::PrivateKeyJwt,
    &tls_client_auth::TlsClientAuth,
    &self_signed_tls_client_auth::SelfSignedTlsClientAuth,
    &none::Nothing,
    #[cfg(test)]
    &super::tests::knock::Knock,
];

/// One method of client authentication.
pub(crate) trait Method: Send + Sync {
    /// Its registered name (RFC 7591 section 2).
    fn name(&self) -> &'static str;

    /// What it is, for whoever configures it.
    fn about(&self) -> &'static str;

    /// What its clients have that nobody else has.
    fn proof(&self) -> Proof;

    /// Whether a tenant has it.
    fn is_offered(&self, _settings: &Settings) -> bool {
        true
    }

    /// What a client of this method must have registered.
    fn check_document(&self, _document: &ClientDocument) -> Result<(), InvalidClient> {
        Ok(())
    }

    /// What a request brings for this method, in whose name. Nothing where no part of the request is its own: then the client
    /// is the one that `client_id` names.
    fn find<'a>(&self, _request: ClientRequest<'a>) -> Option<Result<Presented<'a>, AuthenticationError>> {
        None
    }

    /// Checks what was brought, for a client of this method. Gives what is to be written with whatever the client gets, or is
    /// refused.
    fn verify<'a>(
        &'a self,
        server: &'a AuthorizationServer,
        client: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>>;
}

/// What clients of a method have that nobody else has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Nothing: anybody may be it.
    Nothing,
    /// A secret that we know too.
    Secret,
    /// A key, by which it signs.
    Signature,
    /// A key, by which its connection was made.
    Certificate,
}

/// What a request brings for a method.
pub(crate) struct Presented<'a> {
    /// In whose name.
    pub(super) client: ClientId,
    pub(super) credential: Credential<'a>,
}

/// What was brought.
pub(crate) enum Credential<'a> {
    /// A secret, and where it comes from.
    Secret(Secret<String>, ClientAddress),
    /// An assertion.
    Assertion(Box<UnverifiedJwt<'a>>),
    /// Nothing in the request: what there is comes with the connection.
    Connection(PresentedCertificate<'a>),
}

/// Why a client of the right method is not who it says.
pub(crate) enum NotProven {
    /// Its fault.
    Failed(FailedCause),
    /// Ours.
    Port(PortError),
}

impl From<FailedCause> for NotProven {
    fn from(cause: FailedCause) -> Self {
        Self::Failed(cause)
    }
}

impl From<CertificateFault> for NotProven {
    fn from(fault: CertificateFault) -> Self {
        Self::Failed(fault.into())
    }
}

impl From<PortError> for NotProven {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

/// How a client authenticates at the token endpoint (OpenID Connect Core section 9): one of the table.
#[derive(Clone, Copy)]
pub struct AuthenticationMethod(&'static dyn Method);

impl AuthenticationMethod {
    /// A public client.
    pub const NONE: Self = Self(&none::Nothing);

    /// Every method, as discovery lists them.
    pub fn all() -> impl Iterator<Item = Self> {
        METHODS.iter().map(|method| Self(*method))
    }

    /// Reads a registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::all().find(|method| method.as_str() == text)
    }

    /// Its registered name.
    pub fn as_str(self) -> &'static str {
        self.0.name()
    }

    /// What its clients have that nobody else has.
    pub fn proof(self) -> Proof {
        self.0.proof()
    }

    /// Whether it uses a secret that we store.
    pub fn uses_secret(self) -> bool {
        self.proof() == Proof::Secret
    }

    /// The registered names of all, for whoever named another.
    pub(crate) fn known() -> &'static str {
        static KNOWN: LazyLock<String> = LazyLock::new(|| {
            let names: Vec<_> = AuthenticationMethod::all().map(AuthenticationMethod::as_str).collect();
            names
                .split_last()
                .map_or_else(String::new, |(last, names)| format!("{} or {last}", names.join(", ")))
        });
        &KNOWN
    }

    pub(crate) fn method(self) -> &'static dyn Method {
        self.0
    }
}

/// What a client has that says nothing about it (RFC 7591 section 2).
impl Default for AuthenticationMethod {
    fn default() -> Self {
        Self(&client_secret_basic::ClientSecretBasic)
    }
}

impl PartialEq for AuthenticationMethod {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for AuthenticationMethod {}

impl Hash for AuthenticationMethod {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for AuthenticationMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for AuthenticationMethod {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AuthenticationMethod {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = Cow::<str>::deserialize(deserializer)?;
        let unknown =
            || serde::de::Error::custom(format_args!("unknown method `{name}`, expected {}", Self::known()));
        Self::parse(&name).ok_or_else(unknown)
    }
}

impl JsonSchema for AuthenticationMethod {
    fn schema_name() -> Cow<'static, str> {
        "AuthenticationMethod".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let known = METHODS
            .iter()
            .map(|method| json!({"type": "string", "const": method.name(), "description": method.about()}));
        json_schema!({
            "oneOf": known.collect::<Vec<_>>(),
            "description": "How a client authenticates at the token endpoint (OpenID Connect Core section 9).",
        })
    }
}
