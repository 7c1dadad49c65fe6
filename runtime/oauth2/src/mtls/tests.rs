//! Clients that come with certificates, and the attacks on it.

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, GeneralSubtree,
    IsCa, Issuer, KeyPair, KeyUsagePurpose, NameConstraints, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384,
    PKCS_ED25519, SanType, SignatureAlgorithm, date_time_ymd,
};
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::*;
use crate::client_authentication::FailedCause;
use crate::confirmation::Confirmation;
use crate::introspection::{AnswerForm, Introspection, IntrospectionAnswer};
use crate::memory::{REQUEST, World, as_bearer, form, now, redemption, request};
use crate::parameters::Parameters;
use crate::settings::Settings;
use crate::token::{ClientRequest, InvalidGrant, TokenError, TokenResponse};
use crate::userinfo::{PresentedToken, TokenScheme, UserinfoError};

/// An authority of our own.
struct Authority(CertifiedIssuer<'static, KeyPair>);

fn authority(name: &str, constraints: Option<NameConstraints>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params.name_constraints = constraints;
    params
}

impl Authority {
    fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(authority(name, None), key).unwrap())
    }

    /// One that this one has signed.
    fn under(&self, name: &str, constraints: Option<NameConstraints>) -> Self {
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::signed_by(authority(name, constraints), key, &self.0).unwrap())
    }

    /// A certificate of `CN=app,O=Example`, changed by `edit`.
    fn issue(&self, edit: impl FnOnce(&mut CertificateParams)) -> Vec<u8> {
        let mut params = app();
        edit(&mut params);
        params.signed_by(&KeyPair::generate().unwrap(), &self.0).unwrap().der().to_vec()
    }

    fn der(&self) -> Vec<u8> {
        self.0.der().to_vec()
    }
}

fn app() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, "app");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn chain(certificates: &[&[u8]]) -> CertificateChain {
    CertificateChain::new(certificates.iter().map(|one| one.to_vec())).unwrap()
}

const SUBJECT: &str = "CN=app,O=Example";

/// A tenant that trusts these authorities, with a client of this document.
fn world(authorities: &[&Authority], document: &Value) -> World {
    let authorities = authorities.iter().map(|authority| authority.0.pem()).collect();
    let settings = |settings: &mut Settings| {
        settings.client_certificates = CertificateSettings { enabled: true, authorities, base_url: None };
    };
    World::of_app(settings, document)
}

/// One whose client `app` has registered [`SUBJECT`].
fn world_of(authorities: &[&Authority]) -> World {
    let method = "tls_client_auth";
    world(authorities, &json!({"token_endpoint_auth_method": method, "tls_client_auth_subject_dn": SUBJECT}))
}

fn ask(
    world: &World,
    certificate: PresentedCertificate<'_>,
    pairs: &[(&str, &str)],
) -> Result<TokenResponse, TokenError> {
    let encoded = form(&[&[("client_id", "app")], pairs].concat());
    let parameters = Parameters::parse(encoded.as_bytes());
    world.commit(|| now(world.server.token(ClientRequest { certificate, ..request(&parameters) })))
}

const OWN: [(&str, &str); 1] = [("grant_type", "client_credentials")];

