//! What is done with hostile bytes, once: a fuzzer calls it with whatever it comes upon (`fuzz_targets`), and
//! `runtime/oauth2/tests/hostile.rs` with the corpus and with what is drawn, in every run of the tests.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use jose::{
    ClaimRules, ContentEncryption, Encrypter, Expiry, JwkSet, KeyManagement, PrivateJwk, PublicJwk,
    RecipientKey, SignedToken, Signer, SigningAlgorithm, SymmetricJwk, TokenSigner, TokenType, UnverifiedJws,
    UnverifiedJwt, UnverifiedKeyProof, VerifyingKey, VerifyingKeys, generate,
};
use portcullis_oauth2::authorization::request_object;
use portcullis_oauth2::claims_request::RequestedClaims;
use portcullis_oauth2::client::RedirectUri;
use portcullis_oauth2::details::{AuthorizationDetails, DetailSchemas, DetailsType, Part, Validation};
use portcullis_oauth2::parameters::Parameters;
use portcullis_oauth2::scope::Scopes;
use primitives::rng::SeededRng;
use primitives::seal::{DataKey, Keyring};
use primitives::time::ClockTolerance;
use primitives::{SealContext, SealedKind, SealedPlace, Sealer, TenantId, Timestamp, base64url, cookie};
use serde_json::{Value, json};
use url::{Host, Url};

/// A key of ours, which has signed nothing that a fuzzer finds.
static KEY: LazyLock<PrivateJwk> =
    LazyLock::new(|| generate(SigningAlgorithm::Es256, &SeededRng::new(1)).unwrap());

static KEYS: LazyLock<VerifyingKeys> =
    LazyLock::new(|| VerifyingKeys::new(vec![VerifyingKey::new(KEY.public(), None).unwrap()]).unwrap());

