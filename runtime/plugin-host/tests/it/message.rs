//! The `message` hook through a real guest, by the trait that the courier will ask. The guest says the text wherever it can.

use portcullis_plugin_host::{Binding, HookName, PluginSource, PluginSpec, Settings};
use primitives::hook_document::HookDocument;
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::message::{
    MessageChannel, MessageContent, MessageDecision, MessageHook as _, OutgoingMessage,
};
use serde_json::json;
use tenancy::TenantPlugins;
use uuid::Uuid;

use crate::fixture::{Fixture, component, run};
use crate::log::Log;

const TEXT: &str = "your code is 815-493-662";

impl Fixture {
    fn add_message(&self, name: &str, client: Option<&str>) {
        let source = PluginSource::File(component("message_rules"));
        let mut spec = PluginSpec::new(name, source, HookName::Message);
        let client = client.map(|client| client.parse().unwrap());
        spec.bindings = vec![Binding { client, ..Binding::every(HookName::Message) }];
        run(self.host.install_plugin(&self.tenant, spec)).unwrap();
    }

    fn send(&self, channel: MessageChannel, template: &str) -> Result<MessageDecision, HookFailure> {
        let data = json!({ "code": "815" });
        let message = OutgoingMessage {
            id: Uuid::from_u128(7),
            attempt: 2,
            channel,
            recipient: "ada@acme.example".to_owned(),
            template: template.to_owned(),
            content: content("Hello", TEXT, Some(TEXT)),
            locale: Some("de-CH".to_owned()),
            data: HookDocument::check(data.as_object().unwrap()).unwrap(),
        };
        run(self.host.send(&self.context(None), &message))
    }
}

fn content(subject: &str, text: &str, html: Option<&str>) -> MessageContent {
    MessageContent { subject: subject.to_owned(), text: text.to_owned(), html: html.map(str::to_owned) }
}

fn sent(decision: Result<MessageDecision, HookFailure>) -> MessageContent {
    match decision {
        Ok(MessageDecision::Send(content)) => content,
        other => panic!("{other:?}"),
    }
}

#[test]
pub(crate) fn message_rules() {
    let log = Log::of_the_process();
    let fixture = Fixture::new(Settings::default());
    let mail = |template| fixture.send(MessageChannel::Email, template);
    let as_it_stands = content("Hello", TEXT, Some(TEXT));
    assert!(sent(mail("deliver")) == as_it_stands, "nobody is bound");
    fixture.add_message("messages", None);
    assert!(sent(mail("as-is")) == as_it_stands);
    for (channel, name) in [(MessageChannel::Email, "email"), (MessageChannel::Sms, "sms")] {
        let text = format!("{TEXT} {name} to ada@acme.example, \"815\"");
        let expect = content("Hello again, de-CH", &text, Some(&format!("<b>{TEXT}</b>")));
        assert!(sent(fixture.send(channel, "rewrite")) == expect, "{name}");
    }
    let reference = format!("{}/2?", Uuid::from_u128(7));
    assert_eq!(mail("deliver"), Ok(MessageDecision::Delivered { reference }));
    for (template, kind) in [
        ("header", HookFailureKind::BadAnswer),
        ("long", HookFailureKind::BadAnswer),
        ("empty", HookFailureKind::BadAnswer),
        ("error", HookFailureKind::GuestError),
        ("trap", HookFailureKind::Trap),
    ] {
        let failure = mail(template).unwrap_err();
        assert_eq!(failure.kind, kind, "{template}");
        assert!(!format!("{failure:?}").contains("815"), "{failure:?}");
    }
    let text = log.text();
    assert!(text.contains("messages") && text.contains("a call with a secret says no more"), "{text}");
    assert!(!text.contains(TEXT), "{text}");
    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    assert_eq!(mail("as-is").unwrap_err().kind, HookFailureKind::Unavailable);
}

#[test]
fn each_plugin_is_told_what_the_one_before_it_wrote() {
    let fixture = Fixture::new(Settings::default());
    for (name, client) in [("one", None), ("two", None), ("of-another-app", Some("another"))] {
        fixture.add_message(name, client);
    }
    let twice = sent(fixture.send(MessageChannel::Email, "rewrite"));
    assert_eq!(twice.subject, "Hello again, de-CH again, de-CH");
}
