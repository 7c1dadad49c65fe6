//! Every path that is served: the one table.
//!
//! A row says who may call it, in which form it fails, its name in the API that it belongs to, and who
//! handles it. `portcullis openapi` prints what is here; nothing is served that is not.

use std::collections::HashMap;
use std::sync::Arc;

use config::Router;
use futures_util::future::BoxFuture;
use http::Method;
use tenancy::Scope;
use tokio::sync::{SemaphorePermit, TryAcquireError};

use crate::call::Call;
use crate::failure::ErrorForm;
use crate::node::Node;
use crate::response::Answer;
use crate::self_service::{read, start, submit};
use crate::server::Entrance;
use crate::{admin, health, oauth2, pages, self_service, sessions, well_known};

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Everybody; the endpoint itself knows whom it asks for what.
    Public,
    /// Everybody, on the operators' listener too.
    PublicAnywhere,
    /// Everybody, on every listener, whatever the tenant's state.
    Health,
    /// Everybody, on every listener that does not say otherwise (`api_document`).
    Description,
    /// Everybody, on every listener: what pages load.
    PageFile,
    /// Whoever may do this in the request's tenant.
    Tenant(Scope),
    /// Whoever may do this to the organisation in the path, in the request's tenant: a key of that organisation may.
    Organisation(Scope),
    /// Whoever may do this to the node.
    Operator(Scope),
    /// Whoever has a key; the handler checks it against what the path or the body names.
    AnyOperator,
}

/// What handles a request.
pub(crate) type Handler = fn(Call) -> BoxFuture<'static, Answer>;

/// One row of the table.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) method: Method,
    /// With `{places}`.
    pub(crate) path: &'static str,
    /// Its operation id in the API that it belongs to; the label of its metrics.
    pub(crate) operation: &'static str,
    /// Half a line for the API document.
    pub(crate) summary: &'static str,
    pub(crate) access: Access,
    pub(crate) errors: ErrorForm,
    pub(crate) body: BodySize,
    pub(crate) handler: Handler,
}

/// How large a route's bodies may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodySize {
    /// As the listener says.
    Usual,
    /// As large as a thousand identities; few at a time.
    Batch,
    /// As large as a component; few at a time.
    Component,
}

/// Bytes of a thousand identities: eight kibibytes for each.
const BATCH_BYTES: u64 = 8 * 1024 * 1024;

impl BodySize {
    /// A place for a body, where there are few.
    pub(crate) fn enter(self, node: &Node) -> Result<Option<SemaphorePermit<'_>>, TryAcquireError> {
        match self {
            Self::Usual => Ok(None),
            Self::Batch | Self::Component => node.large_bodies.try_acquire().map(Some),
        }
    }

    /// The limit in bytes.
    pub(crate) fn limit(self, node: &Node, entrance: &Entrance) -> u64 {
        match self {
            Self::Usual => entrance.body_bytes,
            Self::Batch => BATCH_BYTES.max(entrance.body_bytes),
            Self::Component => node.plugins.upload_bounds().component_bytes,
        }
    }
}

impl Route {
    /// Whether a listener that serves `routers` serves this route. What describes a listener is left out by [`RouteTable::of`]
    /// where it is switched off: there nobody asks for a description in which it would stand.
    pub(crate) fn is_of(&self, routers: &[Router]) -> bool {
        match self.access {
            Access::Health | Access::PageFile | Access::Description => true,
            Access::Public => routers.contains(&Router::Public),
            Access::PublicAnywhere => routers.contains(&Router::Public) || routers.contains(&Router::Admin),
            Access::Operator(Scope::MetricsRead) => routers.contains(&Router::Metrics),
            Access::Tenant(_) | Access::Organisation(_) | Access::Operator(_) | Access::AnyOperator => {
                routers.contains(&Router::Admin)
            }
        }
    }
}

macro_rules! routes {
    ($($method:ident $path:literal $operation:literal, $access:expr, $errors:ident, $handler:path, $summary:literal $(, $body:ident)?;)+) => {
        vec![$(Route {
            method: Method::$method,
            path: $path,
            operation: $operation,
            summary: $summary,
            access: $access,
            errors: ErrorForm::$errors,
            body: routes!(@body $($body)?),
            handler: |call| Box::pin($handler(call)),
        }),+]
    };
    (@body) => { BodySize::Usual };
    (@body $body:ident) => { BodySize::$body };
}

mod challenges;
mod credentials;
mod descriptions;
mod exchange;
mod fallbacks;
mod fed_cm;
mod organisations;
mod registration;
mod test_login;

/// The table.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = most();
    routes.extend(descriptions::routes());
    routes.extend(organisations::routes());
    routes.extend(registration::routes());
    routes.extend(challenges::routes());
    routes.extend(fallbacks::routes());
    routes.extend(credentials::routes());
    routes.extend(fed_cm::routes());
    routes.extend(test_login::routes());
    routes.extend(exchange::routes());
    routes
}

