//! Token introspection (RFC 7662): whether a token is live, and what it stands for.

use jose::TokenType;
use primitives::hooks::HookFailure;
use primitives::{Change, ClientId, OrganisationId, RequestId};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::access_token::{DescribedToken, find_client, find_token};
use crate::client::Client;
use crate::client::responses::Told;
use crate::client_authentication::{AuthenticatedClient, FailedCause, Spent, authenticate};
use crate::confirmation::Confirmation;
use crate::decision::Decision;
use crate::derivation::Act;
use crate::details::AuthorizationDetails;
use crate::hooks::{IntrospectedToken, IntrospectionDecision};
use crate::liveness::{LiveGrant, SessionRule, check_grant};
use crate::ports::PortError;
use crate::protection::Protection;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::token::{ClientRequest, TokenError, check_form, hook, refresh_token, refusal};
use crate::token_format::{REFRESH_TOKEN, has_form};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub authorization_details: AuthorizationDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acr: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub ext: Map<String, Value>,
}

/// In which form a client wants its answer (its `Accept`, RFC 9701 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnswerForm {
    /// As RFC 7662 has it.
    Json,
    /// Signed, and encrypted where the client has registered that.
    Signed,
}

/// The answer in its form.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum IntrospectionAnswer {
    /// JSON.
    Plain(Introspection),
    /// A token: `application/token-introspection+jwt`.
    Signed(String),
}

#[derive(Serialize)]
struct SignedIntrospection<'a> {
    iss: &'a str,
    aud: &'a str,
    iat: i64,
    token_introspection: Introspection,
}

/// How a token is asked about.
struct Asked<'a> {
    /// Without any of these it is inactive.
    required: Scopes,
    /// The client that asks; none for an administrator.
    resource_server: Option<&'a Client>,
    request: RequestId,
}

impl Introspection {
    fn of(active: Option<ActiveToken>) -> Self {
        active.map_or(Self::Inactive, |active| Self::Active(Box::new(active)))
    }
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
    pub async fn introspect(
        &self,
        token: &str,
        scope: Option<&str>,
        request: RequestId,
    ) -> Result<Introspection, TokenError> {
        let Ok(required) = Scopes::parse(scope.unwrap_or("")) else { return Ok(Introspection::Inactive) };
        let found = if has_form(token, REFRESH_TOKEN) {
            let found = self.introspect_refresh_token(token, None).await?;
            found.filter(|(scope, _)| scope.covers(&required)).map(|(_, active)| active)
        } else {
            self.introspect_access_token(token, &Asked { required, resource_server: None, request }).await?
        };
        Ok(Introspection::of(found))
    }

    /// Introspects for a client that authenticates with the request. A confidential client, as every
    /// resource server is one, learns about its own access tokens and those of the APIs that it is named for
    /// ([`crate::protected_resource`]); about a refresh token only its owner does. Of any other it hears what it would of one
    /// that never was. A public client could be anybody, and is refused.
    pub async fn introspect_as_client(
        &self,
        request: ClientRequest<'_>,
        form: AnswerForm,
    ) -> Decision<IntrospectionAnswer, TokenError> {
        let mut spent = Spent::default();
        match self.introspect_for(request, form, &mut spent).await {
            Ok(decision) => decision,
            Err(error) => Decision::new(refusal(self, spent, &error), Err(error)),
        }
    }

    async fn introspect_for(
        &self,
        request: ClientRequest<'_>,
        form: AnswerForm,
        spent: &mut Spent,
    ) -> Result<Decision<IntrospectionAnswer, TokenError>, TokenError> {
        let parameters = check_form(request.parameters)?;
        let AuthenticatedClient { client, writes } = authenticate(self, &request).await?;
        *spent = Spent::by(&client, writes);
        if client.is_public() {
            return Err(TokenError::InvalidClient { basic: false, cause: FailedCause::Method });
        }
        let token = parameters
            .find("token")
            .ok_or(TokenError::InvalidRequest("parameter token is missing".into()))?;
        let found = if has_form(token, REFRESH_TOKEN) {
            self.introspect_refresh_token(token, Some(&client.id)).await?.map(|(_, active)| active)
        } else {
            let required = Scopes::default();
            let asked = Asked { required, resource_server: Some(&client), request: request.request };
            self.introspect_access_token(token, &asked).await?
        };
        let answer = match form {
            AnswerForm::Json => IntrospectionAnswer::Plain(Introspection::of(found)),
            AnswerForm::Signed => self.signed_introspection(&client, Introspection::of(found)).await?,
        };
        // The use of an assertion is written before the answer goes out.
        let mut change = Change::new(self.tenant.clone());
        change.writes = std::mem::take(&mut spent.writes);
        Ok(Decision::new(change, Ok(answer)))
    }

    /// RFC 9701 section 5: neither `sub` nor `exp` stands beside what is told, so that it is never taken for the token itself
    /// (section 8.1).
    async fn signed_introspection(
        &self,
        client: &Client,
        found: Introspection,
    ) -> Result<IntrospectionAnswer, TokenError> {
        let protection = Protection::of(self, client, Told::Introspection).await?;
        let keys = self.load_keys().await?;
        let claims = SignedIntrospection {
            iss: self.issuer.as_str(),
            aud: client.id.as_str(),
            iat: self.now().seconds(),
            token_introspection: found,
        };
        let signer = protection.signer(self, &keys)?;
        let token = protection.seal(self, signer, (TokenType::Introspection, &claims)).await?;
        Ok(IntrospectionAnswer::Signed(token))
    }

