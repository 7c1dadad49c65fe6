//! Global token revocation (draft-parecki-oauth-global-token-revocation-06): a party that is trusted with it, such as the company
//! whose people sign in or whoever watches for break-ins, says whose tokens and sessions are to end.
//!
//! Attacks: an app signs everybody out (its own token must have a scope that an operator gave it, and be its own: none that stands for
//! somebody, and none that was exchanged); a server that was shown such a token uses it here (it is for us alone); somebody asks
//! who has an account (only whoever may end it is told).

use primitives::{Actor, AuditEvent, Change, IdentityId};
use serde::Deserialize;

use crate::access_token::{DescribedToken, PresentedToken};
use crate::decision::Decision;
use crate::dpop::ProvenKey;
use crate::ports::PortError;
use crate::server::AuthorizationServer;
use crate::userinfo::UserinfoError;
use crate::write::{SignIns, Write};

/// The scope of a client that may revoke everything of anybody in its tenant.
pub const REVOKING_SCOPE: &str = "global_token_revocation";

/// Who is meant (RFC 9493).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case", deny_unknown_fields)]
pub enum SubjectIdentifier {
    /// By `iss` and `sub` (section 3.2.3): of ours, or of a provider with which people sign in.
    IssSub {
        /// Who names them.
        iss: String,
        /// By which name.
        sub: String,
    },
    /// By an e-mail address (section 3.2.2).
    Email {
        /// The address.
        email: String,
    },
    /// By a name that we gave (section 3.2.4).
    Opaque {
        /// The name.
        id: String,
    },
}

#[derive(Deserialize)]
struct Request {
    sub_id: SubjectIdentifier,
}

impl SubjectIdentifier {
    /// Reads a request's body; `None` if it names nobody in a way that we know.
    pub fn of_request(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Request>(body).ok().map(|request| request.sub_id)
    }
}

impl AuthorizationServer {
    /// The client that may do this, by an access token of its own.
    pub async fn check_revoker(&self, presented: PresentedToken<'_>) -> Decision<Actor, UserinfoError> {
        let mut change = Change::new(self.tenant.clone());
        let held = match self.find_holder(&presented, &self.endpoints.global_revocation).await {
            Ok(held) => held,
            Err(error) => return Decision::new(change, Err(error)),
        };
        // A proof that was right is used up, whatever the answer is.
        change.writes.extend(held.proof.as_ref().map(ProvenKey::write));
        let described = held.described();
        let client = described.token().client.clone();
        let may = self.may_revoke(described);
        Decision::new(
            change,
            if may { Ok(Actor::Client(client)) } else { Err(UserinfoError::InsufficientScope) },
        )
    }

    fn may_revoke(&self, described: &DescribedToken) -> bool {
        let token = described.token();
        let is_own = described.grant().is_none()
            && token.derivation.is_none()
            && token.subject == token.client.as_str();
        let us = [self.issuer.as_str(), &self.endpoints.global_revocation];
        let is_for_us = token.audience.iter().all(|one| us.contains(&one.as_str()));
        // The client may have lost the scope since.
        is_own
            && is_for_us
            && token.scope.contains(REVOKING_SCOPE)
            && described.client().scope.contains(REVOKING_SCOPE)
    }

    /// Whom an issuer means: ourselves, or one whose people are linked here. Nobody if there is nobody of that name.
    pub async fn find_by_issuer(&self, issuer: &str, subject: &str) -> Result<Vec<IdentityId>, PortError> {
        if issuer == self.issuer.as_str() {
            return self.find_by_name(subject).await;
        }
        let found = self.ports.federated.find_federated(&self.tenant, issuer, subject).await?;
        Ok(found.into_iter().collect())
    }

