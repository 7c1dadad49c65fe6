//! What is done with hostile bytes, once: a fuzzer calls it with whatever it comes upon (`fuzz_targets`), and
//! `runtime/oauth2/tests/hostile.rs` with the corpus and with what is drawn, in every run of the tests.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jose::{
    ClaimRules, Expiry, JwkSet, KeyManagement, PrivateJwk, PublicJwk, RecipientKey, Signer, SigningAlgorithm,
    SymmetricJwk, TokenType, UnverifiedJws, UnverifiedJwt, VerifyingKey, VerifyingKeys, generate,
};
use portcullis_oauth2::client::RedirectUri;
use portcullis_oauth2::parameters::Parameters;
use portcullis_oauth2::scope::Scopes;
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::ClockTolerance;
use primitives::{SealContext, Sealer, TenantId, Timestamp};

/// A key of ours, which has signed nothing that a fuzzer finds.
static KEYS: LazyLock<VerifyingKeys> = LazyLock::new(|| {
    let key = generate(SigningAlgorithm::Es256, &SeededRng::new(1)).unwrap();
    assert!(Signer::new(&key).is_ok());
    VerifyingKeys::new(vec![VerifyingKey::new(key.public(), None).unwrap()]).unwrap()
});

static SEALER: LazyLock<Sealer> = LazyLock::new(|| {
    let key = DataKey { id: 1, material: [7; 32].into() };
    Sealer::new(Keyring::new(key, []), Arc::new(SeededRng::new(2)))
});

/// Tokens, signed or encrypted, and keys: whatever is read, nothing verifies that we have not signed.
pub(crate) fn jose(bytes: &[u8]) {
    let _ =
        (PublicJwk::parse(bytes), PrivateJwk::parse(bytes), SymmetricJwk::parse(bytes), JwkSet::parse(bytes));
    for algorithm in KeyManagement::ALL {
        let _ = RecipientKey::find(bytes, algorithm);
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(jws) = UnverifiedJws::parse(text) {
        assert_eq!(
            text.bytes().filter(|byte| *byte == b'.').count(),
            2,
            "an encrypted token was read as a signed one"
        );
        assert!(jws.verify_with(&KEYS).is_err());
    }
}

/// A request, as a form or signed: what is read of it is in it.
pub(crate) fn request(bytes: &[u8]) {
    let parameters = Parameters::parse(bytes);
    for name in ["client_id", "redirect_uri", "scope", "request", "request_uri", "state"] {
        if let Some(value) = parameters.find(name) {
            assert!(parameters.all(name).any(|one| one == value));
        }
    }
    let _ = (parameters.repeated(), parameters.too_many());
    if let Some(Ok(scopes)) = parameters.find("scope").map(Scopes::parse) {
        // What is written of scopes reads back as the same ones.
        assert_eq!(Scopes::parse(&scopes.to_text()), Ok(scopes.clone()));
        assert!(scopes.covers(&scopes));
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(object) = UnverifiedJwt::parse(&text) {
        let rules = ClaimRules {
            token_type: Some(TokenType::RequestObject),
            issuer: Some("client"),
            audience: &["https://id.example"],
            expiry: Expiry::Enforced,
            max_lifetime: Some(Duration::from_mins(10)),
            tolerance: ClockTolerance::default(),
        };
        if let Ok(signed) = object.verify(&KEYS) {
            assert!(signed.validate(&rules, Timestamp::from_seconds(0)).is_err());
        }
    }
}

/// Two addresses, parted by a line: one that was registered matches itself alone, but for the port of a loopback address.
pub(crate) fn redirect_uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (registered, asked) = text.split_once('\n').unwrap_or((text, text));
    let Ok(uri) = RedirectUri::check(registered) else { return };
    assert!(uri.matches(registered));
    if registered != asked && uri.matches(asked) {
        let loopback = |text: &str| text.starts_with("http://127.0.0.1") || text.starts_with("http://[::1]");
        assert!(loopback(registered) && loopback(asked), "{registered:?} matches {asked:?}");
    }
}

/// Sealed state, which comes back in addresses and cookies: nothing opens that was not sealed for this place.
pub(crate) fn sealed(bytes: &[u8]) {
    let tenant = TenantId::default_tenant();
    let context = |purpose| SealContext { tenant: &tenant, purpose, row: "" };
    assert!(SEALER.open(context("challenge"), bytes).is_err());
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert!(SEALER.open_text(context("challenge"), text).is_err());
    }
    let whole = SEALER.seal(context("challenge"), bytes);
    assert!(SEALER.open(context("challenge"), &whole).is_ok_and(|plain| plain.as_slice() == bytes));
    assert!(SEALER.open(context("other"), &whole).is_err());
}
