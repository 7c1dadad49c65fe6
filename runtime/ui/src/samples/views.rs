//! What the pages that are no flows show in samples.

use primitives::Timestamp;

use crate::pages::{
    ApiContentView, ApiFieldView, ApiOperationView, ApiParameterView, ApiSchemaView, ApiView, ApiWord,
    ConnectionFields, ConnectionItem, DomainItem, ImpersonationView, InvitationItem, InvitationView, KeyItem,
    MemberItem, NewKey, OrganisationOutcome, OrganisationPart, OrganisationView, OwnershipView,
};
use crate::views::{
    AppItem, ConsentView, DeletionRefusal, DeletionView, DetailView, DeviceCodeProblem, DeviceCodeView,
    DeviceView, ErrorView, FarewellView, Hidden, LogoutView, OrganisationLink, PartView, ScopeView,
    SessionItem, SessionsView,
};

fn hidden(name: &str) -> Vec<Hidden> {
    vec![Hidden { name: name.to_owned(), value: "c2FtcGxl".to_owned() }]
}

pub(super) fn error(id: &str, restart: Option<&str>) -> ErrorView {
    ErrorView {
        id: Some(id.to_owned()),
        request_id: Some("0b7f9c3e-51f3-4d0e-8d0b-9f0c5a1f2e77".to_owned()),
        restart_url: restart.map(str::to_owned),
        ..ErrorView::default()
    }
}

pub(super) fn consent() -> ConsentView {
    ConsentView {
        client_name: "Nexboard Reports".to_owned(),
        client_logo: None,
        scopes: ["openid", "profile", "email", "offline_access", "reports:read"]
            .map(|scope| ScopeView { scope: scope.to_owned(), description: None })
            .into(),
        details: vec![payment()],
        places: vec!["https://reports.nexboard.example".to_owned()],
        subject: "ada@nexboard.example".to_owned(),
        action: "/ui/consent".to_owned(),
        hidden: hidden("consent_challenge"),
        switch_account_url: Some("/ui/logout".to_owned()),
        described_at: None,
        is_self_registered: false,
        is_local: false,
        redirect_host: Some("reports.nexboard.example".to_owned()),
        can_remember: true,
    }
}

fn payment() -> DetailView {
    let words = |text: &str| PartView { text: text.to_owned(), is_value: false };
    let value = |text: &str| PartView { text: text.to_owned(), is_value: true };
    DetailView {
        name: "payment".to_owned(),
        sentence: vec![words("Pay "), value("12.50"), words(" EUR to "), value("Nexboard Ltd")],
        rest: vec![("reference".to_owned(), "Invoice 4711".to_owned())],
    }
}

/// Of a client that nobody registered, on the person's own machine.
pub(super) fn described_consent() -> ConsentView {
    ConsentView {
        client_name: "Fieldnotes Assistant".to_owned(),
        described_at: Some("assistant.fieldnotes.example".to_owned()),
        is_local: true,
        redirect_host: Some("127.0.0.1".to_owned()),
        can_remember: false,
        ..consent()
    }
}

/// Of a client that registered itself.
pub(super) fn registered_consent() -> ConsentView {
    ConsentView {
        client_name: "Board Exporter".to_owned(),
        is_self_registered: true,
        redirect_host: Some("exporter.example".to_owned()),
        details: Vec::new(),
        places: Vec::new(),
        ..consent()
    }
}

/// Of one that describes itself.
pub(super) fn described_device() -> DeviceView {
    DeviceView {
        client_name: "Fieldnotes Assistant".to_owned(),
        described_at: Some("assistant.fieldnotes.example".to_owned()),
        ..device()
    }
}

/// Of one that registered itself.
pub(super) fn registered_device() -> DeviceView {
    DeviceView { client_name: "Board Exporter".to_owned(), is_self_registered: true, ..device() }
}

