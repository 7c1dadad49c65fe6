//! `permissions`: whether somebody may do something with something, in the plugin's own tenant.

use primitives::permissions::{PermissionCheck, PermissionError, PermissionSubject};
use tenancy::plugin::Capability;

use super::wit::permissions::{Host, Question, Subject};
use crate::state::CallState;

/// The longest word of a question, in bytes.
const WORD_BYTES: usize = 1024;

impl Host for CallState {
    async fn check(&mut self, question: Question) -> wasmtime::Result<Result<bool, String>> {
        let call = self.host_call(Capability::Permissions, "check");
        let answer = call.answer(async {
            let check = asked(question)?;
            let permissions = call.granted.permissions.as_deref().ok_or_else(super::not_granted)?;
            permissions.check_permission(&call.granted.tenant, check).await.map_err(|error| match error {
                PermissionError::Unknown => error.to_string(),
                PermissionError::Unavailable(detail) => {
                    tracing::warn!(detail, "permissions are unavailable to plugins");
                    "unavailable".to_owned()
                }
            })
        });
        Ok(answer.await)
    }
}

fn asked(question: Question) -> Result<PermissionCheck, String> {
    let Question { namespace, object, relation, subject, extensions } = question;
    if !extensions.is_empty() {
        return Err("extensions are empty in this version".to_owned());
    }
    Ok(PermissionCheck {
        namespace: word(namespace)?,
        object: word(object)?,
        relation: word(relation)?,
        subject: match subject {
            Subject::Id(id) => PermissionSubject::Id(word(id)?),
            Subject::Set(set) => PermissionSubject::Set {
                namespace: word(set.namespace)?,
                object: word(set.object)?,
                relation: word(set.relation)?,
            },
        },
    })
}

fn word(text: String) -> Result<String, String> {
    if text.is_empty() || text.len() > WORD_BYTES || text.contains('\0') {
        return Err(format!("a word of a question has 1 to {WORD_BYTES} bytes and no NUL"));
    }
    Ok(text)
}
