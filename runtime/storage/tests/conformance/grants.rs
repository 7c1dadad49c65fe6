//! Grants and consents: revoking one is one write, and whom a write must not touch it leaves alone.

use oauth2::grant::{Grant, GrantedClaims};
use oauth2::hooks::TokenShape;
use oauth2::ports::{GrantFilter, GrantRepository as _, TokenRepository as _};
use oauth2::write::Write;
use primitives::{GrantId, IdentityId, SessionId};
use uuid::Uuid;

use crate::world::{World, client_id, scopes};

const ADA: IdentityId = IdentityId(Uuid::from_u128(0xada));
const ALL: GrantFilter = GrantFilter { session: None, after: None };
const BOB: IdentityId = IdentityId(Uuid::from_u128(0xb0b));

async fn is_revoked(world: &World, grant: GrantId) -> bool {
    world.storage.find_grant(&world.tenant, grant).await.unwrap().unwrap().revoked_at.is_some()
}

/// Of Ada to `a`, of Ada to `b`, of Bob to `a`.
async fn three(world: &World) -> [Grant; 3] {
    let grants = [world.grant(ADA, "a"), world.grant(ADA, "b"), world.grant(BOB, "a")];
    let writes = grants.clone().map(|grant| Write::InsertGrant(Box::new(grant)));
    assert_eq!(world.apply(writes).await, None);
    grants
}

