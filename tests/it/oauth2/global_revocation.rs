//! A global revocation is one change: whatever breaks in between, nothing of it is done by half.

use serde_json::json;
use tenancy::{KeyOwner, Scope};

use super::code::{App, code, sign_up};
use super::exchange::{is_signed_in, revoke};
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
