//! What plugins see of an identity.

use identity::profile::{ProfileKey, Profiles as _};
use identity::{Identifier, Write};
use primitives::{IdentityId, Rng as _};
use serde_json::json;

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn profile_is_the_identity_without_what_proves_it() {
    for world in World::each().await {
        let mut person = world.person();
        person.external_id = Some("crm-1".to_owned());
        person.metadata_public = Some(json!({ "plan": "team" }));
        person.metadata_admin = Some(json!({ "note": "of the operator" }));
        let identifier = Identifier::parse("ada@example.com").unwrap();
        let writes = [
            Write::InsertIdentity(Box::new(person.clone())),
            Write::ClaimIdentifier { identity: person.id, identifier: identifier.clone() },
        ];
        assert_eq!(world.apply(writes).await, None);
        for key in [ProfileKey::Id(person.id), ProfileKey::Identifier(&identifier)] {
            let found = world.storage.find_profile(&world.tenant, key).await.unwrap().unwrap();
            assert_eq!((found.id, found.state, &found.traits), (person.id, person.state, &person.traits));
            assert_eq!((&found.schema_id, &found.external_id), (&person.schema_id, &person.external_id));
            assert_eq!(
                (found.organisation, found.metadata_public),
                (person.organisation, person.metadata_public.clone())
            );
        }
        let nobody = ProfileKey::Id(IdentityId(world.rng.uuid()));
        assert_eq!(world.storage.find_profile(&world.tenant, nobody).await.unwrap(), None);
    }
}
