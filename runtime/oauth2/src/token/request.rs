//! What a request asks for, checked against what its client may have.

use super::error::TokenError;
use crate::parameters::Parameters;
use crate::resource::find_registered;
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
/// each one of `allowed`, as it is spelt there, or refused.
pub(crate) fn check_audience(
    parameters: &Parameters<'_>,
    allowed: &[String],
) -> Result<Vec<String>, TokenError> {
    let mut audience: Vec<String> = Vec::new();
    let listed = parameters.all("audience").flat_map(|list| list.split(' ')).filter(|one| !one.is_empty());
    let listed = listed.map(|one| {
        allowed.iter().map(String::as_str).find(|known| *known == one).ok_or(TokenError::InvalidTarget)
    });
    let resources = parameters.all("resource").map(|one| find_registered(one, allowed));
    for one in listed.chain(resources) {
        let one = one?;
        if !audience.iter().any(|known| known == one) {
            audience.push(one.to_owned());
        }
    }
    Ok(audience)
}
