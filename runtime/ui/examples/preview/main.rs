//! Writes every page with sample data into a directory, for looking at and for `tests/clients/screenshots`.
//!
//! `cargo run -p portcullis-ui --example preview -- target/preview`

use std::path::{Path, PathBuf};

use portcullis_ui::{
    Branding, ConsentView, DeletionView, ErrorView, FlowView, Hidden, InvitationItem, InvitationView, Locale,
    LogoutView, MemberItem, OrganisationLink, OrganisationOutcome, OrganisationView, PageContext, Pages,
    ScopeView, SessionItem, SessionsView, WelcomeView, brand_stylesheet_name, page_headers,
};
use primitives::Timestamp;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// The present of all samples.
const NOW: Timestamp = Timestamp::from_seconds(1_795_514_400);

fn main() -> Result<(), Failure> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/preview".to_owned()));
    let pages = Pages::new()?;
    let mut index = Vec::new();
    for (tenant, branding) in tenants()? {
        let base = if tenant == "default" { String::new() } else { format!("/t/{tenant}") };
        let root = directory.join(base.trim_start_matches('/'));
        for (name, asset) in pages.assets().iter() {
            write(&root.join("ui/assets").join(name), asset.body)?;
        }
        write(&root.join("ui/assets").join(brand_stylesheet_name(&branding)), &branding.stylesheet())?;
        for locale in Locale::ALL {
            for (name, html) in samples(&pages, &branding, &base, locale)? {
                // Other tenants differ in their colours only: three pages show them all.
                if tenant != "default" && !matches!(name, "login-failed" | "consent" | "settings") {
                    continue;
                }
                let file = format!("{name}.{}.html", locale.tag());
                write(&root.join(&file), &html)?;
                index.push(json!({
                    "name": if tenant == "default" { name.to_owned() } else { format!("{tenant}-{name}") },
                    "language": locale.tag(),
                    "path": format!("{base}/{file}"),
                    "headers": page_headers(&branding, None)
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value.into()))
                        .collect::<serde_json::Map<_, serde_json::Value>>(),
                }));
            }
        }
    }
    write(&directory.join("pages.json"), &serde_json::to_string_pretty(&index)?)?;
    eprintln!("{} pages in {}", index.len(), directory.display());
    Ok(())
}

fn tenants() -> Result<Vec<(&'static str, Branding)>, Failure> {
    let branding = |name: &str, colour: &str| -> Result<Branding, Failure> {
        Ok(Branding { name: name.to_owned(), primary_color: colour.parse()?, ..Branding::default() })
    };
    Ok(vec![
        (
            "default",
            Branding {
                support_url: Some("mailto:help@nexboard.example".parse()?),
                privacy_url: Some("https://nexboard.example/privacy".parse()?),
                terms_url: Some("https://nexboard.example/terms".parse()?),
                ..branding("Nexboard", "#3457dc")?
            },
        ),
        ("sunny", branding("Sunny Side", "#ffd400")?),
        ("ink", branding("Ink", "#0b0b0c")?),
        ("paper", branding("Paper", "#ffffff")?),
        ("rose", branding("Rosewood", "#e11d48")?),
    ])
}

