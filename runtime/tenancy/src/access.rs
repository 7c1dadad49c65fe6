//! Who may administer what: the one check of every operators' route.

use primitives::{Actor, OrganisationId, TenantId};

use crate::admin_key::{AdminKey, KeyOwner, NewAdminKey, Scope};

/// Somebody who was let in to the operators' routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminPrincipal {
    /// Who stands in audit records.
    pub actor: Actor,
    /// Which tenants it can see.
    pub owner: KeyOwner,
    /// What it may do.
    pub scopes: Vec<Scope>,
}

/// Why a principal may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessDenied {
    /// Denied: the tenant does not exist as far as this principal may know; answer 404.
    #[error("no such tenant")]
    NotFound,
    /// Denied: only the operator may do this; answer 403.
    #[error("only a key of the operator may do this")]
    OperatorOnly,
    /// Denied: the key lacks a scope; answer 403.
    #[error("the key lacks the scope `{0}`")]
    MissingScope(Scope),
    /// Denied: a key makes no key that may more than itself; answer 403.
    #[error("a key cannot make a key with the scope `{0}`, which it lacks itself")]
    WiderThanOneself(Scope),
}

impl AdminPrincipal {
    /// The principal behind a proven key.
    pub fn of_key(key: &AdminKey) -> Self {
        Self { actor: Actor::AdminKey(key.id), owner: key.owner.clone(), scopes: key.scopes.clone() }
    }

    /// Whoever comes through a listener that the operator opened, or with a certificate that it trusts.
    pub fn of_listener(name: &str) -> Self {
        Self { actor: Actor::Listener(name.to_owned()), owner: KeyOwner::Operator, scopes: vec![Scope::All] }
    }

    /// Checks that it may do `scope` in `tenant`. Visibility comes first: a key learns nothing about
    /// another tenant, not even that it lacks a scope there.
    pub fn check_access(&self, tenant: &TenantId, scope: Scope) -> Result<(), AccessDenied> {
        if !self.sees(tenant) {
            return Err(AccessDenied::NotFound);
        }
        self.check_scope(scope)
    }

    /// Checks that it may do `scope` to the node as a whole, e.g. make tenants.
    pub fn check_operator(&self, scope: Scope) -> Result<(), AccessDenied> {
        match self.owner {
            KeyOwner::Operator => self.check_scope(scope),
            KeyOwner::Tenant(_) | KeyOwner::Organisation(..) => Err(AccessDenied::OperatorOnly),
        }
    }

    /// Checks that it may do `scope` to one organisation of `tenant`. A key of an organisation sees that one and nothing else
    /// of its tenant: whatever is not checked by this is not there for it.
    pub fn check_organisation(
        &self,
        tenant: &TenantId,
        organisation: Option<OrganisationId>,
        scope: Scope,
    ) -> Result<(), AccessDenied> {
        match &self.owner {
            KeyOwner::Organisation(own, id) if own == tenant && organisation == Some(*id) => {
                self.check_scope(scope)
            }
            KeyOwner::Organisation(..) => Err(AccessDenied::NotFound),
            KeyOwner::Operator | KeyOwner::Tenant(_) => self.check_access(tenant, scope),
        }
    }

    /// Checks that it may make `new`: in a tenant that it sees, and no wider than itself.
    pub fn check_may_create(&self, new: &NewAdminKey) -> Result<(), AccessDenied> {
        match &new.owner {
            KeyOwner::Operator => self.check_operator(Scope::KeysWrite)?,
            KeyOwner::Tenant(tenant) | KeyOwner::Organisation(tenant, _) => {
                self.check_access(tenant, Scope::KeysWrite)?;
            }
        }
        match new.scopes.iter().find(|wanted| !self.holds(**wanted)) {
            Some(wider) => Err(AccessDenied::WiderThanOneself(*wider)),
            None => Ok(()),
        }
    }

    /// Whether the tenant exists as far as this principal may know.
    pub fn sees(&self, tenant: &TenantId) -> bool {
        match &self.owner {
            KeyOwner::Operator => true,
            KeyOwner::Tenant(own) => own == tenant,
            KeyOwner::Organisation(..) => false,
        }
    }

    /// Whether it may see `key` at all: its own tenant's, never the operator's.
    pub fn sees_key(&self, key: &AdminKey) -> bool {
        match &key.owner {
            KeyOwner::Operator => self.owner == KeyOwner::Operator,
            KeyOwner::Tenant(tenant) | KeyOwner::Organisation(tenant, _) => self.sees(tenant),
        }
    }

