//! The vectors of RFC 3394, RFC 7516, RFC 7518 and RFC 7520, and those of project Wycheproof.

use super::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.bytes().filter_map(|byte| char::from(byte).to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
}

/// RFC 3394 sections 4.1, 4.3 and 4.6.
#[test]
fn key_wrap_of_rfc_3394() {
    let key = hex("000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F");
    for (bits, data, expect) in [
        (128, "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5"),
        (256, "00112233445566778899AABBCCDDEEFF", "64E8C3F9CE0F5BA2 63E9777905818A2A 93C8191E7D6E8AE7"),
        (
            256,
            "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F",
            "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 CBC7F0E71A99F43B FB988B9B7A02DD21",
        ),
    ] {
        assert_eq!(key_wrap::wrap(&key[..bits / 8], &hex(data)).unwrap(), hex(expect), "{bits}");
    }
    for wrong in [0, 8, 15, 17] {
        assert!(key_wrap::wrap(&key, &key[..wrong]).is_err(), "{wrong}");
    }
}

/// RFC 7518 appendices B.1 and B.3. That of B.2 (A192CBC-HS384) has no word here, so that nobody registers for it.
#[test]
fn cbc_with_hmac_of_rfc_7518() {
    let key: Vec<u8> = (0..64).collect();
    let plaintext = b"A cipher system must not be required to be secret, and it must be able to fall into \
                      the hands of the enemy without inconvenience";
    let protected = b"The second principle of Auguste Kerckhoffs";
    let vector = hex("1af38c2dc2b96ffdd86694092341bc04");
    for (enc, ciphertext, tag) in [
        (
            ContentEncryption::A128CbcHs256,
            "c80edfa32ddf39d5ef00c0b468834279a2e46a1b8049f792f76bfe54b903a9c9\
             a94ac9b47ad2655c5f10f9aef71427e2fc6f9b3f399a221489f16362c7032336\
             09d45ac69864e3321cf82935ac4096c86e133314c54019e8ca7980dfa4b9cf1b\
             384c486f3a54c51078158ee5d79de59fbd34d848b3d69550a67646344427ade5\
             4b8851ffb598f7f80074b9473c82e2db",
            "652c3fa36b0a7c5b3219fab3a30bc1c4",
        ),
        (
            ContentEncryption::A256CbcHs512,
            "4affaaadb78c31c5da4b1b590d10ffbd3dd8d5d302423526912da037ecbcc7bd\
             822c301dd67c373bccb584ad3e9279c2e6d12a1374b77f077553df829410446b\
             36ebd97066296ae6427ea75c2e0846a11a09ccf5370dc80bfecbad28c73f09b3\
             a3b75e662a2594410ae496b2e2e6609e31e6e02cc837f053d21f37ff4f51950b\
             be2638d09dd7a4930930806d0703b1f6",
            "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5",
        ),
    ] {
        let keys = (&key[..enc.key_bytes()], vector.as_slice());
        let sealed = content::seal(enc, keys, protected, plaintext).unwrap();
        assert_eq!((sealed.ciphertext, sealed.tag), (hex(ciphertext), hex(tag)), "{enc}");
    }
    assert_eq!("A192CBC-HS384".parse::<ContentEncryption>(), Err(UnknownEncryption));
}

/// RFC 7518 appendix C: the shared secret Z, and what is derived of it for Alice and Bob.
#[test]
fn key_derivation_of_rfc_7518() {
    let secret = [
        158, 86, 217, 29, 129, 113, 53, 211, 114, 131, 66, 131, 191, 132, 38, 156, 251, 49, 110, 163, 218,
        128, 106, 72, 246, 218, 167, 121, 140, 254, 144, 196,
    ];
    let key = derive_between(&secret, "A128GCM", (b"Alice", b"Bob"), 16).unwrap();
    assert_eq!(base64url::encode(&*key), "VqqN6vgjbSBcIijNcacQGg");
}

