//! A global revocation is one change: whatever breaks in between, nothing of it is done by half.

use serde_json::{Value, json};
use tenancy::{KeyOwner, Scope};

use super::code::{App, claims, code, sign_up};
use super::exchange::{is_signed_in, revoke};
use super::own_login;
use super::together::granted_by;
use crate::browser::Browser;
use crate::database::{mend, refuse_records};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn node_that_breaks_in_the_middle_has_ended_nothing_and_ends_all_of_it_when_asked_again() {
    let world = World::start().await;
    let app = App::register(&world, true).await;
    let mut ada = Browser::default();
    sign_up(&world, &mut ada, "ada@acme.example").await;
    let tokens = app.redeem(&code(&app, &mut ada).await).await.json();
    let of = |name: &str| tokens[name].as_str().unwrap().to_owned();
    let (access, refresh) = (of("access_token"), of("refresh_token"));
    let key = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::TokensWrite]).await;
    let person = json!({"sub_id": {"format": "email", "email": "ada@acme.example"}});
    // The record of the grants, and that of the sessions.
    for action in ["subject.tokens_revoked", "sessions.revoked"] {
        refuse_records(world.location(), action).await;
        let answer = revoke(&world, &key, &person).await;
        assert_eq!(answer.status, 503, "{action}: {}", answer.text());
        mend(world.location()).await;
        assert!(is_signed_in(&world, &mut ada).await, "{action}");
        assert!(app.is_active(&access).await && app.is_active(&refresh).await, "{action}");
    }
    let answer = revoke(&world, &key, &person).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert!(!is_signed_in(&world, &mut ada).await);
    assert!(!app.is_active(&access).await && !app.is_active(&refresh).await);
}

/// The names by which apps know somebody: each ends what is theirs, and of nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn everything_ends_by_whichever_name_an_app_knows_somebody() {
    let world = World::start().await;
    let key = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::TokensWrite]).await;
    let issuer = world.tenant("acme");
    for (number, (subject_type, strategy)) in
        [("public", "jwt"), ("public", "opaque"), ("pairwise", "jwt"), ("pairwise", "opaque")]
            .into_iter()
            .enumerate()
    {
        let app = App::register_as(
            &world,
            json!({"client_id": "app", "grant_types": ["authorization_code", "refresh_token"], "skip_consent": true,
                "redirect_uris": ["https://app.example/cb"], "scope": "openid profile email offline_access",
                "subject_type": subject_type, "access_token_strategy": strategy}),
        )
        .await;
        let mut signed_in = Vec::new();
        for who in ["ada", "bob"] {
            let mut browser = Browser::default();
            sign_up(&world, &mut browser, &format!("{who}{number}@acme.example")).await;
            let tokens = app.redeem(&code(&app, &mut browser).await).await.json();
            signed_in.push((browser, tokens));
        }
        let of = |tokens: &Value, name: &str| tokens[name].as_str().unwrap().to_owned();
        let name = claims(&of(&signed_in[0].1, "id_token"))["sub"].as_str().unwrap().to_owned();
        assert_eq!(name.len() == 43, subject_type == "pairwise", "{name}");
        let person = json!({"sub_id": {"format": "iss_sub", "iss": issuer, "sub": name}});
        let answer = revoke(&world, &key, &person).await;
        assert_eq!(answer.status, 204, "{subject_type} {strategy}: {}", answer.text());
        for ((mut browser, tokens), lives) in signed_in.into_iter().zip([false, true]) {
            for token in ["access_token", "refresh_token"] {
                assert_eq!(
                    app.is_active(&of(&tokens, token)).await,
                    lives,
                    "{subject_type} {strategy} {token}"
                );
            }
            let bearer = [("authorization", format!("Bearer {}", of(&tokens, "access_token")))];
            let told =
                Browser::default().send("GET", &format!("{issuer}/userinfo"), &bearer, String::new()).await;
            assert_eq!(told.status == 200, lives, "{subject_type} {strategy}: {}", told.text());
            assert_eq!(is_signed_in(&world, &mut browser).await, lives);
        }
        let deleted = world.operate(&world.key, ("DELETE", "/admin/clients/app"), "acme", &Value::Null).await;
        assert_eq!(deleted.status, 204);
        world.clock.advance(std::time::Duration::from_secs(1));
    }
}

