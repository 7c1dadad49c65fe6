//! Pushed authorization requests (RFC 9126): the client sends its request itself, and the browser carries a reference.
//!
//! The reference is the request, sealed: nobody on the way reads or changes it, and a flood of requests writes nothing.
//! What was pushed is checked when it comes, so that its client hears of a mistake, and again, as any request, when the browser brings it:
//! the client may have changed since.
//!
//! Attacks: a reference that was made up, or is of another tenant (it does not open), of another client
//! (it names its own), is kept for later (it expires), or is answered twice (its grant exists). A flood of proofs by keys that somebody
//! makes up, in the name of a client that proves nothing: their use is not written down here. One that is used again pushes
//! another request whose code is bound to the same key, which is of no use to anybody else.

use primitives::seal::SealedKind;
use primitives::{ClientId, GrantId, RequestId, Timestamp};
use serde::{Deserialize, Serialize};

use super::page_error::PageError;
use super::request::Origin;
use super::request_object::RequestObject;
use super::{RedirectError, redirect, request};
use crate::client_authentication::{AuthenticatedClient, Spent, authenticate};
use crate::client_policy::DetailsAt;
use crate::decision::Decision;
use crate::dpop::{self, ProofFault, ProvenKey};
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::published_keys::Asking;
use crate::security_profile::reference_lifespan;
use crate::server::AuthorizationServer;
use crate::token::{ClientRequest, TokenError, check_form, refusal};

/// What every reference begins with (RFC 9126 section 2.2).
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// The longest reference that is opened; the longest request makes one of some 20 kibibytes.
const MOST_BYTES: usize = 32 * 1_024;

const KIND: SealedKind = SealedKind::PushedRequest;

/// What proves who the client is, and is no part of its request (RFC 9126 section 2.1).
const PROOFS: [&str; 3] = ["client_secret", "client_assertion", "client_assertion_type"];

/// The answer to a request that was pushed (RFC 9126 section 2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PushedResponse {
    /// What the browser brings as `request_uri`.
    pub request_uri: String,
    /// Seconds.
    pub expires_in: u64,
}

/// Why a request is not taken (RFC 9126 section 2.3): as the token endpoint refuses, or as a redirect would have told.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The client did not prove who it is, or we failed.
    #[error(transparent)]
    Client(#[from] TokenError),
    /// What it asks for is not to be had.
    #[error("{description}")]
    Request {
        /// The registered name.
        code: &'static str,
        /// For the client's developer.
        description: String,
    },
}

/// A request that was pushed.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Pushed {
    client: ClientId,
    /// The grant that it becomes, once.
    grant: GrantId,
    /// Whether its client signed it.
    #[serde(default)]
    is_signed: bool,
    parameters: Vec<(String, String)>,
    expires_at: Timestamp,
}

impl Pushed {
    /// Opens the reference that a browser brings; nothing where it brings none of ours.
    pub(super) fn find(
        server: &AuthorizationServer,
        parameters: &Parameters<'_>,
    ) -> Result<Option<Self>, PageError> {
        let Some(sealed) = parameters.find("request_uri").and_then(|uri| uri.strip_prefix(PREFIX)) else {
            return Ok(None);
        };
        let short = Some(sealed).filter(|text| text.len() <= MOST_BYTES);
        let pushed: Self = short.and_then(|text| server.open(KIND, text)).ok_or(PageError::PushedRequest)?;
        // RFC 6749 section 3.1; RFC 9101 section 5: there is one request, and one who asks.
        let is_one = parameters.repeated().is_none() && parameters.find("request").is_none();
        let is_its_clients = parameters.find("client_id") == Some(pushed.client.as_str());
        if !is_one || !is_its_clients || server.now() >= pushed.expires_at {
            return Err(PageError::PushedRequest);
        }
        Ok(Some(pushed))
    }

    /// What was pushed. Nothing of what the browser says beside it counts (RFC 9101 section 6.3).
    pub(super) fn parameters(&self) -> Parameters<'_> {
        Parameters::kept(&self.parameters)
    }

    /// Where it comes from.
    pub(super) const fn origin(&self) -> Origin {
        Origin { grant: Some(self.grant), is_pushed: true, is_signed: self.is_signed }
    }
}

