//! Signed access tokens (RFC 9068) and ID tokens (OpenID Connect Core section 2).

use std::borrow::Cow;

use jose::SigningAlgorithm;
use primitives::{ActingParty, ClientId, GrantId, OrganisationId, Rng, Timestamp, base64url};
use ring::digest::{SHA256, digest};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::confirmation::Confirmation;
use crate::derivation::Act;
use crate::details::AuthorizationDetails;
use crate::lineage::Lineage;

/// Claims of a signed access token.
#[derive(Serialize)]
pub(super) struct AccessTokenClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) sub: Cow<'a, str>,
    pub(super) aud: Audience<'a>,
    pub(super) client_id: &'a str,
    pub(super) scope: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) auth_time: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) acr: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(super) amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) act: Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exchanged_from: Option<Vec<&'a ClientId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exchanged_tokens: Option<&'a Lineage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cnf: Option<&'a Confirmation>,
    #[serde(skip_serializing_if = "AuthorizationDetails::is_empty")]
    pub(super) authorization_details: &'a AuthorizationDetails,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<OrganisationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ext: Option<&'a Map<String, Value>>,
    #[serde(flatten)]
    pub(super) added: &'a Map<String, Value>,
}

/// The claim under which Hydra has what was added.
const EXT: &str = "ext";

/// `ext` of a signed access token where a tenant wants it (`claims_in_ext`): all that was added once more, also where that is nothing,
/// since that is what a resource server looks into. What somebody has said by that name stands.
pub(super) fn mirror(is_wanted: bool, added: &Map<String, Value>) -> Option<&Map<String, Value>> {
    (is_wanted && !added.contains_key(EXT)).then_some(added)
}

/// What was added to a signed access token, each once: without an `ext` that says nothing but what stands beside it.
pub(crate) fn without_mirror(mut added: Map<String, Value>) -> Map<String, Value> {
    let says_again =
        |ext: &Map<String, Value>| ext.iter().all(|(name, value)| added.get(name) == Some(value));
    if added.get(EXT).and_then(Value::as_object).is_some_and(says_again) {
        added.remove(EXT);
    }
    added
}

/// Claims of an ID token.
#[derive(Serialize)]
pub(super) struct IdTokenClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) sub: String,
    pub(super) aud: [&'a str; 1],
    pub(super) azp: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) at_hash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) c_hash: Option<String>,
    pub(super) acr: &'a str,
    pub(super) amr: &'a [String],
    pub(super) sid: String,
    pub(super) jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) act: Option<&'a ActingParty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<OrganisationId>,
    #[serde(flatten)]
    pub(super) added: Map<String, Value>,
}

/// The organisation for which somebody signed in, unless a plugin of the tenant has said another thing by that name: a token
/// has one.
pub(super) fn organization(
    organisation: Option<OrganisationId>,
    added: &Map<String, Value>,
) -> Option<OrganisationId> {
    organisation.filter(|_| !added.contains_key("organization"))
}

/// `aud`: one text or a list (RFC 7519 section 4.1.3).
pub(super) enum Audience<'a> {
    One(&'a str),
    Many(&'a [String]),
}

impl Serialize for Audience<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::One(one) => serializer.collect_seq([one]),
            Self::Many(many) => serializer.collect_seq(*many),
        }
    }
}

/// The left half of the hash of what stands beside an ID token: an access token, or a code (OpenID Connect Core sections
/// 3.1.3.6 and 3.3.2.11).
pub(super) fn left_half(algorithm: SigningAlgorithm, text: &str) -> String {
    let hash = match algorithm {
        SigningAlgorithm::Es384 | SigningAlgorithm::Rs384 | SigningAlgorithm::Ps384 => &ring::digest::SHA384,
        // For Ed25519 the hash is SHA-512 (as its certificate profiles and other servers have it).
        SigningAlgorithm::EdDsa | SigningAlgorithm::Rs512 | SigningAlgorithm::Ps512 => &ring::digest::SHA512,
        SigningAlgorithm::Es256 | SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => &SHA256,
    };
    let hash = digest(hash, text.as_bytes());
    let half = hash.as_ref().split_at(hash.as_ref().len() / 2).0;
    base64url::encode(half)
}

