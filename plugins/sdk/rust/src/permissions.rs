//! Asks whether somebody may do something. Needs the capability `permissions`.

use crate::host::portcullis::host::permissions;
use crate::token::HookError;

/// Whether the subject of this id has a relation to an object of a namespace.
pub fn check(namespace: &str, object: &str, relation: &str, subject: &str) -> Result<bool, HookError> {
    let question = permissions::Question {
        namespace: namespace.to_owned(),
        object: object.to_owned(),
        relation: relation.to_owned(),
        subject: permissions::Subject::Id(subject.to_owned()),
        extensions: Vec::new(),
    };
    permissions::check(&question).map_err(HookError::new)
}
