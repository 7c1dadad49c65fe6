//! An access token as somebody presents it: found, and then found live.
//!
//! A signed token is not believed for what it says about itself: what it hangs on is looked up, as for
//! an opaque one.
//!
//! Attack: a token that is bound to a key is used by somebody who found it. That it is live does not say that whoever presents it
//! may: a [`LiveToken`] gives nothing away but through [`LiveToken::check_holder`], where it is used here, or
//! [`LiveToken::describe`], where another server asks what it is and checks the holder itself.

use std::sync::Arc;

use jose::ValidClaims;
use primitives::{ClientId, KeyedHash, Timestamp};
use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::client::Client;
use crate::confirmation::Confirmation;
use crate::derivation::{Act, Derivation};
use crate::details::{AUTHORIZATION_DETAILS, AuthorizationDetails};
use crate::dpop::{self, DpopError, Expected, PresentedProof, ProvenKey};
use crate::grant::{AccessToken, Grant};
use crate::hooks::PROTECTED_CLAIMS;
use crate::lineage::{Lineage, Mark};
use crate::liveness::{LiveGrant, SessionRule, check_grant};
use crate::metadata_document;
use crate::mtls::PresentedCertificate;
use crate::own_token::SignedAccessToken;
use crate::ports::PortError;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::token::jwt::{TokenId, without_mirror};
use crate::token_format::{ACCESS_TOKEN, has_form, hashes};

/// The claim of a signed token that has its lineage.
pub(crate) const EXCHANGED_TOKENS: &str = "exchanged_tokens";

/// A token of ours that has not expired. Nothing else of it was looked at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FoundToken {
    pub(crate) form: Form,
    pub(crate) client: ClientId,
    /// Whom it stands for where it hangs on no grant: its client itself, or whom an issuer named.
    pub(crate) subject: String,
    pub(crate) scope: Scopes,
    pub(crate) audience: Vec<String>,
    /// What it is for that no scope says (RFC 9396).
    pub(crate) details: AuthorizationDetails,
    pub(crate) issued_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    /// What it is bound to.
    pub(crate) confirmation: Option<Confirmation>,
    /// Through whose hands it came, where it was exchanged.
    pub(crate) derivation: Option<Derivation>,
    /// Of which tokens it was exchanged, and with which accounts and grants it ends.
    pub(crate) lineage: Lineage,
    /// What a hook added.
    pub(crate) claims: Map<String, Value>,
    grant: Option<Grant>,
}

/// How it can be revoked by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Form {
    Opaque(KeyedHash),
    Signed { jti: String },
}

/// A token that is live right now, in whosever hands. Only [`FoundToken::check_live`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LiveToken {
    described: DescribedToken,
}

/// What a live token stands for. Without a check of its holder this is for telling, not for acting on.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DescribedToken {
    client: Arc<Client>,
    token: FoundToken,
    grant: Option<LiveGrant>,
}

/// A live token in the hands of whoever may use it. Only [`LiveToken::check_holder`] makes one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct HeldToken {
    described: DescribedToken,
    /// The proof of its holder, to be used up.
    pub(crate) proof: Option<ProvenKey>,
}

/// How a token is presented (RFC 6750 section 2, RFC 9449 section 7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenScheme {
    /// Whoever has it may use it.
    Bearer,
    /// With a proof of the key that it is bound to.
    Dpop,
}

/// A token as it was presented with a request to an endpoint of ours.
#[derive(Debug, Clone, Copy)]
pub struct PresentedToken<'a> {
    /// How.
    pub scheme: TokenScheme,
    /// The token.
    pub text: &'a str,
    /// The `DPoP` header.
    pub proof: PresentedProof<'a>,
    /// The certificate of the other end.
    pub certificate: PresentedCertificate<'a>,
    /// The request's method.
    pub method: &'a str,
}

/// Why whoever presents a live token may not use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NotHeld {
    /// It is bound and came as a bearer token, or the other way round (RFC 9449 sections 7.1 and 7.2).
    Scheme,
    /// It is bound to a certificate, and came with another or with none (RFC 8705 section 3).
    Certificate,
    /// The proof.
    Proof(DpopError),
}

/// Finds an access token of either form; `None` if it is not ours, or has expired.
pub(crate) async fn find_token(
    server: &AuthorizationServer,
    text: &str,
) -> Result<Option<FoundToken>, PortError> {
    let found = if has_form(text, ACCESS_TOKEN) {
        find_opaque(server, text).await?
    } else if text.contains('.') {
        find_signed(server, text).await?
    } else {
        None
    };
    // Our own clock made the times: no tolerance.
    Ok(found.filter(|token| server.now() < token.expires_at))
}

