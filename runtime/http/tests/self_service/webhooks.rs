//! Webhooks at the forms: what they are told, and what becomes of what they do not answer.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use primitives::hooks::{HookContext, HookFailure, HookFailureKind};
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use primitives::transform::{TransformDecision, TransformHook, TransformRequest};
use serde_json::{Value, json};

use crate::client::{Client, Response, action};
use crate::site::Site;

pub(crate) const ADA: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse";

/// A server that answers as it is told to, then with 204, and remembers what it was sent.
#[derive(Debug, Default)]
pub(crate) struct Receiver {
    answers: Mutex<VecDeque<Result<(u16, Value), OutboundError>>>,
    seen: Mutex<Vec<OutboundRequest>>,
}

impl Outbound for Receiver {
    fn fetch(&self, request: OutboundRequest) -> BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        self.seen.lock().unwrap().push(request);
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Ok((204, Value::Null)));
        let answer = answer.map(|(status, body)| {
            let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
            OutboundResponse { status, headers: Vec::new(), body }
        });
        Box::pin(std::future::ready(answer))
    }
}

/// Makes of `ctx` who signs up, by the template `who`.
#[derive(Debug)]
struct Templates;

impl TransformHook for Templates {
    fn transform<'a>(
        &'a self,
        _: &'a HookContext,
        plugin: &'a str,
        request: &'a TransformRequest,
    ) -> BoxFuture<'a, Result<TransformDecision, HookFailure>> {
        let input: Value = serde_json::from_str(request.input.as_str()).unwrap();
        let made = match (plugin, request.template.as_str()) {
            ("jsonnet", "who") => Ok(TransformDecision::Output(json!({
                "mail": input["ctx"]["identity"]["traits"]["email"],
                "agent": input["ctx"]["request_headers"]["User-Agent"],
            }))),
            ("jsonnet", "cancel") => Ok(TransformDecision::Cancel),
            _ => Err(HookFailure {
                plugin: plugin.to_owned(),
                kind: HookFailureKind::GuestError,
                detail: String::new(),
            }),
        };
        Box::pin(std::future::ready(made))
    }
}

/// A site whose tenants have webhooks.
pub(crate) struct Place {
    pub(crate) site: Site,
    pub(crate) receiver: Arc<Receiver>,
}

impl Place {
    pub(crate) async fn open(webhooks: Value) -> Self {
        Self::with(webhooks, json!({})).await
    }

    pub(crate) async fn with(webhooks: Value, identity: Value) -> Self {
        let receiver = Arc::new(Receiver::default());
        let settings = json!({ "webhook": webhooks, "identity": identity });
        let site = Site::configured(settings, receiver.clone(), Arc::new(Templates)).await;
        Self { site, receiver }
    }

    pub(crate) fn answer(&self, answer: Result<(u16, Value), OutboundError>) {
        self.receiver.answers.lock().unwrap().push_back(answer);
    }

    /// What was sent since this was asked last.
    pub(crate) fn seen(&self) -> Vec<OutboundRequest> {
        std::mem::take(&mut *self.receiver.seen.lock().unwrap())
    }

    pub(crate) async fn sign_up(&self) -> Response {
        let mut app = self.site.client();
        let flow = app.get_json("/self-service/registration/api").await.json();
        let body = json!({
            "method": "password", "password": PASSWORD, "traits": {"email": ADA},
            "transient_payload": {"campaign": "spring"},
        });
        app.json("POST", &action(&flow), &body).await
    }

    pub(crate) async fn sign_in(&self, browser: &mut Client) -> Response {
        let flow = browser.begin("login").await;
        let body = json!({"method": "password", "identifier": ADA, "password": PASSWORD});
        browser.submit_json(&flow, body).await
    }

    pub(crate) async fn identities(&self) -> Value {
        self.site.client().get_json("/admin/identities").await.json()
    }

    /// `<action> <kind>` of the audit records about webhooks.
    async fn records(&self) -> Vec<String> {
        self.site.flush_audit().await;
        let lines = self.site.client().get("/admin/portcullis/v1/audit").await.body;
        let records = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_webhooks = records.filter(|record| record["action"].as_str().unwrap().starts_with("webhook."));
        of_webhooks.map(|record| format!("{} {}", record["action"], record["details"]["kind"])).collect()
    }
}