/// What a listener serves.
pub(super) fn api() -> ApiView {
    let place = ApiParameterView { name: "id".to_owned(), place: "path".to_owned(), is_required: true };
    let kind = |text: &str, is_name| vec![ApiWord { text: text.to_owned(), is_name }];
    let answer = |status: &str, name| ApiContentView {
        status: status.to_owned(),
        media_type: "application/json".to_owned(),
        kind: kind(name, true),
    };
    let field = |name: &str, kind, is_required| ApiFieldView { name: name.to_owned(), kind, is_required };
    let schema = |name: &str, fields| ApiSchemaView { name: name.to_owned(), kind: Vec::new(), fields };
    let operation = ApiOperationView {
        id: "updateIdentity",
        method: "PUT".to_owned(),
        path: "/admin/identities/{id}".to_owned(),
        summary: "Replaces an identity",
        parameters: vec![place],
        body: vec![answer("", "Identity")],
        answers: vec![answer("200", "Identity"), answer("404", "ApiError")],
        needs_key: true,
        scope: Some("identities:write"),
        schemes: vec!["adminKey"],
        is_optional: false,
        in_body: &[],
    };
    let revoke = ApiOperationView {
        id: "revokeOAuth2Token",
        method: "POST".to_owned(),
        path: "/oauth2/revoke".to_owned(),
        summary: "Revokes a token (RFC 7009)",
        parameters: Vec::new(),
        body: Vec::new(),
        answers: vec![answer("default", "ApiError")],
        needs_key: false,
        scope: None,
        schemes: vec!["clientSecretBasic"],
        is_optional: true,
        in_body: &["none", "private_key_jwt"],
    };
    let userinfo = ApiOperationView {
        id: "getOidcUserInfo",
        method: "GET".to_owned(),
        path: "/userinfo".to_owned(),
        summary: "Claims about whom a token is for",
        parameters: Vec::new(),
        body: Vec::new(),
        answers: vec![answer("default", "ApiError")],
        needs_key: false,
        scope: None,
        schemes: vec!["clientSecretBasic"],
        is_optional: true,
        in_body: &[],
    };
    let groups = vec![
        ("/admin/identities".to_owned(), vec![operation]),
        ("/oauth2".to_owned(), vec![revoke]),
        ("/userinfo".to_owned(), vec![userinfo]),
    ];
    let schemes = vec![
        ("adminKey", "An admin key that has the operation's scope".to_owned()),
        ("clientSecretBasic", "An app by its secret (RFC 6749 section 2.3.1)".to_owned()),
    ];
    let schemas = vec![
        schema("ApiError", vec![field("error", kind("object", false), true)]),
        schema("Identity", vec![field("id", kind("uuid", false), true)]),
    ];
    ApiView { document: "/openapi.json".to_owned(), version: "1.0", groups, schemas, schemes }
}

pub(super) fn device_code(problem: Option<DeviceCodeProblem>) -> DeviceCodeView {
    let user_code = if problem.is_some() { "BCDF-GHJK" } else { "" };
    DeviceCodeView { action: "/oauth2/device/verify".to_owned(), user_code: user_code.to_owned(), problem }
}

pub(super) fn device() -> DeviceView {
    DeviceView {
        client_name: "Nexboard on TV".to_owned(),
        described_at: None,
        is_self_registered: false,
        scopes: [
            "openid",
            "profile",
            "phone",
            "address",
            "offline_access",
            "userinfo_credential_draft_00",
            "boards:read",
        ]
        .map(|scope| ScopeView { scope: scope.to_owned(), description: None })
        .into(),
        details: Vec::new(),
        places: Vec::new(),
        subject: "ada@nexboard.example".to_owned(),
        user_code: "BCDF-GHJK".to_owned(),
        action: "/ui/device".to_owned(),
        hidden: hidden("device_challenge"),
        switch_account_url: "/ui/logout".to_owned(),
    }
}

pub(super) fn logout() -> LogoutView {
    LogoutView {
        action: "/ui/logout".to_owned(),
        method: "post".to_owned(),
        hidden: hidden("csrf_token"),
        subject: Some("ada@nexboard.example".to_owned()),
        client_name: Some("Nexboard Reports".to_owned()),
        cancel_url: "/".to_owned(),
    }
}

/// Without frames: whoever looks at samples opens no apps.
pub(super) fn farewell() -> FarewellView {
    // With an address to go on to, the page leaves at once.
    FarewellView { frames: Vec::new(), next: None }
}

pub(super) fn invitation(subject: Option<&str>, refused: bool) -> InvitationView {
    InvitationView {
        organisation: "Analytical Engines".to_owned(),
        address: "ada@nexboard.example".to_owned(),
        subject: subject.map(str::to_owned),
        refused,
        action: "/ui/invitation".to_owned(),
        hidden: hidden("csrf_token"),
        sign_in_url: "/self-service/login/browser".to_owned(),
        sign_up_url: "/self-service/registration/browser".to_owned(),
        other_account_url: "/self-service/login/browser?prompt=select_account".to_owned(),
    }
}