    async fn introspect_access_token(
        &self,
        token: &str,
        asked: &Asked<'_>,
    ) -> Result<Option<ActiveToken>, TokenError> {
        let Some(found) = find_token(self, token).await? else { return Ok(None) };
        if asked.resource_server.is_some_and(|client| !self.may_introspect(client, &found)) {
            return Ok(None);
        }
        let Some(live) = found.check_live(self).await? else { return Ok(None) };
        // Whoever asks was shown it, and checks who showed it: `cnf` says by what.
        let live = live.describe();
        if !live.token().scope.covers(&asked.required) {
            return Ok(None);
        }
        let Some(mut ext) = self.shape_introspection(&live, asked).await? else { return Ok(None) };
        let organisation = live.grant().and_then(|live| live.grant().subject.organisation);
        name_organisation(&mut ext, organisation);
        let token = live.token();
        let subject = live.grant().map(|live| &live.grant().subject);
        let active = ActiveToken {
            active: true,
            scope: token.scope.to_text(),
            client_id: token.client.as_str().to_owned(),
            sub: live.grant().map_or_else(
                || token.subject.clone(),
                |grant| self.subject_of_grant(live.client(), grant.grant()),
            ),
            exp: token.expires_at.seconds(),
            iat: token.issued_at.seconds(),
            nbf: token.issued_at.seconds(),
            aud: token.audience.clone(),
            iss: self.issuer.as_str().to_owned(),
            token_type: match &token.confirmation {
                Some(Confirmation::Key(_)) => "DPoP",
                Some(Confirmation::Certificate(_)) | None => "Bearer",
            },
            token_use: "access_token",
            cnf: token.confirmation.clone(),
            act: live.act(),
            authorization_details: token.details.clone(),
            // RFC 9470 section 6.2: by these a resource server sees whether it must ask for more.
            acr: subject.map(|subject| subject.acr.clone()),
            auth_time: subject.map(|subject| subject.authenticated_at.seconds()),
            ext,
        };
        Ok(Some(active))
    }

    /// What `ext` of a live token is, by the tenant's plugins; none where one has it be inactive.
    async fn shape_introspection(
        &self,
        live: &DescribedToken,
        asked: &Asked<'_>,
    ) -> Result<Option<Map<String, Value>>, HookFailure> {
        let (token, grant) = (live.token(), live.grant());
        let context = hook::context(self, &token.client, grant.map(LiveGrant::grant), asked.request);
        if !self.ports.hook.introspects(&context) {
            return Ok(Some(token.claims.clone()));
        }
        let input = IntrospectedToken {
            subject: grant.map(hook::subject),
            scopes: token.scope.to_vec(),
            audience: token.audience.clone(),
            claims: token.claims.clone(),
            resource_server: asked.resource_server.map(|client| client.id.clone()),
        };
        Ok(match self.ports.hook.shape_introspection(&context, &input).await? {
            IntrospectionDecision::Answer(added) => {
                let mut ext = input.claims;
                ext.extend(added);
                Some(ext)
            }
            IntrospectionDecision::Inactive => None,
        })
    }

    async fn introspect_refresh_token(
        &self,
        token: &str,
        owner: Option<&ClientId>,
    ) -> Result<Option<(Scopes, ActiveToken)>, PortError> {
        let Some((token, grant)) = refresh_token::find(self, token).await? else { return Ok(None) };
        let spent = token.rotation.is_some() || self.now() >= token.expires_at;
        if spent || owner.is_some_and(|owner| *owner != grant.client) {
            return Ok(None);
        }
        let Some(client) = find_client(self, &grant.client).await? else { return Ok(None) };
        let Ok(live) = check_grant(self, &client, grant, SessionRule::AsGranted).await? else {
            return Ok(None);
        };
        let grant = live.grant();
        // What the access tokens that it gives say, as it stands now.
        let mut ext = grant.claims.said().access_token;
        name_organisation(&mut ext, grant.subject.organisation);
        let active = ActiveToken {
            active: true,
            scope: token.scope.to_text(),
            client_id: grant.client.as_str().to_owned(),
            sub: self.subject_of_grant(&client, grant),
            exp: token.expires_at.seconds(),
            iat: token.issued_at.seconds(),
            nbf: token.issued_at.seconds(),
            aud: grant.audience.clone(),
            iss: self.issuer.as_str().to_owned(),
            token_type: "Bearer",
            token_use: "refresh_token",
            cnf: token.confirmation.clone(),
            act: grant.subject.actor.as_ref().map(Act::from),
            authorization_details: grant.details.clone(),
            acr: Some(grant.subject.acr.clone()),
            auth_time: Some(grant.subject.authenticated_at.seconds()),
            ext,
        };
        Ok(Some((token.scope.clone(), active)))
    }
}

/// Says in whose name a token is, where `ext` has what a signed token has beside the specification's claims; what a plugin
/// says by that name stands.
fn name_organisation(ext: &mut Map<String, Value>, organisation: Option<OrganisationId>) {
    if let Some(organisation) = organisation {
        ext.entry("organization").or_insert_with(|| organisation.to_string().into());
    }
}

#[cfg(test)]
mod tests;
