//! The signed examples of the specifications, read as any token is; and those of forms that are refused on purpose, with the
//! reason of each. (Those that are encrypted stand in `src/jwe/tests`: the ones that we can make in `vectors.rs`, the others in
//! `examples.rs`; the thumbprints of RFC 7638 and RFC 8037 in `src/jwk/public.rs`; the keys of RFC 7520 that are kept for others
//! in `src/key_set/tests.rs`; what `oauth2` does with the examples of RFC 7636, RFC 8705, RFC 9101 and RFC 9449 beside it.)

#![expect(clippy::unwrap_used, reason = "tests")]

use portcullis_jose::{
    Algorithm, JwkError, JwsError, KeyManagement, PrivateJwk, PublicJwk, Signer, SymmetricJwk, TokenType,
    UnverifiedJws, UnverifiedJwt, UnverifiedKeyProof, VerifyingKey, VerifyingKeys,
};
use primitives::{Timestamp, base64url};
use serde_json::{Value, json};

#[path = "../src/tests_support.rs"]
mod tests_support;

/// The key of RFC 7520 section 3.3, under the name `bilbo.baggins@hobbiton.example`.
const BILBO: &str = "n4EPtAOCc9AlkeQHPzHStgAbgs7bTZLwUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzcEe6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZCuEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqgc5gHdrNP5zw";
/// The key of RFC 7520 section 6.
const HOBBITON: &str = "kNrPIBDXMU6fcyv5i-QHQAQ-K8gsC3HJb7FYhYaw8hXbNJa-t8q0lDKwLZgQXYV-ffWxXJv5GGrlZE4GU52lfMEegTDzYTrRQ3tepgKFjMGg6Iy6fkl1ZNsx2gEonsnlShfzA9GJwRTmtKPbk1s-hwx1IU5AT-AIelNqBgcF2vE5W25_SGGBoaROVdUYxqETDggM1z5cKV4ZjDZ8-lh4oVB07bkac6LQdHpJUUySH_Er20DXx30Kyi97PciXKTS-QKXnmm8ivyRCmux22ZoPUind2BKC5OiG4MwALhaL2Z2k8CsRdfy-7dg7z41Rp6D0ZeEvtaUp4bX4aKraL4rTfw";
/// The modulus of RFC 7517 appendix A.1, which RFC 7638 section 3.1 has, too.
const RFC_7517: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
/// The tokens of RFC 7515 appendices A.2 and A.3, which those of A.6 and A.7 are in another form.
const RFC_7515_RS256: &str = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
const RFC_7515_ES256: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
/// What Bilbo is told (RFC 7520 section 4).
const DANGEROUS: &str = "SXTigJlzIGEgZGFuZ2Vyb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4";
/// The protected header and the signature of RFC 7520 section 4.1.
const RS256_HEADER: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9";
const RS256_SIGNATURE: &str = "MRjdkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wnB-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadnHXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";

fn public(key: &Value, algorithm: Algorithm) -> VerifyingKey {
    let key = PublicJwk::parse(key.to_string().as_bytes()).unwrap();
    VerifyingKey::new(&key, Some(algorithm)).unwrap()
}

fn rsa(n: &str, algorithm: Algorithm) -> VerifyingKey {
    public(&json!({"kty": "RSA", "n": n, "e": "AQAB"}), algorithm)
}

fn shared(k: &str) -> VerifyingKey {
    VerifyingKey::shared(
        &SymmetricJwk::parse(json!({"kty": "oct", "alg": "HS256", "k": k}).to_string().as_bytes()).unwrap(),
    )
    .unwrap()
}

/// The same with another first character, in which no bit is left over.
fn changed(part: &str) -> String {
    let rest = part.get(1..).unwrap_or_default();
    if part.starts_with('A') { format!("B{rest}") } else { format!("A{rest}") }
}

/// The text verifies with the key, and with none of its parts changed.
fn check(text: &str, key: &VerifyingKey) {
    let payload = UnverifiedJws::parse(text).unwrap().verify(key).unwrap();
    assert!(!payload.payload().is_empty());
    let (input, signature) = text.rsplit_once('.').unwrap();
    let (header, payload) = input.split_once('.').unwrap();
    for changed in [
        format!("{header}.{payload}A.{signature}"),
        format!("{header}.{}.{signature}", changed(payload)),
        format!("{header}.{payload}.{}", changed(signature)),
    ] {
        assert_ne!(changed, text);
        let verified = UnverifiedJws::parse(&changed).and_then(|jws| jws.verify(key));
        assert!(verified.is_err(), "{changed}");
    }
}

