//! Sign-ins at a login app: begun once, found by their cookie, live while their row is.

use identity::{IdentityState, Write as IdentityWrite};
use oauth2::authorization::external::LoginSessionRepository as _;
use oauth2::ports::SubjectClaims as _;
use oauth2::write::{SignIns, Write};
use primitives::{IdentityId, SessionId};
use uuid::Uuid;

use crate::world::World;

const ADA: IdentityId = IdentityId(Uuid::from_u128(0xada));
const BOB: IdentityId = IdentityId(Uuid::from_u128(0xb0b));

#[tokio::test(flavor = "multi_thread")]
async fn session_begins_once_of_fifty_times_and_is_found_by_its_cookie() {
    for world in World::each().await {
        let session = world.login_session(ADA, "c");
        world.race(Write::InsertLoginSession(Box::new(session.clone()))).await;
        let found = world.storage.find_login_session_by_token(&world.tenant, &session.token).await.unwrap();
        assert_eq!(found.as_ref(), Some(&session));
        let found = world.storage.find_login_session(&world.tenant, session.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&session));
        let mut other = world.login_session(BOB, "c");
        assert_eq!(
            world.apply([Write::InsertLoginSession(Box::new(other.clone()))]).await,
            Some(0),
            "its cookie is taken"
        );
        (other.external, other.remembered_until, other.provider_session) = (None, None, None);
        other.token = world.hash("d");
        assert_eq!(world.apply([Write::InsertLoginSession(Box::new(other.clone()))]).await, None);
        let found = world.storage.find_login_session(&world.tenant, other.id).await.unwrap();
        assert_eq!(found, Some(other));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_is_live_until_it_is_ended_or_its_time_has_come() {
    for world in World::each().await {
        let sessions =
            [(ADA, "1"), (ADA, "2"), (BOB, "3")].map(|(who, cookie)| world.login_session(who, cookie));
        let writes = sessions.clone().map(|session| Write::InsertLoginSession(Box::new(session)));
        assert_eq!(world.apply(writes).await, None);
        let live = async || {
            let mut live = Vec::new();
            for session in &sessions {
                live.push(world.storage.is_session_live(&world.tenant, session.id).await.unwrap());
            }
            live
        };
        assert_eq!(live().await, [true, true, true]);
        for _ in 0..2 {
            let end = Write::DeleteLoginSession { session: sessions[0].id, at: world.now() };
            assert_eq!(world.apply([end]).await, None, "ended twice is ended");
            assert_eq!(live().await, [false, true, true]);
        }
        assert_eq!(
            world
                .apply([Write::DeleteLoginSessions { subject: ADA, which: SignIns::All, at: world.now() }])
                .await,
            None
        );
        assert_eq!(live().await, [false, false, true]);
        let longer = |session, cookie: &str| Write::ExtendLoginSession {
            session,
            token: world.hash(cookie),
            remembered_until: Some(world.in_seconds(7_000)),
            expires_at: world.in_seconds(7_200),
        };
        assert_eq!(world.apply([longer(sessions[0].id, "4")]).await, Some(0), "it has ended");
        assert_eq!(world.apply([longer(sessions[2].id, "5")]).await, None);
        let old = world.storage.find_login_session_by_token(&world.tenant, &sessions[2].token).await.unwrap();
        assert_eq!(old, None, "the cookie before is nobody's");
        let found = world.storage.find_login_session_by_token(&world.tenant, &world.hash("5")).await.unwrap();
        assert_eq!(found.unwrap().remembered_until, Some(world.in_seconds(7_000)));
        world.clock.advance(std::time::Duration::from_secs(7_199));
        assert_eq!(live().await, [false, false, true]);
        world.clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(live().await, [false, false, false]);
    }
}

/// What hangs on a session of the person's here ends with that one, or all but what hangs on it; nobody else's does, whatever it says.
#[tokio::test(flavor = "multi_thread")]
async fn sessions_end_by_what_they_hang_on() {
    for world in World::each().await {
        let here = SessionId(Uuid::from_u128(1));
        let there = SessionId(Uuid::from_u128(2));
        let named = [(ADA, Some(here)), (ADA, Some(there)), (ADA, None), (BOB, Some(here))];
        for (which, expect) in [
            (SignIns::HangingOn(here), [false, true, true, true]),
            (SignIns::NotHangingOn(here), [true, false, false, true]),
            (SignIns::All, [false, false, false, true]),
        ] {
            let mut ids = Vec::new();
            for (number, (who, on)) in named.iter().enumerate() {
                let mut session = world.login_session(*who, &format!("{which:?}{number}"));
                session.provider_session = on.map(|on| on.to_string());
                ids.push(session.id);
                assert_eq!(world.apply([Write::InsertLoginSession(Box::new(session))]).await, None);
            }
            let end = Write::DeleteLoginSessions { subject: ADA, which, at: world.now() };
            assert_eq!(world.apply([end]).await, None);
            for (id, expect) in ids.into_iter().zip(expect) {
                let found = world.storage.find_login_session(&world.tenant, id).await.unwrap();
                assert_eq!(found.is_some(), expect, "{which:?} {id}");
            }
        }
    }
}

/// Attack: somebody who was switched off comes in as a stranger who has their id for a name.
#[tokio::test(flavor = "multi_thread")]
async fn identity_is_there_whatever_its_state() {
    for world in World::each().await {
        let person = world.person();
        let has = async || world.storage.has_identity(&world.tenant, person.id).await.unwrap();
        assert!(!has().await);
        assert_eq!(world.apply([IdentityWrite::InsertIdentity(Box::new(person.clone()))]).await, None);
        assert!(has().await);
        let at = world.now();
        let off = IdentityWrite::SetState { identity: person.id, state: IdentityState::Inactive, at };
        assert_eq!(world.apply([off]).await, None);
        assert!(has().await);
        assert_eq!(world.storage.find_subject(&world.tenant, person.id).await.unwrap(), None);
    }
}
