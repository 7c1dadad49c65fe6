//! Trying a provider out: a sign-in that tells what a provider said and what would be made of it, and signs nobody in.
//!
//! An operator begins it and is given a token, which is in place of a browser's cookie: whoever sends it goes to the provider, and
//! whoever then comes back is shown what it said of them. What is kept is what the provider said of somebody.
//!
//! | attack | what stops it |
//! |---|---|
//! | it becomes a sign-in after all | no other path opens it: [`StoredFlow::open`] refuses it, and nothing here makes an account or a session |
//! | somebody who has its id reads what was said of whoever tried it | it opens with the token, which only the operator and that browser have |
//! | its id deletes somebody's form | only one that is a try is deleted so, and one that has captured something only with the token |
//! | it tells tokens of the provider | claims alone are kept |

use primitives::{Actor, AuditEvent, Change, FlowId, Sealer, TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::csrf::CsrfCookie;
use super::document::Input;
use super::{
    Flow, FlowKind, FlowView, Message, NewFlow, OwnFlow, Room, StoredFlow, Transport, flow_document,
};
use crate::providers::Offer;
use crate::write::Write;

/// That a form tries a provider out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TestLogin {
    /// The provider.
    provider: String,
    /// What people know it by.
    label: String,
    /// What came of it (`loginFlowTestDebugPayload`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    captured: Option<Map<String, Value>>,
}

/// Why a try is not there for the caller. The client's, or an attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoTest {
    /// There is none of that id.
    #[error("there is no such test login flow")]
    Unknown,
    /// The token is missing, or another.
    #[error("the test login flow was begun by somebody else")]
    Foreign,
}

/// A try that the caller may see.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnTest {
    own: OwnFlow,
    test: TestLogin,
}

/// Begins one, with the token that opens it.
pub fn start_test_login(
    room: Room<'_>,
    actor: Actor,
    (offer, request): (&Offer, &str),
) -> (OwnTest, CsrfCookie, Change<Write>) {
    let kind = FlowKind::Login {
        refresh: None,
        select_account: false,
        login_challenge: None,
        identifier: String::new(),
    };
    let new = NewFlow {
        kind,
        transport: Transport::Browser,
        request: request.to_owned(),
        return_to: None,
        schema: room.schemas.default_schema().id().to_owned(),
    };
    let test = TestLogin { provider: offer.id.clone(), label: offer.label.clone(), captured: None };
    let begun = Flow::begin(new, room.rng, room.now, room.settings);
    let flow = Flow { test: Some(Box::new(test.clone())), organisation: offer.organisation, ..begun };
    let token = CsrfCookie::generate(room.rng);
    let own = OwnFlow::begun(flow, Some(token.hash(room.sealer, room.tenant)));
    let audit = AuditEvent::new("provider.test_begun", actor, "provider", &offer.id);
    let insert = own.insert(room.rng, &room.settings.flow, room.now);
    let change = Change::new(room.tenant.clone()).write(insert).audit(audit);
    (OwnTest { own, test }, token, change)
}

impl StoredFlow {
    /// The try, for whoever has its token.
    pub fn open_test(
        self,
        sealer: &Sealer,
        tenant: &TenantId,
        token: Option<&CsrfCookie>,
    ) -> Result<OwnTest, NoTest> {
        let test = self.flow().test.as_deref().cloned().ok_or(NoTest::Unknown)?;
        let own = self.check_browser(sealer, tenant, token).map_err(|_| NoTest::Foreign)?;
        Ok(OwnTest { own, test })
    }

    /// Takes a try away: by its id alone as long as nothing is captured, which it would tell of somebody.
    pub fn delete_test(
        self,
        sealer: &Sealer,
        tenant: &TenantId,
        token: Option<&CsrfCookie>,
    ) -> Result<Write, NoTest> {
        let id = self.flow().id;
        match self.flow().test.as_deref() {
            Some(TestLogin { captured: None, .. }) => Ok(Write::RemoveFlow(id)),
            Some(_) | None => self.open_test(sealer, tenant, token).map(|test| test.own.remove()),
        }
    }
}

impl OwnTest {
    /// Names it.
    pub const fn id(&self) -> FlowId {
        self.own.flow.id
    }

    /// Whether it is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.own.flow.is_expired(now)
    }

    /// The form that goes to the provider; `None` once something was captured.
    pub const fn open_form(&self) -> Option<&Flow> {
        if self.test.captured.is_none() { Some(&self.own.flow) } else { None }
    }

    /// The provider.
    pub fn provider(&self) -> &str {
        &self.test.provider
    }

    /// The form after an answer of the provider came to it; `None` if that one came before.
    pub fn marked(&self, answer: &str) -> Option<Write> {
        let flow = super::mark_used(self.own.flow.clone(), answer)?;
        Some(self.own.update(flow))
    }

    /// Keeps what came of it. Guard: nothing else did meanwhile.
    pub fn captured(&self, tenant: &TenantId, payload: Map<String, Value>) -> Change<Write> {
        let test = TestLogin { captured: Some(payload), ..self.test.clone() };
        let flow = Flow { test: Some(Box::new(test)), ..self.own.flow.clone() };
        let audit = AuditEvent::new("provider.tested", Actor::Anonymous, "provider", &self.test.provider);
        Change::new(tenant.clone()).write(self.own.update(flow)).audit(audit)
    }

    /// The `loginFlow` with its `test_context`, and with the token for whoever began it.
    pub fn document(&self, view: FlowView<'_>) -> Value {
        let flow = &self.own.flow;
        let mut document = flow_document(flow, view);
        let hidden = Input::new("csrf_token", "hidden").value(view.csrf_token.unwrap_or_default()).required();
        let mut nodes = vec![hidden.node("default", None, flow)];
        if self.open_form().is_some() {
            let label = Message::sign_in_with_provider(&self.test.label, &self.test.provider);
            let button = Input::new("provider", "submit").value(self.test.provider.as_str());
            nodes.push(button.node("oidc", Some(label), flow));
        }
        let mut context = json!({ "provider_id": self.test.provider });
        if let (Some(fields), Some(payload)) = (context.as_object_mut(), &self.test.captured) {
            fields.insert("debug_payload".to_owned(), json!(payload));
        }
        if let Some(fields) = document.as_object_mut() {
            fields.insert("test_context".to_owned(), context);
            if let Some(ui) = fields.get_mut("ui").and_then(Value::as_object_mut) {
                let action = format!("{}/self-service/login/test?flow={}", view.base_url, flow.id);
                ui.insert("action".to_owned(), action.into());
                ui.insert("nodes".to_owned(), nodes.into());
            }
        }
        document
    }
}
