//! Clients: what is read is what was written, guards hold, and the cache never shows what is no more.

use oauth2::client::StoredSecret;
use oauth2::ports::{ClientFilter, ClientPlace, ClientRepository as _, GrantRepository as _};
use oauth2::write::Write;
use primitives::IdentityId;
use uuid::Uuid;

use crate::world::{World, client_id};

#[tokio::test(flavor = "multi_thread")]
async fn client_is_read_as_it_was_written() {
    for world in World::each().await {
        let record = world.client("nexboard");
        let insert = || [Write::InsertClient(Box::new(record.clone()))];
        assert_eq!(world.apply(insert()).await, None);
        assert_eq!(world.apply(insert()).await, Some(0), "its id is taken");
        let id = client_id("nexboard");
        let found = world.storage.find_client_record(&world.tenant, &id).await.unwrap();
        assert_eq!(found.as_ref(), Some(&record));
        for _ in 0..2 {
            let client = world.storage.find_client(&world.tenant, &id).await.unwrap().unwrap();
            assert_eq!((&client.id, &client.record), (&id, &record));
        }
        assert!(world.storage.find_client(&world.tenant, &client_id("nobody")).await.unwrap().is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn update_is_seen_at_once_and_of_two_updates_one_is_told() {
    for world in World::each().await {
        let (id, old) = (client_id("nexboard"), world.client("nexboard"));
        assert_eq!(world.apply([Write::InsertClient(Box::new(old.clone()))]).await, None);
        assert!(world.storage.find_client(&world.tenant, &id).await.unwrap().unwrap().record.enabled);

        let mut new = old.clone();
        new.document.client_name = "Renamed".to_owned();
        new.secrets.insert(0, StoredSecret::Keyed("AAAA".to_owned()));
        (new.enabled, new.version, new.not_before) = (false, 2, world.now());
        let update = || [Write::UpdateClient { client: Box::new(new.clone()), expected: 1 }];
        assert_eq!(world.apply(update()).await, None);
        let client = world.storage.find_client(&world.tenant, &id).await.unwrap().unwrap();
        assert_eq!(client.record, new);
        assert_eq!(world.apply(update()).await, Some(0), "decided on an older version");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_client_is_gone_at_once_and_its_heir_has_no_consents() {
    for world in World::each().await {
        let (id, subject) = (client_id("nexboard"), IdentityId(Uuid::from_u128(1)));
        let insert = || Write::InsertClient(Box::new(world.client("nexboard")));
        let consent = Write::RememberConsent(Box::new(world.consent(subject, "nexboard")));
        assert_eq!(world.apply([insert(), consent]).await, None);
        assert!(world.storage.find_client(&world.tenant, &id).await.unwrap().is_some());

        let delete = |expected| [Write::DeleteClient { client: id.clone(), expected }];
        assert_eq!(world.apply(delete(2)).await, Some(0), "decided on another version");
        assert_eq!(world.apply(delete(1)).await, None);
        assert!(world.storage.find_client(&world.tenant, &id).await.unwrap().is_none());
        assert_eq!(world.apply(delete(1)).await, Some(0));

        assert_eq!(world.apply([insert()]).await, None);
        let consent = world.storage.find_consent(&world.tenant, subject, &id).await.unwrap();
        assert_eq!(consent, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_are_listed_as_they_were_made_and_by_name_and_owner() {
    for world in World::each().await {
        let mut records: Vec<_> = ["c", "A", "b"].map(|id| world.client(id)).into();
        records[0].document.owner = "bob".to_owned();
        records[2].created_at = records[0].created_at.after(std::time::Duration::from_secs(1));
        let writes: Vec<_> = records.iter().map(|r| Write::InsertClient(Box::new(r.clone()))).collect();
        assert_eq!(world.apply(writes).await, None);

        let check = async |filter: ClientFilter, limit, expected: &[&str]| {
            let found = world.storage.list_clients(&world.tenant, &filter, limit).await.unwrap();
            let ids: Vec<_> = found.iter().map(|r| r.document.client_id.as_ref().unwrap().as_str()).collect();
            assert_eq!(ids, expected, "{filter:?}");
        };
        let text = |text: &str| Some(text.to_owned());
        let all = ClientFilter::default();
        check(all.clone(), 10, &["A", "c", "b"]).await;
        check(all.clone(), 2, &["A", "c"]).await;
        let place = |record| Some(ClientPlace::of(record).unwrap());
        check(ClientFilter { after: place(&records[1]), ..all.clone() }, 1, &["c"]).await;
        check(ClientFilter { after: place(&records[0]), ..all.clone() }, 2, &["b"]).await;
        check(ClientFilter { after: place(&records[2]), ..all.clone() }, 2, &[]).await;
        check(ClientFilter { client_name: text("Name of b"), ..all.clone() }, 10, &["b"]).await;
        check(ClientFilter { owner: text("ada"), ..all.clone() }, 10, &["A", "b"]).await;
        check(ClientFilter { client_name: text("Name of c"), owner: text("ada"), ..all }, 10, &[]).await;
    }
}
