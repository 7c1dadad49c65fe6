//! That what is sent to somebody lets one in of many who submit it at a time, on both databases.

use identity::flow::{Caller, Challenge, FlowKind, NewFlow, OwnFlow, Transport};
use identity::settings::ProofMeans;
use identity::{Flow, Step, Submission, Write, next_step};
use primitives::{Change, ClientAddress, Clock as _};
use serde_json::json;

use super::World;

const MANY: usize = 50;

fn caller<'a>() -> Caller<'a> {
    Caller { address: ClientAddress("203.0.113.9".parse().unwrap()), user_agent: Some("test"), session: None }
}

fn submission(body: &serde_json::Value, token: Option<&str>) -> Submission {
    let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
    Submission { token: token.map(str::to_owned), ..submission }
}

/// A form that has sent something, as it is stored; with the code and the link of its message.
async fn asked(world: &World, kind: FlowKind, body: serde_json::Value) -> (OwnFlow, String, String) {
    let new = NewFlow {
        kind,
        transport: Transport::Browser,
        request: String::new(),
        return_to: None,
        schema: "default".to_owned(),
    };
    let flow = Flow::begin(new, &*world.rng, world.clock.now(), &world.settings);
    let step = next_step(world.room(), caller(), flow, submission(&body, None)).await.unwrap();
    let Step::Challenged { flow, writes } = step else { panic!("nothing was sent: {step:?}") };
    let message = writes.iter().find_map(|write| match write {
        Write::QueueMessage(message) => Some(message.mail.clone()),
        _ => None,
    });
    let own = OwnFlow::begun(*flow, None);
    let insert = own.insert(&*world.rng, &world.settings.flow, world.clock.now());
    let change = writes.into_iter().fold(Change::new(world.tenant.clone()), Change::write).write(insert);
    world.storage.apply(change).await.unwrap();
    let message = message.unwrap();
    (own, message.text, message.html)
}

async fn applied(world: &World, changes: Vec<Change<Write>>) -> usize {
    let applied = changes.into_iter().map(|change| {
        let storage = world.storage.clone();
        tokio::spawn(async move { storage.apply(change).await.is_ok() })
    });
    let mut count = 0;
    for one in applied.collect::<Vec<_>>() {
        count += usize::from(one.await.unwrap());
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_use_a_link_one_is_let_in() {
    for mut world in World::both().await {
        world.settings.limits.code.burst = 1000;
        world.settings.recovery.means = ProofMeans::Link;
        world.register("ada@example.com").await.unwrap();
        let kind = FlowKind::Recovery { challenge: Challenge::ChooseMethod };
        let body = json!({"method": "link", "email": "ada@example.com"});
        let (own, _, link) = asked(&world, kind, body).await;
        let token = link.rsplit_once("token=").unwrap().1;
        let mut changes = Vec::new();
        for _ in 0..MANY {
            let submission = submission(&json!({"method": "link"}), Some(token));
            let step = next_step(world.room(), caller(), own.flow.clone(), submission).await.unwrap();
            let Step::Recovered(recovered) = step else { panic!("not back in: {step:?}") };
            changes.push(recovered.change.seal(world.storage.sealer()).write(own.update(recovered.flow)));
        }
        assert_eq!(applied(&world, changes).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_submit_a_code_to_sign_in_one_is_let_in() {
    for mut world in World::both().await {
        world.settings.limits.code.burst = 1000;
        world.settings.code.passwordless_enabled = true;
        world.register("ada@example.com").await.unwrap();
        let kind = FlowKind::Login {
            refresh: None,
            select_account: false,
            login_challenge: None,
            identifier: String::new(),
        };
        let body = json!({"method": "code", "identifier": "ada@example.com"});
        let (own, code, _) = asked(&world, kind, body).await;
        let mut changes = Vec::new();
        for _ in 0..MANY {
            let submission = submission(&json!({"method": "code", "code": code}), None);
            let step = next_step(world.room(), caller(), own.flow.clone(), submission).await.unwrap();
            let Step::Once(step) = step else { panic!("not once: {step:?}") };
            let Step::SignedIn(signed_in) = *step else { panic!("not signed in: {step:?}") };
            let change = signed_in.change.seal(world.storage.sealer());
            changes.push(change.write(own.update(own.flow.clone())).write(own.remove()));
        }
        assert_eq!(applied(&world, changes).await, 1);
    }
}