/// RFC 7516 appendices A.1 (its content; that it is refused, with A.2 and A.4, stands in `examples.rs`), A.3 and A.5 (which is in
/// JSON: `tests/rfc_examples.rs` has why it is not read).
#[test]
fn messages_of_rfc_7516() {
    let bytes = |text: &str| base64url::decode(text).unwrap();
    let content_key = bytes("saH0gFSP4XM_tAP_a5rU9ooHbltwLiJpL4LLLnrqQPw");
    let sealed = content::seal(
        ContentEncryption::A256Gcm,
        (&content_key, &bytes("48V1_ALb6US04U3b")),
        b"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ",
        b"The true sign of intelligence is not knowledge but imagination.",
    )
    .unwrap();
    let ciphertext = "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A";
    assert_eq!((sealed.ciphertext, sealed.tag), (bytes(ciphertext), bytes("XFBoMYUZodetZdvTiFvSkQ")));

    let text = "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ";
    let key = json!({"kty": "oct", "k": "GawgguFyGrWKav7AX4VKUg"});
    let opened = Recipient::from_jwk(&key).unwrap().open(text).unwrap();
    assert_eq!(opened.text(), "Live long and prosper.");
    assert_eq!(base64url::encode(&opened.content_key), "BNMfxVSd_P4LZJ36P6pqzmt81C1vawnbyLEA8I-cLM8");
    is_made_again(&opened, ContentEncryption::A128CbcHs256);
    // In appendices A.4 and A.5 the content is the same, under a header that is protected in part.
    let keys = (opened.content_key.as_slice(), opened.vector.as_slice());
    let protected = b"eyJlbmMiOiJBMTI4Q0JDLUhTMjU2In0";
    let sealed = content::seal(ContentEncryption::A128CbcHs256, keys, protected, &opened.plaintext).unwrap();
    assert_eq!((sealed.ciphertext, sealed.tag), (opened.ciphertext, bytes("Mz-VPPyU4RlcuYv1IwIvzw")));
}

/// RFC 7520 sections 5.4 and 5.5, where Merry and Pippin are told of friends; and 5.8.
#[test]
fn messages_of_rfc_7520() {
    for (key, content_key, enc, text) in [
        (
            json!({
                "kty": "EC", "crv": "P-384", "kid": "peregrin.took@tuckborough.example", "use": "enc",
                "x": "YU4rRUzdmVqmRtWOs2OpDE_T5fsNIodcG8G5FWPrTPMyxpzsSOGaQLpe2FpxBmu2",
                "y": "A8-yxCHxkfBz3hKZfI1jUYMjUhsEveZ9THuwFjH2sCNdtksRJU7D5-SkgaFL1ETP",
                "d": "iTx2pk7wW-GqJkHcEkFQb2EFyYcO7RugmaW3mRrQVAOUiPommT0IdnYK2xDlZh-j",
            }),
            "Nou2ueKlP70ZXDbq9UrRwg",
            ContentEncryption::A128Gcm,
            "eyJhbGciOiJFQ0RILUVTK0ExMjhLVyIsImtpZCI6InBlcmVncmluLnRvb2tAdHVja2Jvcm91Z2guZXhhbXBsZSIsImVwayI6eyJrdHkiOiJFQyIsImNydiI6IlAtMzg0IiwieCI6InVCbzRrSFB3Nmtiang1bDB4b3dyZF9vWXpCbWF6LUdLRlp1NHhBRkZrYllpV2d1dEVLNml1RURzUTZ3TmROZzMiLCJ5Ijoic3AzcDVTR2haVkMyZmFYdW1JLWU5SlUyTW84S3BvWXJGRHI1eVBOVnRXNFBnRXdaT3lRVEEtSmRhWTh0YjdFMCJ9LCJlbmMiOiJBMTI4R0NNIn0.0DJjBXri_kBcC46IkU5_Jk9BqaQeHdv2.mH-G2zVqgztUtnW_.tkZuOO9h95OgHJmkkrfLBisku8rGf6nzVxhRM3sVOhXgz5NJ76oID7lpnAi_cPWJRCjSpAaUZ5dOR3Spy7QuEkmKx8-3RCMhSYMzsXaEwDdXta9Mn5B7cCBoJKB0IgEnj_qfo1hIi-uEkUpOZ8aLTZGHfpl05jMwbKkTe2yK3mjF6SBAsgicQDVCkcY9BLluzx1RmC3ORXaM0JaHPB93YcdSDGgpgBWMVrNU1ErkjcMqMoT_wtCex3w03XdLkjXIuEr2hWgeP-nkUZTPU9EoGSPj6fAS-bSz87RCPrxZdj_iVyC6QWcqAu07WNhjzJEPc4jVntRJ6K53NgPQ5p99l3Z408OUqj4ioYezbS6vTPlQ.WuGzxmcreYjpHGJoa17EBg",
        ),
        (
            json!({
                "kty": "EC", "crv": "P-256", "kid": "meriadoc.brandybuck@buckland.example", "use": "enc",
                "x": "Ze2loSV3wrroKUN_4zhwGhCqo3Xhu1td4QjeQ5wIVR0",
                "y": "HlLtdXARY_f55A3fnzQbPcm6hgr34Mp8p-nuzQCE0Zw",
                "d": "r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8",
            }),
            "hzHdlfQIAEehb8Hrd_mFRhKsKLEzPfshfXs9l6areCc",
            ContentEncryption::A128CbcHs256,
            "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVNaFlmR1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc9N8v5sYyv3iGQT926IUg.BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTmzmzNa-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhArM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2m9Csg.WCCkNa-x4BeB9hIDIfFuhg",
        ),
        (
            json!({"kty": "oct", "kid": "81b20965-8332-43d9-a468-82160ad91ac8", "k": "GZy6sIZ6wl9NJOKB-jnmVQ"}),
            "aY5_Ghmk9KxWPBLu_glx1w",
            ContentEncryption::A128Gcm,
            "eyJhbGciOiJBMTI4S1ciLCJraWQiOiI4MWIyMDk2NS04MzMyLTQzZDktYTQ2OC04MjE2MGFkOTFhYzgiLCJlbmMiOiJBMTI4R0NNIn0.CBI6oDw8MydIx1IBntf_lQcw2MmJKIQx.Qx0pmsDa8KnJc9Jo.AwliP-KmWgsZ37BvzCefNen6VTbRK3QMA4TkvRkH0tP1bTdhtFJgJxeVmJkLD61A1hnWGetdg11c9ADsnWgL56NyxwSYjU1ZEHcGkd3EkU0vjHi9gTlb90qSYFfeF0LwkcTtjbYKCsiNJQkcIp1yeM03OmuiYSoYJVSpf7ej6zaYcMv3WwdxDFl8REwOhNImk2Xld2JXq6BR53TSFkyT7PwVLuq-1GwtGHlQeg7gDT6xW0JqHDPn_H-puQsmthc9Zg0ojmJfqqFvETUxLAF-KjcBTS5dNy6egwkYtOt8EIHK-oEsKYtZRaa8Z7MOZ7UGxGIMvEmxrGCPeJa14slv2-gaqK0kEThkaSqdYw0FkQZF.ER7MWJZ1FBI_NKvn7Zb1Lw",
        ),
    ] {
        let opened = Recipient::from_jwk(&key).unwrap().open(text).unwrap();
        assert!(opened.text().starts_with("You can trust us to stick with you through thick and thin"));
        assert_eq!(base64url::encode(&opened.content_key), content_key);
        is_made_again(&opened, enc);
    }
}

