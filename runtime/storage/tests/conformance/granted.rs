//! What somebody has granted, by client: no client is lost among the grants of another.

use identity::Write as IdentityWrite;
use oauth2::claims_request::RequestedClaims;
use oauth2::details::AuthorizationDetails;
use oauth2::grant::{Consent, Grant};
use oauth2::ports::{Allowed, GrantRepository as _};
use oauth2::write::Write;
use primitives::{IdentityId, SessionId};
use uuid::Uuid;

use crate::world::{World, client_id, scopes};

const ADA: IdentityId = IdentityId(Uuid::from_u128(0xada));
const BOB: IdentityId = IdentityId(Uuid::from_u128(0xb0b));
const DAY: i64 = 86_400;

async fn insert(world: &World, grant: Grant) {
    assert_eq!(world.apply([Write::InsertGrant(Box::new(grant))]).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_with_access_are_listed_once_however_many_grants_they_have() {
    for world in World::each().await {
        insert(&world, world.grant(ADA, "early")).await;
        insert(&world, world.grant(BOB, "his")).await;
        for second in 1..=12 {
            let grant = Grant { created_at: world.in_seconds(second), ..world.grant(ADA, "often") };
            insert(&world, grant).await;
        }
        let kept = Consent { granted_at: world.in_seconds(20), ..world.consent(ADA, "kept") };
        let over = Consent { expires_at: Some(world.now()), ..world.consent(ADA, "over") };
        for consent in [kept, over, world.consent(ADA, "often"), world.consent(BOB, "kept")] {
            assert_eq!(world.apply([Write::RememberConsent(Box::new(consent))]).await, None);
        }
        let list = async |limit: u32| {
            world.storage.list_clients_with_access(&world.tenant, ADA, (world.now(), limit)).await.unwrap()
        };
        let kept = (client_id("kept"), world.in_seconds(20));
        let often = (client_id("often"), world.in_seconds(12));
        let early = (client_id("early"), world.now());
        assert_eq!(list(10).await, [kept.clone(), often.clone(), early.clone()]);
        assert_eq!(list(2).await, [kept.clone(), often]);

        let often = client_id("often");
        let revoke =
            Write::RevokeGrantsOfSubject { subject: ADA, client: Some(often.clone()), at: world.now() };
        assert_eq!(world.apply([revoke]).await, None);
        assert_eq!(list(10).await, [kept, early, (often, world.now())], "what is remembered is left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_grants_to_a_client_allow_is_listed_once_however_many_do() {
    for world in World::each().await {
        let early = Grant { scope: scopes("openid"), ..world.grant(ADA, "a") };
        let often = |second| Grant { created_at: world.in_seconds(second), ..world.grant(ADA, "a") };
        // Of what no scope says the columns hold nothing.
        let plain = |second| Grant {
            details: AuthorizationDetails::default(),
            requested: RequestedClaims::default(),
            ..often(second)
        };
        let revoked = Grant { scope: scopes("revoked"), ..often(9) };
        let elsewhere = [world.grant(ADA, "b"), world.grant(BOB, "a")];
        let elsewhere = elsewhere.map(|grant| Grant { scope: scopes("elsewhere"), ..grant });
        let grants = [early.clone(), plain(7), plain(1), often(2), often(3), often(4), revoked.clone()];
        for grant in grants.into_iter().chain(elsewhere) {
            insert(&world, grant).await;
        }
        let revoke = Write::RevokeGrant { grant: revoked.id, at: world.now() };
        assert_eq!(world.apply([revoke]).await, None);

        let client = client_id("a");
        let list = async |limit: u32| {
            world.storage.list_allowed(&world.tenant, ADA, &client, (world.now(), limit)).await.unwrap()
        };
        let all = [plain(7), often(4), early].map(|grant| Allowed::of(&grant));
        assert_eq!(list(10).await, all);
        assert_eq!(list(2).await, all[..2]);
    }
}

/// Expired rows leave in batches, each in its turn.
#[tokio::test(flavor = "multi_thread")]
async fn grant_that_is_over_is_not_listed_though_its_row_is_there() {
    for world in World::each().await {
        let person = world.person();
        let ada = person.id;
        let mut session = world.session_of(&person, "s");
        session.session.expires_at = world.in_seconds(20 * DAY);
        let of_session = session.session.id;
        let mut login = world.login_session(ada, "l");
        login.expires_at = world.in_seconds(30 * DAY);
        let of_login = login.id;
        let writes = [
            IdentityWrite::InsertIdentity(Box::new(person)),
            IdentityWrite::InsertSession(Box::new(session)),
        ];
        assert_eq!(world.apply(writes).await, None);
        assert_eq!(world.apply([Write::InsertLoginSession(Box::new(login))]).await, None);
        let granted = |scope: &str, session: Option<SessionId>| {
            let mut grant = Grant { scope: scopes(scope), ..world.grant(ada, "app") };
            grant.subject.session = session.unwrap_or(grant.subject.session);
            grant
        };
        let kept = granted("kept", None);
        let keep = Write::KeepGrant { grant: kept.id, until: world.in_seconds(12 * DAY) };
        let others = [("over", None), ("session", Some(of_session)), ("login", Some(of_login))];
        let others = others.map(|(scope, session)| granted(scope, session));
        for grant in others.into_iter().chain([kept]) {
            insert(&world, grant).await;
        }
        assert_eq!(world.apply([keep]).await, None);

        let app = client_id("app");
        for (day, expect) in [
            (6, vec!["kept", "login", "over", "session"]),
            (9, vec!["kept", "login", "session"]),
            (19, vec!["login", "session"]),
            (29, vec!["login"]),
            (30, vec![]),
        ] {
            let page = (world.in_seconds(day * DAY), 10);
            let clients = world.storage.list_clients_with_access(&world.tenant, ada, page).await.unwrap();
            let listed = (!expect.is_empty()).then(|| (app.clone(), world.now()));
            assert_eq!(clients, listed.into_iter().collect::<Vec<_>>(), "on day {day}");
            let allowed = world.storage.list_allowed(&world.tenant, ada, &app, page).await.unwrap();
            let mut told: Vec<_> = allowed.iter().map(|allowed| allowed.scope.to_text()).collect();
            told.sort();
            assert_eq!(told, expect, "on day {day}");
        }
    }
}
