//! The token hook: a server of the tenant's own that is asked before tokens are made, as Hydra has it (`oauth2.token_hook`, v26.2).
//!
//! It is told what is about to be issued (`request.rs`) and answers with the claims that the tokens have instead of those that they
//! would have, that nothing changes, or that there are no tokens ([`answer`]). What it says is kept with the grant, as Hydra's session
//! is, until it says something else ([`GrantedClaims::hooked`](crate::grant::GrantedClaims)). The tenant's plugins come after it and have
//! the last word. Fails **closed**: whatever is not one of its three answers is `server_error`, and nothing is issued, used up or
//! written.
//!
//! | attack | what stops it |
//! |---|---|
//! | the server, or who reads along, uses what it is told | nothing is in it that gives anything: no secret, code, verifier or token; an assertion is without its signature |
//! | it makes a token somebody else's, or good for longer or for more | a claim that is ours is refused, never overruled: [`PROTECTED_CLAIMS`](crate::hooks::PROTECTED_CLAIMS); one that is what it is anyway is passed over (`own.rs`) |
//! | what it says for one client's tokens is said in another's, or in a copy of a token | an answer at an exchange is that token's alone, and what is kept is for the client of the grant |
//! | it does not answer, for ever or at length, or sends on elsewhere | time, size, depth and the number of calls are bounded; redirects are not followed |
//! | whoever may write a tenant's settings has the node call servers of its own network | the guarded port; only the operator's file names other addresses |
//! | it repeats a member, so that two readers read two answers | no member stands twice |

pub mod answer;
mod own;
mod request;
pub mod settings;

use std::fmt;

use futures_util::future::BoxFuture;
use primitives::RequestId;
use primitives::hooks::{HookFailure, HookFailureKind};

pub use answer::{Improper, TokenWebhookAnswer};
pub use own::OwnClaims;
pub use request::Question;
pub use settings::{TokenHookAuth, TokenHookKeyPlace, TokenHookSettings};

use crate::hooks::TokenShape;
use crate::server::AuthorizationServer;
use crate::token::TokenError;

/// What the hook is called in logs, metrics and audit records.
pub const NAME: &str = "token_hook";

/// Asks a tenant's server. Whoever implements it sends a question once and logs why there was no answer.
pub trait TokenWebhook: Send + Sync + fmt::Debug {
    /// Its answer to a question; none that is one of the three is a failure.
    fn ask<'a>(
        &'a self,
        question: &'a Question,
        request: RequestId,
    ) -> BoxFuture<'a, Result<TokenWebhookAnswer, HookFailure>>;
}

/// What the tokens say by its word; none where it leaves them as they would be, or the tenant has none.
pub(crate) async fn ask(
    server: &AuthorizationServer,
    question: impl FnOnce() -> Question,
    request: RequestId,
) -> Result<Option<TokenShape>, TokenError> {
    if server.settings.token_hook.is_none() {
        return Ok(None);
    }
    let missing = || HookFailure {
        plugin: NAME.to_owned(),
        kind: HookFailureKind::Unavailable,
        detail: "nobody on this node asks it".to_owned(),
    };
    let webhook = server.token_webhook.as_ref().ok_or_else(missing)?;
    match webhook.ask(&question(), request).await? {
        TokenWebhookAnswer::Unchanged => Ok(None),
        TokenWebhookAnswer::Replaced(shape) => Ok(Some(shape)),
        // Nothing of what it says is shown: it is made for us, not for clients.
        TokenWebhookAnswer::Refused => {
            Err(TokenError::AccessDenied("the token hook of this server refuses".to_owned()))
        }
    }
}

#[cfg(test)]
mod tests;
