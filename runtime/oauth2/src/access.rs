//! What a person, or an admin for them, sees and takes back of what clients were granted.

mod by_client;

use std::cmp::Reverse;
use std::collections::BTreeMap;

use primitives::{Actor, AuditEvent, Change, ClientId, GrantId, IdentityId, SessionId, Timestamp};
use serde_json::{Value, json};

pub use by_client::AppAccess;

use crate::client::{ClientDocument, ClientRecord};
use crate::decision::Decision;
use crate::details::AuthorizationDetails;
use crate::grant::{Consent, Grant, GrantedClaims, Requested};
use crate::metadata_document::{find_known, is_address};
use crate::ports::{GrantFilter, PortError};
use crate::scope::Scopes;
use crate::server::AuthorizationServer;
use crate::write::Write;

/// What a person has granted to a client, and what of it is remembered.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedGrant {
    /// What.
    pub granted: Granted,
    /// To whom; none if the client is gone.
    pub client: Option<ClientDocument>,
}

/// A grant that lives, or a consent that is remembered when its grant is over.
#[derive(Debug, Clone, PartialEq)]
pub enum Granted {
    /// Tokens hang on it.
    Live {
        /// The grant.
        grant: Box<Grant>,
        /// What the person asked us to remember for that client.
        remembered: Option<Consent>,
    },
    /// The session or the tokens have ended; nobody is asked for it again.
    Remembered(Consent),
}

impl Granted {
    /// To which client.
    pub fn client(&self) -> &ClientId {
        match self {
            Self::Live { grant, .. } => &grant.client,
            Self::Remembered(consent) => &consent.client,
        }
    }

    /// Where it stands in a list: when it was granted, and its name.
    pub fn place(&self) -> (Timestamp, GrantId) {
        match self {
            Self::Live { grant, .. } => (grant.created_at, grant.id),
            Self::Remembered(consent) => (consent.granted_at, consent.id()),
        }
    }

    fn remembered(&self) -> Option<&Consent> {
        match self {
            Self::Live { remembered, .. } => remembered.as_ref(),
            Self::Remembered(consent) => Some(consent),
        }
    }
}

/// How a grant was given.
struct Given<'a> {
    subject: String,
    scope: &'a Scopes,
    audience: &'a [String],
    details: &'a AuthorizationDetails,
    claims: Option<&'a GrantedClaims>,
    /// Session, `acr` and `amr`; none of a consent that an older version has written.
    how: Option<(SessionId, &'a str, &'a [String])>,
}

impl<'a> Given<'a> {
    fn of(granted: &'a Granted) -> Self {
        match granted {
            Granted::Live { grant, .. } => Self {
                subject: grant.subject.sub(),
                scope: &grant.scope,
                audience: &grant.audience,
                details: &grant.details,
                claims: Some(&grant.claims),
                how: Some((grant.subject.session, &grant.subject.acr, &grant.subject.amr)),
            },
            Granted::Remembered(consent) => {
                let record = consent.record.as_ref();
                let external = record.and_then(|record| record.external.clone());
                Self {
                    subject: external.unwrap_or_else(|| consent.subject.to_string()),
                    scope: &consent.scope,
                    audience: &consent.audience,
                    details: &consent.details,
                    claims: record.map(|record| &record.claims),
                    how: record.map(|record| (record.session, &*record.acr, &*record.amr)),
                }
            }
        }
    }
}

impl ListedGrant {
    /// As the Hydra API shows it: `oAuth2ConsentSession` (v26.2). The request that led to it is over, so that its
    /// challenge opens nothing; its id is the grant's.
    pub fn document(&self) -> Value {
        let Given { subject, scope, audience, details, claims, how } = Given::of(&self.granted);
        let (at, id) = self.granted.place();
        let id = id.to_string();
        let granted = Requested { scope: scope.to_vec(), audience: audience.to_vec() };
        let requested = claims.and_then(|claims| claims.requested.as_ref()).unwrap_or(&granted);
        let context = claims.and_then(|claims| claims.context.clone()).unwrap_or_else(|| json!({}));
        let remembered = self.granted.remembered();
        let until =
            remembered.and_then(|consent| consent.expires_at.map(|end| end.since(consent.granted_at)));
        let mut request = json!({
            "challenge": id,
            "consent_request_id": id,
            "client": self.client,
            "subject": subject,
            "requested_scope": requested.scope,
            "requested_access_token_audience": requested.audience,
            "skip": false,
            "context": context,
        });
        if let (Some(members), Some((session, acr, amr))) = (request.as_object_mut(), how) {
            members.insert("login_session_id".to_owned(), json!(session.to_string()));
            members.insert("acr".to_owned(), json!(acr));
            members.insert("amr".to_owned(), json!(amr));
        }
        let mut document = json!({
            "consent_request_id": id,
            "consent_request": request,
            "grant_scope": granted.scope,
            "grant_access_token_audience": granted.audience,
            "session": {
                "access_token": claims.map(|claims| &claims.access_token).cloned().unwrap_or_default(),
                "id_token": claims.map(|claims| &claims.id_token).cloned().unwrap_or_default(),
            },
            "context": context,
            "handled_at": at,
            "remember": remembered.is_some(),
            "remember_for": until.map_or(0, |length| length.as_secs()),
        });
        if let (Some(members), false) = (document.as_object_mut(), details.is_empty()) {
            members.insert("grant_authorization_details".to_owned(), json!(details));
        }
        document
    }
}

