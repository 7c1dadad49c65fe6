//! The ports, answered from memory. Every answer is ready at once.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::ready;
use jose::TenantKeys;
use primitives::outbound::{Outbound, OutboundError, OutboundRequest, OutboundResponse};
use primitives::{
    ClientId, GrantId, IdentityId, KeyedHash, OrganisationId, Secret, SessionId, TenantId, Timestamp,
};

use super::Memory;
use crate::authorization::answered::{AnsweredChallenge, ChallengeId};
use crate::authorization::external::{LoginSession, LoginSessionRepository};
use crate::client::{Client, ClientRecord};
use crate::device::{DeviceCode, DeviceCodeRepository};
use crate::grant::{AccessToken, AuthorizationCode, Consent, Grant, RefreshToken};
use crate::lineage::Mark;
use crate::ports::{
    Allowed, ClientFilter, ClientPlace, ClientRepository, FederatedSubjects, GrantFilter, GrantRepository,
    PortResult, SecretGuess, SecretHasher, SubjectClaims, SubjectProfile, TokenKeys, TokenRepository,
};
use crate::trust::{TrustFilter, TrustRepository, TrustSearch, TrustedIssuer, TrustedSubject};

fn answer<'a, T: Send + 'a>(value: T) -> PortResult<'a, T> {
    Box::pin(ready(Ok(value)))
}

impl ClientRepository for Memory {
    fn find_client<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ClientId,
    ) -> PortResult<'a, Option<Arc<Client>>> {
        let record = self.rows(tenant, |rows| rows.clients.get(id).cloned());
        answer(record.map(|record| Arc::new(Client::check(record).unwrap())))
    }

    fn find_client_record<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ClientId,
    ) -> PortResult<'a, Option<ClientRecord>> {
        answer(self.rows(tenant, |rows| rows.clients.get(id).cloned()))
    }

    fn list_clients<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a ClientFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<ClientRecord>> {
        let wanted = |record: &&ClientRecord| {
            filter.after.as_ref().is_none_or(|after| ClientPlace::of(record).as_ref() > Some(after))
                && filter.client_name.as_ref().is_none_or(|name| *name == record.document.client_name)
                && filter.owner.as_ref().is_none_or(|owner| *owner == record.document.owner)
        };
        answer(self.rows(tenant, |rows| {
            let mut found: Vec<_> = rows.clients.values().filter(wanted).cloned().collect();
            found.sort_by_key(ClientPlace::of);
            found.truncate(usize::try_from(limit).unwrap());
            found
        }))
    }

    fn count_registered_clients<'a>(&'a self, tenant: &'a TenantId, most: u32) -> PortResult<'a, u32> {
        let registered = |client: &&ClientRecord| client.registration.is_some();
        let count = self.rows(tenant, |rows| rows.clients.values().filter(registered).count());
        answer(u32::try_from(count).unwrap().min(most))
    }
}

impl GrantRepository for Memory {
    fn find_grant<'a>(&'a self, tenant: &'a TenantId, id: GrantId) -> PortResult<'a, Option<Grant>> {
        answer(self.rows(tenant, |rows| rows.grants.get(&id).cloned()))
    }

