//! Who the subject of a login app is.
//!
//! An app may say any text. One that is the id of an identity of the tenant is that identity. Any other is somebody
//! whom only the app knows: an id that is made of the text takes the place of an identity's, so that grants, consents
//! and sessions are found by it, and the text is what `sub` says. No row stands for such a person: what ends them here is
//! the end of their sessions and grants.
//!
//! Attack: somebody finds two texts of one id and reads the other's grants. The id has 122 bits of a SHA-256, of version
//! 8, which no identity of ours has: to meet a given person takes 2¹²² attempts.

use primitives::{IdentityId, TenantId};
use ring::digest::{Context, SHA256};
use uuid::Builder;

use crate::ports::PortError;
use crate::server::AuthorizationServer;

/// The longest text of a subject, in bytes (OpenID Connect Core section 2: 255 characters of ASCII).
pub(super) const MOST_BYTES: usize = 255;

/// Somebody whom a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) id: IdentityId,
    /// The text, if it is no identity of the tenant.
    pub(crate) external: Option<String>,
}

/// Who a text names, whether they may sign in or not.
pub(crate) async fn resolve(server: &AuthorizationServer, text: &str) -> Result<Named, PortError> {
    if let Ok(id) = text.parse::<IdentityId>()
        && server.ports.logins.has_identity(&server.tenant, id).await?
    {
        return Ok(Named { id, external: None });
    }
    Ok(Named { id: external_id(&server.tenant, text), external: Some(text.to_owned()) })
}

/// Whether an id was made of such a text.
pub(crate) fn is_external(id: IdentityId) -> bool {
    id.0.get_version_num() == 8
}

fn external_id(tenant: &TenantId, text: &str) -> IdentityId {
    let mut hash = Context::new(&SHA256);
    for part in ["external_subject", tenant.as_str(), text] {
        hash.update(&part.len().to_be_bytes());
        hash.update(part.as_bytes());
    }
    let digest = hash.finish();
    let first = digest.as_ref().first_chunk::<16>().copied().unwrap_or_default();
    IdentityId(Builder::from_custom_bytes(first).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_one_id_in_a_tenant_and_it_is_no_identitys() {
        let (here, there) = ("here".parse().unwrap(), "there".parse().unwrap());
        let one = external_id(&here, "ada");
        assert_eq!(one, external_id(&here, "ada"));
        for other in [external_id(&here, "bob"), external_id(&here, "Ada"), external_id(&there, "ada")] {
            assert_ne!(one, other);
        }
        assert!(is_external(one));
    }
}
