//! The token endpoint (RFC 6749 section 3.2): phases shared by all grants.
//!
//! | phase | who | refuses with |
//! |---|---|---|
//! | 1 the request is well-formed | `token` | `invalid_request` |
//! | 2 the client is who it says | `client_authentication` | `invalid_client` |
//! | 3 the grant exists and the client may use it | `token` | `unsupported_grant_type`, `unauthorized_client` |
//! | | a proof of possession is one, and is there where it must be: `holder` | `invalid_dpop_proof`, `use_dpop_nonce`, `invalid_request` |
//! | 4 the grant itself | one file each | `invalid_grant`, `invalid_scope`, `invalid_target`, `invalid_authorization_details` |
//! | 5 the tenant's plugins permit it | `client_policy` | `access_denied`, `server_error` |
//! | 6 the tenant's token hook and its plugins shape it | `hook`, `token_webhook` | `access_denied`, `server_error` |
//! | 7 tokens are made | `issue` | `server_error` |
//!
//! Nothing is written before phase 7 but what a refusal itself writes, and that what the client has proven itself by is used: an
//! assertion, a proof of possession. The caller applies the change and answers afterwards.

mod authorization_code;
mod client_credentials;
mod device_code;
pub mod error;
pub(crate) mod exchange;
pub(crate) mod front_channel;
pub(crate) mod holder;
pub(crate) mod hook;
pub(crate) mod id_jag;
mod issue;
pub(crate) mod jwt;
mod jwt_bearer;
mod password;
mod redeemed;
pub(crate) mod refresh_token;
pub mod request;

use primitives::{Actor, AuditEvent, Change, ClientAddress, RequestId};
use serde::Serialize;

pub use error::{ErrorCode, InvalidGrant, TokenError};

use self::exchange::Exchanged;
use self::password::NoPasswords;
pub use self::password::PasswordSignIn;

use crate::client::{Client, GrantType};
use crate::client_authentication::{AuthenticatedClient, Spent, authenticate};
use crate::client_policy;
use crate::confirmation::Confirmation;
use crate::decision::Decision;
use crate::derivation::Act;
use crate::details::AuthorizationDetails;
use crate::dpop::{self, PresentedProof};
use crate::lineage::Lineage;
use crate::liveness::LiveGrant;
use crate::mtls::PresentedCertificate;
use crate::parameters::Parameters;
use crate::registration;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::write::Write;
use holder::Holder;
use hook::Shaped;

/// A request of an endpoint that authenticates clients.
#[derive(Debug, Clone, Copy)]
pub struct ClientRequest<'a> {
    /// The `Authorization` header.
    pub authorization: Option<&'a str>,
    /// The form.
    pub parameters: &'a Parameters<'a>,
    /// The `DPoP` header.
    pub proof: PresentedProof<'a>,
    /// The certificate of the other end.
    pub certificate: PresentedCertificate<'a>,
    /// Where it comes from: guesses of secrets are counted by it.
    pub source: ClientAddress,
    /// Which request, for logs.
    pub request: RequestId,
}

/// A token response (RFC 6749 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the names are the specification's")]
pub struct TokenResponse {
    pub access_token: String,
    pub expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_token_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    pub scope: String,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    pub token_type: &'static str,
    #[serde(rename = "c_nonce_draft_00", skip_serializing_if = "Option::is_none")]
    pub c_nonce: Option<String>,
    #[serde(rename = "c_nonce_expires_in_draft_00", skip_serializing_if = "Option::is_none")]
    pub c_nonce_expires_in: Option<u64>,
}

/// What every grant is asked with.
pub(crate) struct Asked<'a> {
    pub(crate) client: &'a Client,
    pub(crate) parameters: &'a Parameters<'a>,
    /// What the caller has shown to hold.
    pub(crate) holder: Option<&'a Holder>,
}

