//! Authorization details and claims by name: there where they were asked for, and nothing where they were not.

use oauth2::claims_request::RequestedClaims;
use oauth2::details::AuthorizationDetails;
use oauth2::device::DeviceCodeRepository as _;
use oauth2::ports::{GrantRepository as _, TokenRepository as _};
use oauth2::write::Write;

use crate::world::{World, details};

#[tokio::test(flavor = "multi_thread")]
async fn token_for_less_than_its_grant_is_read_as_it_was_written() {
    for world in World::each().await {
        let grant = world.with_grant("nexboard").await;
        for (name, of_token) in [("less", details("read")), ("nothing", AuthorizationDetails::default())] {
            let mut token = world.access_token(Some(&grant), "nexboard", name);
            token.details = of_token;
            assert_eq!(world.apply([Write::InsertAccessToken(Box::new(token.clone()))]).await, None);
            let found = world.storage.find_access_token(&world.tenant, &token.hash).await.unwrap();
            assert_eq!(found, Some((token, Some(grant.clone()))), "{name}");
        }
        assert_eq!(grant.details, details("write"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_without_them_are_read_without_them() {
    for world in World::each().await {
        let mut grant = world.grant(primitives::IdentityId(uuid::Uuid::from_u128(7)), "nexboard");
        grant.details = AuthorizationDetails::default();
        grant.requested = RequestedClaims::default();
        let mut consent = world.consent(grant.subject.id, "nexboard");
        consent.details = AuthorizationDetails::default();
        let mut code = world.device_code("nexboard", "d");
        code.details = AuthorizationDetails::default();
        let writes = [
            Write::InsertGrant(Box::new(grant.clone())),
            Write::RememberConsent(Box::new(world.consent(grant.subject.id, "nexboard"))),
            Write::RememberConsent(Box::new(consent.clone())),
            Write::InsertDeviceCode(Box::new(code.clone())),
        ];
        assert_eq!(world.apply(writes).await, None);
        let (tenant, storage) = (&world.tenant, &world.storage);
        assert_eq!(storage.find_grant(tenant, grant.id).await.unwrap(), Some(grant.clone()));
        let found = storage.find_consent(tenant, grant.subject.id, &grant.client).await.unwrap();
        assert_eq!(found, Some(consent), "what was remembered before is over");
        assert_eq!(storage.find_device_code(tenant, &code.hash).await.unwrap(), Some(code));
    }
}
