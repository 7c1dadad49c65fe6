//! What strangers may register, and what they try.

mod claimed;

use jose::{KeyState, SigningAlgorithm, SigningKey, TokenType};
use primitives::{Actor, Timestamp};
use serde_json::{Map, Value, json};

use super::whose::{self, MEMBERS, Whose};
use super::{InitialAccessToken, Registered, Registrant, RegistrationError, SoftwarePublisher};
use crate::memory::{CALLBACK, REQUEST, World, form, now};
use crate::settings::Settings;

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(object) = value else { panic!("{value}") };
    object
}

/// A request of an app, changed by `patch`.
fn request(patch: &Value) -> Map<String, Value> {
    let mut request = object(json!({"client_name": "App", "redirect_uris": [CALLBACK]}));
    request.extend(patch.as_object().unwrap().clone());
    request
}

impl World {
    fn register(&self, patch: &Value) -> Result<Registered, RegistrationError> {
        self.commit(|| now(self.server.register_client(request(patch), Registrant::Anybody, REQUEST)))
    }

    fn replace_own(&self, at: (&str, &str), patch: &Value) -> Result<Registered, RegistrationError> {
        self.commit(|| now(self.server.replace_registration(at, request(patch), REQUEST)))
    }
}

/// A world that trusts the publisher `https://pub.example`, and its key.
fn world_of_publisher(edit: impl FnOnce(&mut Settings)) -> (World, SigningKey) {
    let rng = primitives::rng::SeededRng::new(5);
    let state = KeyState::Active { rotate_at: Timestamp::from_seconds(9_000_000_000) };
    let key = SigningKey::generate(SigningAlgorithm::Es256, state, Timestamp::from_seconds(0), &rng).unwrap();
    let public = serde_json::to_value(key.key.public()).unwrap();
    let world = World::set(|settings| {
        let jwks = object(json!({ "keys": [public] }));
        let publisher = SoftwarePublisher { issuer: "https://pub.example".to_owned(), jwks };
        settings.registration.software_publishers = vec![publisher];
        edit(settings);
    });
    (world, key)
}

fn text<'a>(document: &'a Value, name: &str) -> &'a str {
    document[name].as_str().unwrap_or_else(|| panic!("{name} of {document}"))
}

/// Attack: an operator holds a client to a profile, and the client leaves that out of what it says of itself.
#[test]
fn client_cannot_drop_the_profile_that_it_is_held_to() {
    let world = World::new();
    let key = jose::generate(SigningAlgorithm::EdDsa, &primitives::rng::SeededRng::new(5)).unwrap();
    let fits = json!({"token_endpoint_auth_method": "private_key_jwt", "dpop_bound_access_tokens": true,
        "jwks": {"keys": [serde_json::to_value(key.public()).unwrap()]}});
    let made = world.register(&fits).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    let hold = |profile: &str| {
        let id: primitives::ClientId = at.0.parse().unwrap();
        world.rows(|rows| {
            let record = rows.clients.get_mut(&id).unwrap();
            record.document.security_profile = Some(profile.to_owned());
        });
    };
    let held = |changed: Result<Registered, RegistrationError>| {
        changed.map(|changed| changed.document()["security_profile"].clone()).map_err(|error| error.code())
    };
    let with = |more: Value| {
        let mut document = fits.clone();
        document.as_object_mut().unwrap().extend(object(more));
        held(world.replace_own(at, &document))
    };
    assert_eq!(with(json!({})), Ok(Value::Null), "nobody holds it to one");
    hold("fapi2-message-signing");
    assert_eq!(with(json!({})), Ok(json!("fapi2-message-signing")), "what is left out stays");
    for asked in [json!({"security_profile": ""}), json!({"security_profile": "fapi2-security"})] {
        assert_eq!(with(asked), Err("invalid_client_metadata"));
    }
    // Nor may it be what the profile forbids.
    assert_eq!(with(json!({"dpop_bound_access_tokens": false})), Err("invalid_client_metadata"));
    assert_eq!(with(json!({"security_profile": "none"})), Err("invalid_client_metadata"));
    hold("");
    let more = json!({"security_profile": "fapi2-message-signing"});
    assert_eq!(with(more), Ok(json!("fapi2-message-signing")), "it may hold itself to one");
}

