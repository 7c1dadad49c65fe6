//! How strongly the person must have proven who they are (`acr_values`, `claims` with an essential `acr`; RFC 9470 section 5,
//! OpenID Connect Core section 5.5.1.1).
//!
//! Our own sign-in says `aal1` or `aal2`. Of the levels that a request names the first is the one to reach; any of them will do
//! when the person has no second factor. When none can be reached, the request fails: a client that asks for `aal2` got a
//! challenge from a resource server, and a token of less would meet the same challenge again (RFC 9470 section 5). Values that are
//! not ours are passed over in `acr_values`, as OpenID Connect has it, and refused where they are essential.
//!
//! Where a login app of the tenant's own signs people in, the words are its own: it is told them, and answers what it
//! made of them. An essential one is then held against its answer.
//!
//! Each factor ages by itself. With `max_age` or `prompt=login` two factors count if the second was proven lately enough: whoever has
//! just given a password again is asked for the second factor again where the request asks for two, and is told as one factor where it
//! does not. A password of an hour ago beside a second factor of a moment ago is two factors of a moment ago, since nobody gives a second
//! factor without being there (RFC 9470 section 4: the last active authentication event).
//!
//! Attacks: a second factor that was proven last week and a password that was proven now make a token that a resource server takes for
//! two factors of now (`acr` and `auth_time` are said of one proof: `said`); the person comes back from the page of the second factor without having proven it (the sealed request knows that
//! they were there: the request fails), or the session behind a consent is another, weaker one by now (it is looked at
//! again where the grant is made).

use primitives::subject::{AssuranceLevel, SecondFactor};
use primitives::{AuthenticatedSubject, Timestamp};
use serde_json::Value;

use super::error::RedirectError;
use super::request::AuthorizationRequest;
use crate::claims_request::WantedClaim;

/// What our own sign-in can reach, as discovery lists it.
pub(crate) const LEVELS: [AssuranceLevel; 2] = [AssuranceLevel::Aal1, AssuranceLevel::Aal2];

/// Where somebody who is signed in stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// Where the request asks.
    Enough,
    /// Where a second factor is to be proven, if they have one.
    MoreIsAsked,
}

/// The values that a request names, the preferred first, and whether one must be reached; from `acr_values` and what `claims`
/// says of `acr`.
pub(super) fn wanted(acr_values: Vec<String>, claim: Option<&WantedClaim>) -> (Vec<String>, bool) {
    match claim {
        // OpenID Connect Core section 5.5.1.1: what is essential decides. A value that is no text is one that nobody reaches.
        Some(claim) if claim.essential => {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            (claim.values.iter().map(text).collect(), true)
        }
        Some(claim) => {
            let named = claim.texts().filter(|text| !acr_values.iter().any(|known| known == text));
            let named: Vec<_> = named.map(str::to_owned).collect();
            ([acr_values, named].concat(), false)
        }
        None => (acr_values, false),
    }
}

/// Refuses what our own sign-in can never reach.
pub(super) fn check_possible((values, is_essential): (&[String], bool)) -> Result<(), RedirectError> {
    let is_vain = is_essential && !values.is_empty() && levels(values).next().is_none();
    if is_vain { Err(RedirectError::UnmetAuthenticationRequirements) } else { Ok(()) }
}

/// Looks how far somebody has come. `asked` says that they were at the page of the second factor for this request.
pub(super) fn check(
    request: &AuthorizationRequest,
    subject: &AuthenticatedSubject,
    asked: bool,
) -> Result<Reached, RedirectError> {
    if subject.external.is_some() {
        return check_said(request, subject.acr());
    }
    check_possible((&request.acr_values, request.acr_is_essential))?;
    let Some(preferred) = levels(&request.acr_values).next() else { return Ok(Reached::Enough) };
    let lowest = levels(&request.acr_values).min().unwrap_or(preferred);
    let reached = reached(request, subject);
    let (is_there, will_do) = (reached >= preferred, reached >= lowest);
    match (is_there || (will_do && (asked || request.prompt.none)), asked) {
        (true, _) => Ok(Reached::Enough),
        (false, true) => Err(RedirectError::UnmetAuthenticationRequirements),
        (false, false) if request.prompt.none => Err(RedirectError::LoginRequired),
        (false, false) => Ok(Reached::MoreIsAsked),
    }
}

/// What a login app has said of somebody.
fn check_said(request: &AuthorizationRequest, said: &str) -> Result<Reached, RedirectError> {
    let fits = match request.acr_values.as_slice() {
        _ if !request.acr_is_essential => true,
        [] => !said.is_empty(),
        values => values.iter().any(|value| value == said),
    };
    if fits { Ok(Reached::Enough) } else { Err(RedirectError::UnmetAuthenticationRequirements) }
}

/// How strongly the person has proven who they are, lately enough for the request.
fn reached(request: &AuthorizationRequest, subject: &AuthenticatedSubject) -> AssuranceLevel {
    let is_old =
        |factor: &SecondFactor| request.authenticated_since.is_some_and(|since| factor.proven_at < since);
    match &subject.second_factor {
        Some(factor) if is_old(factor) => subject.assurance.min(AssuranceLevel::Aal1),
        Some(_) | None => subject.assurance,
    }
}

/// Whether two factors were proven, and the second of them too long ago: then it is proven again.
pub(super) fn is_to_be_repeated(request: &AuthorizationRequest, subject: &AuthenticatedSubject) -> bool {
    reached(request, subject) < subject.assurance
}

/// What is said of a sign-in: `acr`, `auth_time` and `amr`, all three of the same proofs.
pub(super) struct Said {
    pub(super) acr: String,
    pub(super) authenticated_at: Timestamp,
    pub(super) amr: Vec<String>,
}

/// What is granted says: what was proven lately enough, and where a level is essential that is less, that one.
pub(super) fn said(request: &AuthorizationRequest, subject: &AuthenticatedSubject) -> Said {
    let whole = || Said {
        acr: subject.acr().to_owned(),
        authenticated_at: subject.assured_at(),
        amr: subject.methods.clone(),
    };
    if subject.external.is_some() {
        return whole();
    }
    let reached = reached(request, subject);
    let is_named = |level: AssuranceLevel| request.acr_values.iter().any(|value| value == level.as_str());
    let named = levels(&request.acr_values).filter(|level| *level <= reached).max();
    let level = named.filter(|_| request.acr_is_essential && !is_named(reached)).unwrap_or(reached);
    if level >= subject.assurance {
        return whole();
    }
    let beside = subject.second_factor.as_ref().map(|factor| factor.beside.clone());
    Said {
        acr: level.as_str().to_owned(),
        authenticated_at: subject.authenticated_at,
        amr: beside.filter(|beside| !beside.is_empty()).unwrap_or_else(|| subject.methods.clone()),
    }
}

fn levels(values: &[String]) -> impl Iterator<Item = AssuranceLevel> {
    values.iter().filter_map(|value| LEVELS.into_iter().find(|level| level.as_str() == value))
}
