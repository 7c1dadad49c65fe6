//! Who may register a client, and what it may ask for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::client::GrantType;
use crate::go_duration::GoDuration;

/// How clients register themselves (RFC 7591).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
// People's registration has settings of the same name.
#[schemars(rename = "ClientRegistrationSettings")]
#[serde(deny_unknown_fields, default)]
pub struct RegistrationSettings {
    /// Who may: nobody (`off`), whoever brings an admin key with the scope `clients:register` as Bearer token (`key`), or
    /// everybody (`open`).
    pub mode: RegistrationMode,
    /// The grants that such a client may ask for.
    pub grant_types: Vec<GrantType>,
    /// The scopes that such a client may ask for; one that asks for none gets all of them.
    pub scopes: Vec<String>,
    /// The audiences that such a client may ask for, as `protected_resources` or others name them; one that asks for none may ask
    /// for all of them.
    pub audience: Vec<String>,
    /// Whose clients may describe themselves instead of registering: the hosts of ids that are the address of a document (client
    /// ID metadata documents), each with its port where that is not the usual one, or `*` for every host. Empty: nobody's.
    pub metadata_document_hosts: Vec<String>,
    /// How many such clients there may be at a time.
    pub most_clients: u32,
    /// After how long such a client leaves that never got a token.
    pub unused_lifespan: GoDuration,
    /// After how long such a client leaves that gets no more tokens, with what people consented to. Without it one that ever got
    /// a token stays; once it is set, it counts from the next token of each.
    pub idle_lifespan: Option<GoDuration>,
    /// Whose software statements count. What they say wins over what the client says.
    pub software_publishers: Vec<SoftwarePublisher>,
    /// Whether a client needs a statement of one of them, to register and to change its registration.
    pub require_software_statement: bool,
}

impl Default for RegistrationSettings {
    fn default() -> Self {
        Self {
            mode: RegistrationMode::Off,
            grant_types: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
            scopes: ["openid", "profile", "email", "offline_access"].map(str::to_owned).to_vec(),
            audience: Vec::new(),
            metadata_document_hosts: Vec::new(),
            most_clients: 1_000,
            unused_lifespan: GoDuration::hours(24),
            idle_lifespan: None,
            software_publishers: Vec::new(),
            require_software_statement: false,
        }
    }
}

/// Who may register a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationMode {
    /// Nobody.
    Off,
    /// Whoever brings an admin key for it.
    Key,
    /// Everybody.
    Open,
}

/// Somebody who vouches for software (RFC 7591 section 2.3).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SoftwarePublisher {
    /// `iss` of the statements.
    pub issuer: String,
    /// The public keys that sign them: `{ keys = [ … ] }`.
    pub jwks: Map<String, Value>,
}