    fn find_consent<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        client: &'a ClientId,
    ) -> PortResult<'a, Option<Consent>> {
        answer(self.rows(tenant, |rows| rows.consents.get(&(subject, client.clone())).cloned()))
    }

    fn find_consent_of_grant<'a>(
        &'a self,
        tenant: &'a TenantId,
        grant: GrantId,
    ) -> PortResult<'a, Option<Consent>> {
        let find = |consent: &&Consent| consent.grant == Some(grant);
        answer(self.rows(tenant, |rows| rows.consents.values().find(find).cloned()))
    }

    fn list_consents<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        filter: GrantFilter,
        (now, limit): (Timestamp, u32),
    ) -> PortResult<'a, Vec<Consent>> {
        answer(self.rows(tenant, |rows| {
            let place = |at: Timestamp, id: GrantId| (std::cmp::Reverse(at), id);
            let session = |consent: &Consent| consent.record.as_ref().map(|record| record.session);
            let is_listed = |consent: &&Consent| {
                consent.subject == subject
                    && consent.expires_at.is_none_or(|until| now < until)
                    && filter.session.is_none_or(|wanted| session(consent) == Some(wanted))
                    && filter
                        .after
                        .is_none_or(|(at, id)| place(consent.granted_at, consent.id()) > place(at, id))
            };
            let mut consents: Vec<_> = rows.consents.values().filter(is_listed).cloned().collect();
            consents.sort_by_key(|consent| place(consent.granted_at, consent.id()));
            consents.truncate(usize::try_from(limit).unwrap());
            consents
        }))
    }

    fn list_grants<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        filter: GrantFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<Grant>> {
        answer(self.rows(tenant, |rows| {
            let place = |at: Timestamp, id: GrantId| (std::cmp::Reverse(at), id);
            let is_listed = |grant: &&Grant| {
                grant.subject.id == subject
                    && grant.revoked_at.is_none()
                    && filter.session.is_none_or(|session| session == grant.subject.session)
                    && filter.after.is_none_or(|(at, id)| place(grant.created_at, grant.id) > place(at, id))
            };
            let mut grants: Vec<_> = rows.grants.values().filter(is_listed).cloned().collect();
            grants.sort_by_key(|grant| place(grant.created_at, grant.id));
            grants.truncate(usize::try_from(limit).unwrap());
            grants
        }))
    }

    fn list_clients_with_access<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        (now, limit): (Timestamp, u32),
    ) -> PortResult<'a, Vec<(ClientId, Timestamp)>> {
        let latest = self.rows(tenant, |rows| {
            let lives = |grant: &&Grant| {
                grant.subject.id == subject && grant.revoked_at.is_none() && !rows.is_over(grant, now)
            };
            let holds = |consent: &&Consent| {
                consent.subject == subject && consent.expires_at.is_none_or(|until| now < until)
            };
            let grants = rows.grants.values().filter(lives).map(|grant| (&grant.client, grant.created_at));
            let consents =
                rows.consents.values().filter(holds).map(|consent| (&consent.client, consent.granted_at));
            let mut latest = BTreeMap::new();
            for (client, at) in grants.chain(consents) {
                let known = latest.entry(client.clone()).or_insert(at);
                *known = at.max(*known);
            }
            latest
        });
        let mut clients: Vec<_> = latest.into_iter().collect();
        clients.sort_by_key(|(client, at)| (Reverse(*at), client.clone()));
        clients.truncate(usize::try_from(limit).unwrap());
        answer(clients)
    }

    fn list_allowed<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
        client: &'a ClientId,
        (now, limit): (Timestamp, u32),
    ) -> PortResult<'a, Vec<Allowed>> {
        answer(self.rows(tenant, |rows| {
            let is_listed = |grant: &&Grant| {
                grant.subject.id == subject
                    && grant.client == *client
                    && grant.revoked_at.is_none()
                    && !rows.is_over(grant, now)
            };
            let mut grants: Vec<_> = rows.grants.values().filter(is_listed).collect();
            grants.sort_by_key(|grant| (Reverse(grant.created_at), grant.id));
            let mut found = Vec::new();
            for allowed in grants.into_iter().map(Allowed::of) {
                if !found.contains(&allowed) {
                    found.push(allowed);
                }
            }
            found.truncate(usize::try_from(limit).unwrap());
            found
        }))
    }

    fn list_clients_of_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        session: SessionId,
        limit: u32,
    ) -> PortResult<'a, Vec<ClientId>> {
        let of_session = |grant: &&Grant| grant.subject.session == session;
        let clients = self.rows(tenant, |rows| {
            rows.grants.values().filter(of_session).map(|grant| grant.client.clone()).collect::<BTreeSet<_>>()
        });
        answer(clients.into_iter().take(usize::try_from(limit).unwrap()).collect())
    }
}

