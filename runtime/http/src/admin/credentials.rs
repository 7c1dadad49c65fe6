//! `/admin/identities/{id}/credentials/{type}`: operators take credentials away.

use http::StatusCode;
use identity::Problem;
use identity::administration::delete_credential;

use super::actor;
use super::identities::id_of;
use crate::call::Call;
use crate::response::{Answer, empty};
use crate::self_service::{Applied, apply, failed, respond, room};

/// `DELETE /admin/identities/{id}/credentials/{type}`
pub(crate) async fn remove(call: Call) -> Answer {
    let removed = async {
        let id = id_of(&call)?;
        let identifier = call.query_value("identifier").filter(|identifier| !identifier.is_empty());
        let kind = call.place("type");
        let change = delete_credential(room(&call), actor(&call), id, kind, identifier.as_deref()).await;
        match apply(&call, change.map_err(|error| failed(&call, error))?).await? {
            Applied::Whole => Ok(()),
            // Taken away by somebody else meanwhile.
            Applied::Missed => Err(Problem::NotFound),
        }
    };
    match removed.await {
        Ok(()) => empty(StatusCode::NO_CONTENT),
        Err(problem) => respond(&call, &problem),
    }
}
