//! Trying a provider out: `POST /admin/test-login-flows`, `/self-service/login/test`, and the way back from the provider.
//!
//! What stands against what is said in `identity::flow::OwnTest`'s file. The token of the flow stays with the browser that submits it as a
//! cookie, with which it comes back and reads what was captured.

use federation::{CameBack, Examined, Failure};
use http::StatusCode;
use identity::Problem;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{FlowView, Message, NoTest, OwnTest, start_test_login};
use identity::hooks::{MappingDecision, Origin};
use identity::ports::Flows as _;
use identity::providers::{Beginning, ProvenElsewhere, ProviderFailure, Providers as _};
use identity::schema::TraitViolation;
use primitives::{Change, FlowId};
use serde_json::{Map, Value, json};

use super::{Applied, Kind, apply, failed, respond, respond_to_browser, room};
use crate::admin::actor;
use crate::browser::cookie;
use crate::call::Call;
use crate::response::{Answer, empty, json_no_store, see_other, set_cookie};

/// The cookie that the flow's token is in.
pub(crate) const COOKIE: &str = "ory_kratos_test_flow";

/// `POST /admin/test-login-flows`
pub(crate) async fn create(call: Call) -> Answer {
    match created(&call).await {
        Ok(document) => json_no_store(StatusCode::CREATED, &document),
        Err(problem) => respond(&call, &problem),
    }
}

async fn created(call: &Call) -> Result<Value, Problem> {
    let body: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let id = body.get("provider_id").and_then(Value::as_str).filter(|id| (1..=255).contains(&id.len()));
    let words = "The body must be JSON with a `provider_id` of at most 255 characters.";
    let id = id.ok_or_else(|| Problem::BadRequest(words.to_owned()))?;
    let found = call.tenant.providers.offer(id).await.map_err(|failure| unavailable(call, &failure))?;
    let offer = found.ok_or(Problem::NotFound)?;
    let (test, token, change) = start_test_login(room(call), actor(call), (&offer, &call.path));
    apply(call, change).await?;
    Ok(document(call, &test, Some(&token)))
}

fn unavailable(call: &Call, failure: &Failure) -> Problem {
    tracing::error!(request = %call.request, %failure, "a provider was not found out about");
    Problem::Unavailable
}

fn document(call: &Call, test: &OwnTest, token: Option<&CsrfCookie>) -> Value {
    let room = room(call);
    test.document(FlowView {
        base_url: &call.tenant.base_url,
        schema: room.schemas.default_schema(),
        csrf_token: token.map(CsrfCookie::as_str),
        identity: None,
        providers: call.tenant.providers.offers(),
        script_integrity: call.node.pages.assets().passkeys_integrity(),
        captcha: None,
    })
}

/// The token in this browser's cookie.
fn token_of(call: &Call) -> Option<CsrfCookie> {
    call.cookie(COOKIE).and_then(CsrfCookie::parse)
}

/// The flow of an id, for whoever has its token.
async fn open(call: &Call, id: FlowId, token: Option<&CsrfCookie>) -> Result<OwnTest, Problem> {
    let found = call.node.storage.find_flow(&call.tenant.id, id).await;
    let stored = found.map_err(|error| failed(call, error))?.ok_or(Problem::FlowUnknown)?;
    let test = stored.open_test(call.node.sealer(), &call.tenant.id, token).map_err(refusal)?;
    if test.is_expired(call.now()) { Err(Problem::FlowUnknown) } else { Ok(test) }
}

const fn refusal(error: NoTest) -> Problem {
    match error {
        NoTest::Unknown => Problem::FlowUnknown,
        NoTest::Foreign => Problem::CsrfViolation,
    }
}

/// `GET /self-service/login/flows?id=` of such a flow; `None` of any other, and of none.
pub(super) async fn shown(call: &Call, id: &str) -> Option<Value> {
    let (id, token) = (id.parse().ok()?, token_of(call)?);
    let test = open(call, id, Some(&token)).await.ok()?;
    Some(document(call, &test, Some(&token)))
}