impl TokenRepository for Memory {
    fn find_authorization_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AuthorizationCode, Grant)>> {
        answer(self.rows(tenant, |rows| {
            let code = rows.codes.get(hash)?.clone();
            let grant = rows.grants.get(&code.grant)?.clone();
            Some((code, grant))
        }))
    }

    fn find_grant_of_redeemed_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<Grant>> {
        answer(self.rows(tenant, |rows| rows.grants.get(rows.redeemed_codes.get(hash)?).cloned()))
    }

    fn find_access_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(AccessToken, Option<Grant>)>> {
        answer(self.rows(tenant, |rows| {
            let token = rows.access_tokens.get(hash)?.clone();
            let grant = token.grant.and_then(|grant| rows.grants.get(&grant).cloned());
            let is_complete = token.grant.is_some() == grant.is_some();
            // One that describes itself has no row, and nothing for itself.
            let client = rows.clients.get(&token.client);
            let is_its = client.map_or(grant.is_some(), |client| client.created_at <= token.issued_at);
            (is_complete && is_its).then_some((token, grant))
        }))
    }

    fn find_refresh_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<(RefreshToken, Grant)>> {
        answer(self.rows(tenant, |rows| {
            let token = rows.refresh_tokens.get(hash)?.clone();
            let grant = rows.grants.get(&token.grant)?.clone();
            Some((token, grant))
        }))
    }

    fn is_any_revoked<'a>(&'a self, tenant: &'a TenantId, marks: &'a [Mark]) -> PortResult<'a, bool> {
        let is_revoked =
            |rows: &mut super::Rows| marks.iter().any(|mark| rows.revoked_jwts.contains(mark.as_str()));
        answer(self.rows(tenant, is_revoked))
    }

    fn is_assertion_used<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        jti: &'a str,
    ) -> PortResult<'a, bool> {
        let used = (client.clone(), jti.to_owned());
        answer(self.rows(tenant, |rows| rows.assertions.contains(&used)))
    }

    fn is_bearer_assertion_used<'a>(&'a self, tenant: &'a TenantId, jti: &'a str) -> PortResult<'a, bool> {
        answer(self.rows(tenant, |rows| rows.bearer_assertions.contains(jti)))
    }
}

impl TrustRepository for Memory {
    fn find_trusted_issuer<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a str,
    ) -> PortResult<'a, Option<TrustedIssuer>> {
        answer(self.rows(tenant, |rows| rows.trusts.get(id).cloned()))
    }

    fn list_trusted_issuers<'a>(
        &'a self,
        tenant: &'a TenantId,
        filter: &'a TrustFilter,
        limit: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>> {
        let wanted = |trust: &&TrustedIssuer| {
            filter.after.as_ref().is_none_or(|after| trust.id > *after)
                && filter.issuer.as_ref().is_none_or(|issuer| trust.issuer == *issuer)
        };
        answer(self.rows(tenant, |rows| {
            rows.trusts.values().filter(wanted).take(usize::try_from(limit).unwrap()).cloned().collect()
        }))
    }

    fn find_trusts<'a>(
        &'a self,
        tenant: &'a TenantId,
        search: TrustSearch<'a>,
        now: Timestamp,
        limit: u32,
    ) -> PortResult<'a, Vec<TrustedIssuer>> {
        answer(self.rows(tenant, |rows| {
            let fits = |trust: &&TrustedIssuer| {
                trust.kind == search.kind
                    && trust.issuer == search.issuer
                    && trust.subject.covers(search.subject)
                    && search.kid.is_none_or(|kid| trust.jwk.kid() == Some(kid))
                    && now < trust.expires_at
            };
            let mut trusts: Vec<_> = rows.trusts.values().filter(fits).cloned().collect();
            trusts.sort_by_key(|trust| (trust.subject == TrustedSubject::Any, Reverse(trust.created_at)));
            trusts.truncate(usize::try_from(limit).unwrap());
            trusts
        }))
    }
}

impl DeviceCodeRepository for Memory {
    fn find_device_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<DeviceCode>> {
        answer(self.rows(tenant, |rows| rows.devices.get(hash).cloned()))
    }

    fn find_user_code<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<DeviceCode>> {
        answer(self.rows(tenant, |rows| rows.devices.values().find(|code| code.user_code == *hash).cloned()))
    }

    fn count_device_codes<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        now: Timestamp,
        most: u32,
    ) -> PortResult<'a, u32> {
        let waits = |code: &&DeviceCode| code.client == *client && now < code.expires_at;
        let count = self.rows(tenant, |rows| rows.devices.values().filter(waits).count());
        answer(u32::try_from(count).unwrap().min(most))
    }
}

