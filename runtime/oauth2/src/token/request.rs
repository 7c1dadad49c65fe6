//! What a request asks for, checked against what its client may have.

use url::Url;

use super::error::TokenError;
use crate::parameters::Parameters;
use crate::scope::Scopes;

/// The scopes of a request: a subset of `allowed`, or refused.
pub(crate) fn check_scope(parameters: &Parameters<'_>, allowed: &Scopes) -> Result<Scopes, TokenError> {
    let requested = Scopes::parse(parameters.find("scope").unwrap_or(""))
        .map_err(|error| TokenError::InvalidScope(error.to_string().into()))?;
    match allowed.first_missing(&requested) {
        None => Ok(requested),
        Some(scope) => {
            let text =
                format!("the client may not ask for scope {}", scope.chars().take(100).collect::<String>());
            Err(TokenError::InvalidScope(text.into()))
        }
    }
}

/// The audiences of a request, from `audience` (a list separated by spaces) and `resource` (RFC 8707):
/// each one of `allowed`, or refused.
pub(crate) fn check_audience(
    parameters: &Parameters<'_>,
    allowed: &[String],
) -> Result<Vec<String>, TokenError> {
    let mut audience: Vec<String> = Vec::new();
    let listed = parameters.all("audience").flat_map(|list| list.split(' ')).filter(|one| !one.is_empty());
    for one in listed.map(Ok).chain(parameters.all("resource").map(check_resource)) {
        let one = one?;
        if !allowed.iter().any(|allowed| allowed == one) {
            return Err(TokenError::InvalidTarget);
        }
        if !audience.iter().any(|known| known == one) {
            audience.push(one.to_owned());
        }
    }
    Ok(audience)
}

/// A resource is an absolute URI without fragment (RFC 8707 section 2).
fn check_resource(resource: &str) -> Result<&str, TokenError> {
    match Url::parse(resource) {
        Ok(url) if url.fragment().is_none() => Ok(resource),
        _ => Err(TokenError::InvalidTarget),
    }
}
