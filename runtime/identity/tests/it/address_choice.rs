//! Getting back in by another address of the account than the one that is known: what is shown of it, and what it takes.

use portcullis_identity::courier::NewMessage;
use portcullis_identity::flow::{Challenge, FlowError, FlowKind, Transport};
use portcullis_identity::identity::AddressKind;
use portcullis_identity::settings::{
    AccountEnumeration, ProofMeans, RecoverySettings, SchemaSettings, SmsSettings,
};
use portcullis_identity::{Flow, Identity, Settings, Step, Write};
use serde_json::{Value, json};

use crate::recovery::code;
use crate::world::{World, message};

const MAIL: &str = "ada@example.com";
const PHONE: &str = "+49301234567";
const SELECT: &str = "recovery_select_address";

fn settings() -> Settings {
    let reached = |via: &str, format: &str| {
        json!({"type": "string", "format": format, "ory.sh/kratos": {
            "credentials": {"password": {"identifier": true}}, "recovery": {"via": via},
        }})
    };
    let traits = json!({"email": reached("email", "email"), "phone": reached("sms", "tel")});
    let schema = json!({"properties": {"traits": {"type": "object", "properties": traits}}});
    let mut settings = Settings {
        recovery: RecoverySettings { choose_address: true, ..RecoverySettings::default() },
        ..Settings::default()
    };
    settings.schemas.insert("default".to_owned(), SchemaSettings { schema, selfservice_selectable: true });
    settings
}

impl World {
    async fn reachable(&self, traits: Value) -> Identity {
        let credentials = json!({"password": {"config": {"password": "correct horse"}}});
        let body = json!({"schema_id": "default", "traits": traits, "credentials": credentials});
        self.create(&body).await.unwrap().identity
    }

    async fn with_both() -> (Self, Identity) {
        let world = Self::with(settings());
        let ada = world.reachable(json!({"email": MAIL, "phone": PHONE})).await;
        (world, ada)
    }

    fn recovery(&self) -> Flow {
        self.flow(FlowKind::Recovery { challenge: Challenge::ChooseMethod }, Transport::Browser)
    }

    /// What the buttons send, by what they show.
    fn offered(&self, flow: &Flow) -> Vec<(String, String)> {
        let document: Value = serde_json::from_str(&self.shown_form(flow)).unwrap();
        let text =
            |node: &Value, place: &str| node.pointer(place).and_then(Value::as_str).unwrap().to_owned();
        let nodes = document["ui"]["nodes"].as_array().unwrap().iter();
        let buttons = nodes.filter(|node| node["attributes"]["name"] == SELECT);
        buttons.map(|node| (text(node, "/meta/label/text"), text(node, "/attributes/value"))).collect()
    }
}

fn challenged(step: Result<Step, FlowError>) -> (Flow, Vec<NewMessage>) {
    let Step::Challenged { flow, writes } = step.unwrap() else { panic!("not challenged") };
    let sent = writes.into_iter().map(|write| match write {
        Write::QueueMessage(message) => *message,
        other => panic!("{other:?}"),
    });
    (*flow, sent.collect())
}

#[tokio::test]
async fn whoever_lost_their_mail_gets_back_in_by_their_phone() {
    let (world, ada) = World::with_both().await;
    let (flow, sent) =
        challenged(world.submit_to(&world.recovery(), &json!({"recovery_address": MAIL})).await);
    assert!(sent.is_empty(), "nothing is sent before somebody has chosen");
    assert_eq!((flow.messages[0].id, flow.kind.challenge().unwrap().state()), (1_060_006, "choose_method"));
    let offered = world.offered(&flow);
    let labels: Vec<&str> = offered.iter().map(|(label, _)| label.as_str()).collect();
    assert_eq!(labels, ["****67", "a****@example.com"]);
    let shown = world.shown_form(&flow);
    assert!(!shown.contains(PHONE) && !shown.contains(MAIL), "{shown}");

    let chosen = json!({"method": "code", SELECT: offered[0].1});
    let (flow, sent) = challenged(world.submit_to(&flow, &chosen).await);
    assert!(sent.is_empty(), "nor before they have typed all of it");
    assert_eq!(flow.messages[0].id, 1_060_005);
    for body in
        [json!({"method": "code"}), json!({"method": "code", "recovery_confirm_address": "030 1234567"})]
    {
        let again = world.submit_to(&flow, &body).await.unwrap();
        let Step::Form(again) = again else { panic!("{again:?}") };
        assert_eq!(again.field_messages[0].0, "recovery_confirm_address", "{body}");
        assert_eq!(again.messages[0].id, 1_060_005, "it goes on to ask");
    }

    let confirm = json!({"method": "code", "recovery_confirm_address": "+49 30 123 45 67"});
    let (flow, sent) = challenged(world.submit_to(&flow, &confirm).await);
    let [text] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!((text.via, text.recipient.as_str(), text.is_sent), (AddressKind::Sms, PHONE, true));
    let step = world.submit_to(&flow, &code(text)).await.unwrap();
    let Step::Recovered(recovered) = step else { panic!("{step:?}") };
    assert_eq!(recovered.identity.id, ada.id);
}

