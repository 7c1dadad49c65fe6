//! `none`: a public client, which says who it is and proves nothing (RFC 6749 section 2.1).

use futures_util::future::BoxFuture;

use super::FailedCause;
use super::method::{Credential, Method, NotProven, Proof};
use crate::client::Client;
use crate::server::AuthorizationServer;
use crate::write::Write;

pub(super) struct Nothing;

impl Method for Nothing {
    fn name(&self) -> &'static str {
        "none"
    }

    fn about(&self) -> &'static str {
        "A public client."
    }

    fn proof(&self) -> Proof {
        Proof::Nothing
    }

    fn verify<'a>(
        &'a self,
        _: &'a AuthorizationServer,
        _: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(async move {
            match credential {
                Credential::Connection(_) => Ok(Vec::new()),
                Credential::Secret(..) | Credential::Assertion(_) => Err(FailedCause::Method.into()),
            }
        })
    }
}
