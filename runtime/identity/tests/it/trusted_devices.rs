//! Browsers in which no second factor is asked for: who may make one, and what outweighs it.

use portcullis_identity::factor::SecondFactor;
use portcullis_identity::factor::lookup_secret::LookupSecrets;
use portcullis_identity::flow::{
    Caller, SignedIn, StartRequest, Step, Submission, Transport, next_step, start_login,
};
use portcullis_identity::session::{LiveSession, Session};
use portcullis_identity::settings::RequiredAssurance;
use portcullis_identity::trusted_device::{TrustedDeviceToken, recognised};
use portcullis_identity::{Settings, Write};
use primitives::{ActingParty, Change, ClientAddress};
use serde_json::{Value, json};

use crate::world::World;

const ADA: &str = "ada@example.com";

/// Somebody with backup codes, who has given the password.
async fn half() -> (World, LiveSession, Vec<String>) {
    let mut settings = Settings::default();
    settings.trusted_device.lifespan_days = 30;
    settings.session.whoami.required_aal = RequiredAssurance::HighestAvailable;
    let world = World::with(settings);
    let ada = world.person(ADA).await;
    let codes = LookupSecrets::generate(&world.rng);
    let texts = codes.list().iter().map(|code| code.expose().to_owned()).collect();
    let factor = SecondFactor::LookupSecret(codes);
    let write = Write::SetFactor { identity: ada.id, factor, replaces: None, at: world.now };
    world.people.apply(&Change::new(world.tenant.clone()).write(write));
    let live = world.sign_in(ADA).await;
    (world, live, texts)
}

/// Proves the second factor with a code, on a form of this kind of client.
async fn proven(world: &World, live: &LiveSession, transport: Transport, body: &Value) -> Step {
    let address = ClientAddress("203.0.113.9".parse().unwrap());
    let caller = Caller { address, user_agent: Some("test"), session: Some(live) };
    let usual = StartRequest::new(transport, &world.base, "/self-service/login/browser");
    let request = StartRequest { aal: Some("aal2"), ..usual };
    let flow = start_login(world.room(), caller, request).await.unwrap().0.flow;
    let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
    Box::pin(next_step(world.room(), caller, flow, submission)).await.unwrap()
}

fn trusting(code: &str) -> Value {
    json!({"method": "lookup_secret", "lookup_secret": code, "trust_device": true})
}

/// Attack: an operator who acts for somebody, or an application that keeps no cookies of ours, has one factor suffice from then on.
#[tokio::test]
async fn its_owner_alone_trusts_a_device_and_in_a_browser() {
    let (mut world, live, codes) = half().await;
    let acting = Session { actor: Some(ActingParty { sub: "key:1".to_owned() }), ..live.session().clone() };
    let acting = LiveSession::check(acting, live.identity().clone(), world.now).unwrap();
    let unasked = json!({"method": "lookup_secret", "lookup_secret": codes[0]});
    for (what, live, transport, body, trusts) in [
        ("as asked", &live, Transport::Browser, trusting(&codes[0]), true),
        ("unasked", &live, Transport::Browser, unasked, false),
        ("an application", &live, Transport::Api, trusting(&codes[0]), false),
        ("somebody who acts for them", &acting, Transport::Browser, trusting(&codes[0]), false),
    ] {
        let step = proven(&world, live, transport, &body).await;
        let is_trusted = matches!(step, Step::Trusted { .. });
        assert!(
            is_trusted == trusts && (trusts || matches!(step, Step::Refreshed { .. })),
            "{what}: {step:?}"
        );
    }
    world.settings.trusted_device.lifespan_days = 0;
    let step = proven(&world, &live, Transport::Browser, &trusting(&codes[0])).await;
    assert!(matches!(step, Step::Refreshed { .. }), "the tenant has it not: {step:?}");
}

async fn signed_in(world: &World) -> SignedIn {
    let Step::SignedIn(signed_in) = world.login(ADA, "correct horse").await.unwrap() else {
        panic!("not in")
    };
    *signed_in
}

/// The session of a sign-in in the browser of a token.
async fn on_device(world: &World, token: &TrustedDeviceToken, signed_in: SignedIn) -> LiveSession {
    let SignedIn { session, identity, .. } = recognised(world.room(), token, signed_in).await.unwrap();
    LiveSession::check(session, identity, world.now).unwrap()
}

async fn counts(world: &World, token: &TrustedDeviceToken, signed_in: SignedIn) -> bool {
    world.room().counts(&on_device(world, token, signed_in).await)
}

#[tokio::test]
async fn what_the_tenant_or_its_plugin_asks_for_outweighs_a_trusted_device() {
    let (mut world, live, codes) = half().await;
    let step = proven(&world, &live, Transport::Browser, &trusting(&codes[0])).await;
    let Step::Trusted { step, token } = step else { panic!("not trusted: {step:?}") };
    let Step::Refreshed { change, .. } = *step else { panic!("not proven: {step:?}") };
    world.people.apply(&change);
    assert!(counts(&world, &token, signed_in(&world).await).await);
    let demanded = SignedIn { demands_second_factor: true, ..signed_in(&world).await };
    assert!(!counts(&world, &token, demanded).await, "a plugin asks for the second factor");

    // A session that began on one counts no more once the tenant has it not.
    let live = on_device(&world, &token, signed_in(&world).await).await;
    assert!(world.room().counts(&live));
    world.settings.trusted_device.lifespan_days = 0;
    assert!(!world.room().counts(&live));
    // Nor does one that begins then say that it is on one, should the tenant have it again.
    let later = on_device(&world, &token, signed_in(&world).await).await;
    assert_eq!(later.session().trusted_device, None);
}
