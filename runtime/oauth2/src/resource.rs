//! Resource indicators (RFC 8707): for whom an access token is.
//!
//! **What a client may ask for**: the list of its own (`audience`), and what the tenant lets every client ask for
//! (`oauth2.resources`), e.g. the MCP servers of clients that registered themselves and have no list.
//!
//! **When two are the same**: when a browser would go to the same place. Scheme and host are compared without case, a port
//! that goes without saying is none, and the root is the root with or without its slash (RFC 3986 section 6.2.3; the
//! authorization specification of MCP asks servers to take both). Behind the root a slash counts: `/mcp` and `/mcp/` may be
//! two servers of one host, and to take one for the other would give a token of the one to the other.
//!
//! **What stands in `aud`** is the registered spelling, however the client spelt it: a resource server compares with its own
//! name, and so do the consent that is remembered and the request that narrows. Both are exact therefore.
//!
//! Attacks: a token is asked for a server that its client has no business with (the lists), in a spelling that two parsers
//! read as two hosts (credentials, backslashes, spaces and whatever is not ASCII are refused), or for more at the token
//! endpoint than somebody has granted (`remaining`).

use std::borrow::Cow;

use url::Url;

use crate::client::Client;
use crate::grant::Grant;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
use crate::token::TokenError;
use crate::token::request::check_audience;

/// The longest resource, in bytes.
const MOST_BYTES: usize = 512;

impl AuthorizationServer {
    /// The audiences and resources that a client may ask for.
    pub(crate) fn targets<'a>(&'a self, client: &'a Client) -> Cow<'a, [String]> {
        match self.settings.resources.as_slice() {
            [] => Cow::Borrowed(client.audience()),
            shared => Cow::Owned([client.audience(), shared].concat()),
        }
    }
}

/// The audience of an access token: what is named, out of what was granted (RFC 8707 section 2.2); all of it if nothing is
/// named. What the client may not have any more is left out.
pub(crate) fn remaining(
    server: &AuthorizationServer,
    client: &Client,
    parameters: &Parameters<'_>,
    grant: &Grant,
) -> Result<Vec<String>, TokenError> {
    let targets = server.targets(client);
    let has = |one: &String| targets.contains(one);
    let asked = check_audience(parameters, &grant.audience)?;
    if asked.is_empty() {
        return Ok(grant.audience.iter().filter(|one| has(one)).cloned().collect());
    }
    // Nobody who asks for one server gets a token for us instead.
    if asked.iter().all(has) { Ok(asked) } else { Err(TokenError::InvalidTarget) }
}

/// The one of `allowed` that a `resource` names, as it is spelt there.
pub(crate) fn find_registered<'a>(resource: &str, allowed: &'a [String]) -> Result<&'a str, TokenError> {
    let wanted = canonical(resource).ok_or(TokenError::InvalidTarget)?;
    let exact = allowed.iter().find(|one| *one == resource);
    let same = || allowed.iter().find(|one| canonical(one).as_ref() == Some(&wanted));
    exact.or_else(same).map(String::as_str).ok_or(TokenError::InvalidTarget)
}

/// A resource in the one spelling in which it is compared; none if it is not an absolute URI without fragment (section 2).
pub fn canonical(resource: &str) -> Option<String> {
    // What a parser of the web passes over or turns round is for nobody to guess.
    let is_plain = resource.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let url = Some(resource).filter(|text| is_plain && text.len() <= MOST_BYTES)?;
    let url = Url::parse(url).ok()?;
    let is_clean = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    is_clean.then(|| url.into())
}

#[cfg(test)]
mod sentences;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::memory::World;

    #[test]
    fn resource_is_found_in_any_spelling_of_the_same_place() {
        let allowed = ["https://mcp.example", "https://api.example/v1", "urn:example:api", "Reports"];
        let allowed = allowed.map(str::to_owned);
        for (resource, expect) in [
            ("https://mcp.example", Some("https://mcp.example")),
            ("https://mcp.example/", Some("https://mcp.example")),
            ("HTTPS://MCP.Example:443", Some("https://mcp.example")),
            ("https://api.example/v1", Some("https://api.example/v1")),
            ("urn:example:api", Some("urn:example:api")),
            ("https://api.example/v1/", None),
            ("https://api.example/V1", None),
            ("https://api.example", None),
            ("http://mcp.example", None),
            ("https://mcp.example:8443", None),
            ("https://mcp.example#", None),
            ("https://mcp.example#x", None),
            ("https://mcp.example?x", None),
            ("https://mcp.example@evil.example", None),
            ("https://user@mcp.example", None),
            ("https:\\\\mcp.example", None),
            ("https://mcp.example\n", None),
            (" https://mcp.example", None),
            ("https://mcp.exámple", None),
            // A name that is no URI is an audience, which `audience` asks for.
            ("Reports", None),
            ("//mcp.example", None),
            ("", None),
        ] {
            assert_eq!(find_registered(resource, &allowed).ok(), expect, "{resource}");
        }
        let long = format!("https://mcp.example/{}", "x".repeat(MOST_BYTES));
        assert_eq!(find_registered(&long, std::slice::from_ref(&long)), Err(TokenError::InvalidTarget));
    }

    #[test]
    fn token_is_for_what_was_asked_as_it_is_registered() {
        let shared = |settings: &mut crate::settings::Settings| {
            settings.resources = vec!["https://mcp.example".to_owned()];
        };
        let world = World::of_app(shared, &json!({"access_token_strategy": "opaque"}));
        let ask = |resources: &[&str]| {
            let asked: Vec<_> = resources.iter().map(|one| ("resource", *one)).collect();
            let answer = world.token(&[&[("grant_type", "client_credentials")], &asked[..]].concat());
            answer.map(|answer| {
                let hash = crate::token_format::hash_token(&world.server, &answer.access_token);
                world.rows(|rows| rows.access_tokens[&hash].audience.clone())
            })
        };
        assert_eq!(ask(&["https://mcp.example/"]), Ok(vec!["https://mcp.example".to_owned()]));
        let both = ask(&["https://api.example/", "https://mcp.example", "https://API.example"]);
        assert_eq!(both, Ok(vec!["https://api.example".to_owned(), "https://mcp.example".to_owned()]));
        assert_eq!(ask(&["https://api.example", "https://c.example"]), Err(TokenError::InvalidTarget));
    }

    #[test]
    fn refresh_narrows_never_grows_and_loses_what_the_tenant_takes_back() {
        let world = World::of_app(|_| {}, &json!({"access_token_strategy": "opaque"}));
        let first = world.redeem(&world.code("openid offline_access")).unwrap().refresh_token.unwrap();
        let ask = |token: &str, resource: &str| {
            world.token(&[("grant_type", "refresh_token"), ("refresh_token", token), ("resource", resource)])
        };
        assert_eq!(ask(&first, "https://b.example").err(), Some(TokenError::InvalidTarget), "not granted");
        let second = ask(&first, "https://API.example/").unwrap().refresh_token.unwrap();
        world.rows(|rows| rows.clients.values_mut().for_each(|client| client.document.audience = None));
        assert_eq!(ask(&second, "https://api.example").err(), Some(TokenError::InvalidTarget));
        let third = world.refresh(&second).unwrap();
        let hash = crate::token_format::hash_token(&world.server, &third.access_token);
        assert!(world.rows(|rows| rows.access_tokens[&hash].audience.is_empty()));
    }
}
