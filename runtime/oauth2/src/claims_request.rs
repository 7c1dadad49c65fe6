//! Claims that a client asks for by name (OpenID Connect Core section 5.5).
//!
//! **Nothing comes by name that would not come by a scope.** Each standard claim belongs to a scope (section 5.4); it is given
//! to clients that may ask for that scope, and the person is asked in the words of that scope, which say more than the
//! one claim. So a client cannot learn of somebody, by naming it, what it may not learn otherwise, and nobody is asked in
//! terms that only developers know. What the client may not have, and what is no claim of ours, is passed over: the
//! specification has no error for it.
//!
//! Where a consent app of the tenant's own asks, it grants scopes and knows nothing of names: what it did not grant the
//! scope of is not given either.
//!
//! Bounds: `MOST_BYTES`; of the rest only names that we know are kept.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::claims::{scope_claims, scope_of_claim};
use crate::ports::SubjectProfile;
use crate::scope::Scopes;
use crate::token::TokenError;

/// The longest parameter, in bytes: it travels sealed through the browser, beside details.
const MOST_BYTES: usize = 2 * 1_024;
/// As many values of one claim are looked at.
const MOST_VALUES: usize = 16;
/// Claims about the sign-in and the person, that are always there; what is asked of them decides who may sign in how.
const DEMANDS: [&str; 2] = ["acr", "sub"];

/// What is asked for by name, by where it is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedClaims {
    /// In the ID token.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, WantedClaim>,
    /// At userinfo.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub userinfo: BTreeMap<String, WantedClaim>,
}

/// How one claim is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedClaim {
    /// Whether the client needs it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub essential: bool,
    /// What it may be, the preferred first; anything where nothing is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Value>,
}

/// As one is written.
#[derive(Deserialize)]
struct WrittenClaim {
    #[serde(default)]
    essential: bool,
    value: Option<Value>,
    #[serde(default)]
    values: Vec<Value>,
}

impl RequestedClaims {
    /// Reads the parameter `claims`; keeps what a client may have that may ask for these scopes.
    pub(crate) fn parse(text: &str, allowed: &Scopes) -> Result<Self, TokenError> {
        let wrong = |text: &'static str| TokenError::InvalidRequest(text.into());
        if text.len() > MOST_BYTES {
            return Err(wrong("claims is too long"));
        }
        let mut written: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| wrong("claims must be a JSON object"))?;
        let mut read = |document: &str| match written.remove(document) {
            None | Some(Value::Null) => Some(BTreeMap::new()),
            Some(Value::Object(claims)) => read_claims(claims, allowed),
            Some(_) => None,
        };
        let malformed = "a member of claims must be null, or an object as OpenID Connect Core has it";
        Ok(Self {
            id_token: read("id_token").ok_or(wrong(malformed))?,
            userinfo: read("userinfo").ok_or(wrong(malformed))?,
        })
    }

    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.id_token.is_empty() && self.userinfo.is_empty()
    }

    /// What is asked of one claim of the ID token.
    pub(crate) fn demand(&self, name: &str) -> Option<&WantedClaim> {
        self.id_token.get(name)
    }

    /// The scopes in whose words the person is asked for these claims.
    pub fn scopes(&self) -> Scopes {
        self.id_token.keys().chain(self.userinfo.keys()).filter_map(|name| scope_of_claim(name)).collect()
    }

    /// What is left for whoever was granted these scopes alone.
    pub(crate) fn within(mut self, granted: &Scopes) -> Self {
        let is_granted = |name: &String| scope_of_claim(name).is_none_or(|scope| granted.contains(scope));
        self.id_token.retain(|name, _| is_granted(name));
        self.userinfo.retain(|name, _| is_granted(name));
        self
    }
}

/// The claims of one document that we know and the client may have; none if one is malformed.
fn read_claims(claims: Map<String, Value>, allowed: &Scopes) -> Option<BTreeMap<String, WantedClaim>> {
    let is_known = |name: &str| {
        DEMANDS.contains(&name) || scope_of_claim(name).is_some_and(|scope| allowed.contains(scope))
    };
    let known = claims.into_iter().filter(|(name, _)| is_known(name));
    known.map(|(name, value)| Some((name, WantedClaim::read(value)?))).collect()
}