/// What our names and key types do not cover, of the vectors that are valid, and how many those are.
const NOT_OURS: [(&str, usize); 2] =
    [("json_web_encryption_test.json", 33), ("json_web_crypto_test.json", 0)];

/// Each valid vector that we have the words for is opened with its key and made again, byte for byte; none that is invalid
/// opens.
#[test]
fn messages_of_wycheproof() {
    for (file, not_ours) in NOT_OURS {
        let Some(document) = crate::tests_support::wycheproof(file) else { return };
        let (mut made, mut passed_over) = (0, 0);
        for group in document["testGroups"].as_array().unwrap() {
            let Ok(recipient) = Recipient::from_jwk(&group["private"]) else {
                let valid = |test: &&Value| test["result"] == "valid" && test["jwe"].is_string();
                passed_over += group["tests"].as_array().unwrap().iter().filter(valid).count();
                continue;
            };
            for test in group["tests"].as_array().unwrap().iter().filter(|test| test["jwe"].is_string()) {
                let opened = recipient.open(test["jwe"].as_str().unwrap());
                match (test["result"] == "valid", opened) {
                    (true, Ok(opened)) => {
                        is_made_again(&opened, opened.header["enc"].as_str().unwrap().parse().unwrap());
                        made += 1;
                    }
                    (true, Err(Unreadable::Unsupported(_))) => passed_over += 1,
                    (true, Err(error)) => panic!("{file} {}: {error}", test["tcId"]),
                    (false, opened) => assert!(opened.is_err(), "{file} {}", test["tcId"]),
                }
            }
        }
        assert_eq!(passed_over, not_ours, "{file}: {made} were made again");
        assert!(made > 0, "{file}");
    }
}