/// RFC 7515 appendices A.1 to A.3; A.1 is also the token of RFC 7519 section 3.1.
#[test]
fn tokens_of_rfc_7515() {
    check(
        "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        &shared("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
    );
    check(
        RFC_7515_RS256,
        &rsa(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
            Algorithm::Rs256,
        ),
    );
    let key = json!({
        "kty": "EC", "crv": "P-256", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    check(RFC_7515_ES256, &public(&key, Algorithm::Es256));
}

/// RFC 7517 appendices A.1 to A.3: a set of public keys, the pairs of the same keys, and secrets. The key that encrypts verifies nothing.
#[test]
fn keys_of_rfc_7517() {
    let for_encryption = json!({
        "kty": "EC", "crv": "P-256", "use": "enc", "kid": "1", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
    });
    let for_signatures =
        json!({"kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "n": RFC_7517, "e": "AQAB"});
    let read = |key: &Value| PublicJwk::parse(key.to_string().as_bytes()).unwrap();
    let (encrypts, signs) = (read(&for_encryption), read(&for_signatures));
    assert!(VerifyingKey::new(&encrypts, None).is_err());
    let verifying = VerifyingKey::new(&signs, None).unwrap();
    assert_eq!(
        (signs.thumbprint(), encrypts.thumbprint()),
        (
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned(),
            "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s".to_owned(),
        )
    );

    let mut pair = for_signatures;
    for (name, value) in [
        (
            "d",
            "X4cTteJY_gn4FYPsXB8rdXix5vwsg1FLN5E3EaG6RJoVH-HLLKD9M7dx5oo7GURknchnrRweUkC7hT5fJLM0WbFAKNLWY2vv7B6NqXSzUvxT0_YSfqijwp3RTzlBaCxWp4doFk5N2o8Gy_nHNKroADIkJ46pRUohsXywbReAdYaMwFs9tv8d_cPVY3i07a3t8MN6TNwm0dSawm9v47UiCl3Sk5ZiG7xojPLu4sbg1U2jx4IBTNBznbJSzFHK66jT8bgkuqsk0GjskDJk19Z4qwjwbsnn4j2WBii3RL-Us2lGVkY8fkFzme1z0HbIkfz0Y6mqnOYtqc0X4jfcKoAC8Q",
        ),
        (
            "p",
            "83i-7IvMGXoMXCskv73TKr8637FiO7Z27zv8oj6pbWUQyLPQBQxtPVnwD20R-60eTDmD2ujnMt5PoqMrm8RfmNhVWDtjjMmCMjOpSXicFHj7XOuVIYQyqVWlWEh6dN36GVZYk93N8Bc9vY41xy8B9RzzOGVQzXvNEvn7O0nVbfs",
        ),
        (
            "q",
            "3dfOR9cuYq-0S-mkFLzgItgMEfFzB2q3hWehMuG0oCuqnb3vobLyumqjVZQO1dIrdwgTnCdpYzBcOfW5r370AFXjiWft_NGEiovonizhKpo9VVS78TzFgxkIdrecRezsZ-1kYd_s1qDbxtkDEgfAITAG9LUnADun4vIcb6yelxk",
        ),
        (
            "dp",
            "G4sPXkc6Ya9y8oJW9_ILj4xuppu0lzi_H7VTkS8xj5SdX3coE0oimYwxIi2emTAue0UOa5dpgFGyBJ4c8tQ2VF402XRugKDTP8akYhFo5tAA77Qe_NmtuYZc3C3m3I24G2GvR5sSDxUyAN2zq8Lfn9EUms6rY3Ob8YeiKkTiBj0",
        ),
        (
            "dq",
            "s9lAH9fggBsoFR8Oac2R_E2gw282rT2kGOAhvIllETE1efrA6huUUvMfBcMpn8lqeW6vzznYY5SSQF7pMdC_agI3nG8Ibp1BUb0JUiraRNqUfLhcQb_d9GF4Dh7e74WbRsobRonujTYN1xCaP6TO61jvWrX-L18txXw494Q_cgk",
        ),
        (
            "qi",
            "GyM_p6JrXySiz1toFgKbWV-JdI3jQ4ypu9rbMWx3rQJBfmt0FoYzgUIZEVFEcOqwemRN81zoDAaa-Bk0KWNGDjJHZDdDmFhW3AN7lI-puxk_mHZGJ11rxyR8O55XLSe3SPmRfKwZI6yU24ZxvQKFYItdldUKGzO6Ia6zTKhAVRU",
        ),
    ] {
        pair[name] = value.into();
    }
    let text = pair.to_string();
    assert!(PublicJwk::parse(text.as_bytes()).is_err(), "a private key is no public one");
    let private = PrivateJwk::parse(text.as_bytes()).unwrap();
    let signer = Signer::new(&private).unwrap();
    let token = signer.sign(TokenType::Jwt, &json!({"sub": "ada"})).unwrap();
    assert!(UnverifiedJws::parse(&token).unwrap().verify(&verifying).is_ok());

    // Ours are of one algorithm each, and say of which.
    let mut secret = json!({
        "kty": "oct", "kid": "HMAC key used in JWS A.1 example",
        "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
    });
    assert!(SymmetricJwk::parse(secret.to_string().as_bytes()).is_err());
    secret["alg"] = "HS256".into();
    assert!(SymmetricJwk::parse(secret.to_string().as_bytes()).is_ok());
    // The other secret of the set wraps keys: it verifies nothing.
    let wraps = json!({"kty": "oct", "alg": "A128KW", "k": "GawgguFyGrWKav7AX4VKUg"}).to_string();
    assert_eq!(SymmetricJwk::parse(wraps.as_bytes()).err(), Some(JwkError::Unsupported));
}

/// RFC 7517 appendix B: a key with a chain of certificates is the key that it says, and the chain is not looked at.
#[test]
fn key_with_certificates_of_rfc_7517_is_its_own_numbers() {
    let chain = [
        "MIIDQjCCAiqgAwIBAgIGATz/FuLiMA0GCSqGSIb3DQEBBQUAMGIxCzAJBgNVBAYTAlVTMQswCQYDVQQIEwJDTzEPMA0GA1UEBxMGRGVudmVyMRwwGgYDVQQKExNQaW5nIElkZW50aXR5IENvcnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbDAeFw0xMzAyMjEyMzI5MTVaFw0xODA4MTQyMjI5MTVaMGIxCzAJBgNVBAYTAlVTMQswCQYDVQQIEwJDTzEPMA0GA1UEBxMGRGVudmVyMRwwGgYDVQQKExNQaW5nIElkZW50aXR5IENvcnAuMRcwFQYDVQQDEw5CcmlhbiBDYW1wYmVsbDCCASIwDQYJKoZIhvcNAQEBBQADggEPADCCAQoCggEBAL64zn8/QnHYMeZ0LncoXaEde1fiLm1jHjmQsF/449IYALM9if6amFtPDy2yvz3YlRij66s5gyLCyO7ANuVRJx1NbgizcAblIgjtdf/u3WG7K+IiZhtELto/A7Fck9Ws6SQvzRvOE8uSirYbgmj6He4iO8NCyvaK0jIQRMMGQwsU1quGmFgHIXPLfnpnfajr1rVTAwtgV5LEZ4Iel+W1GC8ugMhyr4/p1MtcIM42EA8BzE6ZQqC7VPqPvEjZ2dbZkaBhPbiZAS3YeYBRDWm1p1OZtWamT3cEvqqPpnjL1XyW+oyVVkaZdklLQp2Btgt9qr21m42f4wTw+Xrp6rCKNb0CAwEAATANBgkqhkiG9w0BAQUFAAOCAQEAh8zGlfSlcI0o3rYDPBB07aXNswb4ECNIKG0CETTUxmXl9KUL+9gGlqCz5iWLOgWsnrcKcY0vXPG9J1r9AqBNTqNgHq2G03X09266X5CpOe1zFo+Owb1zxtp3PehFdfQJ610CDLEaS9V9Rqp17hCyybEpOGVwe8fnk+fbEL2Bo3UPGrpsHzUoaGpDftmWssZkhpBJKVMJyf/RuP2SmmaIzmnw9JiSlYhzo4tpzd5rFXhjRbg4zW9C+2qok+2+qDM1iJ684gPHMIY8aLWrdgQTxkumGmTqgawR+N5MDtdPTEQ0XfIBc2cJEUyMTY5MPvACWpkA6SdS4xSvdXK3IVfOWA==",
    ];
    let mut key = json!({
        "kty": "RSA", "use": "sig", "kid": "1b94c", "e": "AQAB", "x5c": chain,
        "n": "vrjOfz9Ccdgx5nQudyhdoR17V-IubWMeOZCwX_jj0hgAsz2J_pqYW08PLbK_PdiVGKPrqzmDIsLI7sA25VEnHU1uCLNwBuUiCO11_-7dYbsr4iJmG0Qu2j8DsVyT1azpJC_NG84Ty5KKthuCaPod7iI7w0LK9orSMhBEwwZDCxTWq4aYWAchc8t-emd9qOvWtVMDC2BXksRngh6X5bUYLy6AyHKvj-nUy1wgzjYQDwHMTplCoLtU-o-8SNnZ1tmRoGE9uJkBLdh5gFENabWnU5m1ZqZPdwS-qo-meMvVfJb6jJVWRpl2SUtCnYG2C32qvbWbjZ_jBPD5eunqsIo1vQ",
    });
    let read = |key: &Value| PublicJwk::parse(key.to_string().as_bytes()).unwrap();
    let with_chain = read(&key);
    assert!(VerifyingKey::new(&with_chain, Some(Algorithm::Rs256)).is_ok());
    key["x5c"] = json!(["bm9uZQ=="]);
    assert_eq!(read(&key), with_chain);
}

/// RFC 7515 appendix A.5, which is RFC 7519 section 6.1: a token that nobody signed is none.
#[test]
fn unsecured_token_of_rfc_7515_is_refused() {
    let text = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.";
    assert_eq!(UnverifiedJwt::parse(text).err(), Some(JwsError::Algorithm));
}

/// RFC 7515 appendix E: what has to be understood is not, whoever has signed it.
#[test]
fn token_of_rfc_7515_that_needs_an_extension_is_refused_for_that() {
    let text = "eyJhbGciOiJub25lIiwNCiAiY3JpdCI6WyJodHRwOi8vZXhhbXBsZS5jb20vVU5ERUZJTkVEIl0sDQogImh0dHA6Ly9leGFtcGxlLmNvbS9VTkRFRklORUQiOnRydWUNCn0.RkFJTA.";
    assert_eq!(UnverifiedJws::parse(text).err(), Some(JwsError::Critical));
    assert_eq!(UnverifiedJwt::parse(text).err(), Some(JwsError::Critical));
}

/// RFC 7515 appendix C, which RFC 7636 appendix A has, too: padding, the other alphabet, bits that no byte needs and breaks of
/// lines would each be a second text of the same token.
#[test]
fn bytes_of_rfc_7515_are_written_and_read_in_one_way() {
    let bytes = [3_u8, 236, 255, 224, 193];
    assert_eq!(base64url::encode(bytes), "A-z_4ME");
    assert_eq!(base64url::decode("A-z_4ME"), Some(bytes.to_vec()));
    for other in ["A-z_4ME=", "A+z/4ME", "A-z_4MF", "A-z_\n4ME"] {
        assert_eq!(base64url::decode(other), None, "{other}");
    }
}

/// RFC 7520 sections 4.1, 4.2 and 4.4, and what is nested in section 6.
#[test]
fn messages_of_rfc_7520() {
    let bilbo = |header: &str, signature: &str| format!("{header}.{DANGEROUS}.{signature}");
    check(&bilbo(RS256_HEADER, RS256_SIGNATURE), &rsa(BILBO, Algorithm::Rs256));
    check(
        &bilbo(
            "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9",
            "cu22eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTrxUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTOcbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw",
        ),
        &rsa(BILBO, Algorithm::Ps384),
    );
    check(
        &bilbo(
            "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9",
            "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0",
        ),
        &shared("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg"),
    );
    check(
        "eyJhbGciOiJQUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJob2JiaXRvbi5leGFtcGxlIiwiZXhwIjoxMzAwODE5MzgwLCJodHRwOi8vZXhhbXBsZS5jb20vaXNfcm9vdCI6dHJ1ZX0.dPpMqwRZxFYi1UfcDAaf8M99o7kwUWtiXZ-ByvVuJih4MhJ_aZqciprz0OWaIAkIvn1qskChirjKvY9ESZNUCP4JjvfyPS-nqjJxYoA5ztWOyFk2cZNIPXjcJXSQwXPO9tEe-v4VSqgD0aKHqPxYog4N6Cz1lKph1U1sYDSI67_bLL7elg_vkjfMp5_W5l5LuUYGMeh6hxQIaIUXf9EwV2JmvTMuZ-vBOWy0Sniy1EFo72CRTvmtrIf5AROo5MNliY3KtUxeP-SOmD-LEYwW9SlkohYzMVAZDDOrVbv7KVRHpeYNaK75KEQqdCEEkS_rskZS-Qtt_nlegTWh1mEYaA",
        &rsa(HOBBITON, Algorithm::Ps256),
    );
}

/// RFC 7520 sections 3.1 to 3.4: nothing is signed or verified with the key on P-521, and what the RSA key has signed it signs
/// again.
#[test]
fn keys_of_rfc_7520_sign_what_they_have_signed() {
    let kid = "bilbo.baggins@hobbiton.example";
    let mut on_p_521 = json!({
        "kty": "EC", "kid": kid, "use": "sig", "crv": "P-521",
        "x": "AHKZLLOsCOzz5cY97ewNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt",
        "y": "AdymlHvOiLxXkEhayXQnNCvDX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1",
    });
    let unsupported = Some(JwkError::Unsupported);
    assert_eq!(PublicJwk::parse(on_p_521.to_string().as_bytes()).err(), unsupported);
    on_p_521["d"] =
        "AAhRON2r9cqXX1hg-RoI6R1tX5p2rUAYdmpHZoC1XNM56KtscrX6zbKipQrCW9CGZH3T4ubpnoTKLDYJ_fF3_rJt".into();
    assert_eq!(PrivateJwk::parse(on_p_521.to_string().as_bytes()).err(), unsupported);

    let read = |key: &Value| PrivateJwk::parse(key.to_string().as_bytes()).unwrap();
    let mut pair = json!({
        "kty": "RSA", "kid": kid, "use": "sig", "n": BILBO, "e": "AQAB",
        "d": "bWUC9B-EFRIo8kpGfh0ZuyGPvMNKvYWNtB_ikiH9k20eT-O1q_I78eiZkpXxXQ0UTEs2LsNRS-8uJbvQ-A1irkwMSMkK1J3XTGgdrhCku9gRldY7sNA_AKZGh-Q661_42rINLRCe8W-nZ34ui_qOfkLnK9QWDDqpaIsA-bMwWWSDFu2MUBYwkHTMEzLYGqOe04noqeq1hExBTHBOBdkMXiuFhUq1BU6l-DqEiWxqg82sXt2h-LMnT3046AOYJoRioz75tSUQfGCshWTBnP5uDjd18kKhyv07lhfSJdrPdM5Plyl21hsFf4L_mHCuoFau7gdsPfHPxxjVOcOpBrQzwQ",
        "p": "3Slxg_DwTXJcb6095RoXygQCAZ5RnAvZlno1yhHtnUex_fp7AZ_9nRaO7HX_-SFfGQeutao2TDjDAWU4Vupk8rw9JR0AzZ0N2fvuIAmr_WCsmGpeNqQnev1T7IyEsnh8UMt-n5CafhkikzhEsrmndH6LxOrvRJlsPp6Zv8bUq0k",
        "q": "uKE2dh-cTf6ERF4k4e_jy78GfPYUIaUyoSSJuBzp3Cubk3OCqs6grT8bR_cu0Dm1MZwWmtdqDyI95HrUeq3MP15vMMON8lHTeZu2lmKvwqW7anV5UzhM1iZ7z4yMkuUwFWoBvyY898EXvRD-hdqRxHlSqAZ192zB3pVFJ0s7pFc",
        "dp": "B8PVvXkvJrj2L-GYQ7v3y9r6Kw5g9SahXBwsWUzp19TVlgI-YV85q1NIb1rxQtD-IsXXR3-TanevuRPRt5OBOdiMGQp8pbt26gljYfKU_E9xn-RULHz0-ed9E9gXLKD4VGngpz-PfQ_q29pk5xWHoJp009Qf1HvChixRX59ehik",
        "dq": "CLDmDGduhylc9o7r84rEUVn7pzQ6PF83Y-iBZx5NT-TpnOZKF1pErAMVeKzFEl41DlHHqqBLSM0W1sOFbwTxYWZDm6sI6og5iTbwQGIC3gnJKbi_7k_vJgGHwHxgPaX2PnvP-zyEkDERuf-ry4c_Z11Cq9AqC2yeL6kdKT1cYF8",
        "qi": "3PiqvXQN0zwMeE-sBvZgi289XP9XCQF3VWqPzMKnIgQp7_Tugo6-NZBKCQsMf3HaEGBjTVJs_jcK8-TRXvaKe-7ZMaQj8VfBdYkssbu0NKDDhjJ-GtiseaDVWt7dcH0cfwxgFUHpQh7FoCrjFJ6h6ZEpMF6xmujs4qMpPz8aaI4",
    });
    assert_eq!(Signer::new(&read(&pair)).err(), unsupported, "it says of no algorithm");
    pair["alg"] = "RS256".into();
    let signer = Signer::new(&read(&pair)).unwrap();
    let made = signer.sign_bytes(format!("{RS256_HEADER}.{DANGEROUS}").as_bytes()).unwrap();
    assert_eq!(base64url::encode(made), RS256_SIGNATURE);
}

/// RFC 8037 appendix A.4.
#[test]
fn message_of_rfc_8037() {
    let key = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    check(
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
        &public(&key, Algorithm::EdDsa),
    );
}

/// RFC 9101 section 4: a signed request, and what it asks for. It has no `typ`, as objects of the older specification have not.
#[test]
fn request_object_of_rfc_9101() {
    let text = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsyYmRjIn0.ewogICAgImlzcyI6ICJzNkJoZFJrcXQzIiwKICAgICJhdWQiOiAiaHR0cHM6Ly9zZXJ2ZXIuZXhhbXBsZS5jb20iLAogICAgInJlc3BvbnNlX3R5cGUiOiAiY29kZSBpZF90b2tlbiIsCiAgICAiY2xpZW50X2lkIjogInM2QmhkUmtxdDMiLAogICAgInJlZGlyZWN0X3VyaSI6ICJodHRwczovL2NsaWVudC5leGFtcGxlLm9yZy9jYiIsCiAgICAic2NvcGUiOiAib3BlbmlkIiwKICAgICJzdGF0ZSI6ICJhZjBpZmpzbGRraiIsCiAgICAibm9uY2UiOiAibi0wUzZfV3pBMk1qIiwKICAgICJtYXhfYWdlIjogODY0MDAKfQ.Nsxa_18VUElVaPjqW_ToI1yrEJ67BgKb5xsuZRVqzGkfKrOIX7BCx0biSxYGmjK9KJPctH1OC0iQJwXu5YVY-vnW0_PLJb1C2HG-ztVzcnKZC2gE4i0vgQcpkUOCpW3SEYXnyWnKzuKzqSb1wAZALo5f89B_p6QA6j6JwBSRvdVsDPdulW8lKxGTbH82czCaQ50rLAg3EYLYaCb4ik4I1zGXE4fvim9FIMs8OCMmzwIB5S-ujFfzwFjoyuPEV4hJnoVUmXR_W9typPf846lGwA8h9G9oNTIuX8Ft2jfpnZdFmLg3_wr3Wa5q3a-lfbgF3S9H_8nN3j1i7tLR_5Nz-g";
    let key = rsa(
        "x5RbkAZkmpRxia65qRQ1wwSMSxQUnS7gcpVTV_cdHmfmG2ltd2yabEO9XadD8pJNZubINPpmgHh3J1aD9WRwS05ucmFq3CfFsluLt13_7oX5yDRSKX7poXmT_5ko8k4NJZPMAO8fPToDTH7kHYbONSE2FYa5GZ60CUsFhSonI-dcMDJ0Ary9lxIw5k2z4TAdARVWcS7sD07VhlMMshrwsPHBQgTatlkxyIHXbYdtak8fqvNAwr7OlVEvM_Ipf5OfmdB8Sd-wjzaBsyP4VhJKoi_qdgSzpC694XZeYPq45Sw-q51iFUlcOlTCI7z6jltUtnR6ySn6XDGFnzH5Fe5ypw",
        Algorithm::Rs256,
    );
    check(text, &key);
    let verified = UnverifiedJws::parse(text).unwrap().verify(&key).unwrap();
    let claims: Value = serde_json::from_slice(verified.payload()).unwrap();
    let expected = json!({
        "iss": "s6BhdRkqt3", "aud": "https://server.example.com", "response_type": "code id_token",
        "client_id": "s6BhdRkqt3", "redirect_uri": "https://client.example.org/cb", "scope": "openid",
        "state": "af0ifjsldkj", "nonce": "n-0S6_WzA2Mj", "max_age": 86_400,
    });
    assert_eq!(claims, expected);
}

/// RFC 9449 section 7.1: the proof that is shown beside an access token. Whose token that is, `oauth2` holds against it.
#[test]
fn proof_beside_the_token_of_rfc_9449() {
    let text = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    let proof = UnverifiedKeyProof::parse_within(text, "dpop+jwt", 8_192).unwrap().verify().unwrap();
    assert_eq!(proof.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(proof.issued_at(), Some(Timestamp::from_seconds(1_562_262_618)));
    for (name, expect) in [
        ("jti", "e1j3V_bKic8-LAEB"),
        ("htm", "GET"),
        ("htu", "https://resource.example.org/protectedresource"),
        ("ath", "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo"),
    ] {
        assert_eq!(proof.claim(name), Some(&json!(expect)), "{name}");
    }
}

/// RFC 9449 sections 4.1 and 5 (figures 2 and 6): the proof beside a code, and the one beside a refresh token 45 minutes later.
/// They have one `jti`: whoever remembers the first has seen the second.
#[test]
fn proofs_at_the_token_endpoint_of_rfc_9449_are_signed_twice_and_used_once() {
    let proof = |payload: &str, signature: &str| {
        let text = format!(
            "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.{payload}.{signature}"
        );
        UnverifiedKeyProof::parse_within(&text, "dpop+jwt", 8_192).unwrap().verify().unwrap()
    };
    let first = proof(
        "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ",
        "2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
    );
    let second = proof(
        "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjY1Mjk2fQ",
        "pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA",
    );
    for (proof, issued_at) in [(&first, 1_562_262_616), (&second, 1_562_265_296)] {
        assert_eq!(proof.issued_at(), Some(Timestamp::from_seconds(issued_at)));
        assert_eq!(proof.thumbprint(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
        assert_eq!(proof.claim("htm"), Some(&json!("POST")));
        assert_eq!(proof.claim("htu"), Some(&json!("https://server.example.com/token")));
    }
    assert!(first.fingerprint().is_some());
    assert_eq!(first.fingerprint(), second.fingerprint());
}

/// An example that is right by its specification, in a form that we refuse on purpose.
struct Refused {
    example: &'static str,
    text: String,
    expect: JwsError,
    reason: &'static str,
}

/// What was signed, parted as the JSON serialisations have it.
fn parts(text: &str) -> [&str; 3] {
    text.split('.').collect::<Vec<_>>().try_into().unwrap()
}

/// Signatures over what Bilbo is told, by headers that are protected in part or not at all (RFC 7520 sections 4.6 to 4.8).
const PARTLY_PROTECTED: &str = "bWUSVaxorn7bEF1djytBd0kHv70Ly5pvbomzMWSOr20";
const UNPROTECTED: &str = "xuLifqLGiblpv9zBpuZczWhNj1gARaLV3UxvxhJxZuk";
const FIRST_OF_SEVERAL: &str = "MIsjqtVlOpa71KE-Mss8_Nq2YH4FGhiocsqrgi5NvyG53uoimic1tcMdSg-qptrzZc7CG6Svw2Y13TDIqHzTUrL_lR2ZFcryNFiHkSw129EghGpwkpxaTn_THJTCglNbADko1MZBCdwzJxwqZc-1RlpO2HibUYyXSwO97BSe0_evZKdjvvKSgsIqjytKSeAMbhMBdMma622_BG5t4sdbuCHtFjp9iJmkio47AIwqkZV1aIZsv33uPUqBBCXbYoQJwt7mxPftHmNlGoOSMxR_3thmXTCm4US-xiNOyhbm8afKK64jU6_TPtQHiJeQJxz9G3Tx-083B745_AfYOnlC9w";
const SECOND_OF_SEVERAL: &str = "ARcVLnaJJaUWG8fG-8t5BREVAuTY8n8YHjwDO1muhcdCoFZFFjfISu0Cdkn9Ybdlmi54ho0x924DUz8sK7ZXkhc7AFM8ObLfTvNCrqcI3Jkl2U5IX3utNhODH6v7xgy1Qahsn0fyb4zSAkje8bAWz4vIfj5pCMYxxm4fgV3q7ZYhm5eD";
const SECRETS_NAME: &str = "018c0ae5-4d9b-471b-bfd6-eef314bc7037";
/// The protected header, and the signature, of RFC 7520 section 4.4, which those of 4.5 and the third of 4.8 are, too.
const HS256_HEADER: &str = "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9";
const HS256_SIGNATURE: &str = "s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";

/// The examples in JSON: who reads these reads headers that nobody has signed, and several signatures of which one is right.
fn in_json() -> Vec<(&'static str, Value)> {
    let [rs256, es256] = [RFC_7515_RS256, RFC_7515_ES256].map(parts);
    let named = json!({"kid": "e9bc097a-ce51-4036-9562-d2ade882db0d"});
    let bilbo = "bilbo.baggins@hobbiton.example";
    vec![
        (
            "RFC 7515 appendix A.6",
            json!({"payload": rs256[1], "signatures": [
                {"protected": rs256[0], "header": {"kid": "2010-12-29"}, "signature": rs256[2]},
                {"protected": es256[0], "header": named, "signature": es256[2]},
            ]}),
        ),
        (
            "RFC 7515 appendix A.7",
            json!({"payload": es256[1], "protected": es256[0], "header": named, "signature": es256[2]}),
        ),
        (
            "RFC 7516 appendix A.5",
            json!({
                "protected": "eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0",
                "unprotected": {"jku": "https://server.example.com/keys.jwks"},
                "header": {"alg": "A128KW", "kid": "7"},
                "encrypted_key": "6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ",
                "iv": "AxY8DCtDaGlsbGljb3RoZQ",
                "ciphertext": "KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY",
                "tag": "Mz-VPPyU4RlcuYv1IwIvzw",
            }),
        ),
        (
            "RFC 7520 section 4.6",
            json!({"payload": DANGEROUS, "signatures": [
                {"protected": "eyJhbGciOiJIUzI1NiJ9", "header": {"kid": SECRETS_NAME}, "signature": PARTLY_PROTECTED},
            ]}),
        ),
        (
            "RFC 7520 section 4.6, flattened",
            json!({
                "payload": DANGEROUS, "protected": "eyJhbGciOiJIUzI1NiJ9", "header": {"kid": SECRETS_NAME},
                "signature": PARTLY_PROTECTED,
            }),
        ),
        (
            "RFC 7520 section 4.7, flattened",
            json!({
                "payload": DANGEROUS, "header": {"alg": "HS256", "kid": SECRETS_NAME}, "signature": UNPROTECTED,
            }),
        ),
        (
            "RFC 7520 section 4.7",
            json!({"payload": DANGEROUS, "signatures": [
                {"header": {"alg": "HS256", "kid": SECRETS_NAME}, "signature": UNPROTECTED},
            ]}),
        ),
        (
            "RFC 7520 section 4.8",
            json!({"payload": DANGEROUS, "signatures": [
                {"protected": "eyJhbGciOiJSUzI1NiJ9", "header": {"kid": bilbo}, "signature": FIRST_OF_SEVERAL},
                {"header": {"alg": "ES512", "kid": bilbo}, "signature": SECOND_OF_SEVERAL},
                {"protected": HS256_HEADER, "signature": HS256_SIGNATURE},
            ]}),
        ),
    ]
}

fn refused() -> Vec<Refused> {
    let p521 = "no token is verified with a key on P-521";
    let json = |(example, text): (&'static str, Value)| Refused {
        example,
        text: text.to_string(),
        expect: JwsError::Malformed,
        reason: "tokens are compact: everything that says how they are read is signed",
    };
    let mut refused: Vec<_> = in_json().into_iter().map(json).collect();
    refused.extend([
        Refused {
            example: "RFC 7515 appendix A.4",
            text: "eyJhbGciOiJFUzUxMiJ9.UGF5bG9hZA.AdwMgeerwtHoh-l192l60hp9wAHZFVJbLfD_UxMi70cwnZOYaRI1bKPWROc-mZZqwqT2SI-KGDKB34XO0aw_7XdtAG8GaSwFKdCAPZgoXD2YBJZCPEX3xKpRwcdOO8KpEHwJjyqOgzDO7iKvU8vcnwNrmxYbSW9ERBXukOXolLzeO_Jn".to_owned(),
            expect: JwsError::Algorithm,
            reason: p521,
        },
        Refused {
            example: "RFC 7520 section 4.3",
            text: "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.".to_owned()
                + DANGEROUS
                + ".AE_R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDDyYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2",
            expect: JwsError::Algorithm,
            reason: p521,
        },
        Refused {
            example: "RFC 7520 section 4.5",
            text: format!("{HS256_HEADER}..{HS256_SIGNATURE}"),
            expect: JwsError::Signature,
            reason: "what was signed stands in the token, or nothing was",
        },
    ]);
    refused
}

/// Each by the key that made its signature, where there is one that we can read.
#[test]
fn examples_of_forms_that_are_not_ours_are_refused() {
    let secret = shared("hJtXIZ2uSN5kbQfbtTNWbpdmhkV8FJG-Onbc6mxCcYg");
    for Refused { example, text, expect, reason } in refused() {
        let read = UnverifiedJws::parse(&text).and_then(|jws| jws.verify(&secret));
        assert_eq!(read.err(), Some(expect), "{example}: {reason}");
        assert!(UnverifiedJwt::parse(&text).is_err(), "{example}: {reason}");
    }
    // It is the form: what was signed in it is good in ours.
    check(&format!("{HS256_HEADER}.{DANGEROUS}.{HS256_SIGNATURE}"), &secret);
    check(&format!("eyJhbGciOiJIUzI1NiJ9.{DANGEROUS}.{PARTLY_PROTECTED}"), &secret);
    let first = format!("eyJhbGciOiJSUzI1NiJ9.{DANGEROUS}.{FIRST_OF_SEVERAL}");
    check(&first, &rsa(BILBO, Algorithm::Rs256));
}

/// What of RFC 7520 section 5 is encrypted in a way for which we have no word, by the names that Wycheproof gives its figures.
const ENCRYPTED: [(&str, &str, &str); 6] = [
    ("Figure81", "5.1", "RSA1_5 tells who asks often enough what was encrypted (RFC 8725 section 3.2)"),
    ("Figure92", "5.2", "RSA-OAEP is with SHA-1; ours is RSA-OAEP-256"),
    ("Figure136", "5.6", "a secret would be shared, and those of clients are hashes here"),
    ("Figure148", "5.7", "the same"),
    ("Figure159", "5.8", "the same, though the content is one that we make"),
    ("Figure170", "5.9", "what is compressed tells by its length what it says (RFC 8725 section 3.6)"),
];

/// None is taken for a signed token, and no client registers to have its answers encrypted so.
#[test]
fn encrypted_examples_without_a_word_here_are_refused() {
    let Some(vectors) = tests_support::wycheproof("json_web_encryption_test.json") else { return };
    let groups = vectors.get("testGroups").and_then(Value::as_array).unwrap();
    let tests = || groups.iter().filter_map(|group| group.get("tests")?.as_array()).flatten();
    for (figure, section, reason) in ENCRYPTED {
        let test = tests().find(|test| test.get("comment").is_some_and(|name| name == figure)).unwrap();
        let text = test.get("jwe").and_then(Value::as_str).unwrap();
        assert_eq!(UnverifiedJws::parse(text).err(), Some(JwsError::Algorithm), "{section}");
        let header = base64url::decode(text.split('.').next().unwrap()).unwrap();
        let header: Value = serde_json::from_slice(&header).unwrap();
        let algorithm = header.get("alg").and_then(Value::as_str).unwrap();
        assert!(algorithm.parse::<KeyManagement>().is_err(), "{section}: {reason}");
    }
}

/// RFC 8725 section 2.1: the key of one algorithm verifies nothing of another.
#[test]
fn key_of_one_example_verifies_no_other() {
    let text =
        format!("eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.{DANGEROUS}.AA");
    let keys = VerifyingKeys::new(vec![rsa(BILBO, Algorithm::Rs256)]).unwrap();
    assert_eq!(UnverifiedJws::parse(&text).unwrap().verify_with(&keys).err(), Some(JwsError::UnknownKey));
}
