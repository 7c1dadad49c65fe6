//! The way back: what a browser brings from a provider, and whether it is an answer to what we asked.
//!
//! | check | what fails |
//! |---|---|
//! | 1 each parameter once | a request that two would read differently |
//! | 2 the state is ours and young | an answer to a question that nobody asked |
//! | 3 the form opens with this browser's cookie | somebody else's answer (the caller's check) |
//! | 4 this answer comes for the first time | a replay (the caller's check, in the form) |
//! | 5 the address that it comes to is this provider's | a mix-up |
//! | 6 `iss` is this provider's (RFC 9207) | a mix-up |
//! | 7 it is a code, not an error | the person or the provider said no |

use identity::providers::ProvenElsewhere;
use identity::providers::Upstreamed;
use primitives::FlowId;
use serde_json::{Map, Value};

use crate::begin::bounded;
use crate::failure::Failure;
use crate::id_token::{self, Expected};
use crate::kind::IdTokens;
use crate::person::{self, Person};
use crate::provider::Provider;
use crate::room::Asking;
use crate::settings::Pkce;
use crate::state::State;
use crate::token::{self, Given, Grant};

/// The longest value of a parameter.
const LONGEST: usize = 4096;

/// What a browser brings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Response {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    user: Option<String>,
}

/// Why what came is no answer to anything of ours. The client's, or an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallbackError {
    /// A parameter is there twice, or too long.
    #[error("the answer of the provider is malformed")]
    Malformed,
    /// There is no state, or it is not ours, or too old.
    #[error("the answer of the provider belongs to no sign-in that was begun here")]
    Unasked,
}

/// An answer to something that we asked. The form that it belongs to is not known to be this browser's yet.
#[derive(Debug, Clone)]
pub struct CameBack {
    state: State,
    response: Response,
    /// The provider's name in the address that it came to.
    at: Option<String>,
}

impl Response {
    /// Reads a query, or the body of a form.
    pub fn parse(encoded: &[u8]) -> Result<Self, CallbackError> {
        let mut response = Self::default();
        for (name, value) in url::form_urlencoded::parse(encoded) {
            let field = match &*name {
                "code" => &mut response.code,
                "state" => &mut response.state,
                "iss" => &mut response.iss,
                "error" => &mut response.error,
                "user" => &mut response.user,
                _ => continue,
            };
            if value.len() > LONGEST || field.replace(value.into_owned()).is_some() {
                return Err(CallbackError::Malformed);
            }
        }
        Ok(response)
    }

