//! The client: an application that asks for tokens.
//!
//! [`ClientDocument`] is what operators write and read; [`Client`] is what decisions use. The only way
//! from one to the other is [`Client::check`], so a client that exists is a client that makes sense.

pub mod admin;
pub mod document;
mod keys;
pub mod reconcile;
pub mod redirect_uri;
pub mod responses;
mod rules;
pub mod secret;
pub mod sector;
pub mod token_exchange;

use primitives::{ClientId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::client_authentication::AuthenticationMethod;
pub use document::{ClientDocument, CreatedClient, Lifespans};
pub use reconcile::{DeclaredClient, InvalidDeclaration, reconcile_clients};
pub use redirect_uri::{InvalidRedirectUri, RedirectUri};
pub(crate) use rules::ASSERTION_ALGORITHMS;
pub use rules::InvalidClient;
pub use secret::StoredSecret;
pub use sector::SubjectType;
pub use token_exchange::TokenExchangeRules;

use crate::mtls::RegisteredSubject;
use crate::registration::SelfRegistered;
use crate::scope::Scopes;
use crate::security_profile::SecurityProfile;
use crate::settings::AccessTokenStrategy;

/// A client whose document was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Client {
    /// `client_id`.
    pub id: ClientId,
    /// How it proves who it is.
    pub authentication: AuthenticationMethod,
    /// The grants that it may use.
    pub grant_types: Vec<GrantType>,
    /// Where authorization responses may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// How it names people.
    pub subject_type: SubjectType,
    /// What it may ask for.
    pub scope: Scopes,
    /// Whom its certificate names, where it proves itself by one that an authority has signed.
    pub(crate) certificate_subject: Option<RegisteredSubject>,
    /// Which published rules it is held to, beside those of its tenant.
    pub security_profile: Option<SecurityProfile>,
    /// The form of its access tokens, if not the tenant's default.
    pub access_token_strategy: Option<AccessTokenStrategy>,
    /// The record that this was made of.
    pub record: ClientRecord,
}

/// A client as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct ClientRecord {
    /// Its document; always with an id.
    pub document: ClientDocument,
    /// Its secrets, the newest first; more than one while a rotation is under way.
    pub secrets: Vec<StoredSecret>,
    /// Who may change it.
    pub managed_by: ManagedBy,
    /// Whether it may be used; a client that disappeared from the configuration file may not.
    pub enabled: bool,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Tokens issued before this instant are dead.
    pub not_before: Timestamp,
    /// Counts the changes; guards against two writers.
    pub version: i64,
    /// Whether it registered itself.
    pub registration: Option<SelfRegistered>,
}

impl ClientRecord {
    /// Whether it may be used: nobody switched it off, and it is none that was registered and not used in time.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        let until = self.registration.and_then(|registration| registration.unused_until);
        self.enabled && until.is_none_or(|until| now < until)
    }
}

/// Who owns an object's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagedBy {
    /// The admin API.
    Api,
    /// A configuration file; the API only reads.
    File,
    /// The document at its own id, which is an address. It is stored nowhere.
    Document,
}

impl ManagedBy {
    /// As it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::File => "file",
            Self::Document => "document",
        }
    }
}

/// The grants that are served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 section 4.1.
    AuthorizationCode,
    /// RFC 6749 section 6.
    RefreshToken,
    /// RFC 6749 section 4.4.
    ClientCredentials,
    /// RFC 8628.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
    /// Tokens from the authorization endpoint (RFC 6749 section 4.2); no grant of the token endpoint.
    Implicit,
    /// RFC 7523 section 2.1.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:jwt-bearer")]
    JwtBearer,
    /// RFC 6749 section 4.3; where the tenant has it.
    Password,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

impl GrantType {
    /// Every grant, as discovery lists them.
    pub const ALL: [Self; 8] = [
        Self::AuthorizationCode,
        Self::RefreshToken,
        Self::ClientCredentials,
        Self::DeviceCode,
        Self::Implicit,
        Self::JwtBearer,
        Self::Password,
        Self::TokenExchange,
    ];

    /// Its registered name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
            Self::Implicit => "implicit",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
            Self::JwtBearer => "urn:ietf:params:oauth:grant-type:jwt-bearer",
            Self::Password => "password",
            Self::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
        }
    }

    /// Reads a registered name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == text)
    }
}

impl Client {
    /// Takes a stored client whose document makes sense.
    pub fn check(record: ClientRecord) -> Result<Self, InvalidClient> {
        rules::check(record)
    }

    /// Whether it holds no secret of its own.
    pub fn is_public(&self) -> bool {
        self.authentication == AuthenticationMethod::NONE
    }

    /// The registered redirect URI that a request's is, if it is one. Only a client without a secret may have another port of
    /// `localhost`, as an app on the person's machine has; any may have another of a loopback address.
    pub fn find_redirect_uri(&self, requested: &str) -> Option<&RedirectUri> {
        let fits = |uri: &&RedirectUri| {
            uri.matches(requested) || (self.is_public() && uri.matches_localhost(requested))
        };
        self.redirect_uris.iter().find(fits)
    }

    /// Whether nobody registered it, and it describes itself where its id points.
    pub fn is_described(&self) -> bool {
        self.record.managed_by == ManagedBy::Document
    }

    /// Whether strangers make such clients, and nobody vouches for them: it registered or describes itself.
    pub(crate) fn is_self_made(&self) -> bool {
        self.record.registration.is_some() || self.is_described()
    }

    /// Whether it may use a grant.
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// The audiences that it may ask for.
    pub fn audience(&self) -> &[String] {
        self.record.document.audience.as_deref().unwrap_or(&[])
    }

    /// The name that people see.
    pub fn display_name(&self) -> &str {
        let name = self.record.document.client_name.as_str();
        if name.is_empty() { self.id.as_str() } else { name }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registered_names_are_the_same_in_settings_and_documents() {
        for method in AuthenticationMethod::all() {
            assert_eq!(serde_json::to_value(method).unwrap(), method.as_str());
        }
        for grant in GrantType::ALL {
            assert_eq!(serde_json::to_value(grant).unwrap(), grant.as_str());
        }
    }
}
