//! The groups that a connection says somebody is in: in the place of those that it said before, at every sign-in.
//!
//! Attack: a connection takes somebody out of a group that an administrator put them into, or names a group like one of an
//! administrator's and has its people in it. So groups of a connection are groups of their own, whatever they are called, and
//! it adds to and takes from these alone. What has no name for a group (empty, of several lines, too long) is none.

use std::collections::BTreeSet;

use primitives::{GroupId, IdentityId, OrganisationId};

use super::group::Group;
use super::{OrganisationWrite, Provenance, check_label};
use crate::flow::Room;
use crate::ports::StoreUnavailable;
use crate::write::Write;

/// What makes somebody a member of the groups that their connection names; nothing where it names none, or those that it
/// named before.
pub(crate) async fn named(
    room: Room<'_>,
    (organisation, identity): (OrganisationId, IdentityId),
    groups: Option<&BTreeSet<String>>,
) -> Result<Option<Write>, StoreUnavailable> {
    let Some(groups) = groups else { return Ok(None) };
    let labels: BTreeSet<String> = groups.iter().filter_map(|label| check_label(label).ok()).collect();
    let known = room.organisations.list_connection_groups(room.tenant, organisation, identity).await?;
    let join: Vec<Group> = labels
        .iter()
        .filter(|label| known.iter().all(|group| group.label != **label))
        .map(|label| Group {
            organisation,
            id: GroupId::generate(room.rng),
            label: label.clone(),
            provenance: Provenance::Connection,
            created_at: room.now,
            updated_at: room.now,
        })
        .collect();
    let leave: Vec<GroupId> =
        known.iter().filter(|group| !labels.contains(&group.label)).map(|group| group.id).collect();
    if join.is_empty() && leave.is_empty() {
        return Ok(None);
    }
    let write = OrganisationWrite::SetConnectionGroups { organisation, identity, join, leave };
    Ok(Some(Write::Organisation(write)))
}
