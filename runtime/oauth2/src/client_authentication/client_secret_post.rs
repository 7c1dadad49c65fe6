//! `client_secret_post`: a secret in the body (RFC 6749 section 2.3.1).

use futures_util::future::BoxFuture;
use primitives::Secret;

use super::method::{Credential, Method, NotProven, Presented, Proof};
use super::{AuthenticationError, named, secret};
use crate::client::Client;
use crate::server::AuthorizationServer;
use crate::token::ClientRequest;
use crate::write::Write;

pub(super) struct ClientSecretPost;

impl Method for ClientSecretPost {
    fn name(&self) -> &'static str {
        "client_secret_post"
    }

    fn about(&self) -> &'static str {
        "In the body (RFC 6749 section 2.3.1)."
    }

    fn proof(&self) -> Proof {
        Proof::Secret
    }

    fn find<'a>(&self, request: ClientRequest<'a>) -> Option<Result<Presented<'a>, AuthenticationError>> {
        let secret = request.parameters.find("client_secret")?;
        Some(named(request.parameters).map(|client| {
            let credential = Credential::Secret(Secret::new(secret.to_owned()), request.source);
            Presented { client, credential }
        }))
    }

    fn verify<'a>(
        &'a self,
        server: &'a AuthorizationServer,
        client: &'a Client,
        credential: Credential<'a>,
    ) -> BoxFuture<'a, Result<Vec<Write>, NotProven>> {
        Box::pin(secret::verify(server, client, credential))
    }
}