fn most() -> Vec<Route> {
    use Access::{AnyOperator, Health, Operator, PageFile, Public, PublicAnywhere, Tenant};
    routes! {
        // What tells about the node.
        GET "/health/alive" "isAlive", Health, Api, health::alive, "Says that the process runs";
        GET "/health/ready" "isReady", Health, Api, health::ready, "Says that the database answers";
        GET "/version" "getVersion", Health, Api, health::version, "Says which version runs";
        GET "/metrics" "getMetrics", Operator(Scope::MetricsRead), Api, health::metrics, "Metrics for Prometheus";
        GET "/admin/metrics/prometheus" "getPrometheusMetrics", Operator(Scope::MetricsRead), Api, health::metrics, "The same, where it was before";
        GET "/admin/health/config" "getConfigDigest", Tenant(Scope::TenantsRead), Api, health::config, "Says by a digest which settings the tenant has";

        // OpenID Connect and OAuth2, public.
        GET "/.well-known/openid-configuration" "discoverOidcConfiguration", Public, Api, well_known::metadata, "Provider metadata (OpenID Connect Discovery)";
        GET "/.well-known/oauth-authorization-server" "discoverOAuthServer", Public, Api, well_known::metadata, "Server metadata (RFC 8414)";
        GET "/.well-known/jwks.json" "discoverJsonWebKeys", Public, Api, well_known::jwks, "The keys that verify tokens";
        GET "/oauth2/auth" "oAuth2Authorize", Public, Page, oauth2::authorize::begin, "Begins an authorization";
        POST "/oauth2/auth" "oAuth2AuthorizeForm", Public, Page, oauth2::authorize::begin, "Begins an authorization, by form";
        GET "/oauth2/auth/resume" "resumeAuthorization", Public, Page, oauth2::authorize::resume, "Goes on after a sign-in";
        POST "/oauth2/par" "pushOAuth2AuthorizationRequest", Public, OAuth, oauth2::par::post, "Takes an authorization request from its client (RFC 9126)";
        POST "/oauth2/device/auth" "oAuth2DeviceFlow", Public, OAuth, oauth2::device::begin, "Begins at a device without a browser (RFC 8628)";
        GET "/oauth2/device/verify" "performOAuth2DeviceVerificationFlow", Public, Page, oauth2::device::show_code, "Asks for the code that a device shows";
        POST "/oauth2/device/verify" "enterOAuth2UserCode", Public, Page, oauth2::device::enter_code, "Takes the code that a device shows";
        POST "/oauth2/token" "oauth2TokenExchange", Public, OAuth, oauth2::token::post, "Gives tokens (RFC 6749)";
        POST "/oauth2/revoke" "revokeOAuth2Token", Public, OAuth, oauth2::revoke::post, "Revokes a token (RFC 7009)";
        POST "/oauth2/introspect" "introspectOAuth2TokenAsClient", Public, OAuth, oauth2::introspect::by_client, "Introspects a token (RFC 7662)";
        GET "/userinfo" "getOidcUserInfo", Public, OAuth, oauth2::userinfo::answer, "Claims of the person behind a token";
        POST "/userinfo" "postOidcUserInfo", Public, OAuth, oauth2::userinfo::answer, "Claims of the person behind a token";
        GET "/oauth2/sessions/logout" "revokeOidcSession", Public, Page, oauth2::logout::begin, "Signs out at a client's request";
        POST "/oauth2/sessions/logout" "revokeOidcSessionForm", Public, Page, oauth2::logout::begin, "Signs out at a client's request, by form";

        // Built-in pages of the authorization server.
        GET "/ui/consent" "showConsent", Public, Page, oauth2::consent::show, "Asks whether a client gets access";
        POST "/ui/consent" "decideConsent", Public, Page, oauth2::consent::decide, "Takes the person's answer";
        GET "/ui/device" "showDevice", Public, Page, oauth2::device::ask, "Asks whether a device gets access";
        POST "/ui/device" "decideDevice", Public, Page, oauth2::device::decide, "Takes the person's answer";
        GET "/ui/logout" "showLogout", Public, Page, oauth2::logout::show, "Asks whether to sign out";
        POST "/ui/logout" "decideLogout", Public, Page, oauth2::logout::decide, "Signs out";
        GET "/ui/signed-out" "showSignedOut", Public, Page, oauth2::farewell::signed_out, "Says that one is signed out";

        // People: forms to sign up, sign in and change one's account.
        GET "/self-service/login/browser" "createBrowserLoginFlow", Public, Api, start::login_browser, "Begins a sign-in in a browser";
        GET "/self-service/login/api" "createNativeLoginFlow", Public, Api, start::login_native, "Begins a sign-in in a native application";
        GET "/self-service/login/flows" "getLoginFlow", Public, Api, read::login, "Shows a sign-in form";
        POST "/self-service/login" "updateLoginFlow", Public, Api, submit::login, "Signs in";
        GET "/self-service/registration/browser" "createBrowserRegistrationFlow", Public, Api, start::registration_browser, "Begins a sign-up in a browser";
        GET "/self-service/registration/api" "createNativeRegistrationFlow", Public, Api, start::registration_native, "Begins a sign-up in a native application";
        GET "/self-service/registration/flows" "getRegistrationFlow", Public, Api, read::registration, "Shows a sign-up form";
        POST "/self-service/registration" "updateRegistrationFlow", Public, Api, submit::registration, "Signs up";
        GET "/self-service/settings/browser" "createBrowserSettingsFlow", Public, Api, start::settings_browser, "Begins a change of one's account in a browser";
        GET "/self-service/settings/api" "createNativeSettingsFlow", Public, Api, start::settings_native, "Begins a change of one's account in a native application";
        GET "/self-service/settings/flows" "getSettingsFlow", Public, Api, read::settings, "Shows a settings form";
        POST "/self-service/settings" "updateSettingsFlow", Public, Api, submit::settings, "Changes one's account";
        GET "/self-service/verification/browser" "createBrowserVerificationFlow", Public, Api, start::verification_browser, "Begins the proof of an address in a browser";
        GET "/self-service/verification/api" "createNativeVerificationFlow", Public, Api, start::verification_native, "Begins the proof of an address in a native application";
        GET "/self-service/verification/flows" "getVerificationFlow", Public, Api, read::verification, "Shows a form that proves an address";
        GET "/self-service/login" "followLoginLink", Public, Page, self_service::link::login, "Signs in by the link of a mail, or takes it to the form that it belongs to";
        GET "/self-service/registration" "followRegistrationLink", Public, Page, self_service::link::registration, "Takes the link of a mail to the form that it belongs to";
        GET "/self-service/verification" "followVerificationLink", Public, Page, self_service::link::verification, "Takes the link of a mail to the form that it belongs to";
        POST "/self-service/verification" "updateVerificationFlow", Public, Api, submit::verification, "Proves an address";
        GET "/self-service/recovery/browser" "createBrowserRecoveryFlow", Public, Api, start::recovery_browser, "Begins a recovery in a browser";
        GET "/self-service/recovery/api" "createNativeRecoveryFlow", Public, Api, start::recovery_native, "Begins a recovery in a native application";
        GET "/self-service/recovery/flows" "getRecoveryFlow", Public, Api, read::recovery, "Shows a form that lets people back in";
        GET "/self-service/recovery" "followRecoveryLink", Public, Page, self_service::link::recovery, "Takes the link of a mail to the form that it belongs to";
        POST "/self-service/recovery" "updateRecoveryFlow", Public, Api, submit::recovery, "Lets somebody back in";
        GET "/self-service/methods/oidc/auth/{flow}" "showProviderForm", Public, Api, submit::show_to_provider, "Shows a form that leads to other providers";
        POST "/self-service/methods/oidc/auth/{flow}" "beginProviderSignIn", Public, Api, submit::to_provider, "Goes from a form to another provider";
        GET "/self-service/methods/oidc/callback" "finishProviderSignIn", Public, Api, self_service::oidc::callback, "Where a browser comes back to from another provider";
        POST "/self-service/methods/oidc/callback" "finishProviderSignInForm", Public, Api, self_service::oidc::callback_by_form, "The same, by form";
        GET "/self-service/methods/oidc/callback/{provider}" "finishSignInWithProvider", Public, Api, self_service::oidc::callback, "Where a browser comes back to from one provider";
        POST "/self-service/methods/oidc/callback/{provider}" "finishSignInWithProviderForm", Public, Api, self_service::oidc::callback_by_form, "The same, by form";
        GET "/self-service/methods/oidc/organization/{organization}/callback/{provider}" "finishSignInWithOrganizationProvider", Public, Api, self_service::oidc::callback, "Where a browser comes back to from an organisation's provider";
        POST "/self-service/methods/oidc/organization/{organization}/callback/{provider}" "finishSignInWithOrganizationProviderForm", Public, Api, self_service::oidc::callback_by_form, "The same, by form";
        GET "/self-service/logout/browser" "createBrowserLogoutFlow", Public, Api, self_service::logout::begin, "Says where the browser signs out";
        GET "/self-service/logout" "updateLogoutFlow", Public, Api, self_service::logout::finish, "Signs out";
        DELETE "/self-service/logout/api" "performNativeLogout", Public, Api, self_service::logout::native, "Signs out a native application";
        GET "/self-service/errors" "getFlowError", Public, Api, self_service::errors::show, "Says what an error page has to say";
        GET "/schemas" "listIdentitySchemas", PublicAnywhere, Api, self_service::schemas::list, "Lists the identity schemas";
        GET "/schemas/{id}" "getIdentitySchema", PublicAnywhere, Api, self_service::schemas::show, "Shows an identity schema";
        GET "/sessions/whoami" "toSession", Public, Api, sessions::whoami, "Says who is signed in";
        GET "/sessions/token-exchange" "exchangeSessionToken", Public, Api, self_service::exchange::exchange, "Gives an application the session that its user began in a browser";
        GET "/sessions" "listMySessions", Public, Api, sessions::list_mine, "Lists one's other sessions";
        DELETE "/sessions" "disableMyOtherSessions", Public, Api, sessions::revoke_others, "Ends one's other sessions";
        DELETE "/sessions/{id}" "disableMySession", Public, Api, sessions::revoke_one, "Ends another of one's sessions";

        // Built-in pages of the forms.
        GET "/" "showWelcome", Public, Page, pages::welcome::page, "Whose service this is, and the ways in";
        GET "/.well-known/change-password" "getWellKnownChangePassword", Public, Page, pages::welcome::change_password, "Where a password is changed";
        GET "/.well-known/ory/webauthn.js" "getWebAuthnJavaScript", Public, Api, well_known::webauthn_script, "The script for passkeys and security keys";
        GET "/.well-known/webauthn" "getRelatedOrigins", Public, Api, well_known::related_origins, "Whose pages may use this tenant's passkeys";
        GET "/.well-known/passkey-endpoints" "getPasskeyEndpoints", Public, Api, well_known::passkey_endpoints, "Where passkeys are made and looked after";
        GET "/ui/login" "showLogin", Public, Page, pages::forms::login, "The page to sign in";
        GET "/ui/registration" "showRegistration", Public, Page, pages::forms::registration, "The page to sign up";
        GET "/ui/settings" "showSettings", Public, Page, pages::forms::settings, "The page of one's account";
        GET "/ui/verification" "showVerification", Public, Page, pages::forms::verification, "The page to prove an address";
        GET "/ui/recovery" "showRecovery", Public, Page, pages::forms::recovery, "The page to get back in";
        GET "/ui/dev/mail" "showDevelopmentMail", Public, Page, pages::dev_mail::page, "The mail of a node that only its own machine reaches";
        GET "/ui/dev/pages" "listDevelopmentPages", Public, Page, pages::dev_pages::list, "The pages of a tenant in all their states, on a node that only its own machine reaches";
        GET "/ui/dev/pages/{name}" "showDevelopmentPage", Public, Page, pages::dev_pages::sample, "One of them";
        POST "/ui/sessions" "endSessionsByPage", Public, Page, pages::sessions::revoke, "Ends sessions from the page of one's account";
        GET "/ui/impersonation" "showImpersonation", Public, Page, pages::impersonation::page, "The page on which an operator begins to act in somebody's name";
        POST "/ui/impersonation" "beginImpersonation", Public, Page, pages::impersonation::post, "Begins to act in somebody's name";
        POST "/ui/account/deletion" "deleteAccountByPage", Public, Page, pages::deletion::post, "Deletes the account from its page";
        GET "/ui/account-deleted" "showAccountDeleted", Public, Page, pages::deletion::done, "Says that the account is gone";
        GET "/portcullis/v1/trusted-devices" "listTrustedDevices", Public, Api, self_service::trusted_devices::list, "Lists the devices on which whoever is signed in is not asked for a second factor";
        DELETE "/portcullis/v1/trusted-devices/{id}" "forgetTrustedDevice", Public, Api, self_service::trusted_devices::forget_one, "Has a device ask for the second factor again";
        DELETE "/portcullis/v1/account" "deleteMyAccount", Public, Api, self_service::deletion::delete, "Deletes the account of whoever is signed in";
        GET "/ui/error" "showError", Public, Page, pages::error::page, "Says what went wrong";
        GET "/ui/assets/{name}" "getAsset", PageFile, Api, pages::assets::file, "A file that pages load";

        // Operators: people and their sessions.
        GET "/admin/identities" "listIdentities", Tenant(Scope::IdentitiesRead), Api, admin::identities::list::get, "Lists identities";
        POST "/admin/identities" "createIdentity", Tenant(Scope::IdentitiesWrite), Api, admin::identities::make, "Makes an identity";
        PATCH "/admin/identities" "batchPatchIdentities", Tenant(Scope::IdentitiesWrite), Api, admin::identities::batch::patch, "Makes many identities", Batch;
        GET "/admin/identities/{id}" "getIdentity", Tenant(Scope::IdentitiesRead), Api, admin::identities::get, "Shows an identity";
        PUT "/admin/identities/{id}" "updateIdentity", Tenant(Scope::IdentitiesWrite), Api, admin::identities::put, "Replaces an identity";
        PATCH "/admin/identities/{id}" "patchIdentity", Tenant(Scope::IdentitiesWrite), Api, admin::identities::change, "Changes an identity";
        DELETE "/admin/identities/{id}" "deleteIdentity", Tenant(Scope::IdentitiesWrite), Api, admin::identities::remove, "Deletes an identity";
        GET "/admin/identities/by/external/{externalID}" "getIdentityByExternalID", Tenant(Scope::IdentitiesRead), Api, admin::identities::get_by_external_id, "Shows an identity by the customer's own id";
        DELETE "/admin/identities/{id}/credentials/{type}" "deleteIdentityCredentials", Tenant(Scope::IdentitiesWrite), Api, admin::credentials::remove, "Takes a credential of an identity away";
        GET "/admin/identities/{id}/sessions" "listIdentitySessions", Tenant(Scope::IdentitiesRead), Api, admin::sessions::list_of_identity, "Lists an identity's sessions";
        DELETE "/admin/identities/{id}/sessions" "deleteIdentitySessions", Tenant(Scope::IdentitiesWrite), Api, admin::sessions::delete_of_identity, "Deletes an identity's sessions";
        GET "/admin/sessions" "listSessions", Tenant(Scope::IdentitiesRead), Api, admin::sessions::list, "Lists sessions";
        POST "/admin/sessions" "manageSessions", Tenant(Scope::IdentitiesWrite), Api, admin::manage_sessions::manage, "Ends or deletes many sessions";
        GET "/admin/sessions/{id}" "getSession", Tenant(Scope::IdentitiesRead), Api, admin::sessions::get, "Shows a session";
        DELETE "/admin/sessions/{id}" "disableSession", Tenant(Scope::IdentitiesWrite), Api, admin::sessions::end, "Ends a session";
        PATCH "/admin/sessions/{id}/extend" "extendSession", Tenant(Scope::IdentitiesWrite), Api, admin::sessions::prolong, "Lets a session last longer";

        // Operators: messages to people, and letting them back in.
        GET "/admin/courier/messages" "listCourierMessages", Tenant(Scope::IdentitiesRead), Api, admin::courier::list, "Lists messages to people";
        GET "/admin/courier/messages/{id}" "getCourierMessage", Tenant(Scope::IdentitiesWrite), Api, admin::courier::get, "Shows a message with what it says";
        POST "/admin/portcullis/v1/courier/messages/resend" "resendAbandonedCourierMessages", Tenant(Scope::IdentitiesWrite), Problem, admin::courier::resend_abandoned, "Sends all messages once more that were given up";
        POST "/admin/portcullis/v1/courier/messages/{id}/resend" "resendCourierMessage", Tenant(Scope::IdentitiesWrite), Problem, admin::courier::resend, "Sends a message once more";
        POST "/admin/recovery/link" "createRecoveryLinkForIdentity", Tenant(Scope::IdentitiesWrite), Api, admin::recovery::link, "Makes a link that lets somebody back in";
        POST "/admin/recovery/code" "createRecoveryCodeForIdentity", Tenant(Scope::IdentitiesWrite), Api, admin::recovery::code, "Makes a code that lets somebody back in";

        // Operators: tokens.
        POST "/admin/oauth2/introspect" "introspectOAuth2Token", Tenant(Scope::TokensRead), OAuth, oauth2::introspect::by_admin, "Introspects a token";

        // Operators: OAuth clients.
        GET "/admin/clients" "listOAuth2Clients", Tenant(Scope::ClientsRead), OAuth, admin::clients::list, "Lists clients";
        POST "/admin/clients" "createOAuth2Client", Tenant(Scope::ClientsWrite), OAuth, admin::clients::create, "Makes a client";
        GET "/admin/clients/{id}" "getOAuth2Client", Tenant(Scope::ClientsRead), OAuth, admin::clients::show, "Shows a client";
        PUT "/admin/clients/{id}" "setOAuth2Client", Tenant(Scope::ClientsWrite), OAuth, admin::clients::replace, "Replaces a client";
        PATCH "/admin/clients/{id}" "patchOAuth2Client", Tenant(Scope::ClientsWrite), OAuth, admin::clients::patch, "Changes a client";
        DELETE "/admin/clients/{id}" "deleteOAuth2Client", Tenant(Scope::ClientsWrite), OAuth, admin::clients::delete, "Deletes a client";
        POST "/admin/clients/{id}/secrets/rotate" "rotateOAuth2ClientSecret", Tenant(Scope::ClientsWrite), OAuth, admin::clients::rotate_secret, "Gives a client another secret; the one before still holds";
        DELETE "/admin/clients/{id}/secrets/rotate" "deleteRotatedOAuth2ClientSecrets", Tenant(Scope::ClientsWrite), OAuth, admin::clients::drop_secrets, "Drops the former secrets of a client";
        GET "/admin/oauth2/auth/sessions/consent" "listOAuth2ConsentSessions", Tenant(Scope::TokensRead), OAuth, admin::access::list, "Lists what somebody granted to clients";
        DELETE "/admin/oauth2/auth/sessions/consent" "revokeOAuth2ConsentSessions", Tenant(Scope::TokensWrite), OAuth, admin::access::revoke_consent, "Takes back what somebody granted";
        DELETE "/admin/oauth2/auth/sessions/login" "revokeOAuth2LoginSessions", Tenant(Scope::IdentitiesWrite), OAuth, admin::access::revoke_login, "Ends the sessions of somebody, or one";
        DELETE "/admin/oauth2/tokens" "deleteOAuth2Token", Tenant(Scope::TokensWrite), OAuth, admin::access::revoke_tokens, "Revokes every token of a client";
        PUT "/admin/clients/{id}/lifespans" "setOAuth2ClientLifespans", Tenant(Scope::ClientsWrite), OAuth, admin::clients::lifespans, "Sets the lifespans of a client's tokens";

        // Operators: our own API.
        GET "/admin/portcullis/v1/tenants" "listTenants", Operator(Scope::TenantsRead), Problem, admin::tenants::list, "Lists tenants";
        POST "/admin/portcullis/v1/tenants" "createTenant", Operator(Scope::TenantsWrite), Problem, admin::tenants::create, "Makes a tenant";
        GET "/admin/portcullis/v1/tenants/{tenant}" "getTenant", AnyOperator, Problem, admin::tenants::show, "Shows a tenant";
        PATCH "/admin/portcullis/v1/tenants/{tenant}" "updateTenant", AnyOperator, Problem, admin::tenants::update, "Changes a tenant";
        DELETE "/admin/portcullis/v1/tenants/{tenant}" "deleteTenant", Operator(Scope::TenantsWrite), Problem, admin::tenants::delete, "Deletes a tenant with everything in it";
        GET "/admin/portcullis/v1/keys" "listAdminKeys", AnyOperator, Problem, admin::keys::list, "Lists admin keys";
        POST "/admin/portcullis/v1/keys" "createAdminKey", AnyOperator, Problem, admin::keys::create, "Makes an admin key";
        DELETE "/admin/portcullis/v1/keys/{key}" "deleteAdminKey", AnyOperator, Problem, admin::keys::delete, "Deletes an admin key";
        GET "/admin/portcullis/v1/identities" "searchIdentities", Tenant(Scope::IdentitiesRead), Problem, admin::identities::search::search, "Finds identities by traits, address, schema, state, organisation or words";
        GET "/admin/portcullis/v1/identities/violations" "listIdentityViolations", Tenant(Scope::IdentitiesRead), Problem, admin::identities::violations::list, "Lists identities that no longer follow their schema";
        GET "/admin/portcullis/v1/identities/export" "exportIdentities", Tenant(Scope::IdentitiesRead), Problem, admin::identities::export::get, "Gives identities as lines that can be imported, with password hashes or all credentials where that is asked for and allowed";
        POST "/admin/portcullis/v1/identities/import" "importIdentities", Tenant(Scope::IdentitiesWrite), Api, admin::identities::batch::import_kept, "Makes many identities, which may keep their ids", Batch;
        POST "/admin/portcullis/v1/identities/{id}/credentials/verify" "verifyCredential", Tenant(Scope::CredentialsVerify), Problem, admin::identities::verify::post, "Says whether a credential is an identity's";
        POST "/admin/portcullis/v1/identities/{id}/impersonate" "impersonateIdentity", Tenant(Scope::IdentitiesImpersonate), Problem, admin::identities::impersonate::post, "Begins a session as somebody, which says who acts in it";
        GET "/admin/portcullis/v1/providers" "listProviders", Tenant(Scope::TenantsRead), Problem, admin::providers::list, "Lists the other providers that people sign in with";
        PUT "/admin/portcullis/v1/providers/{provider}/secret" "setProviderSecret", Tenant(Scope::TenantsWrite), Problem, admin::providers::put_secret, "Sets the client secret of a provider, which nobody is told again";
        DELETE "/admin/portcullis/v1/providers/{provider}/secret" "deleteProviderSecret", Tenant(Scope::TenantsWrite), Problem, admin::providers::delete_secret, "Deletes the client secret of a provider";
        GET "/admin/portcullis/v1/secrets" "listTenantSecrets", Tenant(Scope::TenantsRead), Problem, admin::secrets::list, "Lists the names of the tenant's secrets";
        PUT "/admin/portcullis/v1/secrets/{name}" "setTenantSecret", Tenant(Scope::TenantsWrite), Problem, admin::secrets::put, "Sets a secret of the tenant, which nobody is told again";
        DELETE "/admin/portcullis/v1/secrets/{name}" "deleteTenantSecret", Tenant(Scope::TenantsWrite), Problem, admin::secrets::delete, "Deletes a secret of the tenant";
        GET "/admin/portcullis/v1/webhooks/messages" "listWebhookMessages", Tenant(Scope::TenantsRead), Problem, admin::webhooks::list, "Lists what is on its way to webhooks, and what was given up";
        POST "/admin/portcullis/v1/webhooks/{webhook}/resend" "resendWebhookMessages", Tenant(Scope::TenantsWrite), Problem, admin::webhooks::resend_all, "Sends everything again that was given up for a webhook";
        POST "/admin/portcullis/v1/webhooks/{webhook}/messages/{id}/resend" "resendWebhookMessage", Tenant(Scope::TenantsWrite), Problem, admin::webhooks::resend, "Sends a message again that was given up";
        GET "/admin/portcullis/v1/plugins" "listPlugins", Tenant(Scope::PluginsRead), Problem, admin::plugins::list, "Lists the tenant's plugins as they run, and the uploaded ones";
        POST "/admin/portcullis/v1/plugins" "uploadPlugin", Tenant(Scope::PluginsWrite), Problem, admin::plugins::upload::post, "Takes a component as a new version of the plugin `name`", Component;
        GET "/admin/portcullis/v1/plugins/{name}" "getPlugin", Tenant(Scope::PluginsRead), Problem, admin::plugins::show, "Shows an uploaded plugin and its versions";
        DELETE "/admin/portcullis/v1/plugins/{name}" "deletePlugin", Tenant(Scope::PluginsWrite), Problem, admin::plugins::delete, "Deletes an uploaded plugin that is not enabled";
        DELETE "/admin/portcullis/v1/plugins/{name}/versions/{version}" "deletePluginVersion", Tenant(Scope::PluginsWrite), Problem, admin::plugins::delete_version, "Deletes a version that does not run";
        POST "/admin/portcullis/v1/plugins/{name}/enable" "enablePlugin", Tenant(Scope::PluginsWrite), Problem, admin::plugins::enable::enable, "Lets a version run in the place of what runs";
        POST "/admin/portcullis/v1/plugins/{name}/rollback" "rollbackPlugin", Tenant(Scope::PluginsWrite), Problem, admin::plugins::enable::rollback, "Lets the version before run again";
        POST "/admin/portcullis/v1/plugins/{name}/shadow" "shadowPlugin", Tenant(Scope::PluginsWrite), Problem, admin::plugins::shadow::begin, "Lets a version see a share of the calls of what runs";
        GET "/admin/portcullis/v1/plugins/{name}/shadow" "getPluginShadow", Tenant(Scope::PluginsRead), Problem, admin::plugins::shadow::show, "Says how the shadow's answers differ, on this node";
        DELETE "/admin/portcullis/v1/plugins/{name}/shadow" "deletePluginShadow", Tenant(Scope::PluginsWrite), Problem, admin::plugins::shadow::end, "Ends the shadow";
        POST "/admin/portcullis/v1/plugins/{name}/promote" "promotePlugin", Tenant(Scope::PluginsWrite), Problem, admin::plugins::enable::promote, "Lets what shadows run";
        GET "/admin/portcullis/v1/plugins/{name}/logs" "getPluginLogs", Tenant(Scope::PluginsRead), Problem, admin::plugins::logs::show, "Says what a plugin logged lately on this node, and why its calls failed";
        GET "/admin/portcullis/v1/plugins/{name}/secrets" "listPluginSecrets", Tenant(Scope::PluginsRead), Problem, admin::plugins::secrets::list, "Lists the names of an uploaded plugin's secrets";
        PUT "/admin/portcullis/v1/plugins/{name}/secrets/{secret}" "setPluginSecret", Tenant(Scope::PluginsWrite), Problem, admin::plugins::secrets::put, "Sets a secret of an uploaded plugin, which nobody is told again";
        DELETE "/admin/portcullis/v1/plugins/{name}/secrets/{secret}" "deletePluginSecret", Tenant(Scope::PluginsWrite), Problem, admin::plugins::secrets::delete, "Deletes a secret of an uploaded plugin";
        POST "/admin/portcullis/v1/plugins/{name}/disable" "disablePlugin", Tenant(Scope::PluginsWrite), Problem, admin::plugins::enable::disable, "Lets no version run";
    }
}