/// Until when each grant is kept at least, in microseconds since 1970.
async fn kept_until(world: &World) -> Vec<i64> {
    let texts = world.raw_texts("SELECT CAST(kept_until AS TEXT) FROM oauth2_grants").await;
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn grant_is_kept_for_whatever_of_a_change_lives_longest() {
    for world in World::each().await {
        let grant = world.grant(ADA, "nexboard");
        assert_eq!(world.apply([Write::InsertClient(Box::new(world.client("nexboard")))]).await, None);
        let later = world.in_seconds(90 * 86_400);
        let access = |name: &str| Box::new(world.access_token(Some(&grant), "nexboard", name));
        let refresh = |name: &str| {
            let token = world.refresh_token(&grant, name);
            Box::new(oauth2::grant::RefreshToken { expires_at: later, ..token })
        };
        // With the grant in the same change, and the longest in the middle.
        let writes = [
            Write::InsertGrant(Box::new(grant.clone())),
            Write::InsertAccessToken(access("first")),
            Write::InsertRefreshToken(refresh("first")),
            Write::InsertAccessToken(access("second")),
        ];
        assert_eq!(world.apply(writes).await, None);
        let [kept] = kept_until(&world).await[..] else { panic!() };
        assert!(kept >= later.micros());
        world.raw("UPDATE oauth2_grants SET kept_until = 0").await;
        for writes in [
            [Write::InsertAccessToken(access("third")), Write::InsertRefreshToken(refresh("third"))],
            [Write::InsertRefreshToken(refresh("fourth")), Write::InsertAccessToken(access("fourth"))],
        ] {
            assert_eq!(world.apply(writes).await, None);
            let [kept] = kept_until(&world).await[..] else { panic!() };
            assert!(kept >= later.micros());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grant_is_read_as_it_was_written() {
    for world in World::each().await {
        let [grant, ..] = three(&world).await;
        let found = world.storage.find_grant(&world.tenant, grant.id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&grant));
        assert_eq!(world.apply([Write::InsertGrant(Box::new(grant))]).await, Some(0), "its id is taken");
        let nobody = GrantId(Uuid::nil());
        assert_eq!(world.storage.find_grant(&world.tenant, nobody).await.unwrap(), None);
    }
}

/// Also where the grant is remembered with a token of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_tokens_of_a_grant_say_is_replaced_while_it_lives() {
    for world in World::each().await {
        let mut grant = world.with_grant("nexboard").await;
        let token = world.access_token(Some(&grant), "nexboard", "token");
        assert_eq!(world.apply([Write::InsertAccessToken(Box::new(token.clone()))]).await, None);
        let find = async || {
            let found = world.storage.find_access_token(&world.tenant, &token.hash).await.unwrap();
            found.and_then(|(_, grant)| grant)
        };
        assert_eq!(find().await.as_ref(), Some(&grant));
        let plan = serde_json::Map::from_iter([("plan".to_owned(), "gold".into())]);
        let said = TokenShape { id_token: plan, ..TokenShape::default() };
        let replace = |claims: &GrantedClaims| Write::ReplaceClaims {
            grant: grant.id,
            claims: Box::new(claims.clone()),
        };
        let hooked = GrantedClaims { hooked: Some(said.clone()), ..grant.claims.clone() };
        let writes = [replace(&hooked), replace(&GrantedClaims::default()), replace(&hooked)];
        for write in writes.clone() {
            assert_eq!(world.apply([write.clone()]).await, None);
            let Write::ReplaceClaims { claims, .. } = write else { unreachable!() };
            let found = find().await.unwrap();
            assert_eq!(found, Grant { claims: *claims, ..grant.clone() });
        }
        grant.claims = hooked;
        assert_eq!((grant.claims.said(), find().await), (said, Some(grant.clone())));

        let revoke = Write::RevokeGrant { grant: grant.id, at: world.in_seconds(1) };
        assert_eq!(world.apply([revoke]).await, None);
        let [_, nothing, _] = writes;
        assert_eq!(world.apply([nothing]).await, Some(0), "it is over");
        let found = world.storage.find_grant(&world.tenant, grant.id).await.unwrap().unwrap();
        assert_eq!(found.claims, grant.claims);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn revocation_hits_what_it_names_and_nothing_else() {
    for world in World::each().await {
        let at = world.now();
        let client = client_id("a");
        for (name, revoked) in [
            ("grant", [true, false, false]),
            ("of client", [true, false, true]),
            ("of subject", [true, true, false]),
            ("of subject to client", [true, false, false]),
            ("of session", [true, false, false]),
        ] {
            let grants = three(&world).await;
            let write = match name {
                "grant" => Write::RevokeGrant { grant: grants[0].id, at },
                "of client" => Write::RevokeGrantsOfClient { client: client.clone(), at },
                "of subject" => Write::RevokeGrantsOfSubject { subject: ADA, client: None, at },
                "of subject to client" => {
                    Write::RevokeGrantsOfSubject { subject: ADA, client: Some(client.clone()), at }
                }
                _ => Write::RevokeGrantsOfSession { session: grants[0].subject.session, at },
            };
            for _ in 0..2 {
                assert_eq!(world.apply([write.clone()]).await, None, "{name}: twice is once");
                for (grant, revoked) in grants.iter().zip(revoked) {
                    assert_eq!(is_revoked(&world, grant.id).await, revoked, "{name}");
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grant_with_a_refresh_token_outlives_its_session() {
    for world in World::each().await {
        let [offline, online, _] = three(&world).await;
        let token = world.refresh_token(&offline, "r");
        assert_eq!(world.apply([Write::InsertRefreshToken(Box::new(token))]).await, None);
        for grant in [&offline, &online] {
            let write = Write::RevokeGrantsOfSession { session: grant.subject.session, at: world.now() };
            assert_eq!(world.apply([write]).await, None);
        }
        assert!(!is_revoked(&world, offline.id).await);
        assert!(is_revoked(&world, online.id).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn live_grants_are_listed_newest_first() {
    for world in World::each().await {
        let mut grants = three(&world).await;
        let mut newest = world.grant(ADA, "c");
        newest.created_at = world.in_seconds(1);
        assert_eq!(world.apply([Write::InsertGrant(Box::new(newest.clone()))]).await, None);
        grants[..2].sort_by_key(|grant| grant.id);
        let listed = world.storage.list_grants(&world.tenant, ADA, ALL, 10).await.unwrap();
        assert_eq!(listed, [newest.clone(), grants[0].clone(), grants[1].clone()]);
        assert_eq!(world.storage.list_grants(&world.tenant, ADA, ALL, 1).await.unwrap(), [newest.clone()]);

        let filters = [newest.clone(), grants[0].clone(), grants[1].clone()]
            .map(|last| GrantFilter { after: Some((last.created_at, last.id)), session: None });
        for (filter, rest) in filters.into_iter().zip([2, 1, 0]) {
            let behind = world.storage.list_grants(&world.tenant, ADA, filter, 10).await.unwrap();
            assert_eq!(behind, grants[2 - rest..2]);
        }
        let of_session = GrantFilter { session: Some(newest.subject.session), after: None };
        let listed = world.storage.list_grants(&world.tenant, ADA, of_session, 10).await.unwrap();
        assert_eq!(listed, [newest.clone()]);
        let of_another = GrantFilter { session: Some(SessionId(Uuid::nil())), after: None };
        assert_eq!(world.storage.list_grants(&world.tenant, ADA, of_another, 10).await.unwrap(), []);

        let revoke = Write::RevokeGrant { grant: newest.id, at: world.now() };
        assert_eq!(world.apply([revoke]).await, None);
        let listed = world.storage.list_grants(&world.tenant, ADA, ALL, 10).await.unwrap();
        assert_eq!(listed, grants[..2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn later_consent_takes_the_place_of_an_earlier_one_until_it_is_forgotten() {
    for world in World::each().await {
        let find = async |subject, client| {
            world.storage.find_consent(&world.tenant, subject, &client_id(client)).await.unwrap()
        };
        let mut consent = world.consent(ADA, "a");
        let remember = |consent: &_| Write::RememberConsent(Box::new(Clone::clone(consent)));
        let others = [remember(&world.consent(ADA, "b")), remember(&world.consent(BOB, "a"))];
        assert_eq!(world.apply([remember(&consent)].into_iter().chain(others)).await, None);
        consent.scope = scopes("openid profile");
        consent.expires_at = Some(world.in_seconds(5));
        assert_eq!(world.apply([remember(&consent)]).await, None);
        assert_eq!(find(ADA, "a").await, Some(consent));

        let forget = |client| [Write::ForgetConsents { subject: ADA, client }];
        assert_eq!(world.apply(forget(Some(client_id("a")))).await, None);
        assert_eq!((find(ADA, "a").await, find(ADA, "b").await.is_some()), (None, true));
        assert_eq!(world.apply(forget(None)).await, None);
        assert_eq!((find(ADA, "b").await, find(BOB, "a").await.is_some()), (None, true));
    }
}

/// What is remembered is listed and found by its own name, whatever became of its session and grant.
#[tokio::test(flavor = "multi_thread")]
async fn remembered_consents_are_listed_newest_first_without_their_grants() {
    use oauth2::grant::ConsentRecord;

    for world in World::each().await {
        let grant = world.grant(ADA, "a");
        let record = ConsentRecord {
            session: grant.subject.session,
            external: Some("ada@crm".to_owned()),
            acr: "urn:example:gold".to_owned(),
            amr: vec!["pwd".to_owned()],
            claims: GrantedClaims {
                context: Some(serde_json::json!({"desk": 7})),
                ..GrantedClaims::default()
            },
        };
        let newest = oauth2::grant::Consent {
            granted_at: world.in_seconds(2),
            grant: Some(grant.id),
            record: Some(record),
            ..world.consent(ADA, "a")
        };
        let older = oauth2::grant::Consent { granted_at: world.in_seconds(1), ..world.consent(ADA, "b") };
        let over = oauth2::grant::Consent { expires_at: Some(world.now()), ..world.consent(ADA, "c") };
        let remember = |consent: &oauth2::grant::Consent| Write::RememberConsent(Box::new(consent.clone()));
        let all = [remember(&older), remember(&newest), remember(&over), remember(&world.consent(BOB, "a"))];
        assert_eq!(world.apply(all).await, None);
        let list = async |filter, limit| {
            world.storage.list_consents(&world.tenant, ADA, filter, (world.now(), limit)).await.unwrap()
        };
        assert_eq!(list(ALL, 10).await, [newest.clone(), older.clone()]);
        assert_eq!(list(ALL, 1).await, std::slice::from_ref(&newest));
        let behind = GrantFilter { after: Some((newest.granted_at, newest.id())), session: None };
        assert_eq!(list(behind, 10).await, [older]);
        let of_session = GrantFilter { session: Some(grant.subject.session), after: None };
        assert_eq!(list(of_session, 10).await, std::slice::from_ref(&newest));
        let find = async |id| world.storage.find_consent_of_grant(&world.tenant, id).await.unwrap();
        assert_eq!(find(grant.id).await, Some(newest));
        assert_eq!(find(world.grant(ADA, "a").id).await, None);
    }
}
