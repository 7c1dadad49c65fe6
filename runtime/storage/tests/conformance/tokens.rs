//! Codes and tokens: each is found with its grant, used once, and dead with its grant.

use oauth2::confirmation::Confirmation;
use oauth2::derivation::Derivation;
use oauth2::grant::{AccessToken, AuthorizationCode, RefreshToken, Rotation};
use oauth2::lineage::{Lineage, MOST_ANCESTORS, Mark};
use oauth2::pkce::ChallengeMethod;
use oauth2::ports::TokenRepository as _;
use oauth2::write::Write;
use serde_json::{from_value, json};

use crate::world::{World, client_id};

#[tokio::test(flavor = "multi_thread")]
async fn code_is_redeemed_once_of_fifty_times_and_remembered_with_its_grant() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let mut code = world.code(&grant, "code");
        let insert = || [Write::InsertAuthorizationCode(Box::new(world.code(&grant, "code")))];
        assert_eq!(world.apply(insert()).await, None);
        assert_eq!(world.apply(insert()).await, Some(0), "its hash is taken");
        let find = || world.storage.find_authorization_code(&world.tenant, &code.hash);
        assert_eq!(find().await.unwrap(), Some((code.clone(), grant.clone())));

        let at = world.in_seconds(1);
        let kept_until = world.in_seconds(3_600);
        let consume =
            Write::ConsumeAuthorizationCode { code: code.hash.clone(), grant: grant.id, at, kept_until };
        let find_redeemed = || world.storage.find_grant_of_redeemed_code(&world.tenant, &code.hash);
        assert_eq!(find_redeemed().await.unwrap(), None);
        world.race(consume).await;
        assert_eq!(find_redeemed().await.unwrap(), Some(grant.clone()), "a replay is noticed");
        let found = find().await.unwrap();
        code.consumed_at = Some(at);
        assert_eq!(found, Some((code, grant)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn through_whose_hands_a_token_came_comes_back_with_it() {
    let acts = json!({"sub": "tool", "client_id": "tool", "act": {"sub": "admin_key:1"}});
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let derivation = Derivation {
            origin: "nexboard".parse().unwrap(),
            through: vec!["agent".parse().unwrap()],
            act: Some(serde_json::from_value(acts.clone()).unwrap()),
        };
        // One hangs on the grant of its first client, the other on none.
        let tool = world.client("tool");
        assert_eq!(world.apply([Write::InsertClient(Box::new(tool))]).await, None);
        for grant in [Some(&grant), None] {
            let token = world.access_token(grant, "tool", if grant.is_some() { "hangs" } else { "stands" });
            let lineage: Lineage = from_value(json!(["jti-1", "jti-2"])).unwrap();
            let token = AccessToken { derivation: Some(derivation.clone()), lineage, ..token };
            assert_eq!(world.apply([Write::InsertAccessToken(Box::new(token.clone()))]).await, None);
            let found = world.storage.find_access_token(&world.tenant, &token.hash).await.unwrap();
            assert_eq!(found, Some((token, grant.cloned())));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_token_or_a_code_is_bound_to_comes_back_with_it() {
    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    let (key, certificate) =
        (Confirmation::Key(JKT.parse().unwrap()), Confirmation::Certificate(JKT.parse().unwrap()));
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let dpop_jkt = Some(JKT.parse().unwrap());
        let code_challenge_method = ChallengeMethod::Plain;
        let code = AuthorizationCode { dpop_jkt, code_challenge_method, ..world.code(&grant, "code") };
        let access_token = world.access_token(Some(&grant), "nexboard", "access");
        let access_token = AccessToken { confirmation: Some(certificate.clone()), ..access_token };
        let refresh_token =
            RefreshToken { confirmation: Some(key.clone()), ..world.refresh_token(&grant, "refresh") };
        let writes = [
            Write::InsertAuthorizationCode(Box::new(code.clone())),
            Write::InsertAccessToken(Box::new(access_token.clone())),
            Write::InsertRefreshToken(Box::new(refresh_token.clone())),
        ];
        assert_eq!(world.apply(writes).await, None);
        let (tenant, storage) = (&world.tenant, &world.storage);
        let found = storage.find_authorization_code(tenant, &code.hash).await.unwrap();
        assert_eq!(found, Some((code, grant.clone())));
        let found = storage.find_access_token(tenant, &access_token.hash).await.unwrap();
        assert_eq!(found, Some((access_token, Some(grant.clone()))));
        let found = storage.find_refresh_token(tenant, &refresh_token.hash).await.unwrap();
        assert_eq!(found, Some((refresh_token, grant)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn code_of_another_or_a_revoked_grant_is_not_redeemed() {
    for world in World::each().await {
        let (grant, other) = (world.with_grant("a").await, world.with_grant("b").await);
        let code = world.code(&grant, "code");
        assert_eq!(world.apply([Write::InsertAuthorizationCode(Box::new(code.clone()))]).await, None);
        let at = world.now();
        let consume = |grant| Write::ConsumeAuthorizationCode {
            code: code.hash.clone(),
            grant,
            at,
            kept_until: code.expires_at,
        };
        assert_eq!(world.apply([consume(other.id)]).await, Some(0));
        let revoke = Write::RevokeGrant { grant: grant.id, at };
        assert_eq!(world.apply([revoke, consume(grant.id)]).await, Some(1));
        assert_eq!(world.apply([consume(grant.id)]).await, None, "the revocation was undone with its change");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refresh_token_is_rotated_once_of_fifty_times_and_remembered() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let mut token = world.refresh_token(&grant, "r1");
        let insert = [Write::InsertRefreshToken(Box::new(token.clone()))];
        assert_eq!(world.apply(insert.clone()).await, None);
        assert_eq!(world.apply(insert).await, Some(0), "its hash is taken");
        let find = || world.storage.find_refresh_token(&world.tenant, &token.hash);
        assert_eq!(find().await.unwrap(), Some((token.clone(), grant.clone())));

        let rotation = Rotation {
            at: world.in_seconds(1),
            successor: world.hash("r2"),
            sealed_successor: b"sealed".to_vec(),
        };
        let rotate = || Write::RotateRefreshToken {
            token: token.hash.clone(),
            grant: grant.id,
            rotation: Box::new(rotation.clone()),
        };
        world.race(rotate()).await;
        let found = find().await.unwrap();
        let late = rotate();
        token.rotation = Some(rotation);
        assert_eq!(found, Some((token, grant.clone())), "a reuse is noticed");

        let next = Write::InsertRefreshToken(Box::new(world.refresh_token(&grant, "r2")));
        let revoke = Write::RevokeGrant { grant: grant.id, at: world.now() };
        assert_eq!(world.apply([next, revoke]).await, None);
        let rotate_next = match late {
            Write::RotateRefreshToken { grant, rotation, .. } => {
                Write::RotateRefreshToken { token: world.hash("r2"), grant, rotation }
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(world.apply([rotate_next]).await, Some(0), "its grant is revoked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn access_token_is_found_with_its_grant_until_it_is_deleted() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let of_grant = world.access_token(Some(&grant), "nexboard", "t1");
        let of_client = world.access_token(None, "nexboard", "t2");
        for (token, grant) in [(of_grant, Some(grant)), (of_client, None)] {
            let insert = [Write::InsertAccessToken(Box::new(token.clone()))];
            assert_eq!(world.apply(insert.clone()).await, None);
            assert_eq!(world.apply(insert).await, Some(0), "its hash is taken");
            let find = || world.storage.find_access_token(&world.tenant, &token.hash);
            assert_eq!(find().await.unwrap(), Some((token.clone(), grant)));
            let delete = || [Write::DeleteAccessToken { token: token.hash.clone() }];
            for _ in 0..2 {
                assert_eq!(world.apply(delete()).await, None);
                assert_eq!(find().await.unwrap(), None);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_of_a_deleted_client_stays_dead_when_another_takes_its_id() {
    for world in World::each().await {
        let insert = Write::InsertClient(Box::new(world.client("nexboard")));
        let token = world.access_token(None, "nexboard", "t");
        let write = Write::InsertAccessToken(Box::new(token.clone()));
        assert_eq!(world.apply([insert, write]).await, None);
        let find = || world.storage.find_access_token(&world.tenant, &token.hash);
        assert!(find().await.unwrap().is_some());
        let delete = Write::DeleteClient { client: client_id("nexboard"), expected: 1 };
        assert_eq!(world.apply([delete]).await, None);
        assert_eq!(find().await.unwrap(), None);
        world.clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(world.apply([Write::InsertClient(Box::new(world.client("nexboard")))]).await, None);
        assert_eq!(find().await.unwrap(), None);
    }
}

/// A client that describes itself has no row, and nothing for itself. One that is made under its id is another.
#[tokio::test(flavor = "multi_thread")]
async fn token_of_a_client_without_a_row_is_found_where_it_hangs_on_a_grant_until_its_id_is_anothers() {
    for world in World::each().await {
        let id = "https://agent.example/client.json";
        let somebody = world.with_grant("nexboard").await.subject.id;
        let grant = world.grant(somebody, id);
        let (hangs, stands) =
            (world.access_token(Some(&grant), id, "hangs"), world.access_token(None, id, "stands"));
        let writes = [
            Write::InsertGrant(Box::new(grant.clone())),
            Write::InsertAccessToken(Box::new(hangs.clone())),
            Write::InsertAccessToken(Box::new(stands.clone())),
        ];
        assert_eq!(world.apply(writes).await, None);
        let find = async |token: &AccessToken| {
            world.storage.find_access_token(&world.tenant, &token.hash).await.unwrap()
        };
        assert_eq!(find(&hangs).await, Some((hangs.clone(), Some(grant))));
        assert_eq!(find(&stands).await, None);
        world.clock.advance(std::time::Duration::from_secs(1));
        assert_eq!(world.apply([Write::InsertClient(Box::new(world.client(id)))]).await, None);
        assert_eq!((find(&hangs).await, find(&stands).await), (None, None));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn token_whose_grant_is_not_there_is_dead() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        let stranger = world.grant(grant.subject.id, "nexboard");
        let token = world.access_token(Some(&stranger), "nexboard", "t");
        assert_eq!(world.apply([Write::InsertAccessToken(Box::new(token.clone()))]).await, None);
        assert_eq!(world.storage.find_access_token(&world.tenant, &token.hash).await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn assertion_is_used_once_of_fifty_times_by_each_client() {
    for world in World::each().await {
        let used = async |client: &str| {
            world.storage.is_assertion_used(&world.tenant, &client_id(client), "jti").await.unwrap()
        };
        let use_by = |client: &str| Write::UseAssertion {
            client: client_id(client),
            jti: "jti".to_owned(),
            expires_at: world.in_seconds(60),
        };
        assert!(!used("a").await);
        world.race(use_by("a")).await;
        assert_eq!((used("a").await, used("b").await), (true, false));
        assert_eq!(world.apply([use_by("b")]).await, None, "another client's jti is its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signed_token_is_revoked_by_itself() {
    for world in World::each().await {
        let revoked =
            async |jti| world.storage.is_any_revoked(&world.tenant, &[Mark::of_signed(jti)]).await.unwrap();
        assert!(!revoked("jti").await);
        let revoke = || Write::RevokeJwt { jti: "jti".to_owned(), expires_at: world.in_seconds(60) };
        for _ in 0..2 {
            assert_eq!(world.apply([revoke()]).await, None, "twice is once");
            assert_eq!((revoked("jti").await, revoked("other").await), (true, false));
        }
    }
}

/// A token that was exchanged asks about all that it comes of at once, and each of them counts.
#[tokio::test(flavor = "multi_thread")]
async fn token_is_revoked_with_any_of_those_it_comes_of() {
    for world in World::each().await {
        let opaque = Mark::of_opaque(&world.hash("opaque"));
        let mut marks: Vec<_> = (0..MOST_ANCESTORS).map(|n| Mark::of_signed(&format!("jti-{n}"))).collect();
        marks.push(opaque.clone());
        let is_revoked =
            async |marks: &[Mark]| world.storage.is_any_revoked(&world.tenant, marks).await.unwrap();
        let revoke = async |mark: &Mark| {
            let (jti, expires_at) = (mark.as_str().to_owned(), world.in_seconds(60));
            assert_eq!(world.apply([Write::RevokeJwt { jti, expires_at }]).await, None);
        };
        assert!(!is_revoked(&[]).await);
        revoke(&Mark::of_signed("of another")).await;
        for (at, mark) in marks.iter().enumerate() {
            let (_, rest) = marks.split_at(at);
            assert!(!is_revoked(rest).await, "{at}: none of them yet");
            revoke(mark).await;
            assert!(is_revoked(rest).await && is_revoked(&marks).await, "{at}");
        }
        assert!(is_revoked(&[opaque]).await);
    }
}