/// What a grant gives: everything that is decided before tokens are made.
pub(crate) struct Granted {
    pub(crate) grant_type: GrantType,
    /// None if the client acts for itself, or for somebody whom an issuer names.
    pub(crate) grant: Option<LiveGrant>,
    /// Whom an issuer names, where there is no grant.
    pub(crate) subject: Option<NamedSubject>,
    /// Of which token it comes, at token exchange.
    pub(crate) exchanged: Option<Exchanged>,
    /// Scope of the access token.
    pub(crate) scope: Scopes,
    /// Audience of the access token.
    pub(crate) audience: Vec<String>,
    /// What the access token is for that no scope says (RFC 9396).
    pub(crate) details: AuthorizationDetails,
    /// The refresh token that goes with it; its row is among the writes.
    pub(crate) refresh_token: Option<String>,
    /// What the access token is bound to.
    pub(crate) confirmation: Option<Confirmation>,
    pub(crate) writes: Vec<Write>,
    pub(crate) audit: Vec<AuditEvent>,
}

/// Whom an issuer names (RFC 7523).
pub(crate) struct NamedSubject {
    /// By this name.
    pub(crate) name: String,
    /// The account of that name, with which the token ends; nothing where it is nobody here, or a token was exchanged that says so.
    pub(crate) lineage: Lineage,
}

impl Granted {
    /// Of what the access token comes, if of anything.
    pub(crate) fn lineage(&self) -> Option<&Lineage> {
        let exchanged = self.exchanged.as_ref().map(|exchanged| &exchanged.lineage);
        let named = || self.subject.as_ref().map(|named| &named.lineage);
        exchanged.or_else(named).filter(|lineage| !lineage.is_empty())
    }

    /// Who acts for whom the access token stands for (RFC 8693 section 4.1).
    pub(crate) fn act(&self) -> Option<Act> {
        match self.exchanged.as_ref().and_then(|exchanged| exchanged.derivation.as_ref()) {
            Some(derivation) => derivation.act.clone(),
            None => self.grant.as_ref().and_then(|live| live.grant().subject.actor.as_ref()).map(Act::from),
        }
    }

    /// Whether an ID token goes with it: it says that somebody has signed in here at the client, which neither an exchange nor an
    /// assertion is.
    pub(crate) fn has_id_token(&self) -> bool {
        let is_sign_in = !matches!(self.grant_type, GrantType::TokenExchange | GrantType::JwtBearer);
        self.grant.is_some() && self.scope.openid() && is_sign_in
    }
}

/// A refusal, and what it writes.
pub(crate) struct Refused {
    pub(crate) error: TokenError,
    pub(crate) writes: Vec<Write>,
    pub(crate) audit: Vec<AuditEvent>,
}

impl<E: Into<TokenError>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self { error: error.into(), writes: Vec::new(), audit: Vec::new() }
    }
}

impl AuthorizationServer {
    /// Decides a token request, where nobody signs in by a password.
    pub async fn token(&self, request: ClientRequest<'_>) -> Decision<TokenResponse, TokenError> {
        self.token_by(request, &NoPasswords).await
    }

    /// Decides a token request.
    pub async fn token_by(
        &self,
        request: ClientRequest<'_>,
        passwords: &dyn PasswordSignIn,
    ) -> Decision<TokenResponse, TokenError> {
        let mut spent = Spent::default();
        match self.run_phases(request, passwords, &mut spent).await {
            Ok(decision) => decision,
            Err(refused) => {
                let mut change = refusal(self, spent, &refused.error);
                change.writes.extend(refused.writes);
                change.audit = refused.audit;
                Decision::new(change, Err(refused.error))
            }
        }
    }

