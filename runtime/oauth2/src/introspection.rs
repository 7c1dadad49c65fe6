//! Token introspection (RFC 7662): whether a token is live, and what it stands for.

use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::token::{ClientRequest, TokenError};

/// The answer. An inactive token says nothing but that: neither why, nor whether it ever existed.
#[derive(Debug, Clone, PartialEq)]
pub enum Introspection {
    /// Not a token of ours, or dead.
    Inactive,
    /// Live.
    Active(Box<ActiveToken>),
}

/// What a live token stands for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct ActiveToken {
    pub active: bool,
    pub scope: String,
    pub client_id: String,
    pub sub: String,
    pub exp: i64,
    pub iat: i64,
    pub nbf: i64,
    pub aud: Vec<String>,
    pub iss: String,
    pub token_type: &'static str,
    pub token_use: &'static str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub ext: Map<String, Value>,
}

impl Serialize for Introspection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Active(token) => token.serialize(serializer),
            Self::Inactive => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("active", &false)?;
                map.end()
            }
        }
    }
}

impl AuthorizationServer {
    /// Introspects for an admin. With `scope`, a token that lacks one of these scopes is inactive.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn introspect(&self, _: &str, _: Option<&str>) -> Result<Introspection, PortError> {
        Err(PortError::Unavailable("introspection is not served yet".to_owned()))
    }

    /// Introspects for a client that authenticates with the request.
    #[expect(clippy::unused_async, reason = "its body follows in the next change")]
    pub async fn introspect_as_client(&self, _: ClientRequest<'_>) -> Result<Introspection, TokenError> {
        Err(PortError::Unavailable("introspection is not served yet".to_owned()).into())
    }
}
