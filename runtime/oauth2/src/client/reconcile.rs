//! From the clients that a configuration file declares to what has to change.

use std::collections::BTreeMap;

use primitives::{
    Actor, AuditEvent, Change, ClientId, KeyedHash, Sealer, Secret, TenantId, Timestamp, base64url,
};

use super::secret::CLIENT_SECRET_PURPOSE;
use super::{Client, ClientDocument, ClientRecord, InvalidClient, ManagedBy, StoredSecret, keys};
use crate::lifespan::keys_of_lowered;
use crate::write::Write;

/// A client as a tenant's configuration declares it.
#[derive(Debug, Clone, PartialEq)]
pub struct DeclaredClient {
    /// Its document, with the defaults of a new client.
    pub document: ClientDocument,
    /// Its secret, from where the file says that it is.
    pub secret: Option<Secret<String>>,
}

/// A declaration that cannot become a client. Nothing is changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("client {client}: {reason}")]
pub struct InvalidDeclaration {
    /// Which client.
    pub client: String,
    /// What is wrong with it.
    pub reason: InvalidClient,
}

/// The changes that make a tenant's clients agree with the file, one per client that differs.
///
/// `current` holds every client that the file declares or owns. A declared client that the API made is
/// taken over: writing it into the file is the operator's word. One that the file owns and no longer
/// declares is disabled; what was granted to it comes back with it.
///
/// A declared secret is kept as a keyed hash, like a generated one: it is compared at each reload, and
/// whoever could try words against the hash holds the key that opens everything else too.
pub fn reconcile_clients(
    tenant: &TenantId,
    sealer: &Sealer,
    current: &[ClientRecord],
    declared: &[DeclaredClient],
    now: Timestamp,
) -> Result<Vec<Change<Write>>, InvalidDeclaration> {
    let known: BTreeMap<&ClientId, &ClientRecord> =
        current.iter().filter_map(|record| Some((record.document.client_id.as_ref()?, record))).collect();
    let mut wanted = BTreeMap::new();
    for client in declared {
        let id = client.document.client_id.as_ref();
        let before = id.and_then(|id| known.get(id)).copied();
        let record = as_declared(tenant, sealer, client, before, now)?;
        wanted.insert(record.id.clone(), (before, record.record));
    }
    let vanished = known.iter().filter(|(id, record)| {
        record.managed_by == ManagedBy::File && record.enabled && !wanted.contains_key(**id)
    });
    let disabled = vanished.map(|(id, before)| {
        let gone = ClientRecord { enabled: false, ..(*before).clone() };
        replaced(tenant, id, before, gone, "client.disabled", now)
    });
    let changed = wanted.iter().filter_map(|(id, (before, record))| match before {
        None => Some(
            Change::new(tenant.clone())
                .write(Write::InsertClient(Box::new(record.clone())))
                .audit(AuditEvent::new("client.created", Actor::System, "client", id)),
        ),
        Some(before) if *before == record => None,
        Some(before) => {
            let taken_over = before.managed_by == ManagedBy::Api;
            let action = if taken_over { "client.taken_over" } else { "client.updated" };
            Some(replaced(tenant, id, before, record.clone(), action, now))
        }
    });
    Ok(disabled.chain(changed).collect())
}

/// The record that the declaration asks for; equal to `before` if nothing differs.
fn as_declared(
    tenant: &TenantId,
    sealer: &Sealer,
    declared: &DeclaredClient,
    before: Option<&ClientRecord>,
    now: Timestamp,
) -> Result<Client, InvalidDeclaration> {
    let client = declared.document.client_id.as_ref().map(ToString::to_string).unwrap_or_default();
    let invalid = |reason| InvalidDeclaration { client, reason };
    let document = ClientDocument {
        client_secret: None,
        created_at: None,
        updated_at: None,
        ..declared.document.clone().with_defaults()
    };
    let blank = ClientRecord {
        document: document.clone(),
        secrets: Vec::new(),
        managed_by: ManagedBy::File,
        enabled: true,
        created_at: now,
        updated_at: now,
        not_before: Timestamp::from_seconds(now.seconds()),
        version: 1,
        registration: None,
    };
    let record = before.map_or(blank, |before| ClientRecord {
        document,
        secrets: before.secrets.clone(),
        managed_by: ManagedBy::File,
        enabled: true,
        // Whoever registered it has no say any more.
        registration: None,
        ..before.clone()
    });
    let checked = Client::check(record).and_then(|client| {
        client.check_frontchannel_logout()?;
        keys::check_own(&client.record.document, client.security_profile)?;
        Ok(client)
    });
    let mut client = match checked {
        Ok(client) => client,
        Err(reason) => return Err(invalid(reason)),
    };
    client.record.secrets = match &declared.secret {
        _ if !client.authentication.uses_secret() => Vec::new(),
        Some(secret) if !(6..=512).contains(&secret.expose().len()) => {
            return Err(invalid(InvalidClient::SecretLength));
        }
        Some(secret) => secrets(tenant, sealer, secret, &client.record.secrets),
        None if client.record.secrets.is_empty() => return Err(invalid(InvalidClient::NoSecret)),
        None => client.record.secrets,
    };
    Ok(client)
}