pub(crate) fn webhook(more: &Value) -> Value {
    let mut webhook = json!({ "name": "crm", "url": "https://crm.example/hook" });
    webhook.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    webhook
}

/// One that is asked when a form of this kind ends.
pub(crate) fn asked(flow: &str) -> Value {
    let on = json!([{ "flow": flow, "when": "after" }]);
    json!([webhook(&json!({ "on": on, "response": { "parse": true } }))])
}

pub(crate) fn body(request: &OutboundRequest) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn webhook_is_told_who_signed_up_and_of_nothing_that_lets_somebody_in() {
    let on = json!([{ "flow": "registration", "when": "after" }, { "flow": "login", "when": "after" }]);
    let place = Place::open(json!([webhook(&json!({ "on": on, "headers": { "x-from": "id" } }))])).await;
    let answer = place.sign_up().await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let seen = place.seen();
    let [request] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((request.method, request.url.as_str()), ("POST", "https://crm.example/hook"));
    let headers = |name: &str| request.headers.iter().filter(|(found, _)| found == name).count();
    assert_eq!((headers("x-from"), headers("content-type")), (1, 1));
    let told = body(request);
    assert_eq!(told["identity"]["id"], answer.json()["identity"]["id"]);
    assert_eq!(told["identity"]["traits"]["email"], ADA);
    assert_eq!(told["session"]["active"], true);
    assert_eq!((told["flow"]["type"].as_str(), told["request_method"].as_str()), (Some("api"), Some("POST")));
    assert_eq!(told["transient_payload"], json!({"campaign": "spring"}));

    let mut browser = place.site.client();
    browser.cookies.insert("theirs".to_owned(), "1".to_owned());
    let answer = place.sign_in(&mut browser).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let text = String::from_utf8(place.seen().remove(0).body).unwrap();
    let csrf = browser.cookies.iter().find(|(name, _)| name.starts_with("csrf_token_")).unwrap().1.clone();
    for secret in [PASSWORD, "csrf_token", "ory_st_", browser.cookies["ory_kratos_session"].as_str(), &csrf] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
}

#[tokio::test]
async fn template_makes_the_body_or_has_nothing_sent() {
    let on = json!([{ "flow": "registration", "when": "after" }]);
    let with = |template: &str| {
        let body = json!({ "plugin": "jsonnet", "template": template });
        json!([webhook(&json!({ "on": on, "body": body, "can_interrupt": true }))])
    };
    let place = Place::open(with("who")).await;
    assert_eq!(place.sign_up().await.status, 200);
    assert_eq!(body(&place.seen()[0]), json!({ "mail": ADA, "agent": null }));

    let place = Place::open(with("cancel")).await;
    assert_eq!((place.sign_up().await.status, place.seen().len()), (200, 0));

    let place = Place::open(with("other")).await;
    let refused = place.sign_up().await;
    assert_eq!((refused.status, refused.error_id()), (502, "upstream_failed".to_owned()));
    assert_eq!((place.identities().await, place.seen().len()), (json!([]), 0));
}

#[tokio::test]
async fn webhook_proves_from_whom_it_is_by_secrets_that_nobody_is_told() {
    let on = json!([{ "flow": "registration", "when": "after" }]);
    for (auth, header, value) in [
        (json!({"type": "api_key", "in": "header", "name": "X-Key", "secret": "crm"}), "X-Key", "s3cret"),
        (json!({"type": "api_key", "in": "cookie", "name": "key", "secret": "crm"}), "cookie", "key=s3cret"),
        (json!({"type": "basic_auth", "user": "id", "secret": "crm"}), "authorization", "Basic aWQ6czNjcmV0"),
    ] {
        let place =
            Place::open(json!([webhook(&json!({"on": on, "auth": auth, "can_interrupt": true}))])).await;
        let refused = place.sign_up().await;
        assert_eq!(refused.status, 502, "there is no such secret: {}", refused.body);
        let path = "/admin/portcullis/v1/secrets/crm";
        let set = place.site.client().json("PUT", path, &json!({ "value": "s3cret" })).await;
        assert_eq!(set.status, 204, "{}", set.body);
        let listed = place.site.client().get_json("/admin/portcullis/v1/secrets").await;
        assert_eq!(listed.json(), json!({ "secrets": ["crm"] }));
        assert_eq!(place.sign_up().await.status, 200);
        let seen = place.seen();
        let [request] = seen.as_slice() else { panic!("{seen:?}") };
        let found = request.headers.iter().find(|(name, _)| name == header);
        assert_eq!(found.map(|(_, value)| value.as_str()), Some(value));
    }
}

