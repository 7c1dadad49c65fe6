//! `…/organisations/{organisation}/invitations`: who may join an organisation, once. What the mail holds is told nobody
//! else, operators neither.

use std::time::Duration;

use http::StatusCode;
use identity::organisation::Organisations as _;
use identity::organisation::invitation::{self, NewInvitation, USUAL_LIFESPAN};
use identity::organisation::member::Role;
use serde::Deserialize;

use super::{answer, by, checked, decide, gone, organisation, page};
use crate::admin::{body, store};
use crate::call::Call;
use crate::failure::Failure;
use crate::response::Answer;
use crate::self_service::room;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    address: String,
    #[serde(default = "member")]
    role: Role,
    #[serde(default = "usual")]
    lifespan_seconds: u64,
}

const fn member() -> Role {
    Role::Member
}

const fn usual() -> u64 {
    USUAL_LIFESPAN.as_secs()
}

/// `GET …/invitations`
pub(crate) async fn list(call: Call) -> Answer {
    let listed = async {
        let id = checked(&call).await?;
        let page = page(&call)?;
        let after = page.after.as_deref().and_then(|after| after.parse().ok());
        let found = call.node.storage.list_invitations(&call.tenant.id, id, after, page.limit).await;
        let found = found.map_err(|error| store(&call, &error))?;
        Ok(page.document(&call, "invitations", &found, |last| last.id.to_string()))
    };
    answer(&call, StatusCode::OK, listed.await)
}

/// `POST …/invitations`
pub(crate) async fn make(call: Call) -> Answer {
    let made = async {
        let id = organisation(&call)?;
        let wanted: Wanted = body(&call)?;
        decide(&call, || async {
            let new = NewInvitation {
                address: &wanted.address,
                role: wanted.role.clone(),
                lifespan: Duration::from_secs(wanted.lifespan_seconds),
            };
            let (made, change) = invitation::invite(room(&call), &by(&call), id, new, &call).await?;
            Ok((made, Some(change)))
        })
        .await
    };
    answer(&call, StatusCode::CREATED, made.await)
}

/// `DELETE …/invitations/{invitation}`
pub(crate) async fn revoke(call: Call) -> Answer {
    let revoked = async {
        let id = organisation(&call)?;
        let which = call.place("invitation").parse().map_err(|_| Failure::not_found())?;
        decide(&call, || async {
            Ok(((), Some(invitation::revoke(room(&call), &by(&call), id, which).await?)))
        })
        .await
    };
    gone(&call, revoked.await)
}
