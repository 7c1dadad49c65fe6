//! The tenant's APIs, as they are described to apps that meet them first (RFC 9728), and who asks about tokens in their name.
//!
//! Attacks (RFC 9728 section 7): an API that is described is one that the tenant declares, under its own identifier, so that nobody has
//! us say where to get tokens for somebody else's; and the only authorization server that a description names is this one.
//!
//! Attack (RFC 7662 section 4): whoever has a client here asks about tokens that it came by, and learns who is behind them. A
//! client is told of its own tokens, and of those whose audience is an API that it is named for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use crate::access_token::FoundToken;
use crate::client::Client;
use crate::client::redirect_uri::is_loopback;
use crate::dpop::PROOF_ALGORITHMS;
use crate::scope::Scopes;
use crate::server::AuthorizationServer;

/// An API that takes this tenant's tokens. Its description (RFC 9728) is at
/// `/.well-known/oauth-protected-resource/` and its identifier without `https://`; or, where the identifier begins as the issuer does,
/// and what follows the issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProtectedResource {
    /// Its identifier: the address at which apps find it, and the audience of its tokens. https, or http at a loopback address;
    /// compared exactly.
    pub resource: String,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// The scopes that it knows.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// A page for developers.
    #[serde(default)]
    pub documentation: Option<String>,
    /// A page about what becomes of data.
    #[serde(default)]
    pub policy: Option<String>,
    /// A page with its terms.
    #[serde(default)]
    pub terms: Option<String>,
    /// Whether it takes no tokens but those that are bound to a key (RFC 9449).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// The clients that ask about its tokens (`/oauth2/introspect`, RFC 7662). A client is told of its own tokens, and of no
    /// others unless it is named here.
    #[serde(default)]
    pub introspected_by: Vec<String>,
}

impl ProtectedResource {
    /// What is wrong with it: the property, and the words.
    pub fn mistakes(&self) -> Vec<(&'static str, &'static str)> {
        let mut mistakes = Vec::new();
        if !is_identifier(&self.resource) {
            mistakes.push((
                "resource",
                "must be an absolute https URL without fragment (http for a loopback address)",
            ));
        }
        let is_one =
            |scope: &String| !scope.is_empty() && !scope.contains(' ') && Scopes::parse(scope).is_ok();
        if !self.scopes.iter().all(is_one) {
            mistakes.push(("scopes", "holds what is not one scope"));
        }
        for (property, page) in
            [("documentation", &self.documentation), ("policy", &self.policy), ("terms", &self.terms)]
        {
            let is_page = |page: &String| Url::parse(page).is_ok_and(|page| page.scheme() == "https");
            if !page.as_ref().is_none_or(is_page) {
                mistakes.push((property, "must be an absolute https URL"));
            }
        }
        mistakes
    }

    /// The description (RFC 9728 section 2).
    fn document(&self, issuer: &str) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        put("resource", json!(self.resource));
        put("authorization_servers", json!([issuer]));
        put("bearer_methods_supported", json!(["header"]));
        if !self.scopes.is_empty() {
            put("scopes_supported", json!(self.scopes));
        }
        for (name, text) in [
            ("resource_name", &self.name),
            ("resource_documentation", &self.documentation),
            ("resource_policy_uri", &self.policy),
            ("resource_tos_uri", &self.terms),
        ] {
            if let Some(text) = text {
                put(name, json!(text));
            }
        }
        if self.dpop_bound_access_tokens {
            put("dpop_bound_access_tokens_required", json!(true));
            put("dpop_signing_alg_values_supported", json!(PROOF_ALGORITHMS.map(jose::Algorithm::as_str)));
        }
        Value::Object(members)
    }
}

fn is_identifier(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    is_safe && url.fragment().is_none() && url.username().is_empty() && url.password().is_none()
}

impl AuthorizationServer {
    /// The description of an API, by what follows the well-known address of descriptions.
    pub fn find_protected_resource(&self, place: &str) -> Option<Value> {
        let place = place.trim_start_matches('/');
        let issuer = self.issuer.as_str();
        let own = if place.is_empty() { issuer.to_owned() } else { format!("{issuer}/{place}") };
        let is_there = |api: &&ProtectedResource| {
            let named = api.resource.split_once("://").map(|(_, named)| named);
            api.resource == own || named == Some(place)
        };
        let api = self.settings.protected_resources.iter().find(is_there)?;
        Some(api.document(issuer))
    }