async fn find_opaque(server: &AuthorizationServer, text: &str) -> Result<Option<FoundToken>, PortError> {
    for hash in hashes(server, text) {
        if let Some((token, grant)) = server.ports.tokens.find_access_token(&server.tenant, &hash).await? {
            // A row whose grant is gone hangs on nothing.
            let complete = token.grant.is_some() == grant.is_some();
            return Ok(complete.then(|| of_row(token, grant)));
        }
    }
    Ok(None)
}

fn of_row(token: AccessToken, grant: Option<Grant>) -> FoundToken {
    FoundToken {
        form: Form::Opaque(token.hash),
        subject: token.subject.unwrap_or_else(|| token.client.to_string()),
        client: token.client,
        scope: token.scope,
        audience: token.audience,
        details: token.details,
        issued_at: token.issued_at,
        expires_at: token.expires_at,
        confirmation: token.confirmation,
        derivation: token.derivation,
        lineage: token.lineage,
        claims: token.claims,
        grant,
    }
}

async fn find_signed(server: &AuthorizationServer, text: &str) -> Result<Option<FoundToken>, PortError> {
    let Some(signed) = SignedAccessToken::verify(server, text).await? else { return Ok(None) };
    let claims = signed.claims();
    let Some(jti) = claims.id().map(str::to_owned) else { return Ok(None) };
    let grant = match TokenId::grant(&jti) {
        None => return Ok(None),
        Some(None) => None,
        Some(Some(id)) => match server.ports.grants.find_grant(&server.tenant, id).await? {
            None => return Ok(None),
            found => found,
        },
    };
    Ok(of_claims(jti, claims, grant))
}

/// `None` if a claim is missing that all of our tokens have.
fn of_claims(jti: String, claims: &ValidClaims, grant: Option<Grant>) -> Option<FoundToken> {
    let text = |name: &str| claims.claim(name).and_then(Value::as_str);
    // A binding that we cannot read is not to be taken for none.
    let confirmation = claims.claim("cnf").map(|cnf| serde_json::from_value(cnf.clone())).transpose().ok()?;
    let details = claims.claim(AUTHORIZATION_DETAILS);
    let details = details.map(|details| serde_json::from_value(details.clone())).transpose().ok()?;
    let derivation = derivation_of(claims).ok()?;
    let lineage = claims.claim(EXCHANGED_TOKENS).map(Lineage::deserialize).transpose().ok()?;
    let is_added = |(name, _): &(&String, &Value)| !PROTECTED_CLAIMS.contains(&name.as_str());
    Some(FoundToken {
        form: Form::Signed { jti },
        client: text("client_id")?.parse().ok()?,
        subject: text("sub")?.to_owned(),
        scope: Scopes::parse(text("scope")?).ok()?,
        audience: claims.audience().to_vec(),
        details: details.unwrap_or_default(),
        issued_at: claims.issued_at()?,
        expires_at: claims.expires_at()?,
        confirmation,
        derivation,
        lineage: lineage.unwrap_or_default(),
        claims: without_mirror(
            claims.all().iter().filter(is_added).map(|(name, value)| (name.clone(), value.clone())).collect(),
        ),
        grant,
    })
}

/// Of a signed token; an error if it says something that we cannot read, which is not to be taken for nothing.
fn derivation_of(claims: &ValidClaims) -> Result<Option<Derivation>, serde_json::Error> {
    let Some(hands) = claims.claim("exchanged_from") else { return Ok(None) };
    let hands = Vec::<ClientId>::deserialize(hands)?;
    let act = claims.claim("act").map(Act::deserialize).transpose()?;
    let derivation = Derivation::of_hands(hands, act);
    derivation.map(Some).ok_or_else(|| serde::de::Error::custom("exchanged_from is empty"))
}

impl FoundToken {
    /// By what it is named in the lineage of what is exchanged from it, and by what it is revoked.
    pub(crate) fn mark(&self) -> Mark {
        match &self.form {
            Form::Opaque(hash) => Mark::of_opaque(hash),
            Form::Signed { jti } => Mark::of_signed(jti),
        }
    }

    /// The marks of which none may be revoked. An opaque token that is revoked by itself has no row.
    fn marks(&self) -> Vec<Mark> {
        let own = matches!(self.form, Form::Signed { .. }).then(|| self.mark());
        own.into_iter().chain(self.lineage.marks().cloned()).collect()
    }

