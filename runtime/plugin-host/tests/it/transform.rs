//! The `transform` hook through a real guest, by the trait that the rooms with templates ask.

use portcullis_plugin_host::{
    Binding, ComponentHash, HookName, HostError, PluginSource, PluginSpec, Settings,
};
use primitives::hook_document::HookDocument;
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::transform::{TransformDecision, TransformHook as _, TransformPlace, TransformRequest};
use serde_json::{Value, json};
use tenancy::TenantPlugins;

use crate::fixture::{Fixture, component, run};
use crate::log::Log;

const CODE: &str = "code-481-516";

impl Fixture {
    fn add_transform(&self, name: &str, client: Option<&str>) {
        self.add(name, "transform_rules", client).unwrap();
    }

    fn add(&self, name: &str, guest: &str, client: Option<&str>) -> Result<ComponentHash, HostError> {
        let source = PluginSource::File(component(guest));
        let mut spec = PluginSpec::new(name, source, HookName::Transform);
        let client = client.map(|client| client.parse().unwrap());
        spec.bindings = vec![Binding { client, ..Binding::every(HookName::Transform) }];
        spec.limits.wall_ms = Some(10_000);
        run(self.host.install_plugin(&self.tenant, spec))
    }

    fn transform(
        &self,
        plugin: &str,
        place: TransformPlace,
        template: &str,
    ) -> Result<TransformDecision, HookFailure> {
        let input = json!({ "ctx": { "code": CODE } });
        let request = TransformRequest {
            place,
            template: template.to_owned(),
            subject: Some("ada".to_owned()),
            input: HookDocument::check(input.as_object().unwrap()).unwrap(),
        };
        run(self.host.transform(&self.context(None), plugin, &request))
    }
}

#[test]
pub(crate) fn transform_rules() {
    let fixture = Fixture::new(Settings::default());
    fixture.add_transform("templates", None);
    for (place, name) in [
        (TransformPlace::WebhookBody, "webhook-body"),
        (TransformPlace::SessionToken, "session-token"),
        (TransformPlace::MessageBody, "message-body"),
    ] {
        let was = json!({ "ctx": { "code": CODE } });
        let expect = json!({ "place": name, "template": "signed-up", "was": was });
        let made = fixture.transform("templates", place, "signed-up");
        assert_eq!(made, Ok(TransformDecision::Output(expect)));
    }
    let webhook = |template: &str| fixture.transform("templates", TransformPlace::WebhookBody, template);
    assert_eq!(webhook("text"), Ok(TransformDecision::Output(Value::from("text"))));
    assert_eq!(webhook("cancel"), Ok(TransformDecision::Cancel));
    for (template, kind, part) in [
        ("trap", HookFailureKind::Trap, ""),
        ("error", HookFailureKind::GuestError, CODE),
        ("no-json", HookFailureKind::BadAnswer, "document: not JSON"),
        ("nothing", HookFailureKind::BadAnswer, "document: not JSON"),
        ("two", HookFailureKind::BadAnswer, "document: not JSON"),
        ("deep", HookFailureKind::BadAnswer, "nested deeper"),
    ] {
        let failure = webhook(template).unwrap_err();
        assert_eq!(failure.kind, kind, "{template}: {failure}");
        assert!(failure.detail.contains(part), "{template}: {failure}");
    }
}

#[test]
fn what_a_plugin_says_of_a_message_is_not_written() {
    let log = Log::of_the_process();
    let fixture = Fixture::new(Settings::default());
    fixture.add_transform("of-messages", None);
    let failure = fixture.transform("of-messages", TransformPlace::MessageBody, "error").unwrap_err();
    assert_eq!(failure.kind, HookFailureKind::GuestError);
    assert!(!failure.detail.contains(CODE), "{failure}");
    let text = log.text();
    let of_this = text.lines().filter(|line| line.contains("of-messages")).collect::<Vec<_>>();
    assert!(!of_this.is_empty() && of_this.iter().all(|line| !line.contains(CODE)), "{of_this:?}");
}

#[test]
fn only_the_plugin_that_a_template_names_is_asked_and_it_must_be_bound() {
    let fixture = Fixture::new(Settings::default());
    fixture.add_transform("templates", None);
    fixture.add_transform("of-another-app", Some("another"));
    let ask = |plugin: &str| fixture.transform(plugin, TransformPlace::SessionToken, "x");
    assert!(ask("templates").is_ok());
    for plugin in ["of-another-app", "unknown"] {
        let failure = ask(plugin).unwrap_err();
        assert_eq!((failure.kind, &*failure.plugin), (HookFailureKind::Unavailable, plugin));
    }
    TenantPlugins::forget(&fixture.host, &fixture.tenant);
    assert_eq!(ask("templates").unwrap_err().kind, HookFailureKind::Unavailable);
}

/// A host that knows no second version: `hooks::transform::second_version` is one that does.
#[test]
pub(crate) fn transform_next() {
    let fixture = Fixture::new(Settings::default());
    let refused = fixture.add("next", "transform_next", None).unwrap_err();
    assert!(matches!(refused, HostError::NotExported { hook: "transform", .. }), "{refused:?}");
}

#[test]
pub(crate) fn transform_both() {
    let fixture = Fixture::new(Settings::default());
    fixture.add("both", "transform_both", None).unwrap();
    let made = fixture.transform("both", TransformPlace::WebhookBody, "signed-up");
    let expect = json!({ "version": "0.1.0", "place": "webhook-body" });
    assert_eq!(made, Ok(TransformDecision::Output(expect)), "in the version that this host knows");
}