impl AuthorizationServer {
    /// Live grants of a person and what is remembered of earlier ones, the newest first.
    pub async fn list_access(
        &self,
        subject: IdentityId,
        filter: GrantFilter,
        limit: u32,
    ) -> Result<Vec<ListedGrant>, PortError> {
        let (ports, now) = (&self.ports, self.now());
        let grants = ports.grants.list_grants(&self.tenant, subject, filter, limit).await?;
        let consents = ports.grants.list_consents(&self.tenant, subject, filter, (now, limit)).await?;
        // A consent stands where its grant does, at the same time and by the same name: where that lives, it is one.
        let mut places = BTreeMap::new();
        for consent in consents {
            places.insert((Reverse(consent.granted_at), consent.id()), Granted::Remembered(consent));
        }
        for grant in grants {
            let remembered = ports.grants.find_consent(&self.tenant, subject, &grant.client).await?;
            let holds = |consent: &Consent| consent.expires_at.is_none_or(|until| now < until);
            let place = (Reverse(grant.created_at), grant.id);
            let remembered = remembered.filter(holds);
            places.insert(place, Granted::Live { grant: Box::new(grant), remembered });
        }
        let mut listed = Vec::with_capacity(places.len());
        for granted in places.into_values().take(usize::try_from(limit).unwrap_or(usize::MAX)) {
            let stored = ports.clients.find_client(&self.tenant, granted.client()).await?;
            let client = stored.or_else(|| find_known(self, granted.client()));
            let client = client.map(|client| client.record.document.clone());
            listed.push(ListedGrant { granted, client });
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
    ///
    /// Where the consent of this name is remembered, later grants hang on it about which nobody was asked: whatever the person
    /// granted to its client ends.
    pub async fn revoke_grant(&self, id: GrantId, actor: Actor) -> Decision<(), PortError> {
        match self.ports.grants.find_consent_of_grant(&self.tenant, id).await {
            Ok(Some(consent)) => return self.revoke_access(consent.subject, Some(consent.client), actor),
            Ok(None) => {}
            Err(error) => return Decision::without_change(self.tenant.clone(), Err(error)),
        }
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
    /// A signed token tells its time in whole seconds: what is issued in the rest of this second is dead too. A client that describes
    /// itself has no record, and nothing but what hangs on grants.
    pub async fn revoke_tokens_of(&self, id: &ClientId, actor: Actor) -> Decision<(), PortError> {
        let before = match self.ports.clients.find_client_record(&self.tenant, id).await {
            Ok(before) => before,
            Err(error) => return Decision::without_change(self.tenant.clone(), Err(error)),
        };
        // Whether its host is let in now does not matter: it may be again.
        if before.is_none() && !is_address(id) {
            return Decision::without_change(self.tenant.clone(), Ok(()));
        }
        let now = self.now();
        let mut change = Change::new(self.tenant.clone());
        if let Some(before) = before {
            let expected = before.version;
            let not_before = Timestamp::from_seconds(now.seconds() + 1);
            let client = Box::new(ClientRecord { not_before, version: expected + 1, ..before });
            change = change.write(Write::UpdateClient { client, expected });
        }
        let change = change
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
                    grant: None,
                    record: None,
                };
                let change = Change::new(world.server.tenant.clone());
                world.memory.apply(change.write(Write::RememberConsent(Box::new(consent)))).unwrap();
            }
            let client = client.map(|client| client.parse().unwrap());
            let revoked = world.server.revoke_access(ada, client.clone(), Actor::System);
            world.memory.apply(revoked.change).unwrap();
            // The grant, and beside it the consent, which was not given with it.
            let listed = now(world.server.list_access(ada, ALL, 10)).unwrap();
            assert_eq!(listed.len(), 2 * expect, "{client:?}");
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
            world.commit(|| now(world.server.revoke_grant(one.granted.place().1, Actor::System))).unwrap();
        }
        assert!(now(world.server.list_access(ada, ALL, 10)).unwrap().is_empty());
        assert!(world.refresh(&tokens.refresh_token.unwrap()).is_err());
    }