    /// Whether a client may learn about an access token.
    pub(crate) fn may_introspect(&self, client: &Client, token: &FoundToken) -> bool {
        // RFC 9068 section 3: without a wish the audience is the server itself.
        let is_for = |api: &str| match token.audience.as_slice() {
            [] => api == self.issuer.as_str(),
            named => named.iter().any(|one| one == api),
        };
        let may = |api: &ProtectedResource| {
            api.introspected_by.iter().any(|named| named == client.id.as_str()) && is_for(&api.resource)
        };
        token.client == client.id || self.settings.protected_resources.iter().any(may)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::World;

    fn api(resource: &str) -> ProtectedResource {
        serde_json::from_value(json!({ "resource": resource })).unwrap()
    }

    fn world() -> World {
        World::set(|settings| {
            settings.protected_resources = [
                "https://id.example/api",
                "https://id.example",
                "https://mcp.example/mcp",
                "https://mcp.example",
            ]
            .map(api)
            .to_vec();
        })
    }

    #[test]
    fn description_is_of_the_identifier_that_was_asked_for_and_names_this_server() {
        for (place, expect) in [
            ("api", Some("https://id.example/api")),
            ("/api", Some("https://id.example/api")),
            ("", Some("https://id.example")),
            ("id.example/api", Some("https://id.example/api")),
            ("mcp.example/mcp", Some("https://mcp.example/mcp")),
            ("mcp.example", Some("https://mcp.example")),
            ("mcp", None),
            ("mcp.example/", None),
            ("mcp.example/mcp/x", None),
            ("MCP.example/mcp", None),
            ("evil.example/mcp", None),
        ] {
            let found = world().server.find_protected_resource(place);
            assert_eq!(
                found.as_ref().map(|document| &document["resource"]),
                expect.map(|text| json!(text)).as_ref(),
                "{place}"
            );
            if let Some(document) = found {
                assert_eq!(document["authorization_servers"], json!(["https://id.example"]));
                assert_eq!(document["bearer_methods_supported"], json!(["header"]));
                assert_eq!(document.get("scopes_supported"), None, "what is not known is not told");
            }
        }
    }

    #[test]
    fn description_tells_what_was_declared() {
        let declared = json!({
            "resource": "https://api.example", "name": "API", "scopes": ["read", "write"],
            "documentation": "https://api.example/docs", "policy": "https://api.example/privacy",
            "terms": "https://api.example/terms", "dpop_bound_access_tokens": true, "introspected_by": ["api"],
        });
        let api: ProtectedResource = serde_json::from_value(declared).unwrap();
        assert_eq!(api.mistakes(), []);
        let mut document = api.document("https://id.example");
        let algorithms = document.as_object_mut().unwrap().remove("dpop_signing_alg_values_supported");
        assert!(algorithms.is_some_and(|list| list.as_array().unwrap().contains(&json!("ES256"))));
        let expect = json!({
            "resource": "https://api.example", "authorization_servers": ["https://id.example"],
            "bearer_methods_supported": ["header"], "scopes_supported": ["read", "write"], "resource_name": "API",
            "resource_documentation": "https://api.example/docs", "resource_policy_uri": "https://api.example/privacy",
            "resource_tos_uri": "https://api.example/terms", "dpop_bound_access_tokens_required": true,
        });
        assert_eq!(document, expect, "who asks about its tokens is nobody's business");
    }

    #[test]
    fn identifier_is_an_address_that_proves_who_answers() {
        for (resource, expect) in [
            ("https://api.example", true),
            ("https://api.example/v1?tenant=1", true),
            ("http://127.0.0.1:8080/mcp", true),
            ("http://localhost:8080/mcp", true),
            ("http://api.example", false),
            ("https://api.example#part", false),
            ("https://ada@api.example", false),
            ("urn:example:api", false),
            ("api", false),
        ] {
            assert_eq!(api(resource).mistakes().is_empty(), expect, "{resource}");
        }
        let bad = ProtectedResource {
            scopes: vec!["read write".to_owned()],
            terms: Some("http://api.example/terms".to_owned()),
            ..api("https://api.example")
        };
        assert_eq!(
            bad.mistakes().iter().map(|(property, _)| *property).collect::<Vec<_>>(),
            ["scopes", "terms"]
        );
    }
}