#[test]
fn client_registers_reads_changes_and_deletes_itself() {
    let world = World::new();
    let made = world.register(&json!({})).unwrap().document();
    let (id, token) = (text(&made, "client_id"), text(&made, "registration_access_token"));
    assert_eq!(text(&made, "registration_client_uri"), format!("https://id.example/oauth2/register/{id}"));
    assert!(
        made.as_object().unwrap().values().all(|value| value != ""),
        "what there is not is not told: {made}"
    );
    assert!(made["client_secret"].is_string() && made["client_secret_expires_at"] == 0);
    assert_eq!(
        (&made["scope"], &made["skip_consent"]),
        (&json!("openid profile email offline_access"), &json!(false))
    );
    let shown = now(world.server.show_registration(id, token)).unwrap().document();
    assert_eq!((&shown["client_name"], &shown["registration_access_token"]), (&json!("App"), &json!(token)));
    assert_eq!(shown.get("client_secret"), None, "a secret is shown once");

    let own = json!({"client_name": "Renamed", "client_id": id, "client_secret": made["client_secret"]});
    let renamed = world.replace_own((id, token), &own).unwrap().document();
    assert_eq!(renamed["client_name"], "Renamed");
    let chosen = world.replace_own((id, token), &json!({"client_secret": "chosen by the client"}));
    assert_eq!(chosen.unwrap_err().code(), "invalid_client_metadata");
    let other = world.replace_own((id, token), &json!({"client_id": "another"}));
    assert_eq!(other.unwrap_err().code(), "invalid_client_metadata");

    world.commit(|| now(world.server.delete_registration(id, token))).unwrap();
    let gone = now(world.server.show_registration(id, token));
    assert_eq!(gone.err(), Some(RegistrationError::Unauthorized));
}

/// Attack: a client sends its registration over and over, and each time there are a row and an audit record more.
#[test]
fn registration_that_is_sent_as_it_is_writes_nothing() {
    let world = World::new();
    let made = world.register(&json!({})).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    let written = || world.rows(|rows| (rows.clients.values().next().unwrap().version, rows.audit.len()));
    world.replace_own(at, &json!({"client_name": "Renamed"})).unwrap();
    let before = written();
    world.wait(60);
    for _ in 0..3 {
        let same = world.replace_own(at, &json!({"client_name": "Renamed"})).unwrap().document();
        assert_eq!(same["client_name"], "Renamed");
    }
    assert_eq!(written(), before);
    world.replace_own(at, &json!({"client_name": "Again"})).unwrap();
    assert_eq!(written(), (before.0 + 1, before.1 + 1));
}

/// Attack: the token of one client is tried on another, of any origin.
#[test]
fn token_is_that_of_one_registration() {
    let world = World::new();
    world.add_client(&json!({}));
    let [one, other] = [(); 2].map(|()| world.register(&json!({})).unwrap().document());
    let token = text(&one, "registration_access_token");
    let refused = |server: &crate::server::AuthorizationServer, id: &str, token: &str| {
        assert_eq!(
            now(server.show_registration(id, token)).err(),
            Some(RegistrationError::Unauthorized),
            "{id}"
        );
    };
    refused(&world.server, text(&other, "client_id"), token);
    refused(&world.server, "app", token);
    refused(
        &world.server,
        "app",
        &world.server.registration_token(&"app".parse().unwrap(), world.server.now()),
    );
    refused(&world.server, "nobody", token);
    refused(&world.server, text(&one, "client_id"), "");
    refused(&world.server, text(&one, "client_id"), &format!("{token}x"));
    refused(&world.other_tenant(), text(&one, "client_id"), token);
    // Made anew under the same id a moment later, it is another client.
    world.rows(|rows| {
        let client = rows.clients.get_mut(&text(&one, "client_id").parse().unwrap()).unwrap();
        client.created_at = client.created_at.after(std::time::Duration::from_micros(1));
    });
    refused(&world.server, text(&one, "client_id"), token);
}