    /// The same as a query. A provider that answers by a form posts across sites, where browsers send no cookies along:
    /// so the browser comes once more, by an address.
    pub fn to_query(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let fields = [
            ("code", &self.code),
            ("state", &self.state),
            ("iss", &self.iss),
            ("error", &self.error),
            ("user", &self.user),
        ];
        for (name, value) in fields {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

impl CameBack {
    pub(crate) fn open(
        asking: Asking<'_>,
        response: Response,
        at: Option<&str>,
    ) -> Result<Self, CallbackError> {
        let sealed = response.state.as_deref().ok_or(CallbackError::Unasked)?;
        let state = State::open(asking.sealer(), asking.tenant, sealed, asking.now);
        Ok(Self { state: state.ok_or(CallbackError::Unasked)?, response, at: at.map(str::to_owned) })
    }

    /// The form that the sign-in was begun from.
    pub const fn flow(&self) -> FlowId {
        self.state.flow
    }

    /// The word of that form in paths.
    pub fn kind(&self) -> &str {
        &self.state.kind
    }

    /// What the form remembers the answer by.
    pub fn answer(&self) -> &str {
        &self.state.id
    }

    /// With which provider.
    pub fn provider(&self) -> &str {
        &self.state.provider
    }
}

/// Who somebody is, by an answer of this browser that came for the first time.
pub(crate) async fn redeem(
    asking: Asking<'_>,
    provider: &Provider,
    came: &CameBack,
) -> Result<ProvenElsewhere, Failure> {
    let exchanged = exchanged(asking, provider, came).await?;
    described(asking, provider, came, exchanged).await
}

/// What the provider gave for an answer: its tokens, and the claims of the ID token where there is one.
pub(crate) async fn exchanged(
    asking: Asking<'_>,
    provider: &Provider,
    came: &CameBack,
) -> Result<(Given, Option<Map<String, Value>>), Failure> {
    let expects_name = provider.settings.pkce != Pkce::Force;
    if came.at.as_deref().map_or(expects_name, |at| at != provider.id()) {
        return Err(Failure::Untrusted("the answer came to the address of another provider".to_owned()));
    }
    let endpoints = asking.endpoints(provider).await?;
    match (&came.response.iss, &endpoints.issuer) {
        (Some(iss), Some(issuer)) if iss != issuer => {
            return Err(Failure::Untrusted("the answer is that of another issuer".to_owned()));
        }
        (None, _) if endpoints.names_issuer => {
            return Err(Failure::Untrusted("the answer names no issuer".to_owned()));
        }
        (_, _) => {}
    }
    if let Some(error) = &came.response.error {
        return Err(match error.as_str() {
            "access_denied"
            | "user_cancelled_authorize"
            | "user_cancelled_login"
            | "login_required"
            | "consent_required"
            | "interaction_required" => Failure::Denied(bounded(error)),
            _ => Failure::Refused { what: "the authorization endpoint", error: bounded(error) },
        });
    }
    let code = came.response.code.as_deref();
    let code = code.ok_or_else(|| Failure::nonsense("the authorization endpoint", "gave no code"))?;
    let verifier = provider.uses_pkce(&endpoints).then_some(came.state.verifier.as_str());
    let given = token::exchange(asking, provider, Grant::Code { code, verifier }).await?;
    let verified = match (provider.kind.id_token, &given.tokens.id_token) {
        (IdTokens::None, _) => None,
        (IdTokens::Signed | IdTokens::Shared, Some(id_token)) => {
            let expected = Expected {
                nonce: provider.kind.nonce.then_some(came.state.nonce.as_str()),
                access_token: given.tokens.access_token.as_deref(),
                from_application: false,
            };
            Some(id_token::verify(asking, provider, id_token, expected).await?)
        }
        (IdTokens::Signed | IdTokens::Shared, None) => {
            return Err(Failure::nonsense("the token endpoint", "gave no ID token"));
        }
    };
    Ok((given, verified))
}

/// Who that is.
pub(crate) async fn described(
    asking: Asking<'_>,
    provider: &Provider,
    came: &CameBack,
    (given, verified): (Given, Option<Map<String, Value>>),
) -> Result<ProvenElsewhere, Failure> {
    let upstream = upstream(provider, verified.as_ref());
    let user = came.response.user.as_deref();
    let Person { subject, claims } = person::describe(asking, provider, (&given, verified), user).await?;
    Ok(ProvenElsewhere {
        provider: provider.id().to_owned(),
        label: provider.label.clone(),
        subject,
        organisation: provider.settings.organization_id,
        claims,
        upstream,
        tokens: Some(given.kept(asking)),
        updates: provider.updates(),
    })
}

/// How the provider says that it authenticated somebody.
pub(crate) fn upstream(provider: &Provider, claims: Option<&Map<String, Value>>) -> Upstreamed {
    const MOST: usize = 16;
    let claim = |name: &str| claims.and_then(|claims| claims.get(name));
    let acr = claim("acr").and_then(Value::as_str).filter(|acr| acr.len() <= 256);
    let amr = claim("amr").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let amr = amr.iter().filter_map(Value::as_str).filter(|amr| amr.len() <= 64).take(MOST);
    Upstreamed {
        provider: provider.id().to_owned(),
        acr: acr.map(str::to_owned),
        amr: amr.map(str::to_owned).collect(),
        organization: provider.settings.organization_id,
    }
}
