//! The routes of organisations and of the audit log: their part of the table.

use http::Method;
use tenancy::Scope::{AuditRead, OrganisationsRead, OrganisationsWrite};

use super::Access::{Organisation, Public, Tenant};
use super::{BodySize, Route};
use crate::admin::audit;
use crate::admin::organisations::{self, connection, domains, groups, invitations, members};
use crate::failure::ErrorForm;
use crate::{pages, self_service};

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        GET "/ui/invitation" "showInvitation", Public, Page, pages::invitation::page, "The page of an invitation into an organisation";
        POST "/ui/invitation" "acceptInvitationByPage", Public, Page, pages::invitation::accept, "Joins an organisation from the page of its invitation";
        GET "/ui/organisation" "showOrganisation", Public, Page, pages::organisation::page, "The page on which an organisation is managed by its owners and administrators";
        POST "/ui/organisation" "manageOrganisationByPage", Public, Page, pages::organisation::post, "Invites, changes members, and sets an organisation up, from its page";
        GET "/portcullis/v1/invitations" "getInvitation", Public, Api, self_service::invitations::show, "Says into which organisation the invitation of the parameter `token` leads";
        POST "/portcullis/v1/invitations/accept" "acceptInvitation", Public, Api, self_service::invitations::accept, "Lets whoever is signed in, and has the invited address, join";
        GET "/admin/portcullis/v1/audit" "exportAudit", Tenant(AuditRead), Problem, audit::export, "Gives what happened as JSON lines, the oldest first; since a moment, where `since` says one";
        GET "/admin/portcullis/v1/organisations" "listOrganisations", Tenant(OrganisationsRead), Problem, organisations::list, "Lists organisations";
        POST "/admin/portcullis/v1/organisations" "createOrganisation", Tenant(OrganisationsWrite), Problem, organisations::make, "Makes an organisation";
        GET "/admin/portcullis/v1/organisations/{organisation}" "getOrganisation", Organisation(OrganisationsRead), Problem, organisations::show, "Shows an organisation";
        PATCH "/admin/portcullis/v1/organisations/{organisation}" "updateOrganisation", Tenant(OrganisationsWrite), Problem, organisations::change, "Changes an organisation; one that is made inactive ends the sessions in its name";
        DELETE "/admin/portcullis/v1/organisations/{organisation}" "deleteOrganisation", Tenant(OrganisationsWrite), Problem, organisations::remove, "Deletes an organisation; its people stay";
        GET "/admin/portcullis/v1/organisations/{organisation}/domains" "listOrganisationDomains", Organisation(OrganisationsRead), Problem, domains::list, "Lists an organisation's domains, with the records that prove them";
        POST "/admin/portcullis/v1/organisations/{organisation}/domains" "claimOrganisationDomain", Organisation(OrganisationsWrite), Problem, domains::claim, "Says that a domain is an organisation's; it decides nothing until it is proven";
        POST "/admin/portcullis/v1/organisations/{organisation}/domains/{domain}/verify" "verifyOrganisationDomain", Organisation(OrganisationsWrite), Problem, domains::verify, "Looks for the record that proves a domain";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/domains/{domain}" "releaseOrganisationDomain", Organisation(OrganisationsWrite), Problem, domains::release, "Takes a domain away from an organisation";
        GET "/admin/portcullis/v1/organisations/{organisation}/connection" "getOrganisationConnection", Organisation(OrganisationsRead), Problem, connection::show, "Shows the provider with which an organisation's people sign in";
        PUT "/admin/portcullis/v1/organisations/{organisation}/connection" "setOrganisationConnection", Organisation(OrganisationsWrite), Problem, connection::put, "Sets the provider with which an organisation's people sign in, and its secret, which is never shown";
        PATCH "/admin/portcullis/v1/organisations/{organisation}/connection" "switchOrganisationConnection", Organisation(OrganisationsWrite), Problem, connection::switch, "Lets people come by that provider, or nobody until it is enabled again";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/connection" "deleteOrganisationConnection", Organisation(OrganisationsWrite), Problem, connection::remove, "Takes that provider away";
        GET "/admin/portcullis/v1/organisations/{organisation}/members" "listOrganisationMembers", Organisation(OrganisationsRead), Problem, members::list, "Lists an organisation's members";
        PUT "/admin/portcullis/v1/organisations/{organisation}/members/{identity}" "setOrganisationMember", Organisation(OrganisationsWrite), Problem, members::set, "Makes somebody a member, or gives a member another role";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/members/{identity}" "removeOrganisationMember", Organisation(OrganisationsWrite), Problem, members::remove, "Takes a member out, and ends their sessions";
        GET "/admin/portcullis/v1/organisations/{organisation}/groups" "listOrganisationGroups", Organisation(OrganisationsRead), Problem, groups::list, "Lists an organisation's groups";
        POST "/admin/portcullis/v1/organisations/{organisation}/groups" "createOrganisationGroup", Organisation(OrganisationsWrite), Problem, groups::make, "Makes a group";
        PATCH "/admin/portcullis/v1/organisations/{organisation}/groups/{group}" "renameOrganisationGroup", Organisation(OrganisationsWrite), Problem, groups::rename, "Renames a group";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/groups/{group}" "deleteOrganisationGroup", Organisation(OrganisationsWrite), Problem, groups::delete, "Deletes a group; its members stay in the organisation";
        GET "/admin/portcullis/v1/organisations/{organisation}/groups/{group}/members" "listOrganisationGroupMembers", Organisation(OrganisationsRead), Problem, groups::list_members, "Lists a group's members";
        PUT "/admin/portcullis/v1/organisations/{organisation}/groups/{group}/members/{identity}" "addOrganisationGroupMember", Organisation(OrganisationsWrite), Problem, groups::add, "Puts a member into a group";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/groups/{group}/members/{identity}" "removeOrganisationGroupMember", Organisation(OrganisationsWrite), Problem, groups::take_out, "Takes a member out of a group";
        GET "/admin/portcullis/v1/organisations/{organisation}/invitations" "listOrganisationInvitations", Organisation(OrganisationsRead), Problem, invitations::list, "Lists an organisation's invitations";
        POST "/admin/portcullis/v1/organisations/{organisation}/invitations" "createOrganisationInvitation", Organisation(OrganisationsWrite), Problem, invitations::make, "Invites somebody by mail";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/invitations/{invitation}" "revokeOrganisationInvitation", Organisation(OrganisationsWrite), Problem, invitations::revoke, "Takes an invitation back";
    }
}
