//! Every function of every hook, asked as a room asks it, with what a room may rely on in the answer.

use identity::hooks::{
    AccountEvent, ClaimMapper as _, Happening, IdentityHooks as _, ImportAttempt, LoginAttempt,
    LoginDecision, LoginOutcome, MappingDecision, RegistrationDecision, RegistrationForm, TraitsCandidate,
    TraitsVerdict, Upstream, UpstreamSource,
};
use identity::password::PlainPassword;
use identity::session::Method;
use oauth2::hooks::{
    IntrospectedToken, IntrospectionDecision, PROTECTED_CLAIMS, TokenDecision, TokenHook as _,
};
use portcullis_plugin_host::HookName;
use primitives::hook_document::HookDocument;
use primitives::hooks::HookFailure;
use primitives::message::{
    MessageChannel, MessageContent, MessageDecision, MessageHook as _, OutgoingMessage,
};
use primitives::policy::{PolicyDecision, PolicyHook as _, PolicyRequest};
use primitives::transform::{TransformDecision, TransformHook as _, TransformPlace, TransformRequest};
use primitives::{Secret, Timestamp};
use serde_json::{Map, Value};
use tenancy::plugin::{EventHook as _, PluginEvent};
use uuid::Uuid;

use crate::fixture::{Fixture, request, run};
use crate::people::{origin, person};

/// The plugin that is asked.
pub(crate) const PLUGIN: &str = "hostile";

impl Fixture {
    /// Asks one function of the plugin; of an answer, that it is within the bounds of the contract.
    pub(crate) fn ask(&self, hook: HookName, function: &str) -> Result<(), HookFailure> {
        let (context, host, ada) = (self.context(None), &self.host, person("ada@acme.example"));
        let attempt = LoginAttempt {
            identifier: "ada".to_owned(),
            method: Method::Password,
            refresh: false,
            origin: origin(),
        };
        match (hook, function) {
            (HookName::Token, "shape-tokens") => run(host.shape_tokens(&context, &request(""))).map(tokens),
            (HookName::Token, "shape-userinfo") => {
                run(host.shape_userinfo(&context, &request(""))).map(tokens)
            }
            (HookName::Token, "shape-introspection") => {
                let token = IntrospectedToken {
                    subject: request("").subject,
                    scopes: vec!["openid".to_owned()],
                    audience: Vec::new(),
                    claims: Map::new(),
                    resource_server: Some("api".parse().unwrap()),
                };
                run(host.shape_introspection(&context, &token)).map(introspection)
            }
            (HookName::Login, "before") => run(host.before_login(&context, &attempt)).map(before_login),
            (HookName::Login, "after") => run(host.after_login(&context, &attempt, &ada)).map(after_login),
            (HookName::Registration, "before") => {
                let form = RegistrationForm {
                    schema: "default".to_owned(),
                    traits: ada.traits.clone(),
                    origin: Some(origin()),
                };
                run(host.before_registration(&context, &form)).map(registration)
            }
            (HookName::Registration, "after") => run(host.after_registration(&context, &ada)).map(|added| {
                added.metadata_public.iter().chain(&added.metadata_admin).for_each(object);
            }),
            (HookName::IdentitySchema, "validate") => {
                let candidate = TraitsCandidate {
                    schema: "default".to_owned(),
                    traits: ada.traits.clone(),
                    replaces: Some(ada.id),
                };
                run(host.validate_traits(&context, &candidate)).map(|verdict| match verdict {
                    TraitsVerdict::Valid(traits) => traits.iter().for_each(object),
                    TraitsVerdict::Invalid(wrong) => {
                        assert!(!wrong.is_empty());
                        fields(&wrong);
                    }
                    TraitsVerdict::Refused(refusals) => panic!("no plugin says {refusals:?}"),
                })
            }
            (HookName::CredentialImport, "verify") => {
                let attempt = ImportAttempt {
                    identifier: "ada".to_owned(),
                    password: PlainPassword::new("moss-covered lantern 71"),
                    credential: Some(Secret::new("x".to_owned())),
                    identity: Some(&ada),
                    origin: origin(),
                };
                run(host.verify_import(&context, &attempt)).map(drop)
            }
            (HookName::Account, "after") => {
                let event =
                    AccountEvent { what: Happening::Logout, identity: &ada, session: None, origin: origin() };
                let mut failures = run(host.after_account(&context, &event));
                assert!(failures.len() <= 1);
                failures.pop().map_or(Ok(()), Err)
            }
            (HookName::Event, "consume") => {
                run(host.consume(&self.tenant, PLUGIN, &[event(), event()])).map(drop)
            }
            (HookName::Policy, "decide") => {
                let request = PolicyRequest {
                    subject: None,
                    action: "token".to_owned(),
                    resource: "client:web".to_owned(),
                    context: Map::new(),
                };
                run(host.decide(&context, &request)).map(policy)
            }
            (HookName::ClaimMapper, "map-claims") => {
                let upstream = Upstream {
                    source: UpstreamSource::OpenId,
                    provider: "corporate".to_owned(),
                    provider_kind: "generic".to_owned(),
                    subject: "u-1".to_owned(),
                    claims: document(),
                    identity: Some(&ada),
                    origin: Some(origin()),
                };
                run(host.map_claims(&context, &upstream)).map(mapping)
            }
            (HookName::Transform, "transform") => {
                let request = TransformRequest {
                    place: TransformPlace::WebhookBody,
                    template: "crm".to_owned(),
                    subject: None,
                    input: document(),
                };
                run(host.transform(&context, PLUGIN, &request)).map(|made| match made {
                    TransformDecision::Output(value) => bounded(&value),
                    TransformDecision::Cancel => {}
                })
            }
            (HookName::Message, "send") => {
                let content =
                    MessageContent { subject: "Hello".to_owned(), text: "815".to_owned(), html: None };
                let message = OutgoingMessage {
                    id: Uuid::nil(),
                    attempt: 1,
                    channel: MessageChannel::Email,
                    recipient: "ada@acme.example".to_owned(),
                    template: "verification_code_valid".to_owned(),
                    content,
                    locale: None,
                    data: document(),
                };
                run(host.send(&context, &message)).map(sent)
            }
            (hook, function) => panic!("{}: {function} is asked by nobody here", hook.as_str()),
        }
    }
}

