//! Trying a provider out: what it says of somebody, said separately, and where it fails.

use identity::providers::ProvenElsewhere;
use serde_json::{Map, Value};

use crate::callback::{self, CameBack};
use crate::failure::Failure;
use crate::room::TenantProviders;

/// What a provider said of somebody who came back from it.
#[derive(Debug)]
pub struct Examined {
    /// The claims of its ID token, which was right in every respect.
    pub id_token: Option<Map<String, Value>>,
    /// What it said elsewhere: those claims that the ID token does not have, or has otherwise.
    pub elsewhere: Option<Map<String, Value>>,
    /// Who that is, if it was enough.
    pub who: Result<ProvenElsewhere, Failure>,
}

impl TenantProviders {
    /// Asks a provider who somebody is, by an answer of this browser that came for the first time: as a sign-in does, and in the
    /// same order.
    pub async fn examine(&self, came: &CameBack) -> Examined {
        let nothing = |failure| Examined { id_token: None, elsewhere: None, who: Err(failure) };
        let provider = match self.find(came.provider()).await {
            Ok(provider) => provider,
            Err(failure) => return nothing(failure),
        };
        let (given, id_token) = match callback::exchanged(self.asking(), &provider, came).await {
            Ok(exchanged) => exchanged,
            Err(failure) => return nothing(failure),
        };
        let who = callback::described(self.asking(), &provider, came, (given, id_token.clone())).await;
        let elsewhere = who.as_ref().ok().map(|who| beside(&who.claims, id_token.as_ref()));
        Examined { id_token, elsewhere: elsewhere.filter(|claims| !claims.is_empty()), who }
    }
}

/// The claims that an ID token does not have so.
fn beside(claims: &Map<String, Value>, id_token: Option<&Map<String, Value>>) -> Map<String, Value> {
    let is_said = |name: &str, value: &Value| id_token.and_then(|said| said.get(name)) == Some(value);
    let others = claims.iter().filter(|(name, value)| !is_said(name, value));
    others.map(|(name, value)| (name.clone(), value.clone())).collect()
}