/// The routes of one listener, ready for look-ups.
pub(crate) struct RouteTable {
    paths: matchit::Router<usize>,
    /// By path, its routes by method.
    methods: Vec<HashMap<Method, Arc<Route>>>,
    /// Whether what pages load is among them.
    pub(crate) has_pages: bool,
    /// What it was made for.
    pub(crate) routers: Arc<[Router]>,
    /// Whether the operators' are.
    has_operators: bool,
}

impl std::fmt::Debug for RouteTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RouteTable").field("paths", &self.methods.len()).finish_non_exhaustive()
    }
}

/// A route that a request matched.
#[derive(Debug)]
pub(crate) struct Matched<'a> {
    pub(crate) route: &'a Route,
    /// What its places stand for, decoded.
    pub(crate) places: Vec<(String, String)>,
}

/// No route.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unmatched {
    /// Nothing has this path.
    Path,
    /// The path is served, with other methods.
    Method(String),
}

/// Two rows of the table cannot be told apart.
#[derive(Debug, thiserror::Error)]
#[error("the route {path} collides with another: {reason}")]
pub(crate) struct Collision {
    path: &'static str,
    reason: String,
}

impl RouteTable {
    /// The table of a listener that serves `routers`, and a description of itself or none.
    pub(crate) fn of(routers: &[Router], is_described: bool) -> Result<Self, Collision> {
        let mut paths = matchit::Router::new();
        let mut methods: Vec<HashMap<Method, Arc<Route>>> = Vec::new();
        let mut known: HashMap<&'static str, usize> = HashMap::new();
        let is_served =
            |route: &Route| route.is_of(routers) && (is_described || route.access != Access::Description);
        for route in all().into_iter().filter(is_served) {
            let path = route.path;
            let collision = |reason: String| Collision { path, reason };
            let at = if let Some(at) = known.get(path) {
                *at
            } else {
                paths.insert(path, methods.len()).map_err(|error| collision(error.to_string()))?;
                known.insert(path, methods.len());
                methods.push(HashMap::new());
                methods.len() - 1
            };
            let Some(of_path) = methods.get_mut(at) else { continue };
            if of_path.insert(route.method.clone(), Arc::new(route)).is_some() {
                return Err(collision("the same method twice".to_owned()));
            }
        }
        let (has_pages, has_operators) =
            (routers.contains(&Router::Public), routers.contains(&Router::Admin));
        Ok(Self { paths, methods, has_pages, routers: routers.into(), has_operators })
    }

