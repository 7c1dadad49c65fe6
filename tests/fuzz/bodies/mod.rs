//! What is done with hostile bytes, once: a fuzzer calls it with whatever it comes upon (`fuzz_targets`), and
//! `runtime/oauth2/tests/hostile.rs` with the corpus and with what is drawn, in every run of the tests.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use jose::{
    ClaimRules, ContentEncryption, Encrypter, Expiry, JwkSet, KeyManagement, PrivateJwk, PublicJwk,
    RecipientKey, SignedToken, Signer, SigningAlgorithm, SymmetricJwk, TokenType, UnverifiedJws,
    UnverifiedJwt, UnverifiedKeyProof, VerifyingKey, VerifyingKeys, generate,
};
use portcullis_oauth2::claims_request::RequestedClaims;
use portcullis_oauth2::client::RedirectUri;
use portcullis_oauth2::details::{AuthorizationDetails, DetailsType, Part, Validation};
use portcullis_oauth2::parameters::Parameters;
use portcullis_oauth2::scope::Scopes;
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::ClockTolerance;
use primitives::{SealContext, SealedKind, SealedPlace, Sealer, TenantId, Timestamp, base64url};

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

/// A token that is encrypted to a key of somebody's: whatever the key is, nothing of the token is left in clear, and what comes of
/// it is no token that we would read.
pub(crate) fn encrypted(bytes: &[u8]) {
    static TOKEN: LazyLock<SignedToken> = LazyLock::new(|| {
        let key = generate(SigningAlgorithm::Es256, &SeededRng::new(3)).unwrap();
        let claims = [("sub", "somebody")].into_iter().collect::<BTreeMap<_, _>>();
        SignedToken::sign(&Signer::new(&key).unwrap(), TokenType::Jwt, &claims).unwrap()
    });
    for algorithm in KeyManagement::ALL {
        let Ok(key) = RecipientKey::find(bytes, algorithm) else { continue };
        for content in ContentEncryption::ALL {
            let encrypter = Encrypter::new(key.clone(), content);
            let Ok(text) = encrypter.encrypt(&TOKEN, &SeededRng::new(4)) else { continue };
            let parts: Vec<_> = text.split('.').collect();
            let [header, content_key, _, _, _] = <[&str; 5]>::try_from(parts).unwrap();
            // No member is there twice.
            let header = jose::json::parse_object(&base64url::decode(header).unwrap()).unwrap();
            assert_eq!(header.get("alg").unwrap(), algorithm.as_str());
            assert_eq!(header.get("enc").unwrap(), content.as_str());
            assert_eq!(content_key.is_empty(), algorithm == KeyManagement::EcdhEs);
            let plain = TOKEN.clone().into_text();
            assert!(plain.split('.').all(|part| !text.contains(part)), "{text}");
            assert!(UnverifiedJws::parse(&text).is_err());
        }
    }
}

/// A proof of possession, which brings its own key: whose it is, is what the key is and nothing else that it brought.
pub(crate) fn proof(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for typ in ["dpop+jwt", "openid4vci-proof+jwt"] {
        let Ok(unverified) = UnverifiedKeyProof::parse_within(text, typ, 8_192) else { continue };
        let Ok(proof) = unverified.verify() else { continue };
        let did = proof.did();
        let named = base64url::decode(did.strip_prefix("did:jwk:").unwrap()).unwrap();
        assert_eq!(PublicJwk::parse(&named).unwrap().thumbprint(), proof.thumbprint());
        let _ = (proof.issued_at(), proof.fingerprint());
    }
}

/// What is asked for that no scope says, and which claims: what is shown of it says all of it, and keeps the client's words apart.
pub(crate) fn details(bytes: &[u8]) {
    static TYPES: LazyLock<[DetailsType; 1]> = LazyLock::new(|| {
        let words = "Pay {amount.value} {amount.currency} to {creditor}".to_owned();
        let schema = serde_json::Map::new();
        [DetailsType {
            name: "payment".to_owned(),
            schema,
            words: BTreeMap::from([("en".to_owned(), words)]),
            always_ask: false,
            validate: Validation::Schema,
        }]
    });
    if let Ok(details) = serde_json::from_slice::<AuthorizationDetails>(bytes) {
        assert!(details.contains_all(&details));
        let again = serde_json::to_vec(&details).unwrap();
        assert_eq!(serde_json::from_slice::<AuthorizationDetails>(&again).unwrap(), details);
        let said = details.in_words(TYPES.as_slice(), &["de"]);
        assert_eq!(said.len(), details.iter().count());
        for one in said {
            let words = one.sentence.iter().filter_map(|part| match part {
                Part::Words(words) => Some(words.as_str()),
                Part::Value(_) => None,
            });
            assert!(one.name != "payment" || words.collect::<String>() == "Pay   to ", "{:?}", one.sentence);
            let invisible = |text: &str| text.chars().any(char::is_control);
            assert!(
                !one.rest.iter().any(|(place, value)| invisible(place) || invisible(value)),
                "{:?}",
                one.rest
            );
        }
    }
    if let Ok(claims) = serde_json::from_slice::<RequestedClaims>(bytes) {
        let _ = (claims.is_empty(), claims.scopes());
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
        for kind in SealedKind::ALL {
            assert!(SEALER.open_text(SealedPlace { tenant: &tenant, kind: *kind, row: "" }, text).is_err());
        }
    }
    let whole = SEALER.seal(context("challenge"), bytes);
    assert!(SEALER.open(context("challenge"), &whole).is_ok_and(|plain| plain.as_slice() == bytes));
    assert!(SEALER.open(context("other"), &whole).is_err());
}