/// One as most are, one that may do very much, and one that may do nothing.
fn apps(now: Timestamp) -> Vec<AppItem> {
    let app = |id: &str, name: &str, ago: i64| AppItem {
        id: id.to_owned(),
        name: name.to_owned(),
        granted_at: Timestamp::from_seconds(now.seconds() - ago),
        scopes: Vec::new(),
        details: Vec::new(),
        places: Vec::new(),
        has_more: false,
    };
    let scope = |scope: String, description: Option<String>| ScopeView { scope, description };
    let boards = ["boards", "cards", "comments", "files", "members", "labels", "exports", "webhooks"];
    let many = boards.iter().flat_map(|what| {
        let read = scope(format!("{what}:read"), Some(format!("See the {what} of your team")));
        let write = scope(format!("{what}:write"), Some(format!("Add and change the {what} of your team")));
        [read, write, scope(format!("{what}:delete"), None)]
    });
    let asked = consent();
    vec![
        AppItem {
            scopes: asked.scopes,
            details: asked.details,
            places: asked.places,
            ..app("reports", "Nexboard Reports", 7_300)
        },
        AppItem {
            scopes: many.collect(),
            details: vec![payment(), payment()],
            places: ["boards", "files", "billing"].map(|of| format!("https://{of}.nexboard.example")).into(),
            has_more: true,
            ..app("automation", "Fieldnotes Automation for Teams and Their Guests", 260_000)
        },
        app("clock", "Meeting Room Clock", 3_000_000),
    ]
}

pub(super) fn sessions(now: Timestamp) -> SessionsView {
    let session = |id: &str, ago: i64, ip: &str, agent: &str| SessionItem {
        id: id.to_owned(),
        current: id == "1",
        user_agent: (!agent.is_empty()).then(|| agent.to_owned()),
        ip_address: Some(ip.to_owned()),
        authenticated_at: Timestamp::from_seconds(now.seconds() - ago),
    };
    SessionsView {
        devices: vec![session(
            "d",
            86_400,
            "192.0.2.17",
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/140.0 Safari/537.36",
        )],
        apps: apps(now),
        deletion: Some(DeletionView {
            action: "#".to_owned(),
            hidden: hidden("csrf_token"),
            word: "ada@example.com".to_owned(),
            refused: None,
        }),
        action: "/ui/settings/sessions".to_owned(),
        hidden: hidden("csrf_token"),
        sessions: vec![
            session(
                "1",
                120,
                "192.0.2.17",
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Chrome/140.0 Safari/537.36",
            ),
            session(
                "2",
                7_300,
                "2001:db8::1:20",
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Version/19.0 Safari/604.1",
            ),
            session(
                "3",
                260_000,
                "198.51.100.4",
                "Mozilla/5.0 (Windows NT 10.0) Chrome/140.0 Safari/537.36 Edg/140.0",
            ),
            session("4", 3_000_000, "203.0.113.77", ""),
        ],
        revoked: false,
        organisations: vec![OrganisationLink {
            label: "Analytical Engines".to_owned(),
            url: "/ui/organisation".to_owned(),
        }],
    }
}

/// Of somebody who is signed in nowhere else, and did not type the right word to delete the account.
pub(super) fn sessions_not_deleted(now: Timestamp) -> SessionsView {
    let view = sessions(now);
    let deletion =
        view.deletion.map(|form| DeletionView { refused: Some(DeletionRefusal::Unconfirmed), ..form });
    let current = view.sessions.into_iter().filter(|session| session.current).collect();
    SessionsView { revoked: true, sessions: current, devices: Vec::new(), apps: Vec::new(), deletion, ..view }
}

pub(super) fn impersonation() -> ImpersonationView {
    ImpersonationView {
        subject: "ada@nexboard.example".to_owned(),
        action: "/ui/impersonation".to_owned(),
        hidden: hidden("token"),
    }
}