impl AuthorizationServer {
    /// Takes a request from its client.
    pub async fn push_authorization_request(
        &self,
        request: ClientRequest<'_>,
    ) -> Decision<PushedResponse, PushError> {
        let mut spent = Spent::default();
        let pushed = async {
            let parameters = check_form(request.parameters)?;
            let caller = authenticate(self, &request).await.map_err(TokenError::from)?;
            spent = Spent::by(&caller.client, caller.writes.clone());
            let endpoint = &self.endpoints.pushed_authorization_request;
            let holder = dpop::check_of_client(self, request.proof, &caller.client, endpoint);
            let holder = holder.await.map_err(TokenError::from)?;
            let proof = holder.as_ref().and_then(|key| key.write_of_authenticated(&caller.client));
            spent.writes.extend(proof);
            self.push(&caller, parameters, (holder.as_ref(), request.request)).await
        };
        let mut change = primitives::Change::new(self.tenant.clone());
        match pushed.await {
            Ok(response) => {
                change.writes = spent.writes;
                Decision::new(change, Ok(response))
            }
            Err(error) => {
                let change = match &error {
                    PushError::Client(refused) => refusal(self, spent, refused),
                    // What it asks for is not to be had, which is no failure of ours.
                    PushError::Request { .. } => {
                        self.refused_uses.count(&spent, self.now());
                        change.writes = spent.writes;
                        change
                    }
                };
                Decision::new(change, Err(error))
            }
        }
    }

    async fn push(
        &self,
        caller: &AuthenticatedClient,
        parameters: &Parameters<'_>,
        (holder, id): (Option<&ProvenKey>, RequestId),
    ) -> Result<PushedResponse, PushError> {
        if parameters.find("request_uri").is_some() {
            let text = "request_uri cannot be pushed (RFC 9126 section 2.1)";
            return Err(TokenError::InvalidRequest(text.into()).into());
        }
        // RFC 9126 section 3: of what stands beside an object only what proves who its client is counts.
        let object = match parameters.find("request") {
            Some(text) => Some(RequestObject::verify(self, &caller.client, (text, Asking::default())).await?),
            None => None,
        };
        let within = object.as_ref().map(RequestObject::parameters);
        let parameters = within.as_ref().unwrap_or(parameters);
        let signed = object.as_ref().map(RequestObject::origin);
        // A proof names the key of the code as `dpop_jkt` does (RFC 9449 section 10.1); both name one.
        let key = holder.map(|holder| holder.thumbprint().as_str());
        if key.is_some() && parameters.find("dpop_jkt").is_some_and(|named| Some(named) != key) {
            return Err(TokenError::InvalidProof(ProofFault::Key).into());
        }
        let client = &caller.client.id;
        // Whoever proves it by a header need not name itself again.
        let own = parameters.pairs().filter(|(name, _)| !PROOFS.contains(name) && *name != "client_id");
        let own = own.filter(|(name, _)| key.is_none() || *name != "dpop_jkt");
        let known = std::iter::once(("client_id", client.as_str())).chain(key.map(|key| ("dpop_jkt", key)));
        let named = known.chain(own);
        let named: Vec<_> = named.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let lifespan = reference_lifespan(self, &caller.client);
        let pushed = Pushed {
            client: client.clone(),
            grant: signed
                .and_then(|origin| origin.grant)
                .unwrap_or_else(|| GrantId::generate(self.rng.as_ref())),
            is_signed: signed.is_some(),
            parameters: named,
            expires_at: self.now().after(lifespan),
        };
        let redirect = redirect::prove(self, &pushed.parameters()).await?;
        pushed.origin().check(self, &caller.client)?;
        request::check(self, &redirect, &pushed.parameters(), (DetailsAt::Pushed, id)).await?;
        let request_uri = format!("{PREFIX}{}", self.seal(KIND, &pushed));
        Ok(PushedResponse { request_uri, expires_in: lifespan.as_secs() })
    }
}

impl From<PortError> for PushError {
    fn from(error: PortError) -> Self {
        Self::Client(error.into())
    }
}

impl From<PageError> for PushError {
    fn from(error: PageError) -> Self {
        match error {
            PageError::Port(error) => error.into(),
            other => Self::Request { code: "invalid_request", description: other.to_string() },
        }
    }
}

impl From<RedirectError> for PushError {
    fn from(error: RedirectError) -> Self {
        match error {
            RedirectError::Port(error) => error.into(),
            RedirectError::Hook(failure) => Self::Client(failure.into()),
            other => Self::Request { code: other.code(), description: other.description().into_owned() },
        }
    }
}