fn event() -> PluginEvent {
    PluginEvent {
        id: Uuid::nil(),
        at: Timestamp::from_seconds(1),
        action: "session.created".to_owned(),
        actor: "system".to_owned(),
        target_kind: "session".to_owned(),
        target_id: "s".to_owned(),
        organisation: None,
        details: Map::new(),
    }
}

fn tokens(decision: TokenDecision) {
    match decision {
        TokenDecision::Issue(shape) => {
            [&shape.id_token, &shape.access_token].into_iter().for_each(claims);
        }
        TokenDecision::Deny { description } => printable_ascii(&description),
    }
}

fn introspection(decision: IntrospectionDecision) {
    match decision {
        IntrospectionDecision::Answer(added) => claims(&added),
        IntrospectionDecision::Inactive => {}
    }
}

/// Without any that is protected, of a plugin that was not granted groups.
fn claims(claims: &Map<String, Value>) {
    object(claims);
    let is_free = |name: &String| !PROTECTED_CLAIMS.contains(&name.as_str()) && name != "groups";
    assert!(claims.keys().all(is_free), "{claims:?}");
}

fn before_login(decision: LoginDecision) {
    match decision {
        LoginDecision::Allow => {}
        LoginDecision::Deny { message } => one_line(&message, 512),
        LoginDecision::Redirect { url } => one_line(&url, 2_048),
    }
}

fn after_login(outcome: LoginOutcome) {
    match outcome {
        LoginOutcome::Allow { claims } => {
            object(claims.as_object());
            assert!(Value::Object(claims.as_object().clone()).to_string().len() <= 4 << 10);
        }
        LoginOutcome::Deny { message } => one_line(&message, 512),
        LoginOutcome::RequireSecondFactor => {}
    }
}

fn registration(decision: RegistrationDecision) {
    match decision {
        RegistrationDecision::Allow { traits } => traits.iter().for_each(object),
        RegistrationDecision::Deny(refusals) => {
            refusals.form.iter().for_each(|message| one_line(message, 512));
            fields(&refusals.fields);
        }
    }
}

fn policy(decision: PolicyDecision) {
    match decision {
        PolicyDecision::Permit(terms) => {
            assert!(terms.obligations.len() <= 32 && terms.headers.len() <= 32);
            for obligation in &terms.obligations {
                one_line(&obligation.name, 128);
                object(&obligation.parameters);
            }
            for (name, value) in &terms.headers {
                let in_tokens = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
                assert!(!name.is_empty() && name.bytes().all(in_tokens), "{name:?} is no header");
                one_line(name, 128);
                one_line(value, 4_096);
            }
        }
        PolicyDecision::Deny { reason } => printable_ascii(&reason),
    }
}

fn mapping(decision: MappingDecision) {
    match decision {
        MappingDecision::Unmapped => {}
        MappingDecision::Deny { message } => one_line(&message, 512),
        MappingDecision::Mapped(mapping) => {
            object(&mapping.traits);
            mapping.metadata_public.iter().chain(&mapping.metadata_admin).for_each(object);
            assert_eq!(mapping.groups, None, "it was not granted them");
            assert!(mapping.verified_addresses.len() <= 32);
            mapping.verified_addresses.iter().for_each(|(_, address)| assert!(address.len() <= 320));
        }
    }
}

fn sent(decision: MessageDecision) {
    match decision {
        MessageDecision::Send(MessageContent { subject, text, .. }) => {
            one_line(&subject, 998);
            assert!(!text.is_empty());
        }
        MessageDecision::Delivered { reference } => printable_ascii(&reference),
    }
}

/// What somebody else wrote.
fn document() -> HookDocument {
    HookDocument::check(&Map::new()).unwrap()
}

/// Not deeper, and not larger, than the contract says.
fn object(object: &Map<String, Value>) {
    bounded(&Value::Object(object.clone()));
}

fn bounded(value: &Value) {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
            Value::Object(values) => 1 + values.values().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    assert!(depth(value) <= 32 && value.to_string().len() <= 64 << 10);
}

fn fields(fields: &[(String, String)]) {
    assert!(fields.len() <= 32);
    for (field, message) in fields {
        one_line(field, 128);
        one_line(message, 512);
    }
}

/// Text for people and logs.
pub(crate) fn one_line(text: &str, bytes: usize) {
    assert!(text.len() <= bytes && !text.chars().any(char::is_control), "{text:?}");
}

/// RFC 6749 section 4.1.2.1.
fn printable_ascii(text: &str) {
    assert!(
        text.len() <= 256 && text.chars().all(|c| matches!(c, ' '..='~') && !"\"\\".contains(c)),
        "{text:?}"
    );
}
