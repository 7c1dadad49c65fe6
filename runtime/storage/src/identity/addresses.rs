//! Table `identity_addresses`: who has which address. It follows the identities' own documents.

use ::identity::Identity;
use ::identity::identity::AddressKind;
use primitives::TenantId;

use crate::statement::Statement;
use crate::values;

/// As it stands in the column `via`, and in the API.
pub(crate) const fn via(kind: AddressKind) -> &'static str {
    match kind {
        AddressKind::Email => "email",
        AddressKind::Sms => "sms",
    }
}

pub(super) fn insert(tenant: &TenantId, identity: &Identity) -> Vec<Statement> {
    let verifiable = identity.verifiable_addresses.iter().map(|a| ("verification", a.via, &a.value));
    let recovery = identity.recovery_addresses.iter().map(|a| ("recovery", a.via, &a.value));
    let row = |(purpose, kind, address): (&'static str, AddressKind, &String)| {
        Statement::any(
            "INSERT INTO identity_addresses (tenant, use, via, address, identity) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT DO NOTHING",
            values![tenant, purpose, via(kind), address.as_str(), &identity.id],
        )
    };
    verifiable.chain(recovery).map(row).collect()
}

pub(super) fn replace(tenant: &TenantId, identity: &Identity) -> Vec<Statement> {
    let mut statements = vec![Statement::any(
        "DELETE FROM identity_addresses WHERE tenant = $1 AND identity = $2",
        values![tenant, &identity.id],
    )];
    statements.extend(insert(tenant, identity));
    statements
}
