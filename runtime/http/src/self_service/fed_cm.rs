//! `/self-service/fed-cm/…`: signing in by the browser's own dialog (W3C Federated Credential Management).
//!
//! A sign-in is a form like any other, begun in this browser, whose id is the nonce that the provider repeats: so it is found
//! again by the token, opens with this browser's cookie alone, and ends with the sign-in. What is against what: `federation::fed_cm`.
//!
//! | check | what fails |
//! |---|---|
//! | 1 the body is a form or JSON with a token | 400 |
//! | 2 the token would be of a provider that is offered so, and names a nonce: else it belongs to no form | 404 |
//! | 3 the nonce in the body, where there is one, is that | 404 |
//! | 4 the form of that nonce is this browser's, and open | 403, 404, 410 |
//! | 5 the form's token is there | 403 |
//! | 6 nobody is signed in, and the room decides: signature, issuer, audience, nonce, expiry | as `POST /self-service/login` |

use federation::fed_cm::FedCmOffer;
use http::StatusCode;
use identity::Problem;
use identity::flow::csrf::CsrfCookie;
use identity::flow::{ProviderSubmission, Submission, Transport};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::cookies::{csrf_cookie_of, set_csrf_cookie};
use super::flows::load;
use super::start::{Asked, begin};
use super::submit::{answered, check_token, decided};
use super::visitor::session_of_browser;
use super::{Kind, respond_to_browser};
use crate::call::Call;
use crate::response::{Answer, json_no_store};

/// `UpdateFedcmFlowBody`
#[derive(Debug, Deserialize)]
struct Body {
    token: String,
    #[serde(default)]
    csrf_token: String,
    #[serde(default)]
    nonce: Option<String>,
}

/// `GET /self-service/fed-cm/parameters`: which providers the browser may ask, and with what. Where there is none, nothing is
/// begun.
pub(crate) async fn parameters(call: Call) -> Answer {
    match begun(&call).await {
        Ok(answer) => answer,
        Err(problem) => respond_to_browser(&call, problem),
    }
}

async fn begun(call: &Call) -> Result<Answer, Problem> {
    let session = session_of_browser(call).await?;
    if call.tenant.providers.fed_cm().next().is_none() {
        let nothing = json!({ "csrf_token": "", "providers": [] });
        return match session {
            Some(_) => Err(Problem::SessionAlreadyAvailable),
            None => Ok(json_no_store(StatusCode::OK, &nothing)),
        };
    }
    let known = csrf_cookie_of(call);
    let cookie = known.clone().unwrap_or_else(|| CsrfCookie::generate(call.node.rng.as_ref()));
    let browser = cookie.hash(call.node.sealer(), &call.tenant.id);
    let own = begin(call, Kind::Login, session.as_ref(), Asked::by_browser(&browser)).await?;
    let nonce = own.flow.id.to_string();
    let providers: Vec<Value> = call.tenant.providers.fed_cm().map(|offer| document(offer, &nonce)).collect();
    let token = cookie.token(call.node.sealer(), &call.tenant.id, own.flow.id);
    let mut answer = json_no_store(StatusCode::OK, &json!({ "csrf_token": token, "providers": providers }));
    if known.is_none() {
        set_csrf_cookie(call, &mut answer, &cookie);
    }
    Ok(answer)
}

/// `Provider`, as `navigator.credentials.get` takes it. Newer browsers take the nonce among the parameters.
fn document(offer: FedCmOffer<'_>, nonce: &str) -> Value {
    let mut parameters: Map<String, Value> = Map::new();
    parameters.extend(offer.settings.parameters.iter().map(|(name, value)| (name.clone(), json!(value))));
    parameters.insert("nonce".to_owned(), json!(nonce));
    let mut provider = json!({
        "config_url": offer.settings.config_url,
        "client_id": offer.client_id,
        "nonce": nonce,
        "parameters": parameters,
    });
    if let (false, Some(fields)) = (offer.settings.fields.is_empty(), provider.as_object_mut()) {
        fields.insert("fields".to_owned(), json!(offer.settings.fields));
    }
    provider
}

/// `POST /self-service/fed-cm/token`
pub(crate) async fn token(call: Call) -> Answer {
    let answer = Box::pin(submitted(&call)).await;
    answered(&call, Kind::Login, Transport::Browser, answer)
}

async fn submitted(call: &Call) -> Result<Answer, Problem> {
    let body = body(call)?;
    let said = call.tenant.providers.of_fed_cm(&body.token).ok_or(Problem::FlowUnknown)?;
    if body.nonce.is_some_and(|nonce| nonce != said.nonce) {
        return Err(Problem::FlowUnknown);
    }
    let cookie = csrf_cookie_of(call);
    let own = load(call, Kind::Login, &said.nonce, cookie.as_ref()).await?;
    let submission = Submission {
        method: Some("oidc".to_owned()),
        csrf_token: Some(body.csrf_token),
        federation: ProviderSubmission {
            provider: Some(said.provider),
            id_token: Some(body.token),
            id_token_nonce: Some(own.flow.id.to_string()),
            ..ProviderSubmission::default()
        },
        ..Submission::default()
    };
    // A nonce is one spelling of one form, whichever others an id has.
    if said.nonce != own.flow.id.to_string() || own.flow.transport != Transport::Browser {
        return Err(Problem::FlowUnknown);
    }
    check_token(call, &own.flow, &submission, cookie.as_ref())?;
    decided(call, Kind::Login, own, cookie.as_ref(), submission).await
}

fn body(call: &Call) -> Result<Body, Problem> {
    let malformed = || Problem::BadRequest("The body must be a form or JSON with a `token`.".to_owned());
    if call.has_media_type("application/json") {
        return serde_json::from_slice(&call.body).map_err(|_| malformed());
    }
    if !call.has_media_type("application/x-www-form-urlencoded") {
        return Err(malformed());
    }
    let field = |name: &str| {
        let mut pairs = url::form_urlencoded::parse(&call.body);
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    };
    Ok(Body {
        token: field("token").ok_or_else(malformed)?,
        csrf_token: field("csrf_token").unwrap_or_default(),
        nonce: field("nonce").filter(|nonce| !nonce.is_empty()),
    })
}