    /// Whom a `sub` of ours means: an identity of the tenant; where the tenant has a login app, whomever that app knows by it; and
    /// whomever a client of pairwise subjects knows by it. A name that an app has forced may be one person's at this client and
    /// another's at that: everybody is meant, since of two whose tokens may be stolen neither is to be left out.
    pub async fn find_by_name(&self, subject: &str) -> Result<Vec<IdentityId>, PortError> {
        let mut found = self.ports.logins.list_subjects_named(&self.tenant, subject).await?;
        if let Ok(id) = subject.parse::<IdentityId>() {
            let is_known = self.ports.logins.has_identity(&self.tenant, id).await?;
            found.extend(is_known.then_some(id));
        } else if self.settings.urls.login.is_some() {
            found.push(self.subject_id(subject).await?);
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Ends whatever somebody granted to anybody, and every sign-in of theirs at the tenant's login app. What they have consented to is
    /// remembered: it is their sessions that are not trusted any more. To be applied together with the end of their sessions here.
    pub fn revoke_everything(&self, subject: IdentityId, actor: Actor) -> Change<Write> {
        let at = self.now();
        let event = AuditEvent::new("subject.tokens_revoked", actor, "subject", &subject);
        Change::new(self.tenant.clone())
            .write(Write::RevokeGrantsOfSubject { subject, client: None, at })
            .write(Write::DeleteLoginSessions { subject, which: SignIns::All, at })
            .audit(event)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::memory::{World, as_bearer, now};

    #[test]
    fn subject_is_named_in_one_of_three_ways_and_nothing_else() {
        let read =
            |sub_id: Value| SubjectIdentifier::of_request(json!({"sub_id": sub_id}).to_string().as_bytes());
        let (iss, sub) = ("https://idp.example".to_owned(), "7".to_owned());
        let expect = SubjectIdentifier::IssSub { iss, sub };
        assert_eq!(
            read(json!({"format": "iss_sub", "iss": "https://idp.example", "sub": "7"})),
            Some(expect)
        );
        let email = "ada@example.org".to_owned();
        assert_eq!(
            read(json!({"format": "email", "email": "ada@example.org"})),
            Some(SubjectIdentifier::Email { email })
        );
        assert_eq!(
            read(json!({"format": "opaque", "id": "x"})),
            Some(SubjectIdentifier::Opaque { id: "x".to_owned() })
        );
        for other in [
            json!({"format": "iss_sub", "iss": "https://idp.example"}),
            json!({"format": "opaque", "id": "x", "email": "ada@example.org"}),
            json!({"format": "phone_number", "phone_number": "+441"}),
            json!({"email": "ada@example.org"}),
            json!("x"),
            json!(null),
        ] {
            assert_eq!(read(other.clone()), None, "{other}");
        }
        assert_eq!(SubjectIdentifier::of_request(b"{}"), None);
        assert_eq!(SubjectIdentifier::of_request(b"\xff"), None);
    }

    /// `app` may, `other` may not.
    fn world() -> World {
        let scope = format!("openid read offline_access {REVOKING_SCOPE}");
        let world = World::of_app(|_| {}, &json!({"scope": scope}));
        world.add_client(&json!({"client_id": "other", "token_endpoint_auth_method": "client_secret_post"}));
        world
    }

    fn own(world: &World, more: &[(&str, &str)]) -> String {
        world.token(&[&[("grant_type", "client_credentials")], more].concat()).unwrap().access_token
    }

    fn check(world: &World, token: &str) -> Result<Actor, UserinfoError> {
        now(world.server.check_revoker(as_bearer(token))).result
    }

    #[test]
    fn only_a_clients_own_token_with_the_scope_and_for_us_revokes() {
        let world = world();
        let actor = Actor::Client("app".parse().unwrap());
        let right = own(&world, &[("scope", REVOKING_SCOPE)]);
        assert_eq!(check(&world, &right), Ok(actor));
        let refused = Err(UserinfoError::InsufficientScope);
        assert_eq!(check(&world, &own(&world, &[("scope", "read")])), refused);
        // Another server was shown it.
        let shown = own(&world, &[("scope", REVOKING_SCOPE), ("audience", "https://api.example")]);
        assert_eq!(check(&world, &shown), refused);
        // It stands for somebody.
        let ada = world.redeem(&world.code(REVOKING_SCOPE)).unwrap().access_token;
        assert_eq!(check(&world, &ada), refused);
        assert_eq!(check(&world, "x"), Err(UserinfoError::InvalidToken));
        // The client has lost the scope.
        world.rows(|rows| {
            let app = rows.clients.get_mut(&"app".parse().unwrap()).unwrap();
            app.document.scope = "read".to_owned();
        });
        assert_eq!(check(&world, &right), refused);
    }

    #[test]
    fn everything_of_the_subject_ends_and_nothing_of_others() {
        let world = world();
        let ada = world.subject(1).subject;
        let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
        let other = IdentityId(uuid::Uuid::from_u128(2));
        world.memory.apply(world.server.revoke_everything(other, Actor::System)).unwrap();
        let tokens = world.refresh(&tokens.refresh_token.unwrap()).unwrap();
        world.memory.apply(world.server.revoke_everything(ada, Actor::System)).unwrap();
        assert!(world.refresh(&tokens.refresh_token.unwrap()).is_err());
        let introspected = now(world.server.introspect(&tokens.access_token, None, crate::memory::REQUEST));
        assert_eq!(introspected.unwrap(), crate::introspection::Introspection::Inactive);
    }

    #[test]
    fn who_is_meant_is_looked_up_here_or_among_links() {
        let world = world();
        let ada = world.subject(1).subject;
        let linked = ("https://idp.example".to_owned(), "7".to_owned());
        world.rows(|rows| rows.federated.insert(linked, ada));
        let found = |issuer: &str, subject: &str| now(world.server.find_by_issuer(issuer, subject)).unwrap();
        assert_eq!(found("https://id.example", &ada.to_string()), [ada]);
        assert_eq!(found("https://idp.example", "7"), [ada]);
        assert_eq!(found("https://idp.example", &ada.to_string()), [], "their names are not ours");
        assert_eq!(found("https://other.example", "7"), []);
        assert_eq!(found("https://id.example", "00000000-0000-0000-0000-000000000009"), []);
        assert_eq!(found("https://id.example", "ada@crm"), [], "there is no login app");
        let world = World::set(|settings| settings.urls.login = Some("https://login.example".to_owned()));
        assert_eq!(now(world.server.find_by_name("ada@crm")).unwrap().len(), 1);
    }

    /// Attack: whoever has broken in goes on at a client that knows the person by a name of its own, since nobody finds them by it.
    #[test]
    fn names_of_clients_that_have_their_own_are_found_from_the_first_grant_on() {
        let world = World::of_app(|_| {}, &json!({"subject_type": "pairwise", "scope": "openid"}));
        let (ada, client) = (world.subject(1).subject, "app".parse().unwrap());
        let client = now(crate::access_token::find_client(&world.server, &client)).unwrap().unwrap();
        let own = world.server.subject_of_id(&client, ada).unwrap();
        let found = |name: &str| now(world.server.find_by_name(name)).unwrap();
        assert_eq!(found(&own), [], "it was told nobody yet");
        let grant = crate::grant::Grant::plain(
            &world.server,
            &client,
            (&world.subject(1)).into(),
            (&client.scope, &[]),
        );
        let writes = world.server.insert_grant(&client, grant.clone());
        let change = writes.into_iter().fold(Change::new(world.server.tenant.clone()), Change::write);
        world.memory.apply(change).unwrap();
        assert_eq!(found(&own), [ada]);
        // What is noted is no name that an app has given.
        assert_eq!(now(world.server.forced_name(&client, ada)).unwrap(), None);
        let forced = |n: u128, name: &str| {
            let subject = IdentityId(uuid::Uuid::from_u128(n));
            let (client, name, at) = (client.id.clone(), name.to_owned(), world.server.now());
            Write::NameSubject(Box::new(crate::forced_subject::ForcedSubject { client, name, subject, at }))
        };
        let change = Change::new(world.server.tenant.clone()).write(forced(1, "crm-7"));
        world.memory.apply(change).unwrap();
        assert_eq!(found("crm-7"), [ada]);
        let mut named = grant;
        named.subject.forced = Some("crm-7".to_owned());
        assert_eq!(world.server.insert_grant(&client, named).len(), 1, "its name is there already");
    }
}
