//! `GET /sessions/token-exchange`: a native application whose user signed in in a browser fetches the session; and how
//! that browser is sent back to it.

use identity::Problem;
use identity::flow::{ForApplication, flow_of_init_code, for_application, redeem};
use identity::ports::Flows as _;
use identity::{Flow, Identity, Step};

use super::outcome::{self, Client};
use super::submit::{MOST_ATTEMPTS, form_hooks};
use super::visitor::caller;
use super::{Applied, Kind, apply, challenge, failed, respond, room, with_query};
use crate::call::Call;
use crate::response::{Answer, see_other};
use crate::webhooks;

/// `GET /sessions/token-exchange?init_code=&return_to_code=`
pub(crate) async fn exchange(call: Call) -> Answer {
    match exchanged(&call).await {
        Ok(answer) => answer,
        Err(problem) => respond(&call, &problem),
    }
}

/// Whatever is wrong with the codes: there is nothing for them. Neither tells what the other is worth.
async fn exchanged(call: &Call) -> Result<Answer, Problem> {
    let value = |name: &str| call.query_value(name).filter(|value| !value.is_empty());
    let (Some(init_code), Some(code)) = (value("init_code"), value("return_to_code")) else {
        let words = "`init_code` and `return_to_code` must both be there.";
        return Err(Problem::BadRequest(words.to_owned()));
    };
    let (storage, tenant) = (&call.node.storage, &call.tenant.id);
    let id = flow_of_init_code(call.node.sealer(), tenant, &init_code).ok_or(Problem::NotFound)?;
    for _ in 0..MOST_ATTEMPTS {
        let found = storage.find_flow(tenant, id).await.map_err(|error| failed(call, error))?;
        let own = found.and_then(|stored| stored.check_browser(call.node.sealer(), tenant, None).ok());
        let own = own.ok_or(Problem::NotFound)?;
        let step = redeem(room(call), caller(call, None), &own.flow, &code).await;
        let step = step.map_err(|error| Problem::of_submission(error, String::new))?;
        let step = step.ok_or(Problem::NotFound)?;
        let kind = Kind::of(&own.flow.kind);
        // It counts once: whoever is slower finds no form any more.
        let hooks = form_hooks(call, &own, None, Some("oidc"));
        let webhooks = hooks.as_ref().map(|hooks| (hooks, Some("oidc")));
        let client = Client { call, kind, own: &own, cookie: None, session: None, once: true, webhooks };
        if let Some(answer) = Box::pin(outcome::apply_step(client, step)).await? {
            return Ok(answer);
        }
    }
    Err(Problem::Unavailable)
}

/// A provider said who the user of an application is: the browser goes back there, with the second code or with what was
/// wrong. `None`: somebody was faster, decide again.
pub(super) async fn arrived(client: Client<'_>, step: Step) -> Result<Option<Answer>, Problem> {
    let call = client.call;
    let method = client.webhooks.and_then(|(_, method)| method);
    let told =
        new_account(&step).and_then(|identity| webhooks::signed_up(client.submitted(), method, identity));
    match for_application(room(call), &client.own.flow, step) {
        ForApplication::Elsewhere(place) => Ok(Some(see_other(place.as_str()))),
        ForApplication::Refused(message) => {
            let error = message.map_or_else(|| "not_signed_in".to_owned(), |id| id.to_string());
            Ok(Some(back_with_error(client, &error)))
        }
        ForApplication::Ready { flow, code, verifications, change } => {
            let next = challenge::begun(client, verifications, None);
            let change = next.join(change.write(client.own.update((*flow).clone())));
            if apply(call, change).await? == Applied::Missed {
                return Ok(None);
            }
            // Here the account is made: what fetches the session later begins that, and no account.
            if let Some(told) = told {
                told.tell(client.submitted()).await;
            }
            Ok(Some(see_other(&with_query(&place(client, &flow), "code", code.expose()))))
        }
    }
}

/// The account that a step makes.
fn new_account(step: &Step) -> Option<&Identity> {
    match step {
        Step::Registered { identity, .. } => Some(identity),
        Step::Once(step) => new_account(step),
        _ => None,
    }
}

/// Nobody is signed in: the application is told, where its user comes back to it.
pub(super) fn back_with_error(client: Client<'_>, error: &str) -> Answer {
    see_other(&with_query(&place(client, &client.own.flow), "error", error))
}

fn place(client: Client<'_>, flow: &Flow) -> String {
    let tenant = &client.call.tenant;
    flow.return_to.clone().unwrap_or_else(|| {
        identity::return_to::default_return(&tenant.url, &tenant.identity.flow).as_str().to_owned()
    })
}
