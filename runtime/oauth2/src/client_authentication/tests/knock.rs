//! A method that nobody has, in the way in which any further one is added: this file, and a line of the table.

use futures_util::future::BoxFuture;
use primitives::Secret;

use super::super::method::{Credential, Method, NotProven, Presented, Proof};
use super::super::{AuthenticationError, FailedCause, named};
use crate::client::Client;
use crate::server::AuthorizationServer;
use crate::token::ClientRequest;
use crate::write::Write;

pub(in super::super) struct Knock;

impl Method for Knock {
    fn name(&self) -> &'static str {
        "knock"
    }

    fn about(&self) -> &'static str {
        "Twice."
    }

    fn proof(&self) -> Proof {
        Proof::Secret
    }

    fn find<'a>(&self, request: ClientRequest<'a>) -> Option<Result<Presented<'a>, AuthenticationError>> {
        let knock = Secret::new(request.parameters.find("knock")?.to_owned());
        let credential = Credential::Secret(knock, request.source);
        Some(named(request.parameters).map(|client| Presented { client, credential }))
    }

    fn verify<'a>(
        &'a self,
        _: &'a AuthorizationServer,
        _: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(async move {
            match credential {
                Credential::Secret(knock, _) if knock.expose() == "twice" => Ok(Vec::new()),
                Credential::Secret(..) => Err(FailedCause::Secret.into()),
                Credential::Assertion(_) | Credential::Connection(_) => Err(FailedCause::Method.into()),
            }
        })
    }
}
