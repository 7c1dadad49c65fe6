//! Who is found by an address, and that a code is used once, on both databases.

use identity::flow::{Caller, Challenge, FlowKind, NewFlow, OwnFlow, Transport};
use identity::identity::AddressKind;
use identity::ports::{AddressUse, Flows as _, Identities as _, Sessions as _};
use identity::{Flow, Step, Submission, Write, next_step};
use primitives::{Change, ClientAddress, Clock as _, TenantId};

use super::World;

fn caller<'a>() -> Caller<'a> {
    Caller { address: ClientAddress("203.0.113.9".parse().unwrap()), user_agent: Some("test"), session: None }
}

#[tokio::test]
async fn addresses_follow_their_identity() {
    for world in World::both().await {
        world.register("Ada@example.com").await.unwrap();
        let find = async |tenant: &TenantId, address: &str| {
            let mut found = Vec::new();
            for purpose in [AddressUse::Verification, AddressUse::Recovery] {
                let one = world.storage.find_by_address(tenant, purpose, AddressKind::Email, address).await;
                found.extend(one.unwrap());
            }
            found
        };
        let found = find(&world.tenant, "ada@example.com").await;
        assert_eq!(found.len(), 2);
        assert!(find(&"other".parse().unwrap(), "ada@example.com").await.is_empty(), "another tenant's");
        let mut moved = found[0].clone();
        moved.verifiable_addresses[0].value = "new@example.com".to_owned();
        moved.recovery_addresses.clear();
        let apply =
            async |write| world.storage.apply(Change::new(world.tenant.clone()).write(write)).await.unwrap();
        apply(Write::ReplaceIdentity(Box::new(moved.clone()))).await;
        assert!(find(&world.tenant, "ada@example.com").await.is_empty());
        assert_eq!(find(&world.tenant, "new@example.com").await.len(), 1);
        apply(Write::DeleteIdentity(moved.id)).await;
        assert!(find(&world.tenant, "new@example.com").await.is_empty());
    }
}

#[tokio::test]
async fn number_is_found_as_a_number_alone_and_only_in_its_tenant() {
    for world in World::both().await {
        world.register("ada@example.com").await.unwrap();
        let number = "+49301234567";
        let find = async |tenant: &TenantId, via: AddressKind| {
            let mut found = Vec::new();
            for purpose in [AddressUse::Verification, AddressUse::Recovery] {
                found.extend(world.storage.find_by_address(tenant, purpose, via, number).await.unwrap());
            }
            found.len()
        };
        let of_mail = (AddressUse::Recovery, AddressKind::Email, "ada@example.com");
        let ada = world.storage.find_by_address(&world.tenant, of_mail.0, of_mail.1, of_mail.2).await;
        let mut ada = ada.unwrap().unwrap();
        ada.verifiable_addresses[0].via = AddressKind::Sms;
        number.clone_into(&mut ada.verifiable_addresses[0].value);
        ada.recovery_addresses[0].via = AddressKind::Sms;
        number.clone_into(&mut ada.recovery_addresses[0].value);
        let write = Write::ReplaceIdentity(Box::new(ada.clone()));
        world.storage.apply(Change::new(world.tenant.clone()).write(write)).await.unwrap();
        assert_eq!(find(&world.tenant, AddressKind::Sms).await, 2);
        assert_eq!(find(&world.tenant, AddressKind::Email).await, 0, "no address is a number");
        assert_eq!(find(&"other".parse().unwrap(), AddressKind::Sms).await, 0, "another tenant's");
        let write = Write::DeleteIdentity(ada.id);
        world.storage.apply(Change::new(world.tenant.clone()).write(write)).await.unwrap();
        assert_eq!(find(&world.tenant, AddressKind::Sms).await, 0);
    }
}

#[tokio::test]
async fn of_several_with_an_address_whoever_signs_in_with_it_is_found() {
    for world in World::both().await {
        world.register("eve@example.com").await.unwrap();
        let find = |address: &'static str| {
            world.storage.find_by_address(&world.tenant, AddressUse::Recovery, AddressKind::Email, address)
        };
        let mut eve = find("eve@example.com").await.unwrap().unwrap();
        // Attack: she claims the address of somebody who comes later.
        eve.recovery_addresses[0].value = "ada@example.com".to_owned();
        let write = Write::ReplaceIdentity(Box::new(eve.clone()));
        world.storage.apply(Change::new(world.tenant.clone()).write(write)).await.unwrap();
        assert_eq!(find("ada@example.com").await.unwrap().unwrap().id, eve.id);
        world.register("ada@example.com").await.unwrap();
        assert_ne!(find("ada@example.com").await.unwrap().unwrap().id, eve.id);
    }
}

/// A form to get back in that has sent its code, as it is stored, and the code.
async fn asked(world: &World) -> (OwnFlow, String) {
    let new = NewFlow {
        kind: FlowKind::Recovery { challenge: Challenge::ChooseMethod },
        transport: Transport::Api,
        request: String::new(),
        return_to: None,
        schema: "default".to_owned(),
    };
    let flow = Flow::begin(new, &*world.rng, world.clock.now(), &world.settings);
    let body = br#"{"method":"code","email":"ada@example.com"}"#;
    let step = next_step(world.room(), caller(), flow, Submission::from_json(body).unwrap()).await.unwrap();
    let Step::Challenged { flow, writes } = step else { panic!("no code was sent: {step:?}") };
    let code = writes.iter().find_map(|write| match write {
        Write::QueueMessage(message) => Some(message.mail.text.clone()),
        _ => None,
    });
    let own = OwnFlow::begun(*flow, None);
    let insert = own.insert(&*world.rng, &world.settings.flow, world.clock.now());
    let change = writes.into_iter().fold(Change::new(world.tenant.clone()), Change::write).write(insert);
    world.storage.apply(change).await.unwrap();
    (own, code.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_submit_a_code_one_is_let_in() {
    for mut world in World::both().await {
        world.settings.limits.code.burst = 1000;
        world.register("ada@example.com").await.unwrap();
        let (own, code) = asked(&world).await;
        let body = format!(r#"{{"method":"code","code":"{code}"}}"#);
        let mut changes = Vec::new();
        for _ in 0..50 {
            let submission = Submission::from_json(body.as_bytes()).unwrap();
            let step = next_step(world.room(), caller(), own.flow.clone(), submission).await.unwrap();
            let Step::Recovered(recovered) = step else { panic!("not back in: {step:?}") };
            changes.push(recovered.change.seal(world.storage.sealer()).write(own.update(recovered.flow)));
        }
        let applied = changes.into_iter().map(|change| {
            let storage = world.storage.clone();
            tokio::spawn(async move { storage.apply(change).await.is_ok() })
        });
        let mut let_in = 0;
        for one in applied.collect::<Vec<_>>() {
            let_in += usize::from(one.await.unwrap());
        }
        assert_eq!(let_in, 1);
        let ada = world
            .storage
            .find_by_address(&world.tenant, AddressUse::Recovery, AddressKind::Email, "ada@example.com")
            .await
            .unwrap()
            .unwrap();
        let live = world.storage.list_live(&world.tenant, ada.id, world.clock.now(), 100).await.unwrap();
        assert_eq!(live.len(), 1, "of getting back in: nobody had proven the address when the other began");
        let stored = world.storage.find_flow(&world.tenant, own.flow.id).await.unwrap().unwrap();
        assert_eq!(stored.flow().kind, FlowKind::Recovery { challenge: Challenge::PassedChallenge });
    }
}