/// Attack: a server that has a say is taken down, so that what it would refuse goes through.
#[tokio::test]
async fn webhook_that_has_a_say_and_fails_lets_nothing_be_written() {
    let place = Place::open(asked("registration")).await;
    let unfit = json!({"identity": {"traits": {"email": 7}}});
    let disabled = json!({"identity": {"state": "inactive"}});
    for (answer, status) in [
        (Err(OutboundError::Timeout), 504),
        (Err(OutboundError::Forbidden), 502),
        (Err(OutboundError::TooLarge), 502),
        (Ok((500, Value::Null)), 502),
        (Ok((302, Value::Null)), 502),
        (Ok((200, json!("words"))), 502),
        (Ok((200, unfit)), 502),
        (Ok((200, disabled)), 502),
    ] {
        place.answer(answer.clone());
        let refused = place.sign_up().await;
        assert_eq!(refused.status, status, "{answer:?}: {}", refused.body);
        assert!(!refused.body.contains("crm"), "whose server it is, is not told: {}", refused.body);
        assert_eq!(place.identities().await, json!([]), "{answer:?}");
        place.seen();
    }
    assert_eq!(place.sign_up().await.status, 200, "it is well again");
}

#[tokio::test]
async fn call_that_finds_nobody_is_made_again_and_one_that_is_refused_is_not() {
    let place = Place::open(asked("registration")).await;
    place.answer(Err(OutboundError::Connect));
    place.answer(Ok((503, Value::Null)));
    assert_eq!((place.sign_up().await.status, place.seen().len()), (200, 3));
    place.answer(Ok((400, Value::Null)));
    assert_eq!((place.sign_up().await.status, place.seen().len()), (502, 1));
    for _ in 0..3 {
        place.answer(Err(OutboundError::Connect));
    }
    assert_eq!((place.sign_up().await.status, place.seen().len()), (504, 3));
}

#[tokio::test]
async fn webhook_without_a_say_that_fails_undoes_nothing_and_is_recorded() {
    let on = json!([{ "flow": "registration", "when": "after" }]);
    let place = Place::open(json!([webhook(&json!({ "on": on, "retries": 0 }))])).await;
    place.answer(Err(OutboundError::Timeout));
    let made = place.sign_up().await;
    assert_eq!(made.status, 200, "{}", made.body);
    assert_eq!(place.identities().await.as_array().unwrap().len(), 1);
    assert_eq!(place.records().await, ["\"webhook.failed\" \"upstream_timeout\""]);
}

#[tokio::test]
async fn nobody_waits_for_what_is_ignored_and_it_is_kept_until_it_is_taken() {
    let on = json!([{ "flow": "registration", "when": "after" }]);
    let place = Place::open(json!([webhook(&json!({ "on": on, "response": { "ignore": true } }))])).await;
    assert_eq!((place.sign_up().await.status, place.seen().len()), (200, 0));
    let mut operator = place.site.client();
    let listed = operator.get_json("/admin/portcullis/v1/webhooks/messages?status=queued").await;
    let message = &listed.json()["messages"][0];
    assert_eq!((message["webhook"].as_str(), message["topic"].as_str()), (Some("crm"), Some("registration")));
    assert!(!listed.body.contains(ADA), "what it says is not shown");
    let given_up = operator.get_json("/admin/portcullis/v1/webhooks/messages?status=given_up").await;
    assert_eq!(given_up.json()["messages"], json!([]));
    let wrong = operator.get_json("/admin/portcullis/v1/webhooks/messages?status=lost").await;
    assert_eq!(wrong.status, 400);
}
