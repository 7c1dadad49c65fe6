//! Token exchange (RFC 8693): a client shows a token of ours and gets one that stands for the same person, for less.
//!
//! | attack | what stops it |
//! |---|---|
//! | a server uses a token that it was shown for something else (confused deputy) | `subject`: it is the client's own, or the client is in its audience |
//! | a token for little becomes one for much | `narrow`: scopes of the token and the client both; audiences of both, or those that an operator named (`targets`) |
//! | a token that was stolen is made to last | `Exchanged::not_after`: never beyond either token; there is no refresh token |
//! | somebody signs out, or takes a grant back, and it goes on elsewhere | it hangs on the same grant, and on all clients through whose hands it came (`derivation`) |
//! | a token that is bound to a key becomes one for whoever bears it | `check_key` |
//! | it is not seen who acts | `act` is there unless an operator permits impersonation, and what is there stays |
//! | whom `may_act` does not name acts | `actor::check_permitted`; it stays in what is exchanged on, and an ID token has that of its grant |
//! | somebody else is put down as the actor | an actor's token is one of the client's own |
//! | a token is revoked, and what was exchanged from it goes on | it names all tokens that it comes of, and ends with each (`lineage`) |
//! | who acts signs out, or everything of theirs is ended, and they go on in another's name | it names the grant by which they act, and ends with that (`lineage`) |
//! | chains without an end | `derivation::MOST_HOPS`, `lineage::MOST_ANCESTORS` |
//! | another tenant's token, a dead one, one of another kind | `subject`: all of them are told the same |
//!
//! A refresh token is not taken: whoever has one gets access tokens for it, and exchanges those. None is given either.

mod actor;
mod narrow;
mod subject;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use primitives::{AuditEvent, Timestamp};
use serde_json::Value;

use self::subject::{Presented, verify};
use super::authorization_code::event;
use super::holder::Holder;
use super::{Asked, Granted, NamedSubject, Refused, TokenError};
use crate::client::{Client, GrantType};
use crate::confirmation::Confirmation;
use crate::derivation::{Act, Derivation, MOST_HOPS};
use crate::details;
use crate::lineage::{Lineage, Mark};
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::settings::AccessTokenStrategy;

/// `access_token` (section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// `id_token`.
const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// `jwt`: a signed access token.
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// What is decided of a token that comes of another one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Exchanged {
    /// None where a client narrows a token that was issued to it.
    pub(crate) derivation: Option<Derivation>,
    /// All tokens that it comes of, and the grants by which somebody acts: it ends with each of them.
    pub(crate) lineage: Lineage,
    /// To whom the exchanged token was issued.
    pub(crate) subject_client: primitives::ClientId,
    /// When the exchanged token ends, or that of the actor.
    pub(crate) not_after: Timestamp,
    /// `may_act` of the exchanged token: it holds for what comes of it.
    pub(crate) may_act: Option<Value>,
    /// The form that was asked for.
    pub(crate) strategy: Option<AccessTokenStrategy>,
    /// `issued_token_type`.
    pub(crate) issued_token_type: &'static str,
}

/// The one answer to every token that cannot be exchanged (section 2.2.2): why is for nobody to learn.
fn unacceptable(parameter: &'static str) -> TokenError {
    let text = format!(
        "{parameter} is not a live token of this server, of the type named, that this client may use"
    );
    TokenError::InvalidRequest(text.into())
}

pub(super) async fn run(server: &AuthorizationServer, asked: &Asked<'_>) -> Result<Granted, Refused> {
    let Asked { client, parameters, holder } = *asked;
    // Whoever has proven nothing acts for nobody.
    if client.is_public() {
        return Err(TokenError::UnauthorizedClient.into());
    }
    let (issued_token_type, strategy) = requested_type(parameters)?;
    let subject = verify(server, client, parameters, "subject_token").await?;
    let named = named_actor(server, asked).await?;
    let is_own = subject.client.id == client.id;
    let (actor, actor_ends) = match &named {
        Some(token) => (Some(actor::of_token(server, client, token)), Some(token.expires_at)),
        None if is_own || impersonates(client) => (None, None),
        None => (Some(Act::of_client(&client.id)), None),
    };
    if !is_own || actor.is_some() {
        let acting = actor.clone().unwrap_or_else(|| Act::of_client(&client.id));
        actor::check_permitted(server, subject.may_act(), &acting)?;
    }
    check_key(client, &subject, holder, actor.is_some())?;
    let scope = narrow::scope(parameters, client, &subject)?;
    let audience = narrow::audience(parameters, client, &subject)?;
    let exchanged = Exchanged {
        not_after: actor_ends.map_or(subject.expires_at, |ends| ends.min(subject.expires_at)),
        may_act: subject.may_act().cloned(),
        subject_client: subject.client.id.clone(),
        derivation: derive(client, &subject, actor)?,
        lineage: descend(&subject, named.as_ref())?,
        strategy,
        issued_token_type,
    };
    let audit = vec![record(client, &subject, named.as_ref(), &exchanged)];
    // What its token ends with is in the lineage of what was exchanged.
    let name = subject.subject;
    let named_subject = subject.grant.is_none().then_some(NamedSubject { name, lineage: Lineage::default() });
    Ok(Granted {
        grant_type: GrantType::TokenExchange,
        grant: subject.grant,
        subject: named_subject,
        exchanged: Some(exchanged),
        scope,
        audience,
        details: details::check_none(parameters)?,
        refresh_token: None,
        confirmation: holder.map(Holder::confirmation),
        writes: Vec::new(),
        audit,
    })
}