    /// The route of a request; HEAD is answered by GET's.
    ///
    /// Operators' paths are found without their `/admin` too, as older clients ask for them; those of our own API are
    /// younger than that.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Result<Matched<'_>, Unmatched> {
        let found = self.find_exactly(method, path);
        if found.is_ok() || !self.has_operators || path.starts_with("/portcullis/") {
            return found;
        }
        match self.find_exactly(method, &format!("/admin{path}")) {
            Err(Unmatched::Path) => found,
            of_operators => of_operators,
        }
    }

    fn find_exactly(&self, method: &Method, path: &str) -> Result<Matched<'_>, Unmatched> {
        let found = self.paths.at(path).map_err(|_| Unmatched::Path)?;
        let of_path = self.methods.get(*found.value).ok_or(Unmatched::Path)?;
        let wanted = if *method == Method::HEAD { &Method::GET } else { method };
        let Some(route) = of_path.get(wanted) else {
            let mut known: Vec<&str> = of_path.keys().map(Method::as_str).collect();
            known.sort_unstable();
            return Err(Unmatched::Method(known.join(", ")));
        };
        let decode =
            |value: &str| percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
        let places = found.params.iter().map(|(name, value)| (name.to_owned(), decode(value))).collect();
        Ok(Matched { route, places })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_every_listener_are_free_of_collisions() {
        for routers in [
            &[Router::Public][..],
            &[Router::Admin],
            &[Router::Metrics],
            &[Router::Public, Router::Admin, Router::Metrics],
        ] {
            RouteTable::of(routers, true).unwrap();
        }
    }

    #[test]
    fn operations_are_named_once() {
        let mut names: Vec<_> = all().iter().map(|route| route.operation).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn operators_routes_are_on_no_public_listener() {
        let public = RouteTable::of(&[Router::Public], true).unwrap();
        let is_open = |access| {
            matches!(
                access,
                Access::Public
                    | Access::PublicAnywhere
                    | Access::PageFile
                    | Access::Health
                    | Access::Description
            )
        };
        for route in all().iter().filter(|route| !is_open(route.access)) {
            let path = route.path.replace(['{', '}'], "x");
            match public.find(&route.method, &path) {
                Err(_) => {}
                Ok(matched) => assert_eq!(matched.route.access, Access::Public, "{path}"),
            }
        }
    }

    #[test]
    fn operators_paths_need_no_prefix_where_they_are_served() {
        let check = |routers: &[Router], method: Method, path: &str, expected: Result<&str, Unmatched>| {
            let table = RouteTable::of(routers, true).unwrap();
            let found = table.find(&method, path).map(|matched| matched.route.operation);
            assert_eq!(found, expected, "{method} {path}");
        };
        let (admin, both) = (&[Router::Admin][..], &[Router::Public, Router::Admin][..]);
        check(admin, Method::GET, "/identities/1", Ok("getIdentity"));
        check(admin, Method::GET, "/sessions", Ok("listSessions"));
        check(both, Method::GET, "/sessions", Ok("listMySessions"));
        check(both, Method::POST, "/sessions", Ok("manageSessions"));
        check(admin, Method::PUT, "/identities", Err(Unmatched::Method("GET, PATCH, POST".to_owned())));
        check(admin, Method::GET, "/schemas", Ok("listIdentitySchemas"));
        check(admin, Method::GET, "/admin/schemas", Err(Unmatched::Path));
        check(admin, Method::GET, "/portcullis/v1/tenants", Err(Unmatched::Path));
        check(&[Router::Public], Method::GET, "/identities", Err(Unmatched::Path));
    }

    #[test]
    fn a_known_path_says_which_methods_it_takes() {
        let table = RouteTable::of(&[Router::Public], true).unwrap();
        assert_eq!(
            table.find(&Method::GET, "/oauth2/token").unwrap_err(),
            Unmatched::Method("POST".to_owned())
        );
        assert_eq!(table.find(&Method::GET, "/nothing").unwrap_err(), Unmatched::Path);
        assert!(table.find(&Method::HEAD, "/health/alive").is_ok());
    }
}
