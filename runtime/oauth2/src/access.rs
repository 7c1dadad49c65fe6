//! What a person, or an admin for them, sees and takes back of what clients were granted.

use primitives::{Actor, AuditEvent, Change, ClientId, GrantId, IdentityId, Timestamp};
use serde_json::{Value, json};

use crate::client::{ClientDocument, ClientRecord};
use crate::decision::Decision;
use crate::grant::{Consent, Grant};
use crate::metadata_document::find_known;
use crate::ports::{GrantFilter, PortError};
use crate::server::AuthorizationServer;
use crate::write::Write;

/// A live grant, with its client and what is remembered of the consent.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedGrant {
    /// The grant.
    pub grant: Grant,
    /// To whom; none if the client is gone.
    pub client: Option<ClientDocument>,
    /// What the person asked us to remember for that client.
    pub remembered: Option<Consent>,
}

impl ListedGrant {
    /// As the Hydra API shows it: `oAuth2ConsentSession` (v26.2). The request that led to it is over, so that its
    /// challenge opens nothing; its id is the grant's.
    pub fn document(&self) -> Value {
        let Self { grant, client, remembered } = self;
        let id = grant.id.to_string();
        let scope: Vec<&str> = grant.scope.iter().collect();
        let until = remembered
            .as_ref()
            .and_then(|consent| consent.expires_at.map(|end| end.since(consent.granted_at)));
        let mut document = json!({
            "consent_request_id": id,
            "consent_request": {
                "challenge": id,
                "consent_request_id": id,
                "client": client,
                "subject": grant.subject.sub(),
                "requested_scope": scope,
                "requested_access_token_audience": grant.audience,
                "login_session_id": grant.subject.session.to_string(),
                "acr": grant.subject.acr,
                "amr": grant.subject.amr,
                "skip": false,
            },
            "grant_scope": scope,
            "grant_access_token_audience": grant.audience,
            "handled_at": grant.created_at,
            "remember": remembered.is_some(),
            "remember_for": until.map_or(0, |length| length.as_secs()),
        });
        if let (Some(members), false) = (document.as_object_mut(), grant.details.is_empty()) {
            members.insert("grant_authorization_details".to_owned(), json!(grant.details));
        }
        document
    }
}

impl AuthorizationServer {
    /// Live grants of a person, the newest first.
    pub async fn list_access(
        &self,
        subject: IdentityId,
        filter: GrantFilter,
        limit: u32,
    ) -> Result<Vec<ListedGrant>, PortError> {
        let ports = &self.ports;
        let grants = ports.grants.list_grants(&self.tenant, subject, filter, limit).await?;
        let mut listed = Vec::with_capacity(grants.len());
        for grant in grants {
            let stored = ports.clients.find_client(&self.tenant, &grant.client).await?;
            let client = stored.or_else(|| find_known(self, &grant.client));
            let remembered = ports.grants.find_consent(&self.tenant, subject, &grant.client).await?;
            let client = client.map(|client| client.record.document.clone());
            listed.push(ListedGrant { grant, client, remembered });
        }
        Ok(listed)
    }

    /// Takes back what a person granted and consented to, to one client or to all. Whatever was issued
    /// is dead afterwards, and the next request asks again.
    pub fn revoke_access(
        &self,
        subject: IdentityId,
        client: Option<ClientId>,
        actor: Actor,
    ) -> Decision<(), PortError> {
        let mut event = AuditEvent::new("access.revoked", actor, "subject", &subject);
        if let Some(client) = &client {
            event = event.with("client", client);
        }
        let change = Change::new(self.tenant.clone())
            .write(Write::RevokeGrantsOfSubject { subject, client: client.clone(), at: self.now() })
            .write(Write::ForgetConsents { subject, client })
            .audit(event);
        Decision::new(change, Ok(()))
    }

    /// Takes back one grant, and what the person asked us to remember for its client. What is gone already stays gone.
    pub async fn revoke_grant(&self, id: GrantId, actor: Actor) -> Decision<(), PortError> {
        let grant = match self.ports.grants.find_grant(&self.tenant, id).await {
            Ok(Some(grant)) if grant.revoked_at.is_none() => grant,
            Ok(_) => return Decision::without_change(self.tenant.clone(), Ok(())),
            Err(error) => return Decision::without_change(self.tenant.clone(), Err(error)),
        };
        let subject = grant.subject.id;
        let change = Change::new(self.tenant.clone())
            .write(Write::RevokeGrant { grant: id, at: self.now() })
            .write(Write::ForgetConsents { subject, client: Some(grant.client) })
            .audit(AuditEvent::new("grant.revoked", actor, "grant", &id));
        Decision::new(change, Ok(()))
    }