/// Of somebody whom a login app knows, by its own word for them and by the name that it has forced at a client.
#[tokio::test(flavor = "multi_thread")]
async fn everything_ends_by_the_names_that_a_login_app_gives() {
    let world = own_login::world().await;
    let key = world.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::TokensWrite]).await;
    let document = json!({"client_id": "app", "grant_types": ["authorization_code"], "subject_type": "pairwise",
        "redirect_uris": ["https://app.example/cb"], "scope": "openid email offline_access"});
    let app = App::register_as(&world, document).await;
    for name in ["ada@crm", "forced-ada"] {
        let mut granted = Vec::new();
        for who in ["ada", "bob"] {
            let body = json!({"subject": format!("{who}@crm"), "force_subject_identifier": format!("forced-{who}"),
                "remember": true});
            let mut browser = Browser::default();
            let tokens = granted_by(&world, &app, &mut browser, body).await;
            let told = claims(own_login::text(&tokens, "id_token"));
            assert_eq!(told["sub"], format!("forced-{who}"));
            granted.push((browser, tokens));
        }
        let answer = revoke(&world, &key, &json!({"sub_id": {"format": "opaque", "id": name}})).await;
        assert_eq!(answer.status, 204, "{name}: {}", answer.text());
        for ((mut browser, tokens), lives) in granted.into_iter().zip([false, true]) {
            assert_eq!(app.is_active(own_login::text(&tokens, "access_token")).await, lives, "{name}");
            let challenge = own_login::sent(&mut browser, &app.authorize(&[]), "login").await;
            assert_eq!(own_login::shown(&world, "login", &challenge).await["skip"], lives, "{name}");
        }
    }
}

/// What ends on one node ends on the other, which has the tokens in its cache, and signed ones with the others.
#[tokio::test(flavor = "multi_thread")]
async fn everything_ends_on_every_node() {
    let Some([first, second]) = World::start_two().await else { return };
    let key = first.admin_key(KeyOwner::Tenant("acme".parse().unwrap()), vec![Scope::TokensWrite]).await;
    for strategy in ["jwt", "opaque"] {
        let document = json!({"client_id": "app", "grant_types": ["authorization_code", "refresh_token"],
            "subject_type": "pairwise", "skip_consent": true, "redirect_uris": ["https://app.example/cb"],
            "scope": "openid email offline_access", "access_token_strategy": strategy});
        let app = App::register_as(&first, document).await;
        // Each node of the tests is an issuer of its own: what is to count at the second is from there.
        let there = app.at(&second);
        let mut ada = Browser::default();
        sign_up(&second, &mut ada, &format!("{strategy}@acme.example")).await;
        let tokens = there.redeem(&code(&there, &mut ada).await).await.json();
        let access = tokens["access_token"].as_str().unwrap();
        for _ in 0..3 {
            assert!(there.is_active(access).await, "{strategy}");
        }
        let name = claims(tokens["id_token"].as_str().unwrap())["sub"].clone();
        let answer = revoke(&first, &key, &json!({"sub_id": {"format": "opaque", "id": name}})).await;
        assert_eq!(answer.status, 204, "{strategy}: {}", answer.text());
        let ended = tokio::time::timeout(std::time::Duration::from_mins(1), async {
            while there.is_active(access).await
                || there.is_active(tokens["refresh_token"].as_str().unwrap()).await
            {}
        });
        assert_eq!(ended.await, Ok(()), "{strategy}: the other node still takes it");
        first.operate(&first.key, ("DELETE", "/admin/clients/app"), "acme", &Value::Null).await;
    }
}
