//! A method that nobody has, in the way in which any further one is added: this file, and a line of the table.

use futures_util::future::BoxFuture;
use primitives::Secret;

use super::super::method::{Credential, Method, NotProven, Presented, Proof};
use super::super::{AuthenticationError, FailedCause, named};
use crate::client::Client;
use crate::parameters::Parameters;
use crate::server::AuthorizationServer;
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

    fn find<'a>(
        &self,
        _: Option<&'a str>,
        parameters: &'a Parameters<'_>,
    ) -> Option<Result<Presented<'a>, AuthenticationError>> {
        let credential = Credential::Secret(Secret::new(parameters.find("knock")?.to_owned()));
        Some(named(parameters).map(|client| Presented { client, credential }))
    }

    fn verify<'a>(
        &'a self,
        _: &'a AuthorizationServer,
        _: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(async move {
            match credential {
                Credential::Secret(knock) if knock.expose() == "twice" => Ok(Vec::new()),
                Credential::Secret(_) => Err(FailedCause::Secret.into()),
                Credential::Assertion(_) | Credential::Connection(_) => Err(FailedCause::Method.into()),
            }
        })
    }
}