    fn holds(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|held| held.includes(scope))
    }

    fn check_scope(&self, scope: Scope) -> Result<(), AccessDenied> {
        if self.holds(scope) { Ok(()) } else { Err(AccessDenied::MissingScope(scope)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(owner: &str, scopes: &[Scope]) -> AdminPrincipal {
        AdminPrincipal { actor: Actor::System, owner: owner_of(owner), scopes: scopes.to_vec() }
    }

    fn owner_of(owner: &str) -> KeyOwner {
        if owner == "*" { KeyOwner::Operator } else { KeyOwner::Tenant(owner.parse().unwrap()) }
    }

    /// Every owner against every tenant, with and without the scope.
    #[test]
    fn cross_tenant_matrix() {
        let (right, wrong) = (Scope::ClientsWrite, Scope::IdentitiesWrite);
        for (owner, held, tenant, expect) in [
            ("*", right, "a", Ok(())),
            ("*", right, "default", Ok(())),
            ("*", wrong, "a", Err(AccessDenied::MissingScope(right))),
            ("a", right, "a", Ok(())),
            ("a", wrong, "a", Err(AccessDenied::MissingScope(right))),
            ("a", Scope::All, "b", Err(AccessDenied::NotFound)),
            ("a", right, "b", Err(AccessDenied::NotFound)),
            ("a", wrong, "b", Err(AccessDenied::NotFound)),
            ("a", Scope::All, "default", Err(AccessDenied::NotFound)),
            ("default", Scope::All, "a", Err(AccessDenied::NotFound)),
            ("default", Scope::All, "default", Ok(())),
        ] {
            let found = principal(owner, &[held]).check_access(&tenant.parse().unwrap(), right);
            assert_eq!(found, expect, "{owner} {held} {tenant}");
        }
    }

    /// Every owner against every organisation; and a key of one against all that is not an organisation's.
    #[test]
    fn cross_organisation_matrix() {
        let ids: [OrganisationId; 2] =
            ["00000000-0000-0000-0000-00000000000a", "00000000-0000-0000-0000-00000000000b"]
                .map(|id| id.parse().unwrap());
        let (right, wrong) = (Scope::OrganisationsWrite, Scope::IdentitiesWrite);
        let of = |tenant: &str, id, held| AdminPrincipal {
            actor: Actor::System,
            owner: KeyOwner::Organisation(tenant.parse().unwrap(), id),
            scopes: vec![held],
        };
        for (who, tenant, organisation, expect) in [
            (of("a", ids[0], right), "a", Some(ids[0]), Ok(())),
            (of("a", ids[0], Scope::All), "a", Some(ids[0]), Ok(())),
            (of("a", ids[0], wrong), "a", Some(ids[0]), Err(AccessDenied::MissingScope(right))),
            (of("a", ids[0], right), "a", Some(ids[1]), Err(AccessDenied::NotFound)),
            (of("a", ids[0], right), "b", Some(ids[0]), Err(AccessDenied::NotFound)),
            (of("a", ids[0], Scope::All), "a", None, Err(AccessDenied::NotFound)),
            (principal("a", &[right]), "a", Some(ids[0]), Ok(())),
            (principal("a", &[right]), "b", Some(ids[0]), Err(AccessDenied::NotFound)),
            (principal("*", &[right]), "a", Some(ids[1]), Ok(())),
        ] {
            let found = who.check_organisation(&tenant.parse().unwrap(), organisation, right);
            assert_eq!(found, expect, "{who:?} {tenant} {organisation:?}");
        }
        let key = of("a", ids[0], Scope::All);
        let tenant: TenantId = "a".parse().unwrap();
        for scope in Scope::EVERY {
            assert_eq!(key.check_access(&tenant, *scope), Err(AccessDenied::NotFound), "{scope}");
            assert_eq!(key.check_operator(*scope), Err(AccessDenied::OperatorOnly), "{scope}");
        }
        for owner in [KeyOwner::Operator, KeyOwner::Tenant(tenant.clone()), key.owner.clone()] {
            let new = NewAdminKey {
                name: String::new(),
                owner,
                scopes: vec![Scope::TokensRead],
                expires_at: None,
                uses: None,
            };
            assert!(key.check_may_create(&new).is_err(), "it makes no keys: {:?}", new.owner);
        }
        let new = NewAdminKey {
            owner: key.owner.clone(),
            name: String::new(),
            scopes: vec![right],
            expires_at: None,
            uses: None,
        };
        assert_eq!(principal("a", &[Scope::All]).check_may_create(&new), Ok(()));
        assert_eq!(principal("b", &[Scope::All]).check_may_create(&new), Err(AccessDenied::NotFound));
    }

    #[test]
    fn no_tenant_key_rules_the_node() {
        assert_eq!(principal("*", &[Scope::TenantsWrite]).check_operator(Scope::TenantsWrite), Ok(()));
        for owner in ["a", "default"] {
            let found = principal(owner, &[Scope::All]).check_operator(Scope::TenantsWrite);
            assert_eq!(found, Err(AccessDenied::OperatorOnly));
        }
    }

    #[test]
    fn key_makes_no_key_that_may_more() {
        let keys_and_clients = [Scope::KeysWrite, Scope::ClientsWrite];
        for (owner, held, new_owner, wanted, expect) in [
            ("*", &[Scope::All][..], "*", Scope::All, Ok(())),
            ("*", &[Scope::All], "a", Scope::All, Ok(())),
            ("a", &[Scope::All], "a", Scope::All, Ok(())),
            ("a", &keys_and_clients, "a", Scope::ClientsRead, Ok(())),
            ("a", &keys_and_clients, "a", Scope::All, Err(AccessDenied::WiderThanOneself(Scope::All))),
            (
                "a",
                &[Scope::ClientsWrite],
                "a",
                Scope::ClientsRead,
                Err(AccessDenied::MissingScope(Scope::KeysWrite)),
            ),
            ("a", &[Scope::All], "*", Scope::ClientsRead, Err(AccessDenied::OperatorOnly)),
            ("default", &[Scope::All], "*", Scope::ClientsRead, Err(AccessDenied::OperatorOnly)),
            ("a", &[Scope::All], "b", Scope::ClientsRead, Err(AccessDenied::NotFound)),
        ] {
            let new = NewAdminKey {
                name: String::new(),
                owner: owner_of(new_owner),
                scopes: vec![wanted],
                expires_at: None,
                uses: None,
            };
            assert_eq!(
                principal(owner, held).check_may_create(&new),
                expect,
                "{owner} {held:?} {new_owner} {wanted}"
            );
        }
    }
}