impl WantedClaim {
    fn read(value: Value) -> Option<Self> {
        if value.is_null() {
            return Some(Self::default());
        }
        // A list would do for the structure, too.
        let object = Some(value).filter(Value::is_object)?;
        let WrittenClaim { essential, value, values } = serde_json::from_value(object).ok()?;
        Some(Self { essential, values: value.into_iter().chain(values).take(MOST_VALUES).collect() })
    }

    /// The values that are texts.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter_map(Value::as_str)
    }

    fn fits(&self, value: &Value) -> bool {
        self.values.is_empty() || self.values.contains(value)
    }
}

/// The claims of somebody that were asked for by name, as far as the client may have them now. One that is not as the client
/// says it must be is left out: it would not use it.
pub(crate) fn named_claims(
    profile: &SubjectProfile,
    wanted: &BTreeMap<String, WantedClaim>,
    allowed: &Scopes,
) -> Map<String, Value> {
    let may = |name: &str| scope_of_claim(name).filter(|scope| allowed.contains(scope));
    let scopes: Scopes = wanted.keys().filter_map(|name| may(name)).collect();
    if scopes.is_empty() {
        return Map::new();
    }
    let all = scope_claims(profile, &scopes);
    let is_wanted =
        |(name, value): &(String, Value)| wanted.get(name).is_some_and(|wanted| wanted.fits(value));
    all.into_iter().filter(is_wanted).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn scopes(text: &str) -> Scopes {
        Scopes::parse(text).unwrap()
    }

    fn parse(claims: &Value, allowed: &str) -> Result<RequestedClaims, TokenError> {
        RequestedClaims::parse(&claims.to_string(), &scopes(allowed))
    }

    #[test]
    fn names_are_kept_that_the_client_may_have() {
        let asked = json!({"userinfo": {"email": null, "name": {"essential": true}, "salary": null, "name#de": null},
            "id_token": {"picture": {"value": "x"}, "acr": {"values": ["aal2"]}, "auth_time": {"essential": true}}, "other": 1});
        for (allowed, userinfo, id_token) in [
            ("openid", "", "acr"),
            ("openid email", "email", "acr"),
            ("openid profile", "name", "acr picture"),
        ] {
            let kept = parse(&asked, allowed).unwrap();
            let names = |claims: &BTreeMap<String, WantedClaim>| {
                claims.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
            };
            assert_eq!((&*names(&kept.userinfo), &*names(&kept.id_token)), (userinfo, id_token), "{allowed}");
        }
        assert_eq!(parse(&asked, "email profile").unwrap().scopes().to_text(), "profile email");
        let within = parse(&asked, "email profile").unwrap().within(&scopes("email"));
        assert_eq!(within.scopes().to_text(), "email");
        assert!(within.demand("acr").is_some(), "how somebody signs in is no scope's");
    }

    #[test]
    fn what_is_malformed_is_told() {
        for (claims, is_good) in [
            (json!({}), true),
            (json!({"userinfo": null}), true),
            (json!({"userinfo": {"email": {}}}), true),
            (json!({"userinfo": {"email": {"essential": false, "of_the_future": 1}}}), true),
            (json!([]), false),
            (json!("email"), false),
            (json!({"userinfo": "email"}), false),
            (json!({"userinfo": {"email": true}}), false),
            (json!({"userinfo": {"email": [true, null]}}), false),
            (json!({"userinfo": {"email": {"essential": "yes"}}}), false),
            (json!({"userinfo": {"email": {"values": "x"}}}), false),
        ] {
            assert_eq!(parse(&claims, "email").is_ok(), is_good, "{claims}");
        }
        let long = json!({"userinfo": {"x".repeat(MOST_BYTES): null}});
        assert!(parse(&long, "email").is_err());
        assert!(RequestedClaims::parse(&"[".repeat(1_000), &scopes("")).is_err());
    }
}