/// `jti` of a signed access token: 128 random bits, preceded by the grant's id if it hangs on one, so
/// that its liveness can be looked up without a claim that nobody else understands.
///
/// Whoever has several tokens of one grant so sees that they are: its client, and those for whom its tokens were exchanged, also
/// where each knows the person by a name of its own (`pairwise`). To mask the id would not keep such tokens apart, since
/// `exchanged_tokens` tells everybody of which tokens theirs was exchanged, as `config/token-exchange.md` has it; and of a masked id
/// a node of before finds no grant, while it serves beside a newer one.
pub(crate) struct TokenId;

impl TokenId {
    pub(super) fn generate(rng: &dyn Rng, grant: Option<GrantId>) -> String {
        let mut bytes = [0; 32];
        match grant {
            None => {
                let (random, _) = bytes.split_at_mut(16);
                rng.fill(random);
                base64url::encode(random)
            }
            Some(grant) => {
                let (id, random) = bytes.split_at_mut(16);
                id.copy_from_slice(grant.0.as_bytes());
                rng.fill(random);
                base64url::encode(bytes)
            }
        }
    }

    /// The grant that a token hangs on: `Some(None)` for a client's own; `None` if it is not ours.
    #[expect(clippy::option_option, reason = "not ours, a client's own, and of a grant are three answers")]
    pub(crate) fn grant(jti: &str) -> Option<Option<GrantId>> {
        let bytes = base64url::decode(jti)?;
        match bytes.len() {
            16 => Some(None),
            32 => Some(Some(GrantId(Uuid::from_bytes(*bytes.first_chunk()?)))),
            _ => None,
        }
    }
}

/// Seconds from `from` to `until`, for `expires_in`.
pub(super) fn seconds_between(from: Timestamp, until: Timestamp) -> u64 {
    until.since(from).as_secs()
}

#[cfg(test)]
mod tests {
    use primitives::rng::SeededRng;
    use serde_json::json;

    use super::*;

    #[test]
    fn token_id_leads_to_its_grant() {
        let rng = SeededRng::new(1);
        let grant = GrantId::generate(&rng);
        assert_eq!(TokenId::grant(&TokenId::generate(&rng, Some(grant))), Some(Some(grant)));
        assert_eq!(TokenId::grant(&TokenId::generate(&rng, None)), Some(None));
        for foreign in ["", "x", "not base64!", "AAAA"] {
            assert_eq!(TokenId::grant(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn mirror_is_no_claim_of_its_own_and_what_is_called_so_is() {
        let check = |added: Value, expect: Value| {
            let Value::Object(added) = added else { panic!("{added}") };
            assert_eq!(Value::Object(without_mirror(added)), expect);
        };
        let seats = json!({"seats": 5});
        check(json!({"seats": 5, "ext": {"seats": 5}}), seats.clone());
        check(json!({"seats": 5, "ext": {}}), seats.clone());
        check(seats.clone(), seats);
        for stands in [
            json!({"seats": 5, "ext": {"seats": 6}}),
            json!({"seats": 5, "ext": {"seats": 5, "floor": 3}}),
            json!({"ext": "seats"}),
        ] {
            check(stands.clone(), stands);
        }
    }

    #[test]
    fn hash_is_the_left_half() {
        // The examples of OpenID Connect Core sections A.3 and A.4 (RS256).
        for (text, expect) in [
            ("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "77QmUPtjPfzWtF2AnpK9RQ"),
            ("Qcb0Orv1zh30vL1MPRsbm-diHiMwcLyZvn1arpZv-Jxf_11jnpEX3Tgfvk", "LDktKdoQak3Pk0cnXxCltA"),
        ] {
            assert_eq!(left_half(SigningAlgorithm::Rs256, text), expect);
        }
    }
}
