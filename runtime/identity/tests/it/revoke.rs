//! Ending sessions, and the token that signs a browser out.

use portcullis_identity::session::revoke::{RevokeError, extend, revoke_mine, revoke_my_others, sign_out};
use portcullis_identity::{Session, Write};
use primitives::{Actor, SessionId, TenantId};

use crate::world::{World, sealer};

#[tokio::test]
async fn only_other_sessions_of_ones_own_are_revoked() {
    let world = World::new();
    world.person("ada@example.com").await;
    world.person("bob@example.com").await;
    let mine = world.sign_in("ada@example.com").await;
    let other = world.sign_in("ada@example.com").await;
    let bobs = world.sign_in("bob@example.com").await;
    let revoke = |found: Option<&Session>| revoke_mine(&world.tenant, &mine, found, world.now);
    assert_eq!(revoke(None).unwrap_err(), RevokeError::NotFound);
    assert_eq!(revoke(Some(bobs.session())).unwrap_err(), RevokeError::NotFound);
    assert_eq!(revoke(Some(mine.session())).unwrap_err(), RevokeError::Current);
    let change = revoke(Some(other.session())).unwrap();
    let is_other = |session: &SessionId| *session == other.session().id;
    assert!(matches!(&change.writes[..], [Write::RevokeSession { session, .. }] if is_other(session)));

    let change = revoke_my_others(&world.tenant, &mine, world.now);
    let keeps_mine = |except: &Option<SessionId>| *except == Some(mine.session().id);
    assert!(matches!(&change.writes[..], [Write::RevokeSessions { except, .. }] if keeps_mine(except)));
    let change = sign_out(&world.tenant, &mine, world.now);
    let is_mine = |session: &SessionId| *session == mine.session().id;
    assert!(matches!(&change.writes[..], [Write::RevokeSession { session, .. }] if is_mine(session)));
    assert_eq!(change.audit.len(), 1);
}

#[tokio::test]
async fn logout_token_fits_its_own_session_and_tenant_only() {
    let (world, sealer) = (World::new(), sealer());
    world.person("ada@example.com").await;
    let (one, two) = (world.sign_in("ada@example.com").await, world.sign_in("ada@example.com").await);
    let elsewhere: TenantId = "other".parse().unwrap();
    let token = one.session().logout_token(&sealer, &world.tenant);
    assert!(token.starts_with("ory_lo_"));
    for (what, session, tenant, presented, fits) in [
        ("own", &one, &world.tenant, token.as_str(), true),
        ("other session", &two, &world.tenant, token.as_str(), false),
        ("other tenant", &one, &elsewhere, token.as_str(), false),
        ("cut", &one, &world.tenant, &token[..40], false),
        ("empty", &one, &world.tenant, "", false),
    ] {
        assert_eq!(session.session().check_logout_token(&sealer, tenant, presented), fits, "{what}");
    }
}

#[tokio::test]
async fn extension_never_shortens() {
    let mut world = World::new();
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    let before = live.session().expires_at;
    world.settings.session.lifespan_seconds = 60;
    let extended = |world: &World| {
        extend(&world.tenant, live.session(), Actor::System, &world.settings.session, world.now).0.expires_at
    };
    assert_eq!(extended(&world), before);
    world.settings.session.lifespan_seconds = 30 * 24 * 3600;
    assert!(extended(&world) > before);
}