#[tokio::test]
async fn address_that_was_typed_is_not_asked_for_again() {
    let (world, _) = World::with_both().await;
    let (flow, _) = challenged(world.submit_to(&world.recovery(), &json!({"email": MAIL})).await);
    let mark = &world.offered(&flow)[1].1;
    let (flow, sent) = challenged(world.submit_to(&flow, &json!({SELECT: mark})).await);
    assert_eq!((sent.len(), sent[0].recipient.as_str()), (1, MAIL));
    // Nor is there another choice, when the code is to be sent once more.
    let (_, sent) = challenged(world.submit_to(&flow, &json!({"email": MAIL})).await);
    assert_eq!(sent.len(), 1);
}

/// Attack: whoever knows somebody's mail address has messages sent to their phone; or learns from an answer what it is.
#[tokio::test]
async fn what_was_only_chosen_gets_nothing_and_confirms_nothing() {
    let (world, _) = World::with_both().await;
    let (flow, _) = challenged(world.submit_to(&world.recovery(), &json!({"recovery_address": MAIL})).await);
    let mark = world.offered(&flow)[0].1.clone();
    let (flow, _) = challenged(world.submit_to(&flow, &json!({SELECT: mark})).await);
    let mut shown = Vec::new();
    for number in [PHONE, "+49301234467"] {
        let confirm = json!({"method": "code", "recovery_confirm_address": number});
        let (flow, sent) = challenged(world.submit_to(&flow, &confirm).await);
        assert_eq!(sent[0].is_sent, number == PHONE);
        shown.push(world.shown_form(&flow).replace(number, "NUMBER"));
    }
    assert_eq!(shown[0], shown[1]);
}

/// Attack: what a button sends is a hash of the address, and all numbers of a country are tried against it; or it is kept for
/// another form.
#[tokio::test]
async fn what_a_button_sends_is_one_forms_and_tells_nothing() {
    let (world, _) = World::with_both().await;
    let mut marks = Vec::new();
    for _ in 0..2 {
        let (flow, _) =
            challenged(world.submit_to(&world.recovery(), &json!({"recovery_address": MAIL})).await);
        marks.extend(world.offered(&flow).into_iter().map(|(_, mark)| mark));
        let foreign = json!({"method": "code", SELECT: marks[0]});
        let step = world.submit_to(&flow, &foreign).await.unwrap();
        assert_eq!(matches!(step, Step::Challenged { .. }), marks.len() == 2, "{step:?}");
        let unknown = world.submit_to(&flow, &json!({"method": "code", SELECT: PHONE})).await.unwrap();
        assert_eq!(message(&unknown), 4_010_010);
    }
    marks.sort();
    marks.dedup();
    assert_eq!(marks.len(), 4);
}

#[tokio::test]
async fn nobody_is_asked_where_there_is_no_choice_or_it_would_tell_too_much() {
    let asked = async |change: fn(&mut Settings), traits: Value| {
        let mut settings = settings();
        change(&mut settings);
        let world = World::with(settings);
        world.reachable(traits).await;
        let (_, sent) =
            challenged(world.submit_to(&world.recovery(), &json!({"recovery_address": MAIL})).await);
        sent.is_empty()
    };
    let both = || json!({"email": MAIL, "phone": PHONE});
    assert!(asked(|_| (), both()).await);
    assert!(!asked(|_| (), json!({"email": MAIL})).await, "one address is no choice");
    assert!(!asked(|_| (), json!({"email": "bob@example.com", "phone": PHONE})).await, "nobody's");
    assert!(!asked(|settings| settings.recovery.choose_address = false, both()).await, "off");
    let mitigate = |settings: &mut Settings| settings.account_enumeration = AccountEnumeration::Mitigate;
    assert!(!asked(mitigate, both()).await, "it would tell who has an account");
    let unreached = |settings: &mut Settings| {
        settings.sms = SmsSettings { prefixes: ["+43".to_owned()].into(), ..SmsSettings::default() };
    };
    assert!(!asked(unreached, both()).await, "no message goes there");
    let world = World::with(settings());
    world.reachable(both()).await;
    let by_link = Flow { means: ProofMeans::Link, ..world.recovery() };
    let (_, sent) = challenged(world.submit_to(&by_link, &json!({"method": "link", "email": MAIL})).await);
    assert_eq!(sent.len(), 1, "links are not chosen for");
}

#[tokio::test]
async fn who_chose_wrongly_goes_back() {
    let (world, _) = World::with_both().await;
    let (mut flow, _) =
        challenged(world.submit_to(&world.recovery(), &json!({"recovery_address": MAIL})).await);
    for steps in 0..2 {
        if steps == 1 {
            let mark = world.offered(&flow)[0].1.clone();
            flow = challenged(world.submit_to(&flow, &json!({SELECT: mark})).await).0;
        }
        let back = json!({"method": "code", "screen": "previous", "recovery_confirm_address": ""});
        let (asked, sent) = challenged(world.submit_to(&flow, &back).await);
        assert!(sent.is_empty() && asked.messages.is_empty());
        assert_eq!(asked.kind, FlowKind::Recovery { challenge: Challenge::ChooseMethod });
    }
}

/// Some clients send the address along with the code.
#[tokio::test]
async fn address_beside_a_code_does_not_send_another() {
    let (world, _) = World::with_both().await;
    let confirm = json!({"method": "code", "recovery_confirm_address": MAIL});
    let (flow, sent) = challenged(world.submit_to(&world.recovery(), &confirm).await);
    let body = json!({"method": "code", "recovery_address": MAIL, "code": sent[0].mail.text});
    assert!(matches!(world.submit_to(&flow, &body).await.unwrap(), Step::Recovered(_)));
}
