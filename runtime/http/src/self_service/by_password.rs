//! Signing in by a name and a password that an application was given (RFC 6749 section 4.3): a native form, begun and
//! submitted at once, with the same counts, captcha, plugins, webhooks and policies. What it would ask next, nobody is there to
//! answer: then nobody is signed in, and nothing is written but what the form itself would.

use futures_util::FutureExt as _;
use identity::flow::{FlowError, Room, SignedIn};
use identity::password::PlainPassword;
use identity::session::LiveSession;
use identity::{Problem, Step, Submission, next_step};
use oauth2::ports::{PortError, PortResult};
use oauth2::token::PasswordSignIn;
use primitives::subject::AssuranceLevel;
use primitives::{AuthenticatedSubject, ClientId, Secret};

use super::assurance::check_session;
use super::outcome::Client;
use super::start::{Asked, begin};
use super::submit::form_hooks;
use super::visitor::caller;
use super::{Applied, Kind, apply, room};
use crate::call::Call;
use crate::captcha::RequestProof;
use crate::webhooks::{Gate, passes};

const METHOD: &str = "password";

/// Signs in on behalf of a request of the token endpoint.
pub(crate) struct ByPassword<'a>(pub(crate) &'a Call);

impl PasswordSignIn for ByPassword<'_> {
    fn sign_in<'a>(
        &'a self,
        client: &'a ClientId,
        username: &'a str,
        password: Secret<String>,
    ) -> PortResult<'a, Option<AuthenticatedSubject>> {
        sign_in(self.0, client, username, password).boxed()
    }
}

async fn sign_in(
    call: &Call,
    client_id: &ClientId,
    username: &str,
    password: Secret<String>,
) -> Result<Option<AuthenticatedSubject>, PortError> {
    let own = match begin(call, Kind::Login, None, Asked::by_application()).await {
        Ok(own) => own,
        Err(problem) => return of_problem(&problem),
    };
    let hooks = form_hooks(call, &own, None, Some(METHOD));
    let webhooks = hooks.as_ref().map(|hooks| (hooks, Some(METHOD)));
    let client =
        Client { call, kind: Kind::Login, own: &own, cookie: None, session: None, once: false, webhooks };
    let captcha = RequestProof::new(call);
    let room = Room { client: Some(client_id), captcha: &captcha, ..room(call) };
    let room = hooks.as_ref().map_or(room, |hooks| Room { hooks, ..room });
    let submission = Submission {
        method: Some(METHOD.to_owned()),
        identifier: Some(username.to_owned()),
        password: Some(PlainPassword::new(password.expose().clone())),
        ..Submission::default()
    };
    let step = match Box::pin(next_step(room, caller(call, None), own.flow.clone(), submission)).await {
        Ok(step) => step,
        Err(error) => return of_flow(call, error),
    };
    let signed_in = match step {
        Step::SignedIn(signed_in) => *signed_in,
        // What is to be known of the attempt.
        Step::Refused(_, change) => {
            return match apply(call, change).await {
                Ok(_) => Ok(None),
                Err(problem) => of_problem(&problem),
            };
        }
        _ => return Ok(None),
    };
    let Some(subject) = whole(call, &signed_in) else { return Ok(None) };
    let (step, tell) = match webhooks {
        None => (Step::SignedIn(Box::new(signed_in)), None),
        Some(webhooks) => {
            let step = Step::SignedIn(Box::new(signed_in));
            match Box::pin(passes(client.submitted(), webhooks, step)).await {
                Ok(Gate::Open(step, tell)) => (step, tell),
                Ok(Gate::Shut(_)) => return Ok(None),
                Err(problem) => return of_problem(&problem),
            }
        }
    };
    let Step::SignedIn(signed_in) = step else { return Ok(None) };
    let change = client.served(signed_in.change.seal(call.node.sealer()));
    match apply(call, change).await {
        Ok(Applied::Whole) => {}
        // Somebody changed the account meanwhile: the application asks again.
        Ok(Applied::Missed) => return Err(PortError::busy("the account was changed meanwhile")),
        Err(problem) => return of_problem(&problem),
    }
    if let Some(tell) = tell {
        tell.tell(client.submitted()).await;
    }
    Ok(Some(subject))
}

/// Whoever has signed in, if there is nothing left to prove. Somebody who has a second factor is never let in without it, whatever
/// the tenant asks of its own sessions.
fn whole(call: &Call, signed_in: &SignedIn) -> Option<AuthenticatedSubject> {
    let SignedIn { identity, session, demands_second_factor, .. } = signed_in;
    let has_second = identity.available >= AssuranceLevel::Aal2 || *demands_second_factor;
    let live = LiveSession::check(session.clone(), identity.clone(), call.now())?;
    let counts = !has_second && check_session(call, &live).is_ok();
    counts.then(|| live.subject(&call.tenant.id))
}

/// A failure that is not ours lets nobody in; why is told to nobody.
fn of_flow(call: &Call, error: FlowError) -> Result<Option<AuthenticatedSubject>, PortError> {
    tracing::debug!(request = %call.request, %error, "nobody was signed in by a password");
    of_problem(&Problem::of_submission(error, String::new))
}

fn of_problem(problem: &Problem) -> Result<Option<AuthenticatedSubject>, PortError> {
    match problem {
        Problem::TooManyAttempts { .. } => Err(PortError::busy("too many attempts to sign in")),
        Problem::Busy { .. } => Err(PortError::busy("too many passwords to check")),
        problem if problem.status() >= 500 => Err(PortError::Unavailable(problem.reason().to_owned())),
        _ => Ok(None),
    }
}
