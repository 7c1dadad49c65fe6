//! What every room shares: identifiers, time, randomness, secrets, sealing, caches, changes, audit, ports.
//!
//! This room imports no other room and touches nothing outside the process: a clock, a source of
//! randomness and an outbound client are traits here, implemented at the composition root.
//! Start with [`change::Change`] (how a room's decision reaches storage) and [`seal::Sealer`]
//! (how anything secret leaves memory).

pub mod address;
pub mod audit;
pub mod base64url;
pub mod change;
pub mod checksum;
pub mod cookie;
pub mod hook_document;
pub mod hooks;
pub mod ids;
pub mod json_patch;
pub mod message;
pub mod origin;
pub mod outbound;
pub mod permissions;
pub mod policy;
pub mod remembered;
pub mod rng;
pub mod seal;
pub mod secret;
pub mod secret_reference;
pub mod session_claims;
pub mod subject;
pub mod time;
pub mod transform;
mod weighed;

pub use address::{ClientAddress, TrustedProxies};
pub use audit::{Actor, AuditEvent};
pub use change::{Change, OutboxMessage};
pub use ids::{
    AdminKeyId, ClientId, FamilyId, FlowId, GrantId, GroupId, IdentityId, InvitationId, OrganisationId,
    RequestId, SessionId, TenantId, UploadedPluginId,
};
pub use origin::Origin;
pub use remembered::Remembered;
pub use rng::Rng;
pub use seal::{KeyedHash, SealContext, SealedKind, SealedPlace, Sealer};
pub use secret::Secret;
pub use secret_reference::SecretReference;
pub use session_claims::SessionClaims;
pub use subject::{ActingParty, AuthenticatedSubject, ExternalLogin};
pub use time::{Clock, Timestamp};
