//! The forms that are measured, and the tenants that have them.

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::node::ROOMY_LIMITS;

/// The tenant whose forms ask for all at once.
const WHOLE: &str = "whole";
/// The one whose forms ask who it is first.
const STEPS: &str = "steps";
/// The one whose security keys sign in alone; it has a name, without which there are none.
pub(super) const KEYS: &str = "keys";

pub(super) const TENANTS: [&str; 3] = [WHOLE, STEPS, KEYS];

/// A form.
pub(super) struct Form {
    /// What it is called here.
    pub(super) name: &'static str,
    pub(super) tenant: &'static str,
    /// The kind of flow, in paths.
    pub(super) kind: &'static str,
    /// What is submitted for an address.
    pub(super) body: fn(&str) -> Value,
    /// Part of what the form says then, for whomever.
    pub(super) says: &'static str,
}

pub(super) const FORMS: [Form; 8] = [
    Form {
        name: "login with a password",
        tenant: WHOLE,
        kind: "login",
        body: |address| json!({ "method": "password", "identifier": address, "password": "not the one at all" }),
        says: "4000006",
    },
    Form {
        name: "login with a code",
        tenant: WHOLE,
        kind: "login",
        body: |address| json!({ "method": "code", "identifier": address }),
        says: "1010014",
    },
    Form {
        name: "login, who it is",
        tenant: STEPS,
        kind: "login",
        body: |address| json!({ "method": "identifier_first", "identifier": address }),
        says: "\"password\"",
    },
    Form {
        name: "login with a security key alone",
        tenant: KEYS,
        kind: "login",
        body: |address| json!({ "method": "webauthn", "identifier": address }),
        says: "allowCredentials",
    },
    Form {
        name: "registration with a password",
        tenant: WHOLE,
        kind: "registration",
        body: |address| json!({ "method": "password", "password": "battery staple 9", "traits": { "email": address } }),
        says: "1040005",
    },
    Form {
        name: "registration with a code",
        tenant: WHOLE,
        kind: "registration",
        body: |address| json!({ "method": "code", "traits": { "email": address } }),
        says: "1040005",
    },
    Form {
        name: "recovery",
        tenant: WHOLE,
        kind: "recovery",
        body: |address| json!({ "method": "code", "email": address }),
        says: "1060003",
    },
    Form {
        name: "verification",
        tenant: WHOLE,
        kind: "verification",
        body: |address| json!({ "method": "code", "email": address }),
        says: "1080003",
    },
];

/// The tenants, none of which tells who has an account, with hashes that cost next to nothing.
pub(super) fn configuration() -> String {
    let tenant = |id: &str, issuer: &str, more: &str| {
        format!(
            "[[tenant]]\nid = \"{id}\"\n{issuer}\n[tenant.identity]\naccount_enumeration = \"mitigate\"\n\n\
             {ROOMY_LIMITS}[tenant.identity.argon2]\nmemory_kib = 8\niterations = 1\nparallelism = 1\n\n{more}\n"
        )
    };
    let named = format!("issuer = \"http://localhost:{{port}}/t/{KEYS}\"\n");
    [
        tenant(WHOLE, "", "[tenant.identity.code]\npasswordless_enabled = true\n"),
        tenant(STEPS, "", "[tenant.identity.login]\nstyle = \"identifier_first\"\n"),
        tenant(KEYS, &named, "[tenant.identity.webauthn]\npasswordless = true\n"),
    ]
    .concat()
}

/// A security key that signs in alone, as the API takes it: with which nobody ever signs.
pub(super) fn security_key(number: usize) -> anyhow::Result<Value> {
    /// Those of the ids that real ones have, in bytes.
    const LENGTHS: [usize; 4] = [16, 32, 48, 64];
    /// `{1: 1, 3: -8, -1: 6, -2: …}`: Ed25519 (RFC 9053 section 7.2).
    const COSE: [u8; 10] = [0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20];
    let length = LENGTHS.get(number % LENGTHS.len()).copied().context("a length")?;
    let id: Vec<u8> = [u8::try_from(number)?].into_iter().chain([0x5a; 63]).take(length).collect();
    Ok(json!({
        "id": STANDARD.encode(id),
        "public_key": STANDARD.encode([&COSE[..], &[7; 32]].concat()),
        "display_name": "Blue",
        "is_passwordless": true,
        "flags": { "user_verified": true },
    }))
}
