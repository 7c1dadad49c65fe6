//! What somebody has granted, by client: no client is lost among the grants of another.

use oauth2::claims_request::RequestedClaims;
use oauth2::details::AuthorizationDetails;
use oauth2::grant::{Consent, Grant};
use oauth2::ports::{Allowed, GrantRepository as _};
use oauth2::write::Write;
use primitives::IdentityId;
use uuid::Uuid;

use crate::world::{World, client_id, scopes};

const ADA: IdentityId = IdentityId(Uuid::from_u128(0xada));
const BOB: IdentityId = IdentityId(Uuid::from_u128(0xb0b));

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
        let list =
            async |limit: u32| world.storage.list_allowed(&world.tenant, ADA, &client, limit).await.unwrap();
        let all = [plain(7), often(4), early].map(|grant| Allowed::of(&grant));
        assert_eq!(list(10).await, all);
        assert_eq!(list(2).await, all[..2]);
    }
}
