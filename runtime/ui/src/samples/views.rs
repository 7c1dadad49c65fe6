//! What the pages that are no flows show in samples.

use primitives::Timestamp;

use crate::pages::{InvitationItem, InvitationView, MemberItem, OrganisationOutcome, OrganisationView};
use crate::views::{
    ConsentView, DeletionView, ErrorView, Hidden, LogoutView, OrganisationLink, ScopeView, SessionItem,
    SessionsView,
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
        subject: "ada@nexboard.example".to_owned(),
        action: "/ui/consent".to_owned(),
        hidden: hidden("consent_challenge"),
        switch_account_url: Some("/ui/logout".to_owned()),
        redirect_host: Some("reports.nexboard.example".to_owned()),
        can_remember: true,
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

pub(super) fn sessions(now: Timestamp) -> SessionsView {
    let session = |id: &str, ago: i64, ip: &str, agent: &str| SessionItem {
        id: id.to_owned(),
        current: id == "1",
        user_agent: Some(agent.to_owned()),
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
        ],
        revoked: false,
        organisations: vec![OrganisationLink {
            label: "Analytical Engines".to_owned(),
            url: "/ui/organisation".to_owned(),
        }],
    }
}

pub(super) fn organisation(now: Timestamp, outcome: Option<OrganisationOutcome>) -> OrganisationView {
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
        outcome,
    }
}
