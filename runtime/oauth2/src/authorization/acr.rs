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
//! Attacks: the person comes back from the page of the second factor without having proven it (the sealed request knows that
//! they were there: the request fails), or the session behind a consent is another, weaker one by now (it is looked at
//! again where the grant is made).

use primitives::AuthenticatedSubject;
use primitives::subject::AssuranceLevel;
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
    let (is_there, will_do) = (subject.assurance >= preferred, subject.assurance >= lowest);
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

/// `acr` of what is granted: where one is essential that is less than what was proven, that one.
pub(super) fn to_say(request: &AuthorizationRequest, subject: &AuthenticatedSubject) -> String {
    let is_named = request.acr_values.iter().any(|value| value == subject.acr());
    if subject.external.is_none() && request.acr_is_essential && !is_named {
        let reached = levels(&request.acr_values).filter(|level| *level <= subject.assurance).max();
        if let Some(level) = reached {
            return level.as_str().to_owned();
        }
    }
    subject.acr().to_owned()
}

fn levels(values: &[String]) -> impl Iterator<Item = AssuranceLevel> {
    values.iter().filter_map(|value| LEVELS.into_iter().find(|level| level.as_str() == value))
}