#[test]
fn nobody_gives_themselves_what_operators_give() {
    let key = SigningKey::generate(
        SigningAlgorithm::Es256,
        KeyState::Active { rotate_at: Timestamp::from_seconds(9_000_000_000) },
        Timestamp::from_seconds(0),
        &primitives::rng::SeededRng::new(3),
    )
    .unwrap();
    let private: Value = serde_json::from_str(&key.key.to_json()).unwrap();
    let check = |patch: Value, expect: Option<&str>| {
        let world = World::new();
        let made = world.register(&patch);
        assert_eq!(made.as_ref().err().map(RegistrationError::code), expect, "{patch}");
        let Ok(made) = made else {
            assert!(world.rows(|rows| rows.clients.is_empty() && rows.audit.is_empty()), "{patch}");
            return;
        };
        let made = made.document();
        let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
        let mut patch = patch;
        // Section 2.2: neither is the client's to choose, and whoever tries is told.
        for chosen in ["client_id", "client_secret"] {
            patch.as_object_mut().unwrap().remove(chosen);
        }
        assert!(world.replace_own(at, &patch).is_ok(), "{patch}");
    };
    let metadata = Some("invalid_client_metadata");
    check(json!({}), None);
    check(json!({"client_id": "chosen", "client_secret": "chosen"}), None);
    check(json!({"grant_types": "authorization_code"}), metadata);
    check(json!({"skip_consent": true}), metadata);
    check(json!({"skip_logout_consent": true}), metadata);
    check(json!({"owner": "acme"}), metadata);
    check(json!({"pkce_plain": true}), metadata);
    check(json!({"metadata": {"role": "admin"}}), metadata);
    check(json!({"audience": ["https://api.example"]}), metadata);
    check(json!({"authorization_code_grant_access_token_lifespan": "9000h"}), metadata);
    check(json!({"grant_types": ["authorization_code", "refresh_token"]}), None);
    check(json!({"grant_types": ["client_credentials"]}), metadata);
    check(json!({"grant_types": ["urn:ietf:params:oauth:grant-type:device_code"]}), metadata);
    check(json!({"grant_types": ["password"]}), metadata);
    check(json!({"scope": "openid email"}), None);
    check(json!({"scope": "openid admin"}), metadata);
    check(json!({"redirect_uris": []}), Some("invalid_redirect_uri"));
    check(json!({"redirect_uris": ["http://app.example/cb"]}), Some("invalid_redirect_uri"));
    check(json!({"redirect_uris": ["javascript:alert(1)"]}), Some("invalid_redirect_uri"));
    check(json!({"redirect_uris": ["http://127.0.0.1/cb", "com.example.app:/cb"]}), None);
    check(json!({"client_uri": "https://app.example", "logo_uri": "https://app.example/l.png"}), None);
    check(json!({"logo_uri": "https://bank.example/l.png"}), metadata);
    check(json!({"tos_uri": "http://app.example/tos"}), metadata);
    check(json!({"frontchannel_logout_uri": "https://bank.example/out"}), metadata);
    check(json!({"allowed_cors_origins": ["https://app.example"]}), None);
    check(json!({"allowed_cors_origins": ["https://evil.example"]}), metadata);
    check(json!({"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [private]}}), metadata);
    check(
        json!({"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": "http://169.254.169.254/k"}),
        metadata,
    );
    check(json!({"token_endpoint_auth_method": "none"}), None);
}

/// A privilege that was asked for is refused whatever it was before.
#[test]
fn registration_is_no_way_around_its_own_rules_by_changing_it() {
    let world = World::new();
    let made = world.register(&json!({})).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    for patch in [
        json!({"skip_consent": true}),
        json!({"scope": "openid admin"}),
        json!({"grant_types": ["client_credentials"]}),
    ] {
        assert_eq!(world.replace_own(at, &patch).unwrap_err().code(), "invalid_client_metadata", "{patch}");
    }
}

/// Attack: a thousand registrations.
#[test]
fn there_are_so_many_at_most_and_what_is_never_used_leaves() {
    let world = World::set(|settings| settings.registration.most_clients = 2);
    world.add_client(&json!({}));
    let made = world.register(&json!({
        "token_endpoint_auth_method": "none", "grant_types": ["authorization_code", "refresh_token"],
    }));
    let made = made.unwrap().document();
    world.register(&json!({})).unwrap();
    assert_eq!(world.register(&json!({})).err(), Some(RegistrationError::Full));

    let id = text(&made, "client_id");
    let sign_in =
        form(&[("client_id", id), ("grant_type", "refresh_token"), ("refresh_token", "ory_rt_none")]);
    let refused = |world: &World| world.commit(|| world.decide_token(&sign_in)).unwrap_err().code().as_str();
    assert_eq!(refused(&world), "invalid_grant");
    world.wait(24 * 3_600);
    assert_eq!(refused(&world), "invalid_client", "what was never used is nobody");
    let token = text(&made, "registration_access_token");
    assert_eq!(now(world.server.show_registration(id, token)).err(), Some(RegistrationError::Unauthorized));
}

/// Attack: many come at the same moment, and each is counted before any of the others is there.
#[test]
fn of_two_that_are_let_in_at_once_for_one_place_one_is_there() {
    let world = World::set(|settings| settings.registration.most_clients = 1);
    let decided = [(); 2]
        .map(|()| now(world.server.register_client(request(&json!({})), Registrant::Anybody, REQUEST)));
    let written = decided.map(|decision| world.memory.apply(decision.change).is_ok());
    assert_eq!(written, [true, false]);
    assert_eq!(world.register(&json!({})).err(), Some(RegistrationError::Full), "decided again");
}

#[test]
fn client_that_got_a_token_stays() {
    let world = World::set(|settings| {
        settings.registration.grant_types.push(crate::client::GrantType::ClientCredentials);
    });
    let asked =
        json!({"grant_types": ["client_credentials"], "token_endpoint_auth_method": "client_secret_post"});
    let made = world.register(&asked).unwrap().document();
    let sign_in = form(&[
        ("client_id", text(&made, "client_id")),
        ("client_secret", text(&made, "client_secret")),
        ("grant_type", "client_credentials"),
    ]);
    let token = || world.commit(|| world.decide_token(&sign_in));
    token().unwrap();
    assert!(world.decide_token(&sign_in).change.writes.is_empty(), "it is noted once");
    world.wait(48 * 3_600);
    token().unwrap();
}

#[test]
fn statement_of_a_trusted_publisher_wins_and_others_are_refused() {
    let rng = primitives::rng::SeededRng::new(5);
    let state = KeyState::Active { rotate_at: Timestamp::from_seconds(9_000_000_000) };
    let made =
        || SigningKey::generate(SigningAlgorithm::Es256, state, Timestamp::from_seconds(0), &rng).unwrap();
    let (key, other) = (made(), made());
    let public = serde_json::to_value(key.key.public()).unwrap();
    let world = World::with(
        {
            let mut settings = Settings::default();
            settings.registration.software_publishers = vec![SoftwarePublisher {
                issuer: "https://pub.example".to_owned(),
                jwks: object(json!({"keys": [public]})),
            }];
            settings
        },
        std::sync::Arc::new(crate::hooks::NoTokenHook),
    );
    let sign = |key: &SigningKey, claims: Value| {
        jose::Signer::new(&key.key).unwrap().sign(TokenType::Jwt, &claims).unwrap()
    };
    let ask = |statement: &str| {
        world
            .register(&json!({"client_name": "Liar", "software_statement": statement}))
            .map(|made| made.document())
    };
    let good =
        sign(&key, json!({"iss": "https://pub.example", "client_name": "True Name", "exp": 1_800_000_001}));
    let made = ask(&good).unwrap();
    assert_eq!((&made["client_name"], &made["software_statement"]), (&json!("True Name"), &json!(good)));
    let code = |statement: &str| ask(statement).unwrap_err().code();
    assert_eq!(code(&sign(&other, json!({"iss": "https://pub.example"}))), "invalid_software_statement");
    assert_eq!(
        code(&sign(&key, json!({"iss": "https://pub.example", "exp": 1_800_000_000}))),
        "invalid_software_statement"
    );
    assert_eq!(code(&sign(&key, json!({"iss": "https://nobody.example"}))), "unapproved_software_statement");
    assert_eq!(code("nonsense"), "invalid_software_statement");
    let privileged = sign(&key, json!({"iss": "https://pub.example", "skip_consent": true}));
    assert_eq!(code(&privileged), "invalid_client_metadata", "a statement gives no right");
}

#[test]
fn who_registered_stands_in_the_audit_log() {
    let world = World::new();
    let made = world.register(&json!({})).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    world.replace_own(at, &json!({"client_name": "Another Name"})).unwrap();
    let actors = world.rows(|rows| rows.audit.iter().map(|event| event.actor.clone()).collect::<Vec<_>>());
    assert_eq!(actors, [Actor::Anonymous, Actor::Client(at.0.parse().unwrap())]);
}

/// Attack: whoever was vouched for takes it back: the same request without the statement.
#[test]
fn where_statements_are_needed_nothing_goes_without_one() {
    let (world, key) = world_of_publisher(|settings| settings.registration.require_software_statement = true);
    let claims = json!({"iss": "https://pub.example", "client_name": "True Name"});
    let statement = jose::Signer::new(&key.key).unwrap().sign(TokenType::Jwt, &claims).unwrap();
    let with = json!({ "software_statement": statement });
    assert_eq!(world.register(&json!({})).err(), Some(RegistrationError::MissingStatement));
    assert_eq!(RegistrationError::MissingStatement.code(), "invalid_software_statement");
    assert!(world.rows(|rows| rows.clients.is_empty()));
    let made = world.register(&with).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    let liar = json!({"client_name": "Liar"});
    assert_eq!(world.replace_own(at, &liar).err(), Some(RegistrationError::MissingStatement));
    assert_eq!(world.replace_own(at, &with).unwrap().document()["client_name"], "True Name");
}

/// Attack: a token for two registrations makes three, one after the other or all at once.
#[test]
fn counted_token_makes_as_many_clients_as_it_may() {
    let world = World::new();
    let id = primitives::AdminKeyId(uuid::Uuid::from_u128(7));
    world.rows(|rows| rows.initial_access_tokens.insert(id, 2));
    let holder = Registrant::Holder(InitialAccessToken { id, is_counted: true });
    let register = || now(world.server.register_client(request(&json!({})), holder.clone(), REQUEST));
    let decided = [(); 3].map(|()| register());
    let written = decided.map(|decision| world.memory.apply(decision.change).is_ok());
    assert_eq!(written, [true, true, false]);
    assert_eq!(world.rows(|rows| rows.clients.len()), 2, "nothing of the third is there");
    let uncounted = Registrant::Holder(InitialAccessToken { id, is_counted: false });
    let made = now(world.server.register_client(request(&json!({})), uncounted, REQUEST));
    assert!(world.memory.apply(made.change).is_ok());
}

/// What operators may give, and clients then neither change nor drop: a value of each member.
fn of_operators() -> Map<String, Value> {
    let mut given = object(json!({
        "authorization_details_types": ["payment"], "metadata": {"plan": "gold"}, "owner": "acme",
        "request_uris": ["https://app.example/r"], "skip_consent": true, "skip_logout_consent": true,
        "token_exchange": {"identifiers": ["https://app.example/api"]}, "pkce_plain": true,
        "access_token_strategy": "opaque", "dpop_bound_access_tokens": true, "require_dpop_nonce": true,
        "require_pushed_authorization_requests": true, "require_signed_request_object": true,
        "security_profile": "fapi2-security", "tls_client_certificate_bound_access_tokens": true,
        "audience": ["https://special.example"],
        "grant_types": ["authorization_code", "urn:ietf:params:oauth:grant-type:device_code"],
        "scope": "openid reports",
    }));
    given.extend(whose::lifespans().into_iter().map(|name| (name, json!("1h0m0s"))));
    given
}

/// RFC 7592: the members are those of the type; one without a value in `of_operators` fails here, one that nobody owns does not
/// compile (`whose.rs`).
#[test]
fn client_neither_drops_nor_changes_what_is_not_its_own() {
    let given = of_operators();
    let owned = |whose: Whose| MEMBERS.iter().filter(move |(_, of)| *of == whose).map(|(name, _)| *name);
    let lifespans = whose::lifespans();
    let fixed: Vec<&str> = owned(Whose::Operator)
        .chain(owned(Whose::Stays))
        .chain(lifespans.iter().map(String::as_str))
        .collect();
    assert_eq!(fixed.len() + owned(Whose::Chosen).count(), given.len(), "each has a value here");
    for name in fixed.iter().copied().chain(owned(Whose::Chosen)) {
        // The profile asks for more than these tests are about: it is held against the stored document alone.
        let world = World::new();
        let made = world.register(&json!({"jwks": {"keys": []}})).unwrap().document();
        let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
        let id = at.0.parse().unwrap();
        let stored = || world.rows(|rows| json!(rows.clients[&id].document));
        let value = given.get(name).unwrap_or_else(|| panic!("of_operators has no {name}"));
        world.rows(|rows| {
            let client = rows.clients.get_mut(&id).unwrap();
            let mut document = object(json!(client.document));
            document.insert(name.to_owned(), value.clone());
            client.document = serde_json::from_value(document.into()).unwrap();
        });
        let before = stored();
        let settings = &world.server.settings.registration;
        let update = |patch: &Value| {
            let before = serde_json::from_value(before.clone()).unwrap();
            let asked = super::metadata::check(settings, Some(&before), request(patch));
            asked.map(|document| json!(document)[name].clone())
        };
        let covers = |kept: &Value, value: &Value| match (kept, value) {
            (Value::Array(kept), Value::Array(value)) => value.iter().all(|one| kept.contains(one)),
            (Value::String(kept), Value::String(value)) if name == "scope" => {
                value.split(' ').all(|one| kept.split(' ').any(|other| other == one))
            }
            (kept, value) => kept == value,
        };
        // Left out, given as nothing, and as it was.
        for patch in [json!({}), json!({ name: null }), json!({ name: value })] {
            let kept = update(&patch).unwrap_or_else(|error| panic!("{name} {patch}: {error}"));
            assert!(covers(&kept, value), "{name} {patch}: {kept}");
        }
        for other in
            [json!(false), json!("9000h0m0s"), json!(["other"]), json!({"other": true}), json!("other")]
        {
            assert!(update(&json!({ name: other })).is_err(), "{name}: {other}");
        }
        if owned(Whose::Operator).any(|of| of == name) || lifespans.iter().any(|of| of == name) {
            let refused = world.register(&json!({ name: value }));
            assert_eq!(refused.unwrap_err().code(), "invalid_client_metadata", "{name}, by itself");
        }
        // By the endpoint too, where the document is one that may stand.
        if ["owner", "metadata", "skip_consent", "audience", "scope"].contains(&name) {
            world.replace_own(at, &json!({"client_name": "Renamed"})).unwrap();
            assert!(covers(&stored()[name], value), "{name}: {}", stored()[name]);
            assert_eq!(stored()["client_name"], "Renamed");
        }
    }
}

#[test]
fn client_chooses_anew_of_what_it_may_choose() {
    let world = World::new();
    let made = world.register(&json!({})).unwrap().document();
    let at = (text(&made, "client_id"), text(&made, "registration_access_token"));
    let fewer = world.replace_own(at, &json!({"scope": "openid"})).unwrap().document();
    assert_eq!(fewer["scope"], "openid", "what nobody gave is the client's to drop");
    let bound = world.replace_own(at, &json!({"require_pushed_authorization_requests": true}));
    assert_eq!(bound.unwrap().document()["require_pushed_authorization_requests"], true);
    let loose = json!({"require_pushed_authorization_requests": false});
    assert_eq!(world.replace_own(at, &loose).unwrap_err().code(), "invalid_client_metadata");
}
