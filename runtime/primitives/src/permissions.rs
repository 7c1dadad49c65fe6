//! The question whether somebody may do something with something, as a port.
//!
//! The words are those of relation tuples (Zanzibar, section 2.1): a subject has a relation to an object of a
//! namespace.

use std::fmt;

use futures_util::future::BoxFuture;

use crate::ids::TenantId;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionCheck {
    /// The kind of object, e.g. `documents`.
    pub namespace: String,
    /// Which object.
    pub object: String,
    /// The relation, e.g. `view`.
    pub relation: String,
    /// Who.
    pub subject: PermissionSubject,
}

/// Who is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PermissionSubject {
    /// One subject, by its id.
    Id(String),
    /// Everybody who has a relation to an object.
    Set {
        /// The kind of object.
        namespace: String,
        /// Which object.
        object: String,
        /// The relation.
        relation: String,
    },
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermissionError {
    /// There is no such namespace or relation. Whoever asks.
    #[error("no such namespace or relation")]
    Unknown,
    /// The database did not answer.
    #[error("{0}")]
    Unavailable(String),
}

/// Answers the question.
pub trait Permissions: Send + Sync + fmt::Debug {
    /// Whether the subject has the relation to the object, in this tenant.
    fn check_permission<'a>(
        &'a self,
        tenant: &'a TenantId,
        check: PermissionCheck,
    ) -> BoxFuture<'a, Result<bool, PermissionError>>;
}
