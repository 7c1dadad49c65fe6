//! `…/organisations/{organisation}/groups`: some members of an organisation, under a name.

use http::StatusCode;
use identity::organisation::{Organisations as _, change};
use primitives::{GroupId, OrganisationId};
use serde::Deserialize;

use super::{answer, by, checked, decide, failure, gone, identity, organisation, page};
use crate::admin::{body, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;
use crate::self_service::room;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    label: String,
}

fn group(call: &Call) -> Result<(OrganisationId, GroupId), Failure> {
    let id = call.place("group").parse().map_err(|_| Failure::not_found())?;
    Ok((organisation(call)?, id))
}

/// `GET …/groups`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let id = checked(&call).await?;
        let page = page(&call)?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let found = call.node.storage.list_groups(&call.tenant.id, id, after, page.limit).await;
        let found = found.map_err(|error| store(&call, &error))?;
        Ok(page.document(&call, "groups", &found, |last| last.id.to_string()))
    };
    answer(&call, StatusCode::OK, listed.await)
}

/// `POST …/groups`
pub(crate) async fn make(call: Call) -> Answer {
    let made = async {
        let id = organisation(&call)?;
        let Wanted { label } = body(&call)?;
        decide(&call, || async {
            let (group, change) = change::create_group(room(&call), &by(&call), id, &label).await?;
            Ok((group, Some(change)))
        })
        .await
    };
    answer(&call, StatusCode::CREATED, made.await)
}

/// `PATCH …/groups/{group}`
pub(crate) async fn rename(call: Call) -> Answer {
    let renamed = async {
        let id = group(&call)?;
        let Wanted { label } = body(&call)?;
        decide(&call, || async {
            let (group, change) = change::rename_group(room(&call), &by(&call), id, &label).await?;
            Ok((group, Some(change)))
        })
        .await
    };
    answer(&call, StatusCode::OK, renamed.await)
}

/// `DELETE …/groups/{group}`
pub(crate) async fn delete(call: Call) -> Answer {
    let deleted = async {
        let id = group(&call)?;
        decide(&call, || async { Ok(((), Some(change::delete_group(room(&call), &by(&call), id).await?))) })
            .await
    };
    gone(&call, deleted.await)
}

/// `GET …/groups/{group}/members`
pub(crate) async fn list_members(call: Call) -> Answer {
    let listed = async {
        let (organisation, id) = group(&call)?;
        let group = change::load_group(room(&call), organisation, id).await;
        group.map_err(|error| failure(&call, error))?;
        let page = page(&call)?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let storage = &call.node.storage;
        let found = storage.list_group_members(&call.tenant.id, (organisation, id), after, page.limit).await;
        let found = found.map_err(|error| store(&call, &error))?;
        Ok(page.document(&call, "members", &found, |last| last.identity.to_string()))
    };
    answer(&call, StatusCode::OK, listed.await)
}

/// `PUT …/groups/{group}/members/{identity}`
pub(crate) async fn add(call: Call) -> Answer {
    let added = async {
        let (id, who) = (group(&call)?, identity(&call)?);
        decide(&call, || async {
            Ok(((), Some(change::add_to_group(room(&call), &by(&call), id, who).await?)))
        })
        .await
    };
    gone(&call, added.await)
}

/// `DELETE …/groups/{group}/members/{identity}`
pub(crate) async fn take_out(call: Call) -> Answer {
    let taken = async {
        let (id, who) = (group(&call)?, identity(&call)?);
        decide(&call, || async {
            Ok(((), Some(change::remove_from_group(room(&call), &by(&call), id, who).await?)))
        })
        .await
    };
    gone(&call, taken.await)
}