    async fn run_phases(
        &self,
        request: ClientRequest<'_>,
        passwords: &dyn PasswordSignIn,
        spent: &mut Spent,
    ) -> Result<Decision<TokenResponse, TokenError>, Refused> {
        let parameters = check_form(request.parameters)?;
        let AuthenticatedClient { client, writes } =
            authenticate(self, &request).await.map_err(TokenError::from)?;
        *spent = Spent::by(&client, writes);
        let grant_type = check_grant_type(self, &client, parameters)?;
        let key = dpop::check_of_client(self, request.proof, &client, &self.endpoints.token).await?;
        spent.writes.extend(key.as_ref().and_then(|key| key.write_of_authenticated(&client)));
        let holder = self.check_holder(&request, &client, key)?;
        let asked = Asked { client: &client, parameters, holder: holder.as_ref() };
        let granted = match grant_type {
            GrantType::AuthorizationCode => authorization_code::run(self, &asked).await?,
            GrantType::RefreshToken => refresh_token::run(self, &asked).await?,
            GrantType::ClientCredentials => client_credentials::run(self, &asked)?,
            GrantType::DeviceCode => device_code::run(self, &asked).await?,
            // It is the authorization endpoint's: what it gives comes by the browser.
            GrantType::Implicit => return Err(TokenError::UnsupportedGrantType.into()),
            GrantType::JwtBearer => jwt_bearer::run(self, &asked).await?,
            GrantType::TokenExchange => exchange::run(self, &asked).await?,
            GrantType::Password => password::run(self, &asked, passwords).await?,
        };
        client_policy::check_token(self, &client.id, &granted, request.request).await?;
        let Shaped { shape, kept } =
            hook::shape_tokens(self, (&client, &granted), Some(parameters), request.request).await?;
        let issued = issue::issue(self, &client, granted, shape).await?;
        let mut change = Change::new(self.tenant.clone());
        change.writes = std::mem::take(&mut spent.writes);
        // A client that proves nothing has not used its proof up before.
        change.writes.extend(holder.as_ref().filter(|_| client.is_public()).and_then(Holder::write));
        change.writes.extend(issued.writes);
        change.writes.extend(kept);
        change.audit = issued.audit;
        let (registered, settings) = (client.record.registration, &self.settings.registration);
        change.writes.extend(registration::kept(&client.id, registered, settings, self.now()));
        let stateless = change.writes.is_empty() && change.audit.is_empty();
        let stream = stateless
            .then(|| AuditEvent::new("token.issued", Actor::Client(client.id.clone()), "client", &client.id));
        Ok(Decision { change, result: Ok(issued.response), stream })
    }
}

/// What a refusal writes of a client that has proven who it is: whatever it has proven something with is used up. Where we failed
/// nothing was decided, and it may bring the same again.
pub(crate) fn refusal(server: &AuthorizationServer, spent: Spent, error: &TokenError) -> Change<Write> {
    let mut change = Change::new(server.tenant.clone());
    if !error.is_internal() {
        // So many devices wait at a time, and one that asks more often than it may is told another thing.
        if !matches!(error, TokenError::AuthorizationPending) {
            server.refused_uses.count(&spent, server.now());
        }
        change.writes = spent.writes;
    }
    change
}

/// Phase 1.
pub(crate) fn check_form<'a>(parameters: &'a Parameters<'a>) -> Result<&'a Parameters<'a>, TokenError> {
    if let Some(name) = parameters.repeated() {
        let name: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
        return Err(TokenError::InvalidRequest(format!("parameter {name} is repeated").into()));
    }
    if parameters.too_many() {
        return Err(TokenError::InvalidRequest("too many parameters".into()));
    }
    Ok(parameters)
}

/// Phase 3.
fn check_grant_type(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
) -> Result<GrantType, TokenError> {
    let name = parameters
        .find("grant_type")
        .ok_or(TokenError::InvalidRequest("parameter grant_type is missing".into()))?;
    let grant_type = GrantType::parse(name).filter(|grant| match grant {
        GrantType::Implicit => false,
        GrantType::Password => server.settings.password_grant,
        _ => true,
    });
    let grant_type = grant_type.ok_or(TokenError::UnsupportedGrantType)?;
    if client.may_use(grant_type) { Ok(grant_type) } else { Err(TokenError::UnauthorizedClient) }
}
