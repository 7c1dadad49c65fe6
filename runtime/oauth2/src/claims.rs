//! Standard claims from an identity's traits, by scope (OpenID Connect Core sections 5.1 and 5.4).

use primitives::Timestamp;
use serde_json::{Map, Value, json};

use crate::ports::SubjectProfile;
use crate::scope::Scopes;

/// Claims of the `profile` scope that are taken from a trait of the same name.
const PROFILE: [&str; 13] = [
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "gender",
    "birthdate",
    "zoneinfo",
    "locale",
];

/// Every standard claim that may be released, for discovery.
pub const CLAIMS_SUPPORTED: [&str; 27] = [
    "sub",
    "iss",
    "aud",
    "exp",
    "iat",
    "auth_time",
    "nonce",
    "acr",
    "amr",
    "azp",
    "sid",
    "name",
    "family_name",
    "given_name",
    "middle_name",
    "nickname",
    "preferred_username",
    "profile",
    "picture",
    "website",
    "locale",
    "updated_at",
    "email",
    "email_verified",
    "phone_number",
    "phone_number_verified",
    "address",
];

/// The scope that releases a claim (OpenID Connect Core section 5.4).
pub(crate) fn scope_of_claim(name: &str) -> Option<&'static str> {
    match name {
        "updated_at" => Some("profile"),
        "email" | "email_verified" => Some("email"),
        "phone_number" | "phone_number_verified" => Some("phone"),
        "address" => Some("address"),
        name => PROFILE.contains(&name).then_some("profile"),
    }
}

/// The claims that `scope` releases of a person.
pub fn scope_claims(profile: &SubjectProfile, scope: &Scopes) -> Map<String, Value> {
    let mut claims = Map::new();
    if scope.contains("profile") {
        profile_claims(profile, &mut claims);
    }
    if scope.contains("email") {
        address_claim(profile, &["email"], ("email", "email_verified"), &mut claims);
    }
    if scope.contains("phone") {
        let names = ["phone_number", "phone"];
        address_claim(profile, &names, ("phone_number", "phone_number_verified"), &mut claims);
    }
    if scope.contains("address")
        && let Some(address @ Value::Object(_)) = profile.traits.get("address")
    {
        claims.insert("address".to_owned(), address.clone());
    }
    claims
}

fn profile_claims(profile: &SubjectProfile, claims: &mut Map<String, Value>) {
    for name in PROFILE {
        if let Some(text @ Value::String(_)) = profile.traits.get(name) {
            claims.insert(name.to_owned(), text.clone());
        }
    }
    // The usual identity schemas hold `name: { first, last }`, or a user name.
    if let Some(Value::Object(name)) = profile.traits.get("name") {
        let part = |key: &str| name.get(key).and_then(Value::as_str).filter(|part| !part.is_empty());
        let (first, last) = (part("first"), part("last"));
        let full: Vec<&str> = [first, last].into_iter().flatten().collect();
        if !full.is_empty() {
            claims.insert("name".to_owned(), full.join(" ").into());
        }
        for (claim, value) in [("given_name", first), ("family_name", last)] {
            if let Some(value) = value {
                claims.entry(claim).or_insert_with(|| value.into());
            }
        }
    }
    if let Some(username) = profile.traits.get("username").and_then(Value::as_str) {
        claims.entry("preferred_username").or_insert_with(|| username.into());
    }
    // Of whom only a login app knows there is nothing that could have changed.
    if profile.updated_at > Timestamp::from_seconds(0) {
        claims.insert("updated_at".to_owned(), json!(profile.updated_at.seconds()));
    }
}

fn address_claim(
    profile: &SubjectProfile,
    traits: &[&str],
    (claim, verified): (&str, &str),
    claims: &mut Map<String, Value>,
) {
    let value = traits.iter().find_map(|name| profile.traits.get(*name).and_then(Value::as_str));
    if let Some(value) = value {
        let is_verified =
            profile.verified_addresses.iter().any(|address| address.eq_ignore_ascii_case(value.trim()));
        claims.insert(claim.to_owned(), value.into());
        claims.insert(verified.to_owned(), is_verified.into());
    }
}

#[cfg(test)]
mod tests {
    use primitives::Timestamp;

    use super::*;

    #[test]
    fn scopes_release_their_claims_and_no_others() {
        let Value::Object(traits) = json!({
            "email": "Ada@example.org", "name": {"first": "Ada", "last": "Lovelace"}, "username": "ada",
            "salary": 3, "phone": "+441", "picture": 7
        }) else {
            unreachable!()
        };
        let profile = SubjectProfile {
            traits,
            metadata_public: Map::new(),
            verified_addresses: vec!["ada@example.org".to_owned()],
            updated_at: Timestamp::from_seconds(9),
            not_before: Timestamp::from_seconds(0),
        };
        for (scope, expect) in [
            ("openid", json!({})),
            ("email", json!({"email": "Ada@example.org", "email_verified": true})),
            ("phone", json!({"phone_number": "+441", "phone_number_verified": false})),
            (
                "profile",
                json!({"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
                       "preferred_username": "ada", "updated_at": 9}),
            ),
        ] {
            let claims = scope_claims(&profile, &Scopes::parse(scope).unwrap());
            assert_eq!(Value::Object(claims), expect, "{scope}");
        }
    }
}
