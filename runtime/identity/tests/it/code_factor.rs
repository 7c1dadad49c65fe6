//! A code that is sent to an address as a second factor.

use portcullis_identity::courier::NewMessage;
use portcullis_identity::flow::{
    Caller, FlowError, StartError, StartRequest, Transport, next_step, start_login,
};
use portcullis_identity::session::{AuthenticationMethod, LiveSession, Method};
use portcullis_identity::settings::RequiredAssurance;
use portcullis_identity::{Flow, Settings, Step, Submission, Write};
use primitives::ClientAddress;
use primitives::subject::AssuranceLevel;
use serde_json::{Value, json};

use crate::world::{World, message};

fn world() -> World {
    let mut settings = Settings::default();
    settings.code.mfa_enabled = true;
    settings.code.passwordless_enabled = true;
    World::with(settings)
}

fn caller(session: Option<&LiveSession>) -> Caller<'_> {
    let address = ClientAddress("203.0.113.9".parse().unwrap());
    Caller { address, user_agent: Some("test"), session }
}

impl World {
    async fn step_up(&self, live: &LiveSession, via: Option<&str>) -> Result<Flow, StartError> {
        let request = StartRequest {
            aal: Some("aal2"),
            via,
            ..StartRequest::new(Transport::Browser, &self.base, "/self-service/login/browser?aal=aal2")
        };
        Ok(start_login(self.room(), caller(Some(live)), request).await?.0.flow)
    }

    async fn second(&self, live: &LiveSession, flow: &Flow, body: Value) -> Result<Step, FlowError> {
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller(Some(live)), flow.clone(), submission)).await
    }

    async fn second_code(&self, live: &LiveSession, body: Value) -> (Flow, NewMessage) {
        let flow = self.step_up(live, None).await.unwrap();
        let step = self.second(live, &flow, body).await.unwrap();
        let Step::Challenged { flow, writes } = step else { panic!("no code was sent: {step:?}") };
        let [Write::QueueMessage(letter)] = writes.as_slice() else { panic!("{writes:?}") };
        (*flow, (**letter).clone())
    }
}

/// The session as it would be if its proofs had been these.
fn proven_by(live: &LiveSession, methods: &[(Method, AssuranceLevel)], world: &World) -> LiveSession {
    let mut session = live.session().clone();
    let proof =
        |(method, aal): &(Method, AssuranceLevel)| AuthenticationMethod::new(*method, *aal, world.now);
    session.methods = methods.iter().map(proof).collect();
    session.assurance = methods.iter().map(|(_, aal)| *aal).max().unwrap();
    LiveSession::check(session, live.identity().clone(), world.now).unwrap()
}

#[tokio::test]
async fn the_code_of_the_mail_proves_the_second_factor_once() {
    let world = world();
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    let flow = world.step_up(&live, None).await.unwrap();
    let shown = world.shown_form(&flow);
    assert!(shown.contains("a****@example.com") && !shown.contains("ada@example.com"), "{shown}");
    let (flow, letter) =
        world.second_code(&live, json!({"method": "code", "address": "a****@example.com"})).await;
    assert_eq!(letter.recipient, "ada@example.com");
    assert!(!letter.mail.html.contains("token="), "no link does without it");
    assert!(!world.shown_form(&flow).contains("ada@example.com"));
    let wrong = world.second(&live, &flow, json!({"method": "code", "code": "x"})).await.unwrap();
    assert!(matches!(&wrong, Step::WrongCode(flow) if flow.messages[0].id == 4_010_008), "{wrong:?}");
    let right =
        world.second(&live, &flow, json!({"method": "code", "code": letter.mail.text})).await.unwrap();
    let Step::Once(step) = right else { panic!("not once: {right:?}") };
    let Step::Refreshed { session, .. } = *step else { panic!("{step:?}") };
    assert_eq!(session.assurance, AssuranceLevel::Aal2);
}

#[tokio::test]
async fn a_session_counts_for_what_it_could_prove() {
    use AssuranceLevel::{Aal1, Aal2};
    use Method::{Code, CodeRecovery, LinkRecovery, Password};
    let mut world = world();
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    for (methods, enabled, satisfied, offered) in [
        (&[(Password, Aal1)][..], true, false, true),
        (&[(Password, Aal1)], false, true, false),
        (&[(Password, Aal1), (Code, Aal2)], true, true, true),
        // Attack: whoever reads the mail proves both factors by it.
        (&[(Code, Aal1)], true, true, false),
        (&[(CodeRecovery, Aal1)], true, true, false),
        (&[(LinkRecovery, Aal1)], true, true, false),
    ] {
        world.settings.code.mfa_enabled = enabled;
        let live = proven_by(&live, methods, &world);
        let counts = world.room().satisfies(&live, RequiredAssurance::HighestAvailable);
        assert_eq!(counts, satisfied, "{methods:?} {enabled}");
        assert!(world.room().satisfies(&live, RequiredAssurance::Aal1));
        let begun = world.step_up(&live, None).await;
        let is_offered = match &begun {
            Ok(_) | Err(StartError::SessionAlreadyAvailable) => true,
            Err(StartError::SecondFactorUnavailable) => false,
            Err(error) => panic!("{error}"),
        };
        assert_eq!(is_offered, offered, "{methods:?} {enabled}");
    }
}

#[tokio::test]
async fn codes_go_to_addresses_of_the_account_only() {
    let world = world();
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    assert!(world.step_up(&live, Some("ADA@example.com")).await.is_ok());
    let unknown = world.step_up(&live, Some("eve@example.com")).await;
    assert_eq!(unknown.unwrap_err(), StartError::UnknownAddress);
    let flow = world.step_up(&live, None).await.unwrap();
    let step =
        world.second(&live, &flow, json!({"method": "code", "address": "eve@example.com"})).await.unwrap();
    assert_eq!(message(&step), 4_010_010);
    let (_, letter) = world.second_code(&live, json!({"method": "code"})).await;
    assert_eq!(letter.recipient, "ada@example.com", "there is one only");
}

#[tokio::test]
async fn a_code_of_somebody_else_proves_nothing() {
    let world = world();
    world.person("ada@example.com").await;
    world.person("eve@example.com").await;
    let (ada, eve) = (world.sign_in("ada@example.com").await, world.sign_in("eve@example.com").await);
    let (flow, letter) = world.second_code(&eve, json!({"method": "code"})).await;
    let body = json!({"method": "code", "code": letter.mail.text});
    assert_eq!(world.second(&ada, &flow, body).await.unwrap_err(), FlowError::IdentityMismatch);
}

#[tokio::test]
async fn documents_are_those_of_the_api() {
    let Some(description) = crate::openapi::Description::load() else { return };
    let world = world();
    world.person("ada@example.com").await;
    let live = world.sign_in("ada@example.com").await;
    let check = |flow: &Flow| {
        description.check("loginFlow", &serde_json::from_str(&world.shown_form(flow)).unwrap());
    };
    check(&world.step_up(&live, None).await.unwrap());
    check(&world.second_code(&live, json!({"method": "code"})).await.0);
}