pub(super) fn organisation(
    now: Timestamp,
    outcome: Option<(OrganisationPart, OrganisationOutcome)>,
) -> OrganisationView {
    let member = |name: &str, role: &str, is_you: bool| MemberItem {
        id: name.to_owned(),
        name: format!("{name}@nexboard.example"),
        role: role.to_owned(),
        is_you,
        can_change: !is_you,
    };
    OrganisationView {
        label: "Analytical Engines".to_owned(),
        action: "/ui/organisation".to_owned(),
        hidden: hidden("csrf_token"),
        roles: ["member", "admin", "owner"].map(str::to_owned).into(),
        members: vec![
            member("ada", "owner", true),
            member("charles", "admin", false),
            member("a.rather.long.name.that.has.to.fit.somewhere", "member", false),
        ],
        next_url: Some("/ui/organisation?after=x".to_owned()),
        invitations: vec![InvitationItem {
            id: "1".to_owned(),
            address: "luigi@turin.example".to_owned(),
            role: "member".to_owned(),
            expires_at: Timestamp::from_seconds(now.seconds() + 500_000),
            can_change: true,
        }],
        ownership: None,
        outcome,
    }
}

/// The same organisation, as its owner sees it.
pub(super) fn owned(
    now: Timestamp,
    ownership: OwnershipView,
    outcome: Option<(OrganisationPart, OrganisationOutcome)>,
) -> OrganisationView {
    OrganisationView { ownership: Some(ownership), ..organisation(now, outcome) }
}

/// Nothing is set up yet.
pub(super) fn nothing_owned() -> OwnershipView {
    OwnershipView {
        confirm_url: None,
        domains: Vec::new(),
        connection: None,
        fields: ConnectionFields::default(),
        keys: Vec::new(),
        new_key: None,
        key_days: vec![90, 30, 365],
    }
}

pub(super) fn ownership(now: Timestamp) -> OwnershipView {
    let domain = |domain: &str, is_proven: bool| DomainItem {
        domain: domain.to_owned(),
        is_proven,
        record_name: format!("_portcullis-challenge.{domain}"),
        record_value: "portcullis-verification=c2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2E".to_owned(),
    };
    let at = |days: i64| Timestamp::from_seconds(now.seconds() + days * 86_400);
    let key = |name: &str, can_write: bool, last_used_at: Option<Timestamp>| KeyItem {
        id: name.to_owned(),
        name: name.to_owned(),
        can_write,
        expires_at: Some(at(60)),
        last_used_at,
    };
    let fields = ConnectionFields {
        label: "Analytical Engines".to_owned(),
        issuer: "https://login.nexboard.example".to_owned(),
        client_id: "portcullis".to_owned(),
        trusts_email: true,
    };
    OwnershipView {
        domains: vec![domain("nexboard.example", true), domain("engines.nexboard.example", false)],
        connection: Some(ConnectionItem {
            label: fields.label.clone(),
            issuer: Some(fields.issuer.clone()),
            client_id: fields.client_id.clone(),
            redirect_uri: Some(
                "https://id.nexboard.example/self-service/methods/oidc/organization/7a0b2a0e-6d5c-4c4c-9a3e-222222222222/callback/org-1c9f3e52-3b1a-4f6e-8d25-444444444444"
                    .to_owned(),
            ),
            is_on: true,
            is_enforced: false,
            can_edit: true,
        }),
        fields,
        keys: vec![key("HR sync", true, Some(at(-1))), key("Reports", false, None)],
        ..nothing_owned()
    }
}

/// A key was made just now.
pub(super) fn ownership_with_new_key(now: Timestamp) -> OwnershipView {
    let text = "pk_c2FtcGxlc2FtcGxlc2FtcA_c2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2FtcGxlc2E".to_owned();
    OwnershipView { new_key: Some(NewKey { name: "Reports".to_owned(), text }), ..ownership(now) }
}

/// The connection does not work, and is turned off.
pub(super) fn ownership_turned_off(now: Timestamp) -> OwnershipView {
    let view = ownership(now);
    let connection = view.connection.map(|connection| ConnectionItem { is_on: false, ..connection });
    OwnershipView { connection, ..view }
}

/// Nothing is set up, by somebody who signed in some time ago.
pub(super) fn nothing_owned_to_confirm() -> OwnershipView {
    OwnershipView {
        confirm_url: Some("/self-service/login/browser?refresh=true".to_owned()),
        ..nothing_owned()
    }
}

/// Whoever looks signed in some time ago, and people must come by a connection that is on.
pub(super) fn ownership_to_confirm(now: Timestamp) -> OwnershipView {
    let view = ownership(now);
    let connection = view.connection.map(|connection| ConnectionItem { is_enforced: true, ..connection });
    OwnershipView {
        confirm_url: Some("/self-service/login/browser?refresh=true".to_owned()),
        connection,
        ..view
    }
}
