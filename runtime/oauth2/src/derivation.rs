//! What an exchanged token has beside what it hangs on (RFC 8693): through whose hands it came, and who acts.
//!
//! It hangs on the grant of the token that was exchanged first, and dies with it. It also dies with every client through whose
//! hands it came: one that was switched off has nothing left that it handed on.

use std::sync::Arc;

use primitives::{ActingParty, ClientId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::access_token::find_client;
use crate::client::Client;
use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// The longest chain of actors, and the most clients through whose hands a token comes. Attack: a chain grows with every exchange,
/// until a token is larger than what servers take.
pub(crate) const MOST_HOPS: usize = 5;

/// Who acts for somebody (`act`, section 4.1): outermost who does now, in it who did before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who: a client's id, a person's `sub`, or, for an operator who signed in as somebody, e.g. `admin_key:…`.
    pub sub: String,
    /// The client that made the exchange; none for an operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    /// Who acted before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Act>>,
}

impl Act {
    /// A client, for itself.
    pub(crate) fn of_client(client: &ClientId) -> Self {
        Self { sub: client.to_string(), client_id: Some(client.clone()), act: None }
    }

    /// Acts from now on in place of whom `before` names. Whoever acts already is not named again.
    pub(crate) fn after(self, before: Option<Self>) -> Self {
        match before {
            Some(before) if before.sub == self.sub && before.client_id == self.client_id => before,
            before => Self { act: before.map(Box::new), ..self },
        }
    }

    /// How many have acted.
    pub(crate) fn len(&self) -> usize {
        std::iter::successors(Some(self), |act| act.act.as_deref()).count()
    }
}

impl From<&ActingParty> for Act {
    fn from(party: &ActingParty) -> Self {
        Self { sub: party.sub.clone(), client_id: None, act: None }
    }
}

/// Through whose hands an exchanged token came, and who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derivation {
    /// To whom the token was issued that was exchanged first.
    pub origin: ClientId,
    /// Who exchanged it on, but for the client of the token itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub through: Vec<ClientId>,
    /// Who acts; none where all have impersonated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Act>,
}

impl Derivation {
    /// `exchanged_from` of a signed token: origin first.
    pub(crate) fn hands(&self) -> impl Iterator<Item = &ClientId> {
        std::iter::once(&self.origin).chain(&self.through)
    }

    /// Of the claims of a signed token.
    pub(crate) fn of_hands(hands: Vec<ClientId>, act: Option<Act>) -> Option<Self> {
        let mut hands = hands.into_iter();
        Some(Self { origin: hands.next()?, through: hands.collect(), act })
    }

    /// Whether every client through whose hands it came may still be used, and none has taken back what it had when the token
    /// was issued. Gives the first of them.
    ///
    /// A client that describes itself exchanges nothing: it is the first, or another client was deleted under its id.
    pub(crate) async fn check_hands(
        &self,
        server: &AuthorizationServer,
        holder: &Client,
        issued_at: Timestamp,
    ) -> Result<Option<Arc<Client>>, PortError> {
        // A signed token tells its time in whole seconds.
        let holds = |client: &Client| {
            client.record.created_at.seconds() <= issued_at.seconds() && issued_at >= client.record.not_before
        };
        let exchanges = |client: &Client| holds(client) && !client.is_described();
        if !exchanges(holder) {
            return Ok(None);
        }
        let Some(origin) = find_client(server, &self.origin).await?.filter(|client| holds(client)) else {
            return Ok(None);
        };
        for hand in &self.through {
            if find_client(server, hand).await?.is_none_or(|client| !exchanges(&client)) {
                return Ok(None);
            }
        }
        Ok(Some(origin))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_acts_already_is_not_named_again() {
        let (agent, tool): (ClientId, ClientId) = ("agent".parse().unwrap(), "tool".parse().unwrap());
        let first = Act::of_client(&agent).after(None);
        assert_eq!(Act::of_client(&agent).after(Some(first.clone())), first);
        let second = Act::of_client(&tool).after(Some(first));
        let expect =
            json!({"sub": "tool", "client_id": "tool", "act": {"sub": "agent", "client_id": "agent"}});
        assert_eq!(serde_json::to_value(&second).unwrap(), expect);
        assert_eq!(second.len(), 2);
        // Somebody else of the same text is somebody else.
        let person = Act { client_id: Some(agent), ..Act::of_client(&tool) };
        assert_eq!(person.after(Some(second)).len(), 3);
    }
}
