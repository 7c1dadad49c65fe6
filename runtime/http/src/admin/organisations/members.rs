//! `…/organisations/{organisation}/members`: who belongs to an organisation, and as what.

use http::StatusCode;
use identity::organisation::member::Role;
use identity::organisation::{Organisations as _, change};
use serde::Deserialize;

use super::{answer, by, checked, decide, gone, identity, organisation, page};
use crate::admin::{body, store};
use crate::call::Call;
use crate::response::Answer;
use crate::self_service::room;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    role: Role,
}

/// `GET …/members`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let id = checked(&call).await?;
        let page = page(&call)?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let found = call.node.storage.list_members(&call.tenant.id, id, after, page.limit).await;
        let found = found.map_err(|error| store(&call, &error))?;
        Ok(page.document(&call, "members", &found, |last| last.identity.to_string()))
    };
    answer(&call, StatusCode::OK, listed.await)
}

/// `PUT …/members/{identity}`
pub(crate) async fn set(call: Call) -> Answer {
    let set = async {
        let (id, who) = (organisation(&call)?, identity(&call)?);
        let Wanted { role } = body(&call)?;
        decide(&call, || async {
            let wanted = (who, role.clone());
            let (member, change) = change::set_member(room(&call), &by(&call), id, wanted).await?;
            Ok((member, Some(change)))
        })
        .await
    };
    answer(&call, StatusCode::OK, set.await)
}

/// `DELETE …/members/{identity}`
pub(crate) async fn remove(call: Call) -> Answer {
    let removed = async {
        let (id, who) = (organisation(&call)?, identity(&call)?);
        decide(&call, || async {
            Ok(((), Some(change::remove_member(room(&call), &by(&call), id, who).await?)))
        })
        .await
    };
    gone(&call, removed.await)
}