impl LoginSessionRepository for Memory {
    fn find_login_session_by_token<'a>(
        &'a self,
        tenant: &'a TenantId,
        hash: &'a KeyedHash,
    ) -> PortResult<'a, Option<LoginSession>> {
        answer(self.rows(tenant, |rows| rows.logins.values().find(|login| login.token == *hash).cloned()))
    }

    fn find_login_session<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: SessionId,
    ) -> PortResult<'a, Option<LoginSession>> {
        answer(self.rows(tenant, |rows| rows.logins.get(&id).cloned()))
    }

    fn find_challenge_answer<'a>(
        &'a self,
        tenant: &'a TenantId,
        id: &'a ChallengeId,
    ) -> PortResult<'a, Option<AnsweredChallenge>> {
        answer(self.rows(tenant, |rows| rows.answered.get(id.as_str()).cloned()))
    }

    fn find_forced_name<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        subject: IdentityId,
    ) -> PortResult<'a, Option<String>> {
        answer(self.rows(tenant, |rows| {
            let theirs = rows.forced.values().filter(|one| (&one.client, one.subject) == (client, subject));
            theirs.max_by_key(|one| (one.at, one.name.clone())).map(|one| one.name.clone())
        }))
    }

    fn find_forced_subject<'a>(
        &'a self,
        tenant: &'a TenantId,
        client: &'a ClientId,
        name: &'a str,
    ) -> PortResult<'a, Option<IdentityId>> {
        let at = (client.clone(), name.to_owned());
        answer(self.rows(tenant, |rows| rows.forced.get(&at).map(|one| one.subject)))
    }

    fn list_subjects_named<'a>(
        &'a self,
        tenant: &'a TenantId,
        name: &'a str,
    ) -> PortResult<'a, Vec<IdentityId>> {
        answer(self.rows(tenant, |rows| {
            let named = rows.forced.values().filter(|one| one.name == name);
            named.map(|one| one.subject).collect::<BTreeSet<_>>().into_iter().collect()
        }))
    }

    fn has_identity<'a>(&'a self, tenant: &'a TenantId, id: IdentityId) -> PortResult<'a, bool> {
        answer(self.rows(tenant, |rows| rows.subjects.contains_key(&id) || rows.inactive.contains(&id)))
    }

    fn is_session_of<'a>(
        &'a self,
        tenant: &'a TenantId,
        session: SessionId,
        identity: IdentityId,
    ) -> PortResult<'a, bool> {
        answer(self.rows(tenant, |rows| rows.is_session_of(session, identity)))
    }
}

impl SubjectClaims for Memory {
    fn find_subject<'a>(
        &'a self,
        tenant: &'a TenantId,
        subject: IdentityId,
    ) -> PortResult<'a, Option<SubjectProfile>> {
        answer(self.rows(tenant, |rows| rows.subjects.get(&subject).cloned()))
    }

    fn is_session_live<'a>(&'a self, tenant: &'a TenantId, session: SessionId) -> PortResult<'a, bool> {
        answer(self.rows(tenant, |rows| rows.sessions.contains(&session)))
    }

    fn is_in_organisation<'a>(
        &'a self,
        tenant: &'a TenantId,
        organisation: OrganisationId,
        subject: IdentityId,
    ) -> PortResult<'a, bool> {
        answer(self.rows(tenant, |rows| !rows.left.contains(&(organisation, subject))))
    }
}

impl FederatedSubjects for Memory {
    fn find_federated<'a>(
        &'a self,
        tenant: &'a TenantId,
        issuer: &'a str,
        subject: &'a str,
    ) -> PortResult<'a, Option<IdentityId>> {
        let linked = (issuer.to_owned(), subject.to_owned());
        answer(self.rows(tenant, |rows| rows.federated.get(&linked).copied()))
    }
}

/// Not Argon2id: the room only passes its text around.
impl SecretHasher for Memory {
    fn hash(&self, secret: Secret<String>) -> PortResult<'_, String> {
        answer(format!("$model${}", secret.expose()))
    }

    fn verify(&self, secret: Secret<String>, phc: String) -> PortResult<'_, bool> {
        answer(phc.strip_prefix("$model$") == Some(secret.expose().as_str()))
    }

    fn attempt<'a>(&'a self, _: SecretGuess<'a>, check: PortResult<'a, bool>) -> PortResult<'a, bool> {
        check
    }
}

impl TokenKeys for Memory {
    fn load_keys<'a>(&'a self, _: &'a TenantId) -> PortResult<'a, Arc<TenantKeys>> {
        answer(Arc::clone(&self.keys))
    }
}

/// The web of the default tenant.
impl Outbound for Memory {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> futures_util::future::BoxFuture<'_, Result<OutboundResponse, OutboundError>> {
        let found = self.published.lock().unwrap().get(request.url.as_str()).cloned();
        let found = self.rows(&TenantId::default_tenant(), |rows| {
            let of_tenant = rows.web.get(request.url.as_str()).cloned();
            rows.requests.push(request.clone());
            found.or_else(|| {
                let (status, body) = of_tenant?;
                Some(OutboundResponse { status, headers: Vec::new(), body: body.into_bytes() })
            })
        });
        let within = |found: OutboundResponse| {
            let fits = found.body.len() <= request.max_response_bytes;
            if fits { Ok(found) } else { Err(OutboundError::TooLarge) }
        };
        Box::pin(ready(found.ok_or(OutboundError::Forbidden).and_then(within)))
    }
}