fn requested_type(
    parameters: &Parameters<'_>,
) -> Result<(&'static str, Option<AccessTokenStrategy>), TokenError> {
    match parameters.find("requested_token_type") {
        None | Some(ACCESS_TOKEN) => Ok((ACCESS_TOKEN, None)),
        Some(JWT) => Ok((JWT, Some(AccessTokenStrategy::Jwt))),
        Some(_) => Err(TokenError::InvalidRequest("requested_token_type is none that is issued".into())),
    }
}

fn impersonates(client: &Client) -> bool {
    client.record.document.token_exchange.as_ref().is_some_and(|rules| rules.impersonation)
}

/// The actor's token, where the client names one: its own, held as it must be.
async fn named_actor(
    server: &AuthorizationServer,
    asked: &Asked<'_>,
) -> Result<Option<Presented>, TokenError> {
    let Asked { client, parameters, holder } = *asked;
    if parameters.find("actor_token").is_none() {
        // Section 2.1: the type must not be there without the token.
        return match parameters.find("actor_token_type") {
            None => Ok(None),
            Some(_) => {
                Err(TokenError::InvalidRequest("actor_token_type is there without actor_token".into()))
            }
        };
    }
    let actor = verify(server, client, parameters, "actor_token").await?;
    let holds = actor.confirmation.as_ref().is_none_or(|bound| is_held(bound, holder));
    if actor.client.id == client.id && holds { Ok(Some(actor)) } else { Err(unacceptable("actor_token")) }
}

fn is_held(bound: &Confirmation, holder: Option<&Holder>) -> bool {
    holder.is_some_and(|holder| holder.confirmation() == *bound)
}

/// What comes of a token that is bound to a key is bound to a key (RFC 9449): to the same, which the client shows; or, where
/// the client is another one to which the token was shown, and which says that it acts, to the client's own. Such a client cannot
/// have the first key, and has looked at the proof itself; and whoever steals both tokens can use neither.
fn check_key(
    client: &Client,
    subject: &Presented,
    holder: Option<&Holder>,
    acts: bool,
) -> Result<(), TokenError> {
    let Some(bound) = &subject.confirmation else { return Ok(()) };
    let is_handed_on = acts && subject.client.id != client.id && holder.is_some();
    if is_held(bound, holder) || is_handed_on {
        return Ok(());
    }
    let text =
        "subject_token is bound to a key, and the request has no proof of that key, nor of an actor's own";
    Err(TokenError::InvalidRequest(text.into()))
}

/// Through whose hands it came, and who acts.
fn derive(
    client: &Client,
    subject: &Presented,
    actor: Option<Act>,
) -> Result<Option<Derivation>, TokenError> {
    let is_own = subject.client.id == client.id;
    if is_own && actor.is_none() {
        return Ok(subject.derivation.clone());
    }
    let mut derivation = match &subject.derivation {
        Some(derivation) => derivation.clone(),
        None => Derivation { origin: subject.client.id.clone(), through: Vec::new(), act: None },
    };
    if subject.derivation.is_some() && !is_own {
        derivation.through.push(subject.client.id.clone());
    }
    let before = subject.act();
    derivation.act = match actor {
        Some(actor) => Some(actor.after(before)),
        None => before,
    };
    let chain = derivation.act.as_ref().map_or(0, Act::len);
    if chain > MOST_HOPS || derivation.hands().count() > MOST_HOPS {
        return Err(too_often());
    }
    Ok(Some(derivation))
}

/// Of which tokens it comes: of the exchanged one, of the actor's, and of all that these come of; and of the grant by which the actor
/// acts, where that is not the one on which the token itself hangs.
fn descend(subject: &Presented, actor: Option<&Presented>) -> Result<Lineage, TokenError> {
    let marks = std::iter::once(subject).chain(actor).flat_map(|token| token.marks.clone());
    let acts_by = actor.and_then(Presented::grant_id).filter(|id| subject.grant_id() != Some(*id));
    let marks = marks.chain(acts_by.map(Mark::of_grant));
    Lineage::try_from(marks.collect::<BTreeSet<_>>()).map_err(|_| too_often())
}

fn too_often() -> TokenError {
    TokenError::InvalidRequest("subject_token was exchanged too often".into())
}

/// Both parties, by their ids.
fn record(
    client: &Client,
    subject: &Presented,
    named: Option<&Presented>,
    exchanged: &Exchanged,
) -> AuditEvent {
    let actor = primitives::Actor::Client(client.id.clone());
    let event = match &subject.grant {
        Some(live) => event("token.exchanged", client, live.grant()),
        None => AuditEvent::new("token.exchanged", actor, "client", &subject.client.id),
    };
    let event = event.with("subject_client", &exchanged.subject_client);
    let acting = named.and_then(|named| named.grant.as_ref()).map(|live| live.grant().subject.id);
    let is_delegated = exchanged.derivation.as_ref().is_some_and(|derivation| derivation.act.is_some());
    match acting {
        Some(person) => event.with("actor", &person),
        None if is_delegated => event.with("actor", &client.id),
        None => event,
    }
}