/// Why the client is not known by these certificates; none if it is.
fn fault(world: &World, certificates: &[&[u8]]) -> Option<CertificateFault> {
    match ask(world, PresentedCertificate::One(&chain(certificates)), &OWN) {
        Ok(_) => None,
        Err(TokenError::InvalidClient { cause: FailedCause::Certificate(fault), basic: false }) => {
            Some(fault)
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn certificate_of_an_authority_proves_the_client_that_it_names() {
    let ca = Authority::new("ca");
    let world = world_of(&[&ca]);
    assert_eq!(fault(&world, &[&ca.issue(|_| {})]), None);
    let other = ca.issue(|params| params.distinguished_name.push(DnType::CommonName, "other"));
    assert_eq!(fault(&world, &[&other]), Some(CertificateFault::Subject));
    let longer = ca.issue(|params| params.distinguished_name.push(DnType::OrganizationalUnitName, "x"));
    assert_eq!(fault(&world, &[&longer]), Some(CertificateFault::Subject));
    let absent = ask(&world, PresentedCertificate::Absent, &OWN).unwrap_err();
    let cause = CertificateFault::Missing.into();
    assert_eq!(absent, TokenError::InvalidClient { basic: false, cause });
}

#[test]
fn expired_certificate_is_refused() {
    let ca = Authority::new("ca");
    let world = world_of(&[&ca]);
    // It is the fifteenth of January 2027.
    let dated = |from: (i32, u8), until: (i32, u8)| {
        ca.issue(|params| {
            params.not_before = date_time_ymd(from.0, from.1, 1);
            params.not_after = date_time_ymd(until.0, until.1, 1);
        })
    };
    assert_eq!(fault(&world, &[&dated((2027, 1), (2027, 2))]), None);
    assert_eq!(fault(&world, &[&dated((2026, 1), (2027, 1))]), Some(CertificateFault::Time));
    assert_eq!(fault(&world, &[&dated((2027, 2), (2028, 1))]), Some(CertificateFault::Time));
}

#[test]
fn expired_authority_on_the_way_is_refused() {
    let ca = Authority::new("ca");
    let mut params = authority("old", None);
    params.not_after = date_time_ymd(2027, 1, 1);
    let old = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &ca.0).unwrap();
    let old = Authority(old);
    let found = fault(&world_of(&[&ca]), &[&old.issue(|_| {}), &old.der()]);
    assert_eq!(found, Some(CertificateFault::Time));
}

#[test]
fn certificate_for_servers_is_refused() {
    let ca = Authority::new("ca");
    let world = world_of(&[&ca]);
    let of =
        |usages: &[ExtendedKeyUsagePurpose]| ca.issue(|params| params.extended_key_usages = usages.to_vec());
    let (client, server) = (ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth);
    assert_eq!(fault(&world, &[&of(std::slice::from_ref(&server))]), Some(CertificateFault::Usage));
    assert_eq!(
        fault(&world, &[&of(&[ExtendedKeyUsagePurpose::EmailProtection])]),
        Some(CertificateFault::Usage)
    );
    assert_eq!(fault(&world, &[&of(&[server, client])]), None);
    // One that does not say what it is for may be for anything (RFC 5280 section 4.2.1.12).
    assert_eq!(fault(&world, &[&of(&[])]), None);
}

#[test]
fn same_subject_by_another_authority_is_refused() {
    let (ca, other) = (Authority::new("ca"), Authority::new("other"));
    let twin = Authority::new("ca");
    let world = world_of(&[&ca]);
    assert_eq!(fault(&world, &[&other.issue(|_| {})]), Some(CertificateFault::Authority));
    assert_eq!(fault(&world, &[&twin.issue(|_| {})]), Some(CertificateFault::Authority));
    // Nor does it help to bring one's authority along, or the right one.
    assert_eq!(fault(&world, &[&other.issue(|_| {}), &other.der()]), Some(CertificateFault::Authority));
    assert_eq!(fault(&world, &[&other.issue(|_| {}), &ca.der()]), Some(CertificateFault::Authority));
    let alone = app().self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec();
    assert_eq!(fault(&world, &[&alone]), Some(CertificateFault::Authority));
    assert_eq!(fault(&world_of(&[]), &[&ca.issue(|_| {})]), Some(CertificateFault::Authority));
    assert_eq!(fault(&world_of(&[&other, &ca]), &[&ca.issue(|_| {})]), None);
}

#[test]
fn intermediate_authority_must_be_sent_along_or_trusted() {
    let ca = Authority::new("ca");
    let middle = ca.under("middle", None);
    let own = middle.issue(|_| {});
    assert_eq!(fault(&world_of(&[&ca]), &[&own, &middle.der()]), None);
    assert_eq!(fault(&world_of(&[&ca]), &[&own]), Some(CertificateFault::Authority));
    assert_eq!(fault(&world_of(&[&middle]), &[&own]), None);
}

#[test]
fn clients_certificate_signs_nobody_elses() {
    let ca = Authority::new("ca");
    let key = KeyPair::generate().unwrap();
    let params = app();
    let thief = params.signed_by(&key, &ca.0).unwrap();
    let forged = app().signed_by(&KeyPair::generate().unwrap(), &Issuer::from_params(&params, key)).unwrap();
    let found = fault(&world_of(&[&ca]), &[forged.der(), thief.der()]);
    assert_eq!(found, Some(CertificateFault::Constraint));
    // Nor can it be put down as an authority.
    assert_eq!(Authorities::parse([&*thief.pem()]).unwrap_err(), InvalidAuthority::NotAnAuthority);
}

#[test]
fn name_constraint_of_an_authority_is_held() {
    let ca = Authority::new("ca");
    let within = |name: &str| {
        let permitted_subtrees = vec![GeneralSubtree::DnsName(name.to_owned())];
        ca.under("within", Some(NameConstraints { permitted_subtrees, excluded_subtrees: Vec::new() }))
    };
    let world = world(
        &[&ca],
        &json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_san_dns": "pay.bank.example"}),
    );
    let named = |authority: &Authority| {
        authority.issue(|params| {
            params.subject_alt_names = vec![SanType::DnsName("pay.bank.example".try_into().unwrap())];
        })
    };
    let (bank, shop) = (within("bank.example"), within("shop.example"));
    assert_eq!(fault(&world, &[&named(&bank), &bank.der()]), None);
    assert_eq!(fault(&world, &[&named(&shop), &shop.der()]), Some(CertificateFault::Constraint));
}

#[test]
fn each_alternative_name_is_compared_by_its_own_rules() {
    let ca = Authority::new("ca");
    let dns = |name: &str| SanType::DnsName(name.try_into().unwrap());
    let uri = |name: &str| SanType::URI(name.try_into().unwrap());
    let mail = |name: &str| SanType::Rfc822Name(name.try_into().unwrap());
    let ip = |name: &str| SanType::IpAddress(name.parse().unwrap());
    let check = |property: &str, registered: &str, name: SanType, expect: bool| {
        let world =
            world(&[&ca], &json!({"token_endpoint_auth_method": "tls_client_auth", property: registered}));
        let own = ca.issue(|params| params.subject_alt_names = vec![name.clone()]);
        let expect = if expect { None } else { Some(CertificateFault::Subject) };
        assert_eq!(fault(&world, &[&own]), expect, "{property} {registered} {name:?}");
    };
    check("tls_client_auth_san_dns", "a.example", dns("A.example"), true);
    check("tls_client_auth_san_dns", "a.example", dns("b.a.example"), false);
    check("tls_client_auth_san_dns", "b.a.example", dns("*.a.example"), false);
    // The same text as another kind of name is another name.
    check("tls_client_auth_san_dns", "a.example", uri("a.example"), false);
    check("tls_client_auth_san_uri", "spiffe://a/b", uri("spiffe://a/b"), true);
    check("tls_client_auth_san_uri", "spiffe://a/b", uri("spiffe://a/B"), false);
    check("tls_client_auth_san_ip", "192.0.2.1", ip("192.0.2.1"), true);
    check("tls_client_auth_san_ip", "2001:DB8::1", ip("2001:db8:0::1"), true);
    check("tls_client_auth_san_ip", "192.0.2.1", ip("192.0.2.2"), false);
    check("tls_client_auth_san_ip", "192.0.2.1", dns("192.0.2.1"), false);
    check("tls_client_auth_san_email", "ops@a.example", mail("ops@A.example"), true);
    check("tls_client_auth_san_email", "ops@a.example", mail("Ops@a.example"), false);
}

#[test]
fn what_the_client_is_not_registered_for_does_not_count() {
    let ca = Authority::new("ca");
    let world = world_of(&[&ca]);
    let own = chain(&[&ca.issue(|_| {})]);
    let certificate = PresentedCertificate::One(&own);
    // Another method beside it.
    let refused =
        ask(&world, certificate, &[("grant_type", "client_credentials"), ("client_secret", "s3cret-of-app")]);
    assert_eq!(refused, Err(TokenError::InvalidClient { basic: false, cause: FailedCause::Method }));
    // A certificate beside a secret proves nothing, and does no harm.
    let secret = World::of_app(|settings| settings.client_certificates.enabled = true, &json!({}));
    assert!(
        ask(
            &secret,
            certificate,
            &[("grant_type", "client_credentials"), ("client_secret", "s3cret-of-app")]
        )
        .is_ok()
    );
    let refused = ask(&secret, certificate, &OWN);
    assert_eq!(refused, Err(TokenError::InvalidClient { basic: false, cause: FailedCause::Method }));
}

#[test]
fn nothing_counts_where_the_tenant_takes_no_certificates() {
    let ca = Authority::new("ca");
    let method =
        json!({"token_endpoint_auth_method": "tls_client_auth", "tls_client_auth_subject_dn": SUBJECT});
    let world =
        World::of_app(|settings| settings.client_certificates.authorities = vec![ca.0.pem()], &method);
    assert_eq!(fault(&world, &[&ca.issue(|_| {})]), Some(CertificateFault::Missing));
    let bound = json!({"tls_client_certificate_bound_access_tokens": true});
    let world = World::of_app(|_| {}, &bound);
    let own = chain(&[&ca.issue(|_| {})]);
    let asked = [OWN[0], ("client_secret", "s3cret-of-app")];
    let refused = ask(&world, PresentedCertificate::One(&own), &asked).unwrap_err();
    assert_eq!(refused.code().as_str(), "invalid_request");
}

#[test]
fn unclear_certificate_is_refused_whoever_comes_with_it() {
    let world = World::of_app(|_| {}, &json!({}));
    let asked = [OWN[0], ("client_secret", "s3cret-of-app")];
    let refused = ask(&world, PresentedCertificate::Malformed, &asked).unwrap_err();
    assert_eq!(refused.code().as_str(), "invalid_request");
    assert!(ask(&world, PresentedCertificate::Absent, &asked).is_ok());
}

#[test]
fn chain_that_is_too_long_or_a_certificate_that_is_too_large_is_none() {
    let of = |sizes: &[usize]| CertificateChain::new(sizes.iter().map(|size| vec![0; *size]));
    assert_eq!(of(&[]), Err(UnusableChain));
    assert!(of(&[MOST_BYTES; MOST_CERTIFICATES]).is_ok());
    assert_eq!(of(&[1; MOST_CERTIFICATES + 1]), Err(UnusableChain));
    assert_eq!(of(&[MOST_BYTES + 1]), Err(UnusableChain));
    assert_eq!(of(&[1, MOST_BYTES + 1]), Err(UnusableChain));
    // Within the bounds, garbage is no certificate.
    let world = world_of(&[&Authority::new("ca")]);
    assert_eq!(fault(&world, &[&[0x30, 0x82, 0xff, 0xff]]), Some(CertificateFault::Malformed));
}

/// A certificate that nobody else has signed, and its key as the client publishes it.
fn self_signed(algorithm: &'static SignatureAlgorithm) -> (Vec<u8>, Value) {
    let key = KeyPair::generate_for(algorithm).unwrap();
    let raw = key.public_key_raw();
    let encode = |bytes: &[u8]| base64url::encode(bytes);
    let curve = |name: &str, width: usize| {
        let (x, y) = raw[1..].split_at(width);
        json!({"kty": "EC", "crv": name, "x": encode(x), "y": encode(y)})
    };
    let jwk = if algorithm == &PKCS_ED25519 {
        json!({"kty": "OKP", "crv": "Ed25519", "x": encode(raw)})
    } else if algorithm == &PKCS_ECDSA_P384_SHA384 {
        curve("P-384", 48)
    } else {
        curve("P-256", 32)
    };
    (app().self_signed(&key).unwrap().der().to_vec(), jwk)
}

#[test]
fn certificate_that_nobody_has_signed_proves_the_client_whose_key_it_holds() {
    for algorithm in [&PKCS_ECDSA_P256_SHA256, &PKCS_ECDSA_P384_SHA384, &PKCS_ED25519] {
        let (own, jwk) = self_signed(algorithm);
        let (other, _) = self_signed(algorithm);
        let method = "self_signed_tls_client_auth";
        let world = world(&[], &json!({"token_endpoint_auth_method": method, "jwks": {"keys": [jwk]}}));
        assert_eq!(fault(&world, &[&own]), None);
        // It has the same names, and another key.
        assert_eq!(fault(&world, &[&other]), Some(CertificateFault::Key));
        // An authority does not help: the client has said what proves it.
        assert_eq!(fault(&world, &[&other, &own]), Some(CertificateFault::Key));
    }
}

/// RFC 8705 appendix A.
const EXAMPLE: &str = "-----BEGIN CERTIFICATE-----
MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAx
ODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqG
SM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ
/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwID
SQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOV
bUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=
-----END CERTIFICATE-----";

#[test]
fn example_of_the_rfc_has_its_thumbprint_and_its_key() {
    let der = CertificateDer::from_pem_slice(EXAMPLE.as_bytes()).unwrap();
    let chain = chain(&[&der]);
    assert_eq!(chain.thumbprint().unwrap().as_str(), "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0");
    let Value::Object(key) = json!({
        "kty": "EC", "crv": "P-256",
        "x": "1yfLHCpXqFjxCeHHHMVDTcLscpb07KUxudBmOMn8C7Q",
        "y": "8_coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8",
    }) else {
        unreachable!()
    };
    let expect = jose::PublicJwk::from_map(&key).unwrap().thumbprint();
    assert_eq!(thumbprint_of_key(&chain), Ok(expect));
}

/// Userinfo with a token, and this certificate.
fn userinfo(world: &World, token: &str, certificate: PresentedCertificate<'_>) -> Result<(), UserinfoError> {
    let presented = PresentedToken { certificate, ..as_bearer(token) };
    world.commit(|| now(world.server.userinfo(presented, REQUEST))).map(drop)
}

const BOUND: &str = "tls_client_certificate_bound_access_tokens";

#[test]
fn bound_token_is_worth_nothing_with_another_certificate() {
    for strategy in ["jwt", "opaque"] {
        let ca = Authority::new("ca");
        let document = json!({"token_endpoint_auth_method": "tls_client_auth", BOUND: true,
            "tls_client_auth_subject_dn": SUBJECT, "access_token_strategy": strategy});
        let world = world(&[&ca], &document);
        let (own, other) = (chain(&[&ca.issue(|_| {})]), chain(&[&ca.issue(|_| {})]));
        let (own, other) = (PresentedCertificate::One(&own), PresentedCertificate::One(&other));
        let tokens = ask(&world, own, &redemption(&world.code("openid"))).unwrap();
        assert_eq!(tokens.token_type, "bearer");
        let token = &tokens.access_token;
        assert_eq!(userinfo(&world, token, own), Ok(()));
        for wrong in [other, PresentedCertificate::Absent, PresentedCertificate::Malformed] {
            assert_eq!(userinfo(&world, token, wrong), Err(UserinfoError::Certificate), "{strategy}");
        }
        let as_dpop = PresentedToken { scheme: TokenScheme::Dpop, certificate: own, ..as_bearer(token) };
        assert_eq!(now(world.server.userinfo(as_dpop, REQUEST)).result, Err(UserinfoError::Scheme));
        let Introspection::Active(said) = now(world.server.introspect(token, None, REQUEST)).unwrap() else {
            panic!("{strategy}")
        };
        assert_eq!(said.token_type, "Bearer");
        assert_eq!(said.cnf, own.thumbprint().map(Confirmation::Certificate), "{strategy}");
    }
}

#[test]
fn token_of_a_client_that_does_not_ask_for_it_is_bound_to_nothing() {
    let ca = Authority::new("ca");
    let world = world_of(&[&ca]);
    let own = chain(&[&ca.issue(|_| {})]);
    let tokens = ask(&world, PresentedCertificate::One(&own), &redemption(&world.code("openid"))).unwrap();
    assert_eq!(userinfo(&world, &tokens.access_token, PresentedCertificate::Absent), Ok(()));
}

#[test]
fn refresh_token_of_a_public_client_is_bound_with_its_access_token() {
    let ca = Authority::new("ca");
    let world = world(
        &[],
        &json!({"token_endpoint_auth_method": "none", BOUND: true,
        "grant_types": ["authorization_code", "refresh_token"]}),
    );
    let (own, other) = (chain(&[&ca.issue(|_| {})]), chain(&[&ca.issue(|_| {})]));
    let (own, other) = (PresentedCertificate::One(&own), PresentedCertificate::One(&other));
    let code = world.code("openid offline_access");
    // Section 3.4: no token that is bound to nothing.
    let refused = ask(&world, PresentedCertificate::Absent, &redemption(&code)).unwrap_err();
    assert_eq!(refused.code().as_str(), "invalid_request");
    let tokens = ask(&world, own, &redemption(&code)).unwrap();
    let refresh = tokens.refresh_token.unwrap();
    let again = [("grant_type", "refresh_token"), ("refresh_token", &*refresh)];
    assert_eq!(ask(&world, other, &again), Err(TokenError::InvalidGrant(InvalidGrant::Key)));
    let next = ask(&world, own, &again).unwrap();
    assert_eq!(userinfo(&world, &next.access_token, own), Ok(()));
    assert_eq!(userinfo(&world, &next.access_token, other), Err(UserinfoError::Certificate));
}

/// RFC 8705 section 4: it is the client that is asked, and it may have a new certificate.
#[test]
fn refresh_token_of_a_client_that_authenticates_goes_with_its_next_certificate() {
    let ca = Authority::new("ca");
    let document = json!({"token_endpoint_auth_method": "tls_client_auth", BOUND: true,
        "tls_client_auth_subject_dn": SUBJECT});
    let world = world(&[&ca], &document);
    let (old, new) = (chain(&[&ca.issue(|_| {})]), chain(&[&ca.issue(|_| {})]));
    let (old, new) = (PresentedCertificate::One(&old), PresentedCertificate::One(&new));
    let tokens = ask(&world, old, &redemption(&world.code("openid offline_access"))).unwrap();
    let refresh = tokens.refresh_token.unwrap();
    let next = ask(&world, new, &[("grant_type", "refresh_token"), ("refresh_token", &refresh)]).unwrap();
    assert_eq!(userinfo(&world, &next.access_token, new), Ok(()));
    assert_eq!(userinfo(&world, &next.access_token, old), Err(UserinfoError::Certificate));
}

/// RFC 8705 section 2: at every endpoint where clients authenticate.
#[test]
fn client_revokes_and_introspects_by_its_certificate() {
    let ca = Authority::new("ca");
    let world = world_of(&[&ca]);
    let own = chain(&[&ca.issue(|_| {})]);
    let certificate = PresentedCertificate::One(&own);
    let token = ask(&world, certificate, &OWN).unwrap().access_token;
    let encoded = form(&[("client_id", "app"), ("token", &token)]);
    let parameters = Parameters::parse(encoded.as_bytes());
    let request = ClientRequest { certificate, ..request(&parameters) };
    let introspect = || now(world.server.introspect_as_client(request, AnswerForm::Json)).result.unwrap();
    let inactive = IntrospectionAnswer::Plain(Introspection::Inactive);
    assert_ne!(introspect(), inactive);
    let stranger = ClientRequest { certificate: PresentedCertificate::Absent, ..request };
    assert_eq!(now(world.server.revoke(stranger)).result.unwrap_err().code().as_str(), "invalid_client");
    world.commit(|| now(world.server.revoke(request))).unwrap();
    assert_eq!(introspect(), inactive);
}

#[test]
fn discovery_names_what_the_tenant_takes() {
    let document = now(World::new().server.discovery()).unwrap();
    let methods = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(!methods.contains(&"tls_client_auth".into()), "{methods:?}");
    assert_eq!(document.get(BOUND), None);
    let world = World::set(|settings| {
        settings.client_certificates.enabled = true;
        settings.client_certificates.base_url = Some("https://mtls.example/".to_owned());
    });
    let document = now(world.server.discovery()).unwrap();
    let methods = document["token_endpoint_auth_methods_supported"].as_array().unwrap();
    assert!(
        methods.contains(&"tls_client_auth".into())
            && methods.contains(&"self_signed_tls_client_auth".into())
    );
    assert_eq!(document[BOUND], true);
    let aliases = &document["mtls_endpoint_aliases"];
    assert_eq!(aliases["token_endpoint"], "https://mtls.example/oauth2/token");
    assert_eq!(aliases["userinfo_endpoint"], "https://mtls.example/userinfo");
    assert_eq!(aliases["pushed_authorization_request_endpoint"], "https://mtls.example/oauth2/par");
}

#[test]
fn authorities_are_read_as_pem() {
    let ca = Authority::new("ca").0.pem();
    assert!(Authorities::parse([&*ca, &*format!("{ca}{ca}")]).is_ok());
    for text in ["", "x", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"] {
        assert_eq!(Authorities::parse([text]).unwrap_err(), InvalidAuthority::Malformed, "{text}");
    }
}

proptest::proptest! {
    /// A certificate with some bytes changed is refused, or means what it says; nothing of it stops the server.
    #[test]
    fn broken_certificate_is_refused_and_no_more(at in 0_usize..600, byte: u8, cut in 0_usize..600) {
        let mut der = CertificateDer::from_pem_slice(EXAMPLE.as_bytes()).unwrap().to_vec();
        if let Some(place) = der.get_mut(at) {
            *place = byte;
        }
        der.truncate(cut);
        let chain = CertificateChain::new([der]).unwrap();
        thumbprint_of_key(&chain).ok();
        Authorities::default().verify(&chain, primitives::Timestamp::from_seconds(0)).unwrap_err();
        let subject = json!({"client_id": "a", "tls_client_auth_subject_dn": "CN=mtls"});
        let subject = RegisteredSubject::find(&serde_json::from_value(subject).unwrap()).unwrap().unwrap();
        subject.check(&chain).ok();
    }
}
