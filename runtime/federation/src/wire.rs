//! Asking a provider: bounded in size and time, and answered in JSON or not at all.

use std::time::Duration;

use jose::json::parse_object;
use primitives::Origin;
use primitives::outbound::{Outbound, OutboundRequest, Reach};
use serde_json::{Map, Value};
use url::Url;

use crate::failure::Failure;
use crate::settings::is_private_enough;

/// The largest answer that is read, in bytes.
const LARGEST: usize = 256 * 1024;
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way to one provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wire<'a> {
    pub(crate) outbound: &'a dyn Outbound,
    /// The servers that the operator's own file names, wherever they are.
    pub(crate) named: &'a [Origin],
}

/// A request, as far as providers differ.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// What is asked, for the log.
    pub(crate) what: &'static str,
    pub(crate) method: &'static str,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Ask {
    pub(crate) fn get(what: &'static str, url: Url) -> Self {
        Self { what, method: "GET", url, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) fn post(what: &'static str, url: Url, media_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), media_type.to_owned())];
        Self { what, method: "POST", url, headers, body }
    }

    pub(crate) fn header(mut self, name: &str, value: String) -> Self {
        self.headers.push((name.to_owned(), value));
        self
    }
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Wire<'_> {
    /// Asks. What does not say that it is JSON is not read: an error page of something in between says nothing.
    pub(crate) async fn ask(&self, ask: Ask) -> Result<Answered, Failure> {
        let Ask { what, method, url, mut headers, body } = ask;
        if !is_private_enough(&url) {
            return Err(Failure::nonsense(what, "its address is not https"));
        }
        let named = Origin::of(&url).is_some_and(|origin| self.named.contains(&origin));
        headers.push(("accept".to_owned(), "application/json".to_owned()));
        // GitHub answers nobody without a name.
        headers.push(("user-agent".to_owned(), "portcullis".to_owned()));
        if method == "POST" {
            headers.push(("content-length".to_owned(), body.len().to_string()));
        }
        let request = OutboundRequest {
            method,
            url,
            headers,
            body,
            max_response_bytes: LARGEST,
            timeout: PATIENCE,
            reach: if named { Reach::NamedByOperator } else { Reach::Public },
        };
        let response =
            self.outbound.fetch(request).await.map_err(|error| Failure::Unreachable { what, error })?;
        let media = response.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        let media = media.map_or("", |(_, value)| value.split(';').next().unwrap_or_default().trim());
        if !media.to_ascii_lowercase().ends_with("json") && !media.eq_ignore_ascii_case("text/javascript") {
            let found = media.chars().take(64).collect::<String>();
            return Err(Failure::nonsense(
                what,
                &format!("answers {} with {found:?}, not JSON", response.status),
            ));
        }
        Ok(Answered { status: response.status, body: response.body })
    }

    /// Asks for an object.
    pub(crate) async fn object(&self, ask: Ask) -> Result<Map<String, Value>, Failure> {
        let what = ask.what;
        let answered = self.ask(ask).await?;
        if answered.status != 200 {
            return Err(Failure::nonsense(what, &format!("answers {}", answered.status)));
        }
        parse_object(&answered.body).map_err(|_| Failure::nonsense(what, "not a JSON object"))
    }
}
