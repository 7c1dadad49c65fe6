//! The tokens that a client shows: found, live, and given to this very client.

use std::sync::Arc;

use jose::Expiry;
use primitives::{GrantId, Timestamp};
use serde_json::{Map, Value};

use super::{ACCESS_TOKEN, ID_TOKEN, JWT, unacceptable};
use crate::access_token::{find_client, find_token};
use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::derivation::{Act, Derivation};
use crate::lineage::Mark;
use crate::liveness::{LiveGrant, SessionRule, check_grant};
use crate::own_token::SignedIdToken;
use crate::parameters::Parameters;
use crate::ports::PortError;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::token::TokenError;
use crate::token::jwt::TokenId;

/// A live token that the client may exchange, or act by. Only [`verify`] makes one.
pub(super) struct Presented {
    /// To whom it was issued.
    pub(super) client: Arc<Client>,
    pub(super) grant: Option<LiveGrant>,
    /// Whom it stands for where it hangs on no grant.
    pub(super) subject: String,
    pub(super) scope: Scopes,
    pub(super) audience: Vec<String>,
    pub(super) expires_at: Timestamp,
    pub(super) confirmation: Option<Confirmation>,
    pub(super) derivation: Option<Derivation>,
    /// Of itself and of all tokens that it comes of. An ID token is not revoked by itself, and has none.
    pub(super) marks: Vec<Mark>,
    claims: Map<String, Value>,
}

/// Who may act for the subject of a token (section 4.4).
const MAY_ACT: &str = "may_act";

impl Presented {
    /// Who may act for its subject, if it says so.
    pub(super) fn may_act(&self) -> Option<&Value> {
        self.claims.get(MAY_ACT)
    }

    /// On which grant it hangs, if it does.
    pub(super) fn grant_id(&self) -> Option<GrantId> {
        self.grant.as_ref().map(|live| live.grant().id)
    }

    /// Who acts already.
    pub(super) fn act(&self) -> Option<Act> {
        match &self.derivation {
            Some(derivation) => derivation.act.clone(),
            None => self.grant.as_ref().and_then(|live| live.grant().subject.actor.as_ref()).map(Act::from),
        }
    }
}

/// Takes the token of a parameter, and its type (section 2.1).
pub(super) async fn verify(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
    parameter: &'static str,
) -> Result<Presented, TokenError> {
    let find = |name: String| match parameters.find(&name) {
        Some(text) => Ok(text),
        None => Err(TokenError::InvalidRequest(format!("parameter {name} is missing").into())),
    };
    let (text, kind) = (find(parameter.to_owned())?, find(format!("{parameter}_type"))?);
    let found = match kind {
        ACCESS_TOKEN => access_token(server, text).await?,
        // An opaque token is none.
        JWT if text.contains('.') => access_token(server, text).await?,
        // It has one addressee, whatever its grant is for.
        ID_TOKEN => id_token(server, text).await?.filter(|found| found.client.id == client.id),
        _ => None,
    };
    found.filter(|found| is_given_to(found, client)).ok_or_else(|| unacceptable(parameter))
}

/// Attack: a server that was shown somebody's token, or found one, exchanges it. It is the client's own, or for the client.
fn is_given_to(found: &Presented, client: &Client) -> bool {
    let rules = client.record.document.token_exchange.as_ref();
    let is_client = |one: &String| {
        one == client.id.as_str() || rules.is_some_and(|rules| rules.identifiers.contains(one))
    };
    found.client.id == client.id || found.audience.iter().any(is_client)
}

async fn access_token(server: &AuthorizationServer, text: &str) -> Result<Option<Presented>, PortError> {
    let Some(found) = find_token(server, text).await? else { return Ok(None) };
    let Some(live) = found.check_live(server).await? else { return Ok(None) };
    // Whether it is held as it must be is for the caller to decide, by `confirmation`.
    let (client, token, grant) = live.describe().into_parts();
    let marks = std::iter::once(token.mark()).chain(token.lineage.marks().cloned()).collect();
    Ok(Some(Presented {
        marks,
        client,
        grant,
        subject: token.subject,
        scope: token.scope,
        // A signed token for nobody in particular says that it is for us (RFC 9068 section 3).
        audience: token.audience.into_iter().filter(|one| one != server.issuer.as_str()).collect(),
        expires_at: token.expires_at,
        confirmation: token.confirmation,
        derivation: token.derivation,
        claims: token.claims,
    }))
}

/// An ID token stands for its grant, which its `jti` names. It was issued to one client alone, and gives that client what the grant
/// does.
async fn id_token(server: &AuthorizationServer, text: &str) -> Result<Option<Presented>, PortError> {
    let Some(signed) = SignedIdToken::verify(server, text, Expiry::Enforced).await? else { return Ok(None) };
    let Some(client) = find_client(server, &signed.client).await? else { return Ok(None) };
    let claims = signed.claims();
    let Some(Some(id)) = claims.id().and_then(TokenId::grant) else { return Ok(None) };
    let grant = server.ports.grants.find_grant(&server.tenant, id).await?;
    let Some(grant) = grant.filter(|grant| grant.client == client.id) else { return Ok(None) };
    let Ok(live) = check_grant(server, &client, grant, SessionRule::AsGranted).await? else {
        return Ok(None);
    };
    let Some(expires_at) = claims.expires_at().filter(|ends| server.now() < *ends) else { return Ok(None) };
    let grant = live.grant();
    let is_of_grant = signed.subject == server.subject_of_grant(&client, grant)
        && signed.session == server.session_for(&client, grant.subject.session);
    if !is_of_grant {
        return Ok(None);
    }
    let (scope, audience) = (grant.scope.clone(), grant.audience.clone());
    let mut claims = claims.all().clone();
    // Attack: who may act stands in the access tokens of a grant, and its client exchanges the ID token, which does not say it.
    if !claims.contains_key(MAY_ACT)
        && let Some(may_act) = grant.claims.said().access_token.remove(MAY_ACT)
    {
        claims.insert(MAY_ACT.to_owned(), may_act);
    }
    Ok(Some(Presented {
        client,
        grant: Some(live),
        subject: String::new(),
        scope,
        audience,
        expires_at,
        confirmation: None,
        derivation: None,
        marks: Vec::new(),
        claims,
    }))
}