    /// Attack: an operator takes back what the list shows, and what was granted silently since lives on; or what is remembered is
    /// listed nowhere when its session is over, and cannot be taken back.
    #[test]
    fn remembered_consent_is_listed_without_session_and_grant_and_what_hangs_on_it_ends_with_it() {
        let world = world();
        let ada = world.subject(1).subject;
        let first = world.code("openid offline_access");
        let grant = world.rows(|rows| rows.grants.values().next().unwrap().clone());
        let remembered = Consent {
            subject: ada,
            client: "app".parse().unwrap(),
            scope: grant.scope.clone(),
            audience: Vec::new(),
            details: AuthorizationDetails::default(),
            granted_at: grant.created_at,
            expires_at: Some(world.server.now().after(std::time::Duration::from_hours(1))),
            grant: None,
            record: None,
        };
        let remember = Write::RememberConsent(Box::new(remembered.given_with(&grant)));
        world.memory.apply(Change::new(world.server.tenant.clone()).write(remember)).unwrap();
        let listed = || now(world.server.list_access(ada, ALL, 10)).unwrap();
        let first = world.redeem(&first).unwrap();
        let Ok([one]) = <[_; 1]>::try_from(listed()) else { panic!("one is listed") };
        assert!(
            matches!(one.granted, Granted::Live { remembered: Some(_), .. }),
            "one and the same: {one:?}"
        );

        let ended = Write::RevokeGrant { grant: grant.id, at: world.server.now() };
        world.memory.apply(Change::new(world.server.tenant.clone()).write(ended)).unwrap();
        world.rows(|rows| rows.sessions.clear());
        let Ok([one]) = <[_; 1]>::try_from(listed()) else { panic!("one is listed") };
        let document = one.document();
        assert_eq!((&document["remember"], &document["remember_for"]), (&json!(true), &json!(3_600)));
        assert_eq!(document["consent_request_id"], grant.id.to_string());
        let request = &document["consent_request"];
        assert_eq!(request["login_session_id"], grant.subject.session.to_string());
        assert_eq!(
            (&request["acr"], &request["subject"]),
            (&json!(grant.subject.acr), &json!(ada.to_string()))
        );
        assert!(world.refresh(&first.refresh_token.unwrap()).is_err());

        world.rows(|rows| rows.sessions.insert(world.subject(1).session));
        let later = world.redeem(&world.code("openid offline_access")).unwrap();
        assert_eq!(listed().len(), 2);
        world.commit(|| now(world.server.revoke_grant(grant.id, Actor::System))).unwrap();
        assert!(listed().is_empty() && world.rows(|rows| rows.consents.is_empty()));
        assert!(
            world.refresh(&later.refresh_token.unwrap()).is_err(),
            "it was granted by what was remembered"
        );
    }

    #[test]
    fn pages_hold_each_once() {
        let world = world();
        let ada = world.subject(1).subject;
        for n in 0..4 {
            world.code("openid");
            let grants = world.rows(|rows| rows.grants.values().cloned().collect::<Vec<_>>());
            let newest = grants.iter().max_by_key(|grant| grant.created_at).unwrap();
            let consent = Consent {
                subject: ada,
                client: format!("other-{n}").parse().unwrap(),
                scope: newest.scope.clone(),
                audience: Vec::new(),
                details: AuthorizationDetails::default(),
                granted_at: newest.created_at,
                expires_at: None,
                grant: None,
                record: None,
            };
            // Some stand at the place of a live grant, some by themselves.
            let consent = if n % 2 == 0 {
                consent.given_with(newest)
            } else {
                Consent { grant: Some(GrantId(uuid::Uuid::from_u128(n))), ..consent }
            };
            let remember = Write::RememberConsent(Box::new(consent));
            world.memory.apply(Change::new(world.server.tenant.clone()).write(remember)).unwrap();
            world.wait(1);
        }
        let all: Vec<_> = now(world.server.list_access(ada, ALL, 100))
            .unwrap()
            .iter()
            .map(|one| one.granted.place())
            .collect();
        assert_eq!(all.len(), 6);
        for size in 1..4 {
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let page =
                    now(world.server.list_access(ada, GrantFilter { session: None, after }, size)).unwrap();
                seen.extend(page.iter().map(|one| one.granted.place()));
                after = page.last().map(|one| one.granted.place());
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, all, "{size}");
        }
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
