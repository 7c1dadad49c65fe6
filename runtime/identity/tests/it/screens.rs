//! Forms that ask in two steps.

use portcullis_identity::flow::{Caller, FlowError, FlowKind, Screen, Transport, flow_document, next_step};
use portcullis_identity::settings::{LoginStyle, RegistrationStyle};
use portcullis_identity::{Flow, Settings, Step, Submission};
use primitives::ClientAddress;
use serde_json::{Value, json};

use crate::world::{World, login, message};

const SIGN_UP: fn() -> FlowKind = || FlowKind::Registration { login_challenge: None };

fn world() -> World {
    let mut settings = Settings::default();
    settings.login.style = LoginStyle::IdentifierFirst;
    settings.registration.style = RegistrationStyle::ProfileFirst;
    settings.code.passwordless_enabled = true;
    World::with(settings)
}

impl World {
    async fn step(&self, flow: &Flow, body: Value) -> Result<Step, FlowError> {
        let address = ClientAddress("203.0.113.9".parse().unwrap());
        let caller = Caller { address, user_agent: Some("test"), session: None };
        let submission = Submission::from_json(body.to_string().as_bytes()).unwrap();
        Box::pin(next_step(self.room(), caller, flow.clone(), submission)).await
    }

    async fn form(&self, flow: &Flow, body: Value) -> Flow {
        match self.step(flow, body).await.unwrap() {
            Step::Form(flow) => *flow,
            step => panic!("not a form: {step:?}"),
        }
    }

    fn nodes(&self, flow: &Flow) -> Vec<String> {
        let document = flow_document(flow, self.view());
        if let Some(description) = crate::openapi::Description::load() {
            description.check(&format!("{}Flow", flow.kind.as_str()), &document);
        }
        let nodes = document["ui"]["nodes"].as_array().unwrap().clone();
        let text = |node: &Value, name: &str| node[name].as_str().unwrap_or_default().to_owned();
        let shown = |node: &Value| {
            let attributes = &node["attributes"];
            format!("{} {} {}", text(node, "group"), text(attributes, "type"), text(attributes, "name"))
        };
        nodes.iter().skip(1).map(shown).collect()
    }
}

#[tokio::test]
async fn who_it_is_comes_first_and_looks_nobody_up() {
    let world = world();
    world.person("ada@example.com").await;
    let flow = world.flow(login(None), Transport::Browser);
    assert_eq!(world.nodes(&flow), ["default text identifier", "identifier_first submit method"]);
    let empty = world.form(&flow, json!({"method": "identifier_first", "identifier": " "})).await;
    assert_eq!((empty.screen, empty.field_messages[0].1.id), (Screen::Identifier, 4_000_002));
    for who in ["ada@example.com", "bob@example.com"] {
        let flow = world.form(&flow, json!({"method": "identifier_first", "identifier": who})).await;
        assert_eq!(
            world.nodes(&flow),
            [
                "default hidden identifier",
                "password password password",
                "password submit method",
                "code submit method"
            ],
            "the same for everybody"
        );
    }
    let flow =
        world.form(&flow, json!({"method": "identifier_first", "identifier": "ada@example.com"})).await;
    let body = json!({"method": "password", "identifier": "ada@example.com", "password": "correct horse"});
    assert!(matches!(world.step(&flow, body).await.unwrap(), Step::SignedIn(_)));
}

#[tokio::test]
async fn the_profile_comes_first_and_stays_while_a_credential_is_chosen() {
    let world = world();
    let flow = world.flow(SIGN_UP(), Transport::Browser);
    let asks = [
        "profile email traits.email",
        "profile text traits.name.first",
        "profile text traits.name.last",
        "profile submit method",
    ];
    assert_eq!(world.nodes(&flow), asks);
    let wrong = world.form(&flow, json!({"method": "profile", "traits": {"email": "ada"}})).await;
    assert_eq!(wrong.screen, Screen::Profile);
    let traits = json!({"email": "ada@example.com", "name": {"first": "Ada"}});
    let chooses = world.form(&flow, json!({"method": "profile", "traits": traits})).await;
    assert_eq!(chooses.messages[0].id, 1_040_009);
    assert_eq!(
        world.nodes(&chooses),
        [
            "default hidden traits.email",
            "default hidden traits.name.first",
            "password password password",
            "password submit method",
            "code submit method",
            "profile submit screen",
        ]
    );
    let back = world.form(&chooses, json!({"method": "profile", "screen": "previous"})).await;
    assert_eq!(
        (world.nodes(&back), back.values["email"].as_str()),
        (asks.map(str::to_owned).to_vec(), Some("ada@example.com"))
    );

    let Step::Challenged { flow: sent, .. } = world.step(&chooses, json!({"method": "code"})).await.unwrap()
    else {
        panic!("no code was sent")
    };
    let again = world.form(&sent, json!({"method": "profile", "screen": "credential-selection"})).await;
    assert_eq!(world.nodes(&again), world.nodes(&chooses));
    // The profile need not come once more; and it may.
    for body in [
        json!({"method": "password", "password": "battery staple"}),
        json!({"method": "password", "password": "battery staple", "traits": traits}),
    ] {
        let Step::Registered { identity, .. } = world.step(&chooses, body).await.unwrap() else {
            panic!("not registered")
        };
        assert_eq!(Value::Object(identity.traits), traits);
    }
    let body = json!({"method": "password", "password": "battery staple", "traits": {"email": "ada"}});
    assert_eq!(world.form(&chooses, body).await.screen, Screen::Profile, "what is wrong can be seen");
}

#[tokio::test]
async fn forms_on_one_page_know_no_steps() {
    let world = World::new();
    for (kind, method, id) in
        [(login(None), "identifier_first", 4_010_002), (SIGN_UP(), "profile", 4_010_003)]
    {
        let flow = world.flow(kind, Transport::Browser);
        let body = json!({"method": method, "identifier": "ada", "traits": {"email": "ada@example.com"}});
        assert_eq!(message(&world.step(&flow, body).await.unwrap()), id);
    }
}

#[tokio::test]
async fn somebody_signed_in_is_asked_for_the_proof_at_once() {
    let world = world();
    let ada = world.person("ada@example.com").await;
    let mut kind = login(Some(ada.id));
    if let FlowKind::Login { identifier, .. } = &mut kind {
        *identifier = "ada@example.com".to_owned();
    }
    let flow = world.flow(kind, Transport::Browser);
    assert_eq!(world.nodes(&flow)[1], "password password password");
}
