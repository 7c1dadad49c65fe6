//! What strangers claim that is somebody else's: a statement, a sector, an address. And what of their client is not theirs to read.

use super::super::statement;
use super::*;
use crate::client::GrantType;

/// Attack: something else that the publisher signed passes for its statement, and what stands in it for the client.
#[test]
fn what_a_publisher_signs_beside_statements_is_none() {
    let (world, key) = world_of_publisher(|_| {});
    let check = |typ: TokenType, more: Value, is_one: bool| {
        let mut claims = object(json!({"iss": "https://pub.example", "client_name": "True Name"}));
        claims.extend(object(more.clone()));
        let text = jose::Signer::new(&key.key).unwrap().sign(typ, &claims).unwrap();
        let made = world.register(&json!({ "software_statement": text }));
        let code = made.err().map(|error| error.code());
        assert_eq!(code, (!is_one).then_some("invalid_software_statement"), "{typ:?} {more}");
    };
    for (typ, is_one) in [
        (TokenType::Jwt, true),
        (TokenType::AccessToken, false),
        (TokenType::LogoutToken, false),
        (TokenType::Introspection, false),
        (TokenType::RequestObject, false),
        (TokenType::IdentityAssertionGrant, false),
    ] {
        check(typ, json!({}), is_one);
    }
    for (more, is_one) in [
        (json!({"sub": "software-7", "jti": "1"}), true),
        (json!({"aud": "https://id.example"}), true),
        (json!({"aud": ["https://other.example", "https://id.example/oauth2/register"]}), true),
        (json!({"aud": "https://other.example"}), false),
        (json!({"aud": ["app"]}), false),
        (json!({"nonce": "n-1"}), false),
        (json!({"events": {}}), false),
    ] {
        check(TokenType::Jwt, more, is_one);
    }
    for (typ, is_other) in [
        (None, false),
        (Some("JWT"), false),
        (Some("software-statement+jwt"), false),
        (Some("AT+JWT"), true),
        (Some("application/at+jwt"), true),
        (Some("application/SecEvent+JWT"), true),
    ] {
        assert_eq!(statement::is_of_another_kind(typ), is_other, "{typ:?}");
    }
}

/// Attack: a client puts down the address of somebody else's app, and by a grant that never goes there it is told the names of that
/// app's sector.
#[test]
fn sector_of_an_address_is_that_of_clients_whose_answers_go_there() {
    let [device, implicit, bearer] = [GrantType::DeviceCode, GrantType::Implicit, GrantType::JwtBearer];
    let world = World::set(|settings| settings.registration.grant_types.extend([device, implicit, bearer]));
    let (code, both) = (json!(["authorization_code"]), json!(["authorization_code", device.as_str()]));
    let document = |grants: &Value, redirect: &str| json!({"subject_type": "pairwise", "grant_types": grants, "redirect_uris": [redirect]});
    let bank = "https://bank.example/x";
    let property = |made: Result<Registered, RegistrationError>| match made {
        Ok(_) => "-",
        Err(RegistrationError::Metadata { property, .. }) => property,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(property(world.register(&document(&both, bank))), "sector_identifier_uri");
    let open = json!({"grant_types": both, "redirect_uris": [bank]});
    assert_eq!(property(world.register(&open)), "-", "its names are everybody's");
    let in_front = json!(["authorization_code", implicit.as_str()]);
    assert_eq!(property(world.register(&document(&in_front, bank))), "-", "its answers go there too");
    let made = world.register(&document(&code, bank)).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    assert_eq!(property(world.replace_own(at, &document(&both, bank))), "sector_identifier_uri");
    // Its operator gives it the grant, and it looks for another sector.
    world.rows(|rows| {
        let client = rows.clients.get_mut(&at.0.parse().unwrap()).unwrap();
        client.document.grant_types = Some(vec!["authorization_code".to_owned(), device.as_str().to_owned()]);
    });
    assert_eq!(property(world.replace_own(at, &document(&both, bank))), "-", "as it is");
    let more = json!(["authorization_code", device.as_str(), bearer.as_str()]);
    assert_eq!(property(world.replace_own(at, &document(&more, bank))), "sector_identifier_uri");
    let other = document(&both, "https://other.example/x");
    assert_eq!(property(world.replace_own(at, &other)), "sector_identifier_uri");
}

/// Attack (RFC 9700 section 4.11.2): whoever may register makes of our sign-out a link to anywhere.
#[test]
fn browser_goes_after_a_sign_out_to_no_host_but_those_of_answers() {
    let world = World::new();
    let redirects = [CALLBACK, "http://127.0.0.1/cb", "com.example.app:/cb"];
    let check = |uri: &str, expect: Option<&str>| {
        let asked = json!({"redirect_uris": redirects, "post_logout_redirect_uris": [uri]});
        let made = world.register(&asked);
        let found = made.err().map(|error| match error {
            RegistrationError::Metadata { property, .. } => property,
            other => panic!("{other:?}"),
        });
        assert_eq!(found, expect, "{uri}");
    };
    let refused = Some("post_logout_redirect_uris");
    check("https://app.example/bye?x=1", None);
    check("http://127.0.0.1:8080/bye", None);
    check("com.example.app:/bye", None);
    check("https://evil.example/", refused);
    check("https://app.example.evil.example/", refused);
    check("http://localhost/bye", refused);
    check("com.example.other:/bye", refused);
    // What it had before this was asked stays, and goes when it says so.
    let made = world.register(&json!({})).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    world.rows(|rows| {
        let client = rows.clients.get_mut(&at.0.parse().unwrap()).unwrap();
        client.document.post_logout_redirect_uris = Some(vec!["https://www.example/bye".to_owned()]);
    });
    let had = json!({"post_logout_redirect_uris": ["https://www.example/bye"]});
    assert!(world.replace_own(at, &had).is_ok());
    assert!(world.replace_own(at, &json!({})).is_ok());
    assert!(world.replace_own(at, &had).is_err());
}

#[test]
fn what_operators_write_down_for_themselves_is_not_shown_to_the_client() {
    let world = World::new();
    let made = world.register(&json!({})).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    let id: primitives::ClientId = at.0.parse().unwrap();
    world.rows(|rows| {
        let document = &mut rows.clients.get_mut(&id).unwrap().document;
        document.metadata = json!({"risk": "high"});
        "acme".clone_into(&mut document.owner);
    });
    let shown = now(world.server.show_registration(at.0, at.1)).unwrap().document();
    let replaced = world.replace_own(at, &json!({})).unwrap().document();
    for document in [&made, &shown, &replaced] {
        for name in ["metadata", "owner", "token_exchange"] {
            assert_eq!(document.get(name), None, "{name}");
        }
    }
    let kept = world.rows(|rows| rows.clients[&id].document.clone());
    assert_eq!((kept.metadata, kept.owner.as_str()), (json!({"risk": "high"}), "acme"));
}
