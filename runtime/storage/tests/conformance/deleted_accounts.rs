//! What somebody granted, and by which names they are known, leaves with their account; what is another's stays.

use identity::Write as IdentityWrite;
use oauth2::authorization::external::LoginSessionRepository as _;
use oauth2::ports::GrantRepository as _;
use oauth2::write::Write;

use crate::world::{World, client_id};

#[tokio::test(flavor = "multi_thread")]
async fn consents_names_and_sign_ins_leave_with_the_account() {
    for world in World::each().await {
        let ada = world.person();
        let bob = world.with_grant("nexboard").await.subject.id;
        assert_eq!(world.apply([IdentityWrite::InsertIdentity(Box::new(ada.clone()))]).await, None);
        for (name, subject) in [("ada", ada.id), ("bob", bob)] {
            let writes = [
                Write::RememberConsent(Box::new(world.consent(subject, "nexboard"))),
                Write::NameSubject(Box::new(world.forced("nexboard", name, subject))),
                Write::InsertLoginSession(Box::new(world.login_session(subject, name))),
            ];
            assert_eq!(world.apply(writes).await, None);
        }
        assert_eq!(world.apply([IdentityWrite::DeleteIdentity(ada.id)]).await, None);

        let (storage, tenant, client) = (&world.storage, &world.tenant, client_id("nexboard"));
        for (name, subject, is_left) in [("ada", ada.id, false), ("bob", bob, true)] {
            let consent = storage.find_consent(tenant, subject, &client).await.unwrap();
            let named = storage.find_forced_subject(tenant, &client, name).await.unwrap();
            let session = storage.find_login_session_by_token(tenant, &world.hash(name)).await.unwrap();
            let found = (consent.is_some(), named.is_some(), session.is_some());
            assert_eq!(found, (is_left, is_left, is_left), "{name} on {}", storage.kind());
        }
    }
}
