//! Proof that a submitted form is ours: a token bound to the browser's cookie and to the flow.
//!
//! Attack: another site makes the browser submit a login form with the attacker's credentials. The
//! browser sends our cookies, but that site can neither read the token nor compute it, and a token of
//! the attacker's own flow or browser does not fit this one.

use primitives::{FlowId, KeyedHash, Rng, Sealer, TenantId, base64url};

const PURPOSE: &str = "csrf_token";
const COOKIE_PURPOSE: &str = "csrf_cookie";

/// The random value that a browser keeps in its CSRF cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsrfCookie(String);

impl CsrfCookie {
    /// Draws a new value.
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(rng.token())
    }

    /// Reads a cookie; `None` if it is not of our form.
    pub fn parse(value: &str) -> Option<Self> {
        (base64url::decode(value)?.len() == 32).then(|| Self(value.to_owned()))
    }

    /// The cookie's value.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The token for a flow's form in this browser.
    pub fn token(&self, sealer: &Sealer, tenant: &TenantId, flow: FlowId) -> String {
        base64url::encode(sealer.hash(tenant, PURPOSE, &self.bound_to(flow)).0)
    }

    /// Whether `presented` is the token for a flow's form in this browser, in constant time.
    pub fn check(&self, sealer: &Sealer, tenant: &TenantId, flow: FlowId, presented: &str) -> bool {
        base64url::decode(presented)
            .is_some_and(|hash| sealer.verify_hash(tenant, PURPOSE, &self.bound_to(flow), &KeyedHash(hash)))
    }

    /// The hash that stays with a flow, to know its browser again.
    pub fn hash(&self, sealer: &Sealer, tenant: &TenantId) -> KeyedHash {
        sealer.hash(tenant, COOKIE_PURPOSE, self.0.as_bytes())
    }

    /// The hashes that may stay with a flow, under the newest key and under older ones.
    pub fn hashes(&self, sealer: &Sealer, tenant: &TenantId) -> Vec<KeyedHash> {
        sealer.hashes(tenant, COOKIE_PURPOSE, self.0.as_bytes())
    }

    /// Whether `hash` is this cookie's.
    pub fn is(&self, sealer: &Sealer, tenant: &TenantId, hash: &KeyedHash) -> bool {
        sealer.verify_hash(tenant, COOKIE_PURPOSE, self.0.as_bytes(), hash)
    }

    fn bound_to(&self, flow: FlowId) -> Vec<u8> {
        [flow.0.as_bytes().as_slice(), self.0.as_bytes()].concat()
    }
}