fn samples(
    pages: &Pages,
    branding: &Branding,
    base: &str,
    locale: Locale,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let context = PageContext {
        branding,
        locale,
        base_path: base,
        here: "/ui/login?flow=5f1c7b0e-7a60-4b0a-9a3e-0c5b5d6a7e10",
        client_name: None,
        acting: false,
        registration: true,
        recovery: true,
        password_min_length: 8,
        now: NOW,
    };
    let flow = |text: &str| serde_json::from_str::<FlowView>(text);
    let hidden = |name: &str| vec![Hidden { name: name.to_owned(), value: "c2FtcGxl".to_owned() }];
    macro_rules! of {
        ($name:literal) => {
            &flow(include_str!(concat!("flows/", $name, ".json")))?
        };
    }
    let error = |id: &str, restart: Option<&str>| ErrorView {
        id: Some(id.to_owned()),
        request_id: Some("0b7f9c3e-51f3-4d0e-8d0b-9f0c5a1f2e77".to_owned()),
        restart_url: restart.map(str::to_owned),
        ..ErrorView::default()
    };
    let consent = ConsentView {
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
    };
    let logout = LogoutView {
        action: "/ui/logout".to_owned(),
        method: "post".to_owned(),
        hidden: hidden("csrf_token"),
        subject: Some("ada@nexboard.example".to_owned()),
        client_name: Some("Nexboard Reports".to_owned()),
        cancel_url: "/".to_owned(),
    };
    let invitation = |subject: Option<&str>, refused: bool| InvitationView {
        organisation: "Analytical Engines".to_owned(),
        address: "ada@nexboard.example".to_owned(),
        subject: subject.map(str::to_owned),
        refused,
        action: "/ui/invitation".to_owned(),
        hidden: hidden("csrf_token"),
        sign_in_url: "/self-service/login/browser".to_owned(),
        sign_up_url: "/self-service/registration/browser".to_owned(),
        other_account_url: "/self-service/login/browser?prompt=select_account".to_owned(),
    };
    let signed_in = WelcomeView { subject: Some("ada@nexboard.example".to_owned()) };
    Ok(vec![
        ("welcome", pages.welcome(&WelcomeView::default(), &context)),
        ("welcome-signed-in", pages.welcome(&signed_in, &context)),
        ("login", pages.login(of!("login"), &context)),
        ("login-client", pages.login(of!("login-client"), &context)),
        ("login-failed", pages.login(of!("login-failed"), &context)),
        ("login-providers", pages.login(of!("login-providers"), &context)),
        ("login-linking", pages.login(of!("login-linking"), &context)),
        ("login-confirm", pages.login(of!("login-confirm"), &context)),
        ("login-second", pages.login(of!("login-second"), &context)),
        ("login-second-failed", pages.login(of!("login-second-failed"), &context)),
        ("registration", pages.registration(of!("registration"), &context)),
        ("registration-failed", pages.registration(of!("registration-failed"), &context)),
        ("login-with-code", pages.login(of!("login-with-code"), &context)),
        ("login-code", pages.login(of!("login-code"), &context)),
        ("login-code-failed", pages.login(of!("login-code-failed"), &context)),
        ("login-here", pages.login(of!("login-here"), &context)),
        ("login-identifier", pages.login(of!("login-identifier"), &context)),
        ("login-identified", pages.login(of!("login-identified"), &context)),
        ("login-second-code", pages.login(of!("login-second-code"), &context)),
        ("registration-profile", pages.registration(of!("registration-profile"), &context)),
        ("registration-credentials", pages.registration(of!("registration-credentials"), &context)),
        ("registration-code", pages.registration(of!("registration-code"), &context)),
        ("recovery-link", pages.recovery(of!("recovery-link"), &context)),
        ("recovery-link-opened", pages.recovery(of!("recovery-link-opened"), &context)),
        ("verification-link-opened", pages.verification(of!("verification-link-opened"), &context)),
        ("registration-completing", pages.registration(of!("registration-completing"), &context)),
        ("settings", pages.settings(of!("settings"), Some(&sessions()), &context)),
        ("settings-saved", pages.settings(of!("settings-saved"), Some(&sessions()), &context)),
        ("settings-failed", pages.settings(of!("settings-failed"), None, &context)),
        ("settings-linked", pages.settings(of!("settings-linked"), None, &context)),
        ("settings-factors", pages.settings(of!("settings-factors"), None, &context)),
        ("consent", pages.consent(&consent, &context)),
        ("invitation", pages.invitation(&invitation(Some("ada@nexboard.example"), false), &context)),
        ("invitation-refused", pages.invitation(&invitation(Some("eve@nexboard.example"), true), &context)),
        ("invitation-stranger", pages.invitation(&invitation(None, false), &context)),
        ("error-invitation", pages.error(&error("invitation_spent", Some("/")), &context)),
        ("organisation", pages.organisation(&organisation(None), &context)),
        (
            "organisation-refused",
            pages.organisation(&organisation(Some(OrganisationOutcome::LastOwner)), &context),
        ),
        ("organisation-done", pages.organisation(&organisation(Some(OrganisationOutcome::Done)), &context)),
        ("logout", pages.logout(&logout, &context)),
        ("signed-out", pages.signed_out(&context)),
        ("error-expired", pages.error(&error("self_service_flow_expired", Some("/")), &context)),
        ("error-redirect", pages.error(&error("invalid_redirect_uri", None), &context)),
    ])
}

fn sessions() -> SessionsView {
    let session = |id: &str, ago: i64, ip: &str, agent: &str| SessionItem {
        id: id.to_owned(),
        current: id == "1",
        user_agent: Some(agent.to_owned()),
        ip_address: Some(ip.to_owned()),
        authenticated_at: Timestamp::from_seconds(NOW.seconds() - ago),
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
            hidden: Vec::new(),
            word: "ada@example.com".to_owned(),
            refused: None,
        }),
        action: "/ui/settings/sessions".to_owned(),
        hidden: vec![Hidden { name: "csrf_token".to_owned(), value: "c2FtcGxl".to_owned() }],
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

fn organisation(outcome: Option<OrganisationOutcome>) -> OrganisationView {
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
        hidden: vec![Hidden { name: "csrf_token".to_owned(), value: "c2FtcGxl".to_owned() }],
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
            expires_at: Timestamp::from_seconds(NOW.seconds() + 500_000),
            can_change: true,
        }],
        outcome,
    }
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)?;
    Ok(())
}
