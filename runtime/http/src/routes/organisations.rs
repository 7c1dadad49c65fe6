//! The routes of organisations and of the audit log: their part of the table.

use http::Method;
use tenancy::Scope::{AuditRead, OrganisationsRead, OrganisationsWrite};

use super::Access::{Public, Tenant};
use super::{BodySize, Route};
use crate::admin::audit;
use crate::admin::organisations::{self, domains, groups, invitations, members};
use crate::failure::ErrorForm;
use crate::{pages, self_service};

/// Its part of the table.
pub(super) fn routes() -> Vec<Route> {
    routes! {
        GET "/ui/invitation" "showInvitation", Public, Page, pages::invitation::page, "The page of an invitation into an organisation";
        POST "/ui/invitation" "acceptInvitationByPage", Public, Page, pages::invitation::accept, "Joins an organisation from the page of its invitation";
        GET "/ui/organisation" "showOrganisation", Public, Page, pages::organisation::page, "The page on which an organisation's people are managed";
        POST "/ui/organisation" "manageOrganisationByPage", Public, Page, pages::organisation::post, "Invites, and changes members, from the page of an organisation";
        GET "/portcullis/v1/invitations" "getInvitation", Public, Api, self_service::invitations::show, "Says into which organisation the invitation of the parameter `token` leads";
        POST "/portcullis/v1/invitations/accept" "acceptInvitation", Public, Api, self_service::invitations::accept, "Lets whoever is signed in, and has the invited address, join";
        GET "/admin/portcullis/v1/audit" "exportAudit", Tenant(AuditRead), Problem, audit::export, "Gives what happened as JSON lines, the oldest first";
        GET "/admin/portcullis/v1/organisations" "listOrganisations", Tenant(OrganisationsRead), Problem, organisations::list, "Lists organisations";
        POST "/admin/portcullis/v1/organisations" "createOrganisation", Tenant(OrganisationsWrite), Problem, organisations::make, "Makes an organisation";
        GET "/admin/portcullis/v1/organisations/{organisation}" "getOrganisation", Tenant(OrganisationsRead), Problem, organisations::show, "Shows an organisation";
        PATCH "/admin/portcullis/v1/organisations/{organisation}" "updateOrganisation", Tenant(OrganisationsWrite), Problem, organisations::change, "Changes an organisation; one that is made inactive ends the sessions in its name";
        DELETE "/admin/portcullis/v1/organisations/{organisation}" "deleteOrganisation", Tenant(OrganisationsWrite), Problem, organisations::remove, "Deletes an organisation; its people stay";
        GET "/admin/portcullis/v1/organisations/{organisation}/domains" "listOrganisationDomains", Tenant(OrganisationsRead), Problem, domains::list, "Lists an organisation's domains, with the records that prove them";
        POST "/admin/portcullis/v1/organisations/{organisation}/domains" "claimOrganisationDomain", Tenant(OrganisationsWrite), Problem, domains::claim, "Says that a domain is an organisation's; it decides nothing until it is proven";
        POST "/admin/portcullis/v1/organisations/{organisation}/domains/{domain}/verify" "verifyOrganisationDomain", Tenant(OrganisationsWrite), Problem, domains::verify, "Looks for the record that proves a domain";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/domains/{domain}" "releaseOrganisationDomain", Tenant(OrganisationsWrite), Problem, domains::release, "Takes a domain away from an organisation";
        GET "/admin/portcullis/v1/organisations/{organisation}/members" "listOrganisationMembers", Tenant(OrganisationsRead), Problem, members::list, "Lists an organisation's members";
        PUT "/admin/portcullis/v1/organisations/{organisation}/members/{identity}" "setOrganisationMember", Tenant(OrganisationsWrite), Problem, members::set, "Makes somebody a member, or gives a member another role";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/members/{identity}" "removeOrganisationMember", Tenant(OrganisationsWrite), Problem, members::remove, "Takes a member out, and ends their sessions";
        GET "/admin/portcullis/v1/organisations/{organisation}/groups" "listOrganisationGroups", Tenant(OrganisationsRead), Problem, groups::list, "Lists an organisation's groups";
        POST "/admin/portcullis/v1/organisations/{organisation}/groups" "createOrganisationGroup", Tenant(OrganisationsWrite), Problem, groups::make, "Makes a group";
        PATCH "/admin/portcullis/v1/organisations/{organisation}/groups/{group}" "renameOrganisationGroup", Tenant(OrganisationsWrite), Problem, groups::rename, "Renames a group";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/groups/{group}" "deleteOrganisationGroup", Tenant(OrganisationsWrite), Problem, groups::delete, "Deletes a group; its members stay in the organisation";
        GET "/admin/portcullis/v1/organisations/{organisation}/groups/{group}/members" "listOrganisationGroupMembers", Tenant(OrganisationsRead), Problem, groups::list_members, "Lists a group's members";
        PUT "/admin/portcullis/v1/organisations/{organisation}/groups/{group}/members/{identity}" "addOrganisationGroupMember", Tenant(OrganisationsWrite), Problem, groups::add, "Puts a member into a group";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/groups/{group}/members/{identity}" "removeOrganisationGroupMember", Tenant(OrganisationsWrite), Problem, groups::take_out, "Takes a member out of a group";
        GET "/admin/portcullis/v1/organisations/{organisation}/invitations" "listOrganisationInvitations", Tenant(OrganisationsRead), Problem, invitations::list, "Lists an organisation's invitations";
        POST "/admin/portcullis/v1/organisations/{organisation}/invitations" "createOrganisationInvitation", Tenant(OrganisationsWrite), Problem, invitations::make, "Invites somebody by mail";
        DELETE "/admin/portcullis/v1/organisations/{organisation}/invitations/{invitation}" "revokeOrganisationInvitation", Tenant(OrganisationsWrite), Problem, invitations::revoke, "Takes an invitation back";
    }
}