    /// Whether everybody for whom it stands without a grant of theirs is there, and nothing has ended since what they had. Of what was
    /// issued in the very instant of an end nobody knows which was first.
    async fn has_live_accounts(&self, server: &AuthorizationServer) -> Result<bool, PortError> {
        for id in self.lineage.accounts() {
            let profile = server.ports.subjects.find_subject(&server.tenant, id).await?;
            if profile.is_none_or(|profile| self.issued_at <= profile.not_before) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether every grant lives by which somebody acts for whom it stands for.
    ///
    /// Attack: whoever acts by a sign-in of theirs goes on when that has ended, or all that they have: nobody has revoked the very
    /// token by which they came to act.
    async fn has_live_actors(&self, server: &AuthorizationServer) -> Result<bool, PortError> {
        for id in self.lineage.grants() {
            let Some(grant) = server.ports.grants.find_grant(&server.tenant, id).await? else {
                return Ok(false);
            };
            let Some(client) = find_client(server, &grant.client).await? else { return Ok(false) };
            if check_grant(server, &client, grant, SessionRule::AsGranted).await?.is_err() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Looks whether the token is live; `None` if anything that it hangs on is dead.
    pub(crate) async fn check_live(
        self,
        server: &AuthorizationServer,
    ) -> Result<Option<LiveToken>, PortError> {
        let Some(client) = find_client(server, &self.client).await? else { return Ok(None) };
        let marks = self.marks();
        if !marks.is_empty() && server.ports.tokens.is_any_revoked(&server.tenant, &marks).await? {
            return Ok(None);
        }
        if !self.has_live_accounts(server).await? || !self.has_live_actors(server).await? {
            return Ok(None);
        }
        let mut token = self;
        let origin = match &token.derivation {
            None => Arc::clone(&client),
            Some(derivation) => match derivation.check_hands(server, &client, token.issued_at).await? {
                Some(origin) => origin,
                None => return Ok(None),
            },
        };
        let grant = match token.grant.take() {
            // Attack: a client that an operator made under an address is deleted, and what it had for itself lives again as
            // that of one which describes itself. Such a client has nothing but by somebody's grant.
            None if origin.is_described() || token.issued_at < client.record.not_before => return Ok(None),
            None => None,
            // A forged pair of rows, or a token of one client on the grant of another.
            Some(grant) if grant.client != origin.id => return Ok(None),
            Some(grant) => match check_grant(server, &origin, grant, SessionRule::AsGranted).await? {
                Ok(live) => Some(live),
                Err(_) => return Ok(None),
            },
        };
        Ok(Some(LiveToken { described: DescribedToken { client, token, grant } }))
    }
}

impl LiveToken {
    /// What it is, for a server that checks its holder itself.
    pub(crate) fn describe(self) -> DescribedToken {
        self.described
    }

    /// Checks that whoever presented it, to this endpoint, may use it.
    pub(crate) async fn check_holder(
        self,
        server: &AuthorizationServer,
        presented: &PresentedToken<'_>,
        endpoint: &str,
    ) -> Result<HeldToken, NotHeld> {
        let proof = match (&self.described.token.confirmation, presented.scheme) {
            (None, TokenScheme::Bearer) => None,
            (Some(Confirmation::Key(key)), TokenScheme::Dpop) => {
                let expected = Expected {
                    method: presented.method,
                    endpoint,
                    access_token: Some((presented.text, key)),
                    client: &self.described.client,
                };
                Some(dpop::check(server, presented.proof, &expected).await.map_err(NotHeld::Proof)?)
            }
            (Some(Confirmation::Certificate(bound)), TokenScheme::Bearer) => {
                if presented.certificate.thumbprint().as_ref() != Some(bound) {
                    return Err(NotHeld::Certificate);
                }
                None
            }
            (Some(Confirmation::Key(_)), TokenScheme::Bearer)
            | (Some(Confirmation::Certificate(_)) | None, TokenScheme::Dpop) => return Err(NotHeld::Scheme),
        };
        Ok(HeldToken { described: self.described, proof })
    }
}

impl HeldToken {
    pub(crate) const fn described(&self) -> &DescribedToken {
        &self.described
    }
}

impl DescribedToken {
    pub(crate) const fn token(&self) -> &FoundToken {
        &self.token
    }

    /// To whom it was issued.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Who acts for whom it stands for (RFC 8693 section 4.1).
    pub(crate) fn act(&self) -> Option<Act> {
        match &self.token.derivation {
            Some(derivation) => derivation.act.clone(),
            None => self.grant().and_then(|live| live.grant().subject.actor.as_ref()).map(Act::from),
        }
    }

    /// Taken apart.
    pub(crate) fn into_parts(self) -> (Arc<Client>, FoundToken, Option<LiveGrant>) {
        (self.client, self.token, self.grant)
    }

    /// None if the client acts for itself.
    pub(crate) const fn grant(&self) -> Option<&LiveGrant> {
        self.grant.as_ref()
    }
}

/// A client that may be used.
pub(crate) async fn find_client(
    server: &AuthorizationServer,
    id: &ClientId,
) -> Result<Option<Arc<Client>>, PortError> {
    let stored = server.ports.clients.find_client(&server.tenant, id).await?;
    let client = stored.or_else(|| metadata_document::find_known(server, id));
    Ok(client.filter(|client| client.record.is_usable(server.now())))
}