static SIGNER: LazyLock<Signer> = LazyLock::new(|| Signer::new(&KEY).unwrap());

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
        let signer = TokenSigner::Embedded(Signer::new(&key).unwrap());
        SignedToken::sign(&signer, TokenType::Jwt, &claims).now_or_never().unwrap().unwrap()
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
        let properties = [("properties".to_owned(), json!({"type": {}, "amount": {}, "creditor": {}}))];
        [DetailsType {
            name: "payment".to_owned(),
            schema: properties.into_iter().collect(),
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
    if let Ok(text) = std::str::from_utf8(bytes) {
        taken_details(text, TYPES.as_slice());
    }
    if let Ok(claims) = serde_json::from_slice::<RequestedClaims>(bytes) {
        let _ = (claims.is_empty(), claims.scopes());
    }
}

/// Takes payments of so much of a currency.
#[derive(Debug)]
struct Amounts;

impl DetailSchemas for Amounts {
    fn misfit(&self, name: &str, detail: &Value) -> Option<String> {
        let amount = detail.get("amount").unwrap_or(&Value::Null);
        let is_text = |member: &str| amount.get(member).is_some_and(Value::is_string);
        let fits = name == "payment" && is_text("value") && is_text("currency");
        (!fits).then(|| "is not so much of a currency".to_owned())
    }
}

/// What is taken of a client is of a type that there is, as its schema has it, with no member that nobody knows; and not much.
fn taken_details(text: &str, types: &[DetailsType]) {
    let find = |detail: &serde_json::Map<String, Value>| {
        let name = detail.get("type")?.as_str()?;
        types.iter().find(|known| known.name == name)
    };
    let Ok(taken) = AuthorizationDetails::parse(text, find, &Amounts) else { return };
    assert!(text.len() <= 4_096 && taken.iter().count() <= 8, "{text}");
    for (name, detail) in taken.iter() {
        assert_eq!(name, "payment");
        assert!(detail.keys().all(|member| ["type", "amount", "creditor"].contains(&member.as_str())));
        assert_eq!(Amounts.misfit(name, &Value::Object(detail.clone())), None);
        assert_eq!(taken.iter().filter(|(_, other)| *other == detail).count(), 1, "{text}");
    }
}

/// What a client has signed is as hostile as what it sends: whatever the claims are, each parameter is what one of them says,
/// and none is one of those about the object itself.
fn signed_request(bytes: &[u8], rules: &ClaimRules<'_>) {
    let now = Timestamp::from_seconds(0);
    let read = |payload: &[u8]| {
        let text = SIGNER.sign_payload(TokenType::RequestObject, payload).unwrap();
        let object = UnverifiedJwt::parse(&text).ok()?;
        let valid = object.verify(&KEYS).unwrap().validate(rules, now).ok()?;
        let parameters = request_object::parameters(valid.all());
        Some((valid, parameters?))
    };
    let mut good = serde_json::from_slice::<Value>(bytes).unwrap_or_default();
    if let Some(claims) = good.as_object_mut() {
        let mut about = json!({"iss": "client", "aud": "https://id.example", "iat": 0, "exp": 60});
        claims.append(about.as_object_mut().unwrap());
    }
    for (valid, parameters) in [read(bytes), read(good.to_string().as_bytes())].into_iter().flatten() {
        for (name, value) in &parameters {
            assert!(!["iss", "sub", "aud", "exp", "nbf", "iat", "jti"].contains(&name.as_str()), "{name}");
            let said = valid.claim(name).unwrap();
            let is_listed = || said.as_array().is_some_and(|list| list.iter().any(|one| one == value));
            let text = said.as_str().map_or_else(|| said.to_string(), str::to_owned);
            let is_said = text == *value;
            assert!(is_said || is_listed(), "{name}: {value} of {said}");
            let _ = (Scopes::parse(value), RedirectUri::check(value));
        }
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
    let rules = ClaimRules {
        token_type: Some(TokenType::RequestObject),
        issuer: Some("client"),
        audience: &["https://id.example"],
        expiry: Expiry::Enforced,
        max_lifetime: Some(Duration::from_mins(10)),
        tolerance: ClockTolerance::default(),
    };
    let text = String::from_utf8_lossy(bytes);
    if let Ok(object) = UnverifiedJwt::parse(&text) {
        assert!(object.verify(&KEYS).is_err(), "nobody has signed it");
    }
    signed_request(bytes, &rules);
}

/// Two addresses, parted by a line: one that was registered matches itself alone, but for the port of an address of the person's
/// own machine.
pub(crate) fn redirect_uri(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (registered, asked) = text.split_once('\n').unwrap_or((text, text));
    let Ok(uri) = RedirectUri::check(registered) else { return };
    assert!(uri.matches(registered));
    if registered != asked && uri.matches(asked) {
        port_alone_differs(registered, asked, |host| match host {
            Host::Ipv4(ip) => ip.is_loopback(),
            Host::Ipv6(ip) => ip.is_loopback(),
            Host::Domain(_) => false,
        });
    }
    if uri.matches_localhost(asked) {
        port_alone_differs(registered, asked, |host| matches!(host, Host::Domain("localhost")));
    }
}

/// Both lead to one place of the same machine, which is a person's own, as whoever goes there reads them; and are written alike
/// behind the port.
fn port_alone_differs(registered: &str, asked: &str, is_own: fn(&Host<&str>) -> bool) {
    let [mut one, mut other] = [registered, asked].map(|text| Url::parse(text).unwrap());
    for url in [&mut one, &mut other] {
        assert_eq!(url.scheme(), "http", "{registered:?} matches {asked:?}");
        assert!(url.host().is_some_and(|host| is_own(&host)), "{registered:?} matches {asked:?}");
        assert!(url.username().is_empty() && url.password().is_none() && url.fragment().is_none(), "{url}");
        url.set_port(None).unwrap();
    }
    assert_eq!(one, other, "{registered:?} matches {asked:?}");
    let behind = |text: &str| {
        let rest = text.strip_prefix("http://").unwrap();
        rest.find(['/', '?', '#']).map(|at| rest.split_at(at).1.to_owned()).unwrap_or_default()
    };
    assert_eq!(behind(registered), behind(asked));
}

/// The header of cookies, to which anybody on a sibling domain adds: each is a part of its own, and nothing that is sealed opens
/// that we have not sealed.
pub(crate) fn cookies(bytes: &[u8]) {
    let Ok(header) = std::str::from_utf8(bytes) else { return };
    let tenant = TenantId::default_tenant();
    for (name, value) in cookie::pairs(header) {
        assert!(!name.contains([';', '=']) && !value.contains(';'), "{header:?}");
        assert!(header.contains(&format!("{name}={value}")), "{header:?}");
        for kind in SealedKind::ALL {
            assert!(SEALER.open_text(SealedPlace { tenant: &tenant, kind: *kind, row: "" }, value).is_err());
        }
    }
    assert!(cookie::pairs(header).count() <= header.split(';').count());
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