    /// Makes every token of a client dead that was issued until now, in whatever form, with the grants behind them.
    ///
    /// A signed token tells its time in whole seconds: what is issued in the rest of this second is dead too.
    pub async fn revoke_tokens_of(&self, id: &ClientId, actor: Actor) -> Decision<(), PortError> {
        let before = match self.ports.clients.find_client_record(&self.tenant, id).await {
            Ok(Some(record)) => record,
            Ok(None) => return Decision::without_change(self.tenant.clone(), Ok(())),
            Err(error) => return Decision::without_change(self.tenant.clone(), Err(error)),
        };
        let (now, expected) = (self.now(), before.version);
        let not_before = Timestamp::from_seconds(now.seconds() + 1);
        let record = ClientRecord { not_before, version: expected + 1, ..before };
        let change = Change::new(self.tenant.clone())
            .write(Write::UpdateClient { client: Box::new(record), expected })
            .write(Write::RevokeGrantsOfClient { client: id.clone(), at: now })
            .audit(AuditEvent::new("client.tokens_revoked", actor, "client", id));
        Decision::new(change, Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use primitives::RequestId;

    use super::*;
    use crate::introspection::Introspection;
    use crate::memory::{World, now};
    use crate::scope::Scopes;

    const ALL: GrantFilter = GrantFilter { session: None, after: None };

    #[test]
    fn revoked_access_is_dead_and_forgotten_for_that_person_and_client() {
        for (client, expect) in [(None, 0), (Some("app"), 0), (Some("other"), 1)] {
            let world = World::new();
            world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
            world.add_subject(2);
            let (ada, bob) = (world.subject(1).subject, world.subject(2).subject);
            let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
            for subject in [ada, bob] {
                let consent = Consent {
                    subject,
                    client: "app".parse().unwrap(),
                    scope: Scopes::parse("openid").unwrap(),
                    audience: Vec::new(),
                    details: crate::details::AuthorizationDetails::default(),
                    granted_at: world.server.now(),
                    expires_at: None,
                };
                let change = Change::new(world.server.tenant.clone());
                world.memory.apply(change.write(Write::RememberConsent(Box::new(consent)))).unwrap();
            }
            let client = client.map(|client| client.parse().unwrap());
            let revoked = world.server.revoke_access(ada, client.clone(), Actor::System);
            world.memory.apply(revoked.change).unwrap();
            assert_eq!(now(world.server.list_access(ada, ALL, 10)).unwrap().len(), expect, "{client:?}");
            assert_eq!(world.rows(|rows| rows.consents.len()), 1 + expect, "{client:?}: bob keeps his");
            assert_eq!(world.refresh(&tokens.refresh_token.unwrap()).is_ok(), expect == 1, "{client:?}");
        }
    }

    fn world() -> World {
        let world = World::new();
        world.add_client(&json!({"token_endpoint_auth_method": "client_secret_post"}));
        world
    }

    #[test]
    fn grant_is_listed_as_a_consent_session_until_it_is_taken_back() {
        let world = world();
        let ada = world.subject(1).subject;
        let tokens = world.redeem(&world.code("openid offline_access")).unwrap();
        let listed = now(world.server.list_access(ada, ALL, 10)).unwrap();
        let [one] = listed.as_slice() else { panic!("{listed:?}") };
        let document = one.document();
        assert_eq!(document["grant_scope"], json!(["openid", "offline_access"]));
        assert_eq!(document["consent_request"]["client"]["client_id"], "app");
        assert_eq!(document["consent_request"]["subject"], ada.to_string());
        assert_eq!((&document["remember"], &document["remember_for"]), (&json!(false), &json!(0)));
        for _ in 0..2 {
            world.commit(|| now(world.server.revoke_grant(one.grant.id, Actor::System))).unwrap();
        }
        assert!(now(world.server.list_access(ada, ALL, 10)).unwrap().is_empty());
        assert!(world.refresh(&tokens.refresh_token.unwrap()).is_err());
    }

    #[test]
    fn tokens_of_a_client_die_at_once_in_whatever_form() {
        let world = world();
        let refreshed = world.redeem(&world.code("openid offline_access")).unwrap();
        let own = |world: &World| world.token(&[("grant_type", "client_credentials")]).unwrap().access_token;
        let (signed, app) = (own(&world), "app".parse().unwrap());
        let active = |token: &str| {
            let answer = now(world.server.introspect(token, None, RequestId(uuid::Uuid::nil()))).unwrap();
            answer != Introspection::Inactive
        };
        assert!(active(&signed) && active(&refreshed.access_token));
        world.commit(|| now(world.server.revoke_tokens_of(&app, Actor::System))).unwrap();
        assert!(!active(&signed) && !active(&refreshed.access_token));
        assert!(world.refresh(&refreshed.refresh_token.unwrap()).is_err());
        world.wait(1);
        assert!(active(&own(&world)), "the client itself goes on");
    }
}
