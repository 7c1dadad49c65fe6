//! A plugin that has a service of its own say whether a person signs up: by the capabilities `http` and `secrets`, the
//! address of the client, and a trait that brings the proof and is not kept.

use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use identity::hooks::{IdentityHooks as _, Refusals, RegistrationDecision, RegistrationForm};
use portcullis_plugin_host::{Binding, Capability, HookName, PluginSource, PluginSpec, Services, Settings};
use primitives::hooks::{HookFailure, HookFailureKind};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse, Reach};
use serde_json::{Value, json};

use crate::capabilities::secrets::Kept;
use crate::fixture::{Fixture, component, run};
use crate::people::origin;

/// A service that knows people by what they hand over.
#[derive(Debug, Default)]
struct Service(Mutex<Vec<OutboundRequest>>);

impl Outbound for Service {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        let sent = String::from_utf8_lossy(&request.body).into_owned();
        self.0.lock().unwrap().push(request);
        let of = |word: &str| sent.contains(&format!("response={word}&"));
        let answer = json!({ "success": of("a%20person") }).to_string().into_bytes();
        Box::pin(std::future::ready(if of("silence") {
            Err(OutboundError::Timeout)
        } else {
            Ok(OutboundResponse { status: 200, headers: Vec::new(), body: answer })
        }))
    }
}

fn register(
    fixture: &Fixture,
    traits: Value,
    by_themselves: bool,
) -> Result<RegistrationDecision, HookFailure> {
    let Value::Object(traits) = traits else { panic!("no traits") };
    let form = RegistrationForm { schema: "default".to_owned(), traits, origin: by_themselves.then(origin) };
    run(fixture.host.before_registration(&fixture.context(None), &form))
}

#[test]
pub(crate) fn captcha_asks() {
    let (service, kept) = (Arc::new(Service::default()), Arc::new(Kept::default()));
    kept.put("default", "captcha", "captcha", "s3cret&");
    let services = Services { outbound: Some(service.clone()), secrets: Some(kept), ..Services::default() };
    let fixture = Fixture::new(Settings::default()).offering(services);
    let mut spec =
        PluginSpec::new("captcha", PluginSource::File(component("captcha_asks")), HookName::Registration);
    spec.bindings = vec![Binding::every(HookName::Registration)];
    spec.limits.wall_ms = Some(10_000);
    spec.grants.extend([Capability::Http, Capability::Secrets]);
    spec.http_origins.insert("https://captcha.example".parse().unwrap());
    run(fixture.host.install_plugin(&fixture.tenant, spec)).unwrap();

    let ada = |proof: &str| json!({ "email": "ada@acme.example", "proof": proof });
    let Value::Object(kept) = json!({ "email": "ada@acme.example" }) else { panic!("no traits") };
    let allowed = register(&fixture, ada("a person"), true);
    assert_eq!(
        allowed,
        Ok(RegistrationDecision::Allow { traits: Some(kept) }),
        "the proof is no trait of the account"
    );
    let seen = std::mem::take(&mut *service.0.lock().unwrap());
    let [request] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((request.method, request.url.as_str()), ("POST", "https://captcha.example/siteverify"));
    assert_eq!(request.reach, Reach::Public);
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert_eq!(body, "secret=s3cret%26&response=a%20person&remoteip=203%2E0%2E113%2E9");

    let words = "Please show that you are a person.".to_owned();
    let denied = RegistrationDecision::Deny(Refusals { form: Some(words), ..Refusals::default() });
    assert_eq!(register(&fixture, ada("a script"), true), Ok(denied.clone()));
    assert_eq!(service.0.lock().unwrap().drain(..).count(), 1);
    for traits in [ada(""), json!({ "email": "ada@acme.example" }), json!({ "proof": 3 })] {
        assert_eq!(register(&fixture, traits, true), Ok(denied.clone()));
    }
    assert!(service.0.lock().unwrap().is_empty(), "there is nothing to show");
    // A service that does not answer lets nobody sign up; an administrator is asked for nothing.
    let failed = register(&fixture, ada("silence"), true).unwrap_err();
    assert_eq!(failed.kind, HookFailureKind::GuestError);
    let by_administrator = register(&fixture, json!({ "email": "ada@acme.example" }), false);
    assert_eq!(by_administrator, Ok(RegistrationDecision::Allow { traits: None }));
}