/// The stored form of a declared secret; what is stored already if it is that one alone.
fn secrets(
    tenant: &TenantId,
    sealer: &Sealer,
    secret: &Secret<String>,
    before: &[StoredSecret],
) -> Vec<StoredSecret> {
    let bytes = secret.expose().as_bytes();
    if let [StoredSecret::Keyed(hash)] = before
        && let Some(hash) = base64url::decode(hash)
        && sealer.verify_hash(tenant, CLIENT_SECRET_PURPOSE, bytes, &KeyedHash(hash))
    {
        return before.to_vec();
    }
    vec![StoredSecret::Keyed(base64url::encode(sealer.hash(tenant, CLIENT_SECRET_PURPOSE, bytes).0))]
}

fn replaced(
    tenant: &TenantId,
    id: &ClientId,
    before: &ClientRecord,
    after: ClientRecord,
    action: &'static str,
    now: Timestamp,
) -> Change<Write> {
    let expected = before.version;
    let kept = keys_of_lowered(&before.document, &after.document, now);
    let client = Box::new(ClientRecord { version: expected + 1, updated_at: now, ..after });
    let mut change = Change::new(tenant.clone())
        .write(Write::UpdateClient { client, expected })
        .audit(AuditEvent::new(action, Actor::System, "client", id));
    change.writes.extend(kept);
    change
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::go_duration::GoDuration;
    use crate::memory::{World, form};

    fn declared(id: &str, secret: Option<&str>) -> DeclaredClient {
        let method = if secret.is_some() { "client_secret_post" } else { "none" };
        let grants = if secret.is_some() { "client_credentials" } else { "authorization_code" };
        let document =
            json!({"client_id": id, "token_endpoint_auth_method": method, "grant_types": [grants]});
        DeclaredClient {
            document: serde_json::from_value(document).unwrap(),
            secret: secret.map(|secret| Secret::new(secret.to_owned())),
        }
    }

    /// Reconciles, applies, and compares `<audit action> <client>` of each change.
    fn check(world: &World, wanted: &[DeclaredClient], expect: &[&str]) {
        let current: Vec<_> = world.rows(|rows| rows.clients.values().cloned().collect());
        let (tenant, sealer) = (&world.server.tenant, &world.server.sealer);
        let changes = reconcile_clients(tenant, sealer, &current, wanted, world.server.now()).unwrap();
        let found: Vec<_> = changes
            .iter()
            .map(|change| format!("{} {}", change.audit[0].action, change.audit[0].target.1))
            .collect();
        assert_eq!(found, expect);
        for change in changes {
            world.memory.apply(change).unwrap();
        }
    }

    fn signs_in(world: &World, id: &str, secret: &str) -> bool {
        let pairs = [("client_id", id), ("client_secret", secret), ("grant_type", "client_credentials")];
        world.commit(|| world.decide_token(&form(&pairs))).is_ok()
    }

    #[test]
    fn declared_clients_are_made_changed_and_left_alone() {
        let world = World::new();
        check(&world, &[declared("a", Some("secret-1"))], &["client.created a"]);
        assert!(signs_in(&world, "a", "secret-1"));
        check(&world, &[declared("a", Some("secret-1"))], &[]);
        check(&world, &[declared("a", Some("secret-2"))], &["client.updated a"]);
        assert!(signs_in(&world, "a", "secret-2") && !signs_in(&world, "a", "secret-1"));
        let mut renamed = declared("a", Some("secret-2"));
        renamed.document.client_name = "A".to_owned();
        check(&world, std::slice::from_ref(&renamed), &["client.updated a"]);
        check(&world, &[renamed, declared("b", None)], &["client.created b"]);
    }

    #[test]
    fn vanished_clients_are_disabled_once_and_come_back() {
        let world = World::new();
        check(&world, &[declared("a", Some("secret-1"))], &["client.created a"]);
        check(&world, &[], &["client.disabled a"]);
        assert!(!signs_in(&world, "a", "secret-1"));
        check(&world, &[], &[]);
        check(&world, &[declared("a", Some("secret-1"))], &["client.updated a"]);
        assert!(signs_in(&world, "a", "secret-1"));
    }

    #[test]
    fn file_takes_over_what_the_api_made_and_leaves_the_rest() {
        let world = World::new();
        world.add_client(&json!({"client_id": "a"}));
        world.add_client(&json!({"client_id": "b"}));
        check(&world, &[declared("a", Some("secret-1"))], &["client.taken_over a"]);
        check(&world, &[], &["client.disabled a"]);
    }

    #[test]
    fn lifespan_that_the_file_lowers_keeps_the_keys_for_what_they_signed() {
        let world = World::new();
        for (hours, action, is_kept) in
            [(1, "created", false), (2000, "updated", false), (1, "updated", true)]
        {
            let mut client = declared("a", Some("secret-1"));
            let lifespan = Some(GoDuration::hours(hours));
            client.document.lifespans.client_credentials_grant_access_token_lifespan = lifespan;
            let expect = format!("client.{action} a");
            check(&world, &[client], &[expect.as_str()]);
            assert_eq!(world.rows(|rows| rows.keys_needed_until.is_some()), is_kept, "{hours} {action}");
        }
    }

    #[test]
    fn one_bad_declaration_changes_nothing() {
        let world = World::new();
        let mut no_secret = declared("b", Some("x"));
        no_secret.secret = None;
        let mut bad_uri = declared("b", None);
        bad_uri.document.redirect_uris = Some(vec!["http://evil.example".to_owned()]);
        for bad in [declared("b", Some("short")), no_secret, bad_uri] {
            let (tenant, sealer) = (&world.server.tenant, &world.server.sealer);
            let wanted = [declared("a", None), bad];
            let error = reconcile_clients(tenant, sealer, &[], &wanted, world.server.now()).unwrap_err();
            assert_eq!(error.client, "b");
        }
    }
}