/// `POST /self-service/login/test?flow=`: goes to the provider, with the flow's token in the body.
pub(crate) async fn submit(call: Call) -> Answer {
    match submitted(&call).await {
        Ok(answer) => answer,
        Err(problem) => respond_to_browser(&call, problem),
    }
}

async fn submitted(call: &Call) -> Result<Answer, Problem> {
    let id = call.query_value("flow").unwrap_or_default().parse().map_err(|_| Problem::FlowUnknown)?;
    let token = csrf_token(call).as_deref().and_then(CsrfCookie::parse).ok_or(Problem::CsrfViolation)?;
    let test = open(call, id, Some(&token)).await?;
    // Nothing is tried twice: what was captured is of one attempt.
    let flow = test.open_form().ok_or(Problem::FlowUnknown)?;
    let parameters = std::collections::BTreeMap::new();
    let begun = Beginning { flow, provider: test.provider(), parameters: &parameters };
    let mut answer = match call.tenant.providers.begin(begun).await {
        Ok(url) if call.wants_json() => {
            let redirect_browser_to = url.to_string();
            respond(call, &Problem::LocationChangeRequired { redirect_browser_to })
        }
        Ok(url) => see_other(url.as_str()),
        Err(failure) => {
            let (ProviderFailure::Upstream { detail, .. } | ProviderFailure::Denied { detail, .. }) = failure
            else {
                return Err(Problem::NotFound);
            };
            let error = step_error("authorization", "unreachable", &detail);
            let payload = Map::from_iter([("error".to_owned(), error)]);
            apply(call, test.captured(&call.tenant.id, payload)).await?;
            back(call, id)
        }
    };
    let seconds = call.tenant.identity.flow.lifespan().as_secs();
    set_cookie(&mut answer, &cookie(call, COOKIE, token.as_str(), Some(seconds)));
    Ok(answer)
}

fn csrf_token(call: &Call) -> Option<String> {
    if call.has_media_type("application/json") {
        let body: Value = serde_json::from_slice(&call.body).ok()?;
        return body.get("csrf_token").and_then(Value::as_str).map(str::to_owned);
    }
    let mut pairs = url::form_urlencoded::parse(&call.body);
    pairs.find(|(name, _)| name == "csrf_token").map(|(_, value)| value.into_owned())
}

/// Where the browser is shown what came of it: the tenant's own page, if it has one. Ours show no such flow, so that its document is
/// shown.
fn back(call: &Call, id: FlowId) -> Answer {
    if call.tenant.identity.flow.ui.login.starts_with('/') {
        return see_other(&call.tenant.absolute(&format!("/self-service/login/flows?id={id}")));
    }
    see_other(&Kind::Login.page_url(call, id))
}

/// The way back from the provider, if what the browser brings is of such a flow.
pub(super) async fn arrived(call: &Call, came: &CameBack) -> Option<Answer> {
    let token = token_of(call)?;
    let test = open(call, came.flow(), Some(&token)).await.ok()?;
    Some(match captured(call, came, (test, &token)).await {
        Ok(answer) => answer,
        Err(problem) => respond_to_browser(call, problem),
    })
}

async fn captured(
    call: &Call,
    came: &CameBack,
    (test, token): (OwnTest, &CsrfCookie),
) -> Result<Answer, Problem> {
    if test.open_form().is_none() {
        return Err(Problem::ProviderAnswerUsed);
    }
    let mark = test.marked(came.answer()).ok_or(Problem::ProviderAnswerUsed)?;
    if apply(call, Change::new(call.tenant.id.clone()).write(mark)).await? == Applied::Missed {
        return Err(Problem::ProviderAnswerUsed);
    }
    let test = open(call, test.id(), Some(token)).await?;
    let examined = call.tenant.providers.examine(came).await;
    let payload = payload(call, examined).await;
    apply(call, test.captured(&call.tenant.id, payload)).await?;
    Ok(back(call, test.id()))
}

