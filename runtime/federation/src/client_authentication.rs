//! How a provider learns that a request is ours.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use primitives::{Secret, Timestamp};

use crate::apple;
use crate::discovery::Endpoints;
use crate::failure::Failure;
use crate::kind::ClientAuthentication;
use crate::provider::Provider;

/// What is added to a request.
#[derive(Debug, Default)]
pub(crate) struct Identification {
    /// A header.
    pub(crate) authorization: Option<String>,
    /// Parameters.
    pub(crate) parameters: Vec<(&'static str, String)>,
}

/// Says who we are. Without a secret we are a public client, known by PKCE alone.
pub(crate) fn identify(
    provider: &Provider,
    endpoints: &Endpoints,
    secret: Option<&Secret<String>>,
    now: Timestamp,
) -> Result<Identification, Failure> {
    let id = ("client_id", provider.settings.client_id.clone());
    let Some(secret) = secret else {
        return Ok(Identification { authorization: None, parameters: vec![id] });
    };
    let in_body = |secret: String| Identification {
        authorization: None,
        parameters: vec![id.clone(), ("client_secret", secret)],
    };
    Ok(match provider.kind.client_authentication {
        ClientAuthentication::Signed => {
            in_body(apple::client_secret(&provider.settings, secret.expose(), now)?)
        }
        ClientAuthentication::Post => in_body(secret.expose().clone()),
        ClientAuthentication::Basic if endpoints.post_only => in_body(secret.expose().clone()),
        ClientAuthentication::Basic => {
            // Each half is a form value first (RFC 6749 section 2.3.1).
            let encode =
                |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encode(&provider.settings.client_id), encode(secret.expose()));
            Identification {
                authorization: Some(format!("Basic {}", STANDARD.encode(pair))),
                parameters: Vec::new(),
            }
        }
    })
}