/// `loginFlowTestDebugPayload`. The description's words are those of a mapper in Jsonnet; here it is the tenant's mapping, whoever makes
/// it.
async fn payload(call: &Call, examined: Examined) -> Map<String, Value> {
    let Examined { id_token, elsewhere, who } = examined;
    let mut payload = Map::new();
    let mut put = |name: &str, value: Value| payload.insert(name.to_owned(), value);
    if let Some(claims) = id_token {
        put("id_token_claims", claims.into());
    }
    if let Some(claims) = elsewhere {
        put("userinfo", claims.into());
    }
    let who = match who {
        Ok(who) => who,
        Err(failure) => {
            let step = if matches!(failure, Failure::Denied(_)) { "authorization" } else { "token_exchange" };
            put("error", step_error(step, failure.class(), &failure.to_string()));
            return payload;
        }
    };
    put("jsonnet_input", json!({ "claims": who.claims, "provider": who.provider, "subject": who.subject }));
    let traits = match mapped(call, &who).await {
        Ok((output, traits)) => {
            put("jsonnet_output", output);
            traits
        }
        Err(error) => {
            put("error", error);
            return payload;
        }
    };
    if let Err(violations) = room(call).schemas.default_schema().check_traits(traits) {
        let errors: Vec<Value> = violations.iter().map(violation).collect();
        put("schema_validation_errors", errors.into());
        put(
            "error",
            step_error("schema_validate", "traits_invalid", "the traits do not follow their schema"),
        );
    }
    payload
}

/// What would be made of somebody: as it is told, and its traits.
async fn mapped(call: &Call, who: &ProvenElsewhere) -> Result<(Value, Map<String, Value>), Value> {
    let room = room(call);
    let context = room.hook_context(primitives::Actor::Anonymous, None);
    let origin = Origin { address: call.client, user_agent: None };
    let known = (None, Some(origin));
    let decided = call.tenant.providers.map(&context, who, room.schemas.default_schema(), known).await;
    match decided {
        Ok(MappingDecision::Mapped(mapping)) => {
            let verified: Vec<Value> = mapping
                .verified_addresses
                .iter()
                .map(|(via, value)| json!({ "via": via, "value": value }))
                .collect();
            let output = json!({ "identity": {
                "traits": mapping.traits,
                "metadata_public": mapping.metadata_public,
                "metadata_admin": mapping.metadata_admin,
                "verified_addresses": verified,
            }});
            Ok((output, mapping.traits))
        }
        Ok(MappingDecision::Deny { message }) => Err(step_error("mapping", "denied", &message)),
        Ok(MappingDecision::Unmapped) => Err(step_error("mapping", "unmapped", "no plugin gave an answer")),
        Err(error) => Err(step_error("mapping", "failed", &error.to_string())),
    }
}

/// `loginFlowTestSchemaValidationError`, whose path is a JSON pointer.
fn violation(violation: &TraitViolation) -> Value {
    let path = format!("/{}", violation.field.replace('.', "/"));
    json!({ "path": path, "message": Message::from(violation).text })
}

/// `loginFlowTestStepError`
fn step_error(step: &str, reason: &str, message: &str) -> Value {
    json!({ "step": step, "reason": reason, "message": message })
}

/// `DELETE /self-service/login/test?id=`
pub(crate) async fn delete(call: Call) -> Answer {
    let deleted = async {
        let id = call.query_value("id").filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Problem::BadRequest("`id` is missing.".to_owned()))?;
        let id = id.parse().map_err(|_| Problem::FlowUnknown)?;
        let found = call.node.storage.find_flow(&call.tenant.id, id).await;
        let stored = found.map_err(|error| failed(&call, error))?.ok_or(Problem::FlowUnknown)?;
        let token = token_of(&call);
        let removal = stored.delete_test(call.node.sealer(), &call.tenant.id, token.as_ref());
        let change = Change::new(call.tenant.id.clone()).write(removal.map_err(refusal)?);
        apply(&call, change).await
    };
    match deleted.await {
        Ok(_) => empty(StatusCode::NO_CONTENT),
        Err(problem) => respond(&call, &problem),
    }
}
