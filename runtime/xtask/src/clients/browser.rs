//! Headless Chromium: people sign in to Nexboard by clicking.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{PERSON, Place};
use crate::loopback::{free_port, post_json, send};
use crate::node::{Node, ROOMY_LIMITS};
use crate::server::Server;
use crate::{guests, install, workspace};

/// The tenant that Nexboard's company is.
const TENANT: &str = "acme";

/// A tenant at a host name: there are no passkeys at an address.
const KEYS: &str = "keys";

/// Two more: one whose security keys sign in alone, and one that takes keys of a maker whom it knows.
const ALONE: &str = "alone";
const ATTESTED: &str = "attested";

/// A tenant whose forms ask whether a person is there.
const GUARDED: &str = "guarded";

/// What the service that tells people from scripts knows it by. It guards nothing.
const CAPTCHA_SECRET: &str = "captcha-secret";

/// A tenant whose forms are in two steps, and which proves addresses by links.
const STEPS: &str = "steps";

/// A tenant where people delete their accounts and trust devices, and one that takes codes by message for second factors.
const PAGES: &str = "pages";
const CODED: &str = "coded";

/// Somebody whose company did not pay.
const SUSPENDED: &str = "late@late.example";

/// What the company's sign-in proves to the other tenant that it is who it says.
const UMBRELLA_SECRET: &str = "umbrella-secret-of-more-than-32-characters";

const READY: Duration = Duration::from_secs(20);

/// Every check of `tests/clients/browser`.
pub(super) fn run(place: &Place<'_>) -> anyhow::Result<()> {
    let home = workspace::root().join("tests/clients/browser");
    install::debian_packages(&[install::CHROMIUM])?;
    install::node_packages(&home)?;
    // It shares the named checks of the one, and what is looked for on pages of the other.
    install::node_packages(&workspace::root().join("tests/clients/openid-client"))?;
    install::node_packages(&workspace::root().join("tests/clients/screenshots"))?;
    let plugin = guests::build()?.join("enrich_token_rust.wasm");
    // The two are built together.
    let nexboard = place.binary()?.with_file_name("nexboard");

    let secret = place.write("umbrella.secret", UMBRELLA_SECRET)?;
    let ui_port = free_port()?;
    let captcha_secret = place.write("captcha.secret", CAPTCHA_SECRET)?;
    let captcha_port = free_port()?;
    let maker = std::fs::read_to_string(home.join("another_maker.pem"))?;
    let tenants = tenants(&plugin.display().to_string(), &secret.display().to_string())
        + &guarded(captcha_port, &captcha_secret)
        + &account_pages()
        + &keys(&maker)
        + &own_ui(ui_port);
    let node = place.node(&tenants)?;
    let prefix = format!("/t/{TENANT}");
    node.make_person(&prefix, PERSON.0, PERSON.1)?;
    node.make_person(&prefix, SUSPENDED, PERSON.1)?;
    let issuer = format!("{}{prefix}", node.public);
    make_sign_in_client(&node, &issuer)?;
    make_organisation(&node)?;
    let app = App::start(place, &node, &nexboard, ("nexboard", "127.0.0.1", true), &issuer)?;
    // Another host name, so that the two share no cookies.
    let third_party = App::start(place, &node, &nexboard, ("reports", "localhost", false), &issuer)?;

    let page_port = free_port()?;
    make_single_page(&node, page_port)?;
    let own_ui = App::own_ui(place, &node, ui_port)?;
    let named = |tenant: &str| format!("{}/t/{tenant}", node.public.replace("127.0.0.1", "localhost"));
    let password = place.write("password", PERSON.1)?;
    let mut script = Command::new("node");
    script.arg("main.mjs").current_dir(&home);
    script.args(["--app", &app.url, "--third-party", &third_party.url, "--provider", &issuer]);
    script.args(["--keys", &named(KEYS), "--alone", &named(ALONE), "--attested", &named(ATTESTED)]);
    script.args(["--steps", &format!("{}/t/{STEPS}", node.public)]);
    script.args(["--guarded", &format!("{}/t/{GUARDED}", node.public)]);
    script.args(["--pages", &format!("{}/t/{PAGES}", node.public)]);
    script.args(["--coded", &format!("{}/t/{CODED}", node.public)]);
    script
        .args(["--admin", &format!("{}/t/{PAGES}/admin", node.admin), "--admin-key-file"])
        .arg(&node.admin_key_file);
    script.args(["--captcha-port", &captcha_port.to_string(), "--captcha-secret-file"]).arg(&captcha_secret);
    script.args(["--single-page-port", &page_port.to_string()]);
    script.args(["--identifier", PERSON.0, "--suspended", SUSPENDED, "--password-file"]).arg(&password);
    let watch = place.watch(&node)?;
    workspace::run(&mut script)?;
    let mut script = Command::new("node");
    script.arg("own_ui.mjs").current_dir(&home).args(["--ui", &own_ui.url, "--provider", &node.public]);
    workspace::run(&mut script)?;
    watch.check(&node)?;
    own_ui.server.end()?;
    third_party.server.end()?;
    app.server.end()?;
    node.end()
}

/// Lets the company's people sign in with another tenant, which is a provider like any other.
fn make_sign_in_client(node: &Node, issuer: &str) -> anyhow::Result<()> {
    let client = json!({
        "client_id": "acme-sign-in",
        "client_name": "Acme",
        "client_secret": UMBRELLA_SECRET,
        "grant_types": ["authorization_code"],
        "response_types": ["code"],
        "scope": "openid profile email",
        "redirect_uris": [format!("{issuer}/self-service/methods/oidc/callback/umbrella")],
        "skip_consent": true,
    });
    let clients = format!("{}/t/umbrella/admin/clients", node.admin);
    post_json(&clients, &[("authorization", &node.authorization())], &client).map(|_| ())
}

/// Makes the clients of an application without a server: at an origin of its own, and at another name of this machine, which is
/// another site for the browser. One of them proves itself, as a script at loopback must to be answered unseen.
fn make_single_page(node: &Node, port: u16) -> anyhow::Result<()> {
    let origins = ["127.0.0.1", "localhost"].map(|host| format!("http://{host}:{port}"));
    let below = |path: &str| origins.iter().map(|origin| format!("{origin}{path}")).collect::<Vec<_>>();
    let redirect_uris = [below("/callback"), below("/silent")].concat();
    for (id, method) in [("single-page", "none"), ("framed-page", "client_secret_post")] {
        let mut client = json!({
            "client_id": id,
            "client_name": "Single page",
            "token_endpoint_auth_method": method,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid email offline_access",
            "redirect_uris": redirect_uris,
            "post_logout_redirect_uris": below("/"),
            "allowed_cors_origins": origins,
            "skip_consent": true,
            "skip_logout_consent": true,
        });
        if let (Value::Object(members), true) = (&mut client, method != "none") {
            members
                .insert("client_secret".to_owned(), format!("{id}-secret-of-more-than-32-characters").into());
        }
        let clients = format!("{}/t/{TENANT}/admin/clients", node.admin);
        post_json(&clients, &[("authorization", &node.authorization())], &client)?;
    }
    Ok(())
}

/// Makes an organisation, whose owner is the person that the checks sign in.
fn make_organisation(node: &Node) -> anyhow::Result<()> {
    let authorization = node.authorization();
    let headers = [("authorization", &*authorization), ("content-type", "application/json")];
    let admin = format!("{}/t/{STEPS}/admin", node.admin);
    node.make_person(&format!("/t/{STEPS}"), PERSON.0, PERSON.1)?;
    let found =
        send("GET", &format!("{admin}/identities?credentials_identifier={}", PERSON.0), &headers, b"")?;
    let owner = found.json()?.pointer("/0/id").and_then(Value::as_str).context("the owner")?.to_owned();
    let organisations = format!("{admin}/portcullis/v1/organisations");
    let made = post_json(&organisations, &headers[..1], &json!({ "label": "Analytical Engines" }))?;
    let organisation = made.get("id").and_then(Value::as_str).context("the organisation")?;
    let member = format!("{organisations}/{organisation}/members/{owner}");
    let joined = send("PUT", &member, &headers, br#"{"role":"owner"}"#)?;
    ensure!(joined.status < 300, "PUT {member}: {}", joined.status);
    Ok(())
}

fn tenants(plugin: &str, secret: &str) -> String {
    format!(
        "[[tenant]]\nid = \"{TENANT}\"\n\n{ROOMY_LIMITS}\
         [tenant.identity.code]\npasswordless_enabled = true\nmagic_link = true\n\n[tenant.branding]\nname = \"Acme\"\n\n\
         [[tenant.plugin]]\nname = \"enrich-token\"\ncomponent = \"{plugin}\"\n\n\
         [tenant.plugin.settings.domains.\"acme.example\"]\nplan = \"team\"\nseats = 12\n\n\
         [tenant.plugin.settings.domains.\"late.example\"]\nplan = \"team\"\nseats = 3\nsuspended = true\n\n\
         [[tenant.federation.provider]]\nid = \"umbrella\"\nprovider = \"generic\"\nlabel = \"Umbrella\"\n\
         client_id = \"acme-sign-in\"\nclient_secret = {{ file = \"{secret}\" }}\n\
         issuer_url = \"{{public}}/t/umbrella\"\nclaims_source = \"userinfo\"\n\n\
         [[tenant.client]]\nclient_id = \"television\"\nclient_name = \"Television\"\n\
         token_endpoint_auth_method = \"none\"\ngrant_types = [\"urn:ietf:params:oauth:grant-type:device_code\"]\n\n\
         [[tenant]]\nid = \"umbrella\"\n\n{ROOMY_LIMITS}[tenant.branding]\nname = \"Umbrella\"\n\n\
         [[tenant]]\nid = \"{KEYS}\"\nissuer = \"http://localhost:{{port}}/t/{KEYS}\"\n\n{ROOMY_LIMITS}\
         [[tenant]]\nid = \"{STEPS}\"\n\n{ROOMY_LIMITS}[tenant.identity.login]\nstyle = \"identifier_first\"\n\n\
         [tenant.identity.registration]\nstyle = \"profile_first\"\n\n[tenant.identity.recovery]\nuse = \"link\"\n\n\
         [tenant.identity.verification]\nuse = \"link\"\n"
    )
}

/// The tenant whose forms ask a service that the suite starts itself.
fn guarded(port: u16, secret: &Path) -> String {
    format!(
        "\n[[tenant]]\nid = \"{GUARDED}\"\n\n[tenant.secrets]\ncaptcha = {{ file = \"{}\" }}\n\n{ROOMY_LIMITS}\
         [tenant.identity.captcha]\nprovider = \"turnstile\"\nsite_key = \"site-key\"\nsecret = \"captcha\"\n\
         hostname = \"127.0.0.1\"\nscript_url = \"http://127.0.0.1:{port}/api.js\"\n\
         verify_url = \"http://127.0.0.1:{port}/siteverify\"\n",
        secret.display()
    )
}

/// The tenants whose accounts can do what they cannot do by default.
fn account_pages() -> String {
    format!(
        "\n[[tenant]]\nid = \"{PAGES}\"\n\n{ROOMY_LIMITS}[tenant.branding]\nname = \"Acme\"\n\
         support_url = \"mailto:help@acme.example\"\n\n[tenant.identity.trusted_device]\nlifespan_days = 30\n\n\
         [tenant.identity.flow.settings]\naccount_deletion = true\n\n\
         [[tenant]]\nid = \"{CODED}\"\n\n{ROOMY_LIMITS}[tenant.identity.code]\nmfa_enabled = true\n"
    )
}

/// The tenants with security keys of their own kind, at a host name as the first one.
fn keys(maker: &str) -> String {
    let tenant = |id: &str| {
        format!(
            "\n[[tenant]]\nid = \"{id}\"\nissuer = \"http://localhost:{{port}}/t/{id}\"\n\n{ROOMY_LIMITS}"
        )
    };
    format!(
        "{}[tenant.identity.webauthn]\npasswordless = true\n\
         {}[tenant.identity.attestation]\nconveyance = \"direct\"\n\n\
         [tenant.identity.attestation.trust_anchors]\nmaker = \"\"\"\n{maker}\"\"\"\n",
        tenant(ALONE),
        tenant(ATTESTED),
    )
}

/// The tenant at the root, whose pages are those of `examples/own-ui`.
fn own_ui(port: u16) -> String {
    let page = |name: &str| format!("{name} = \"http://127.0.0.1:{port}/{name}\"\n");
    let pages: String =
        ["login", "registration", "settings", "verification", "recovery", "error"].map(page).concat();
    format!(
        "\n[[tenant]]\nid = \"default\"\n\n{ROOMY_LIMITS}\
         [tenant.identity.code]\npasswordless_enabled = true\n\n\
         [tenant.identity.flow]\ndefault_return_url = \"http://127.0.0.1:{port}/\"\n\
         allowed_return_urls = [\"http://127.0.0.1:{port}\"]\n\n[tenant.identity.flow.ui]\n{pages}"
    )
}

/// A running app: Nexboard, or pages of somebody's own.
struct App {
    server: Server,
    url: String,
}

impl App {
    /// Makes its client (name, host, whether it is first-party) and starts it.
    fn start(
        place: &Place<'_>,
        node: &Node,
        binary: &Path,
        (name, host, first_party): (&'static str, &str, bool),
        issuer: &str,
    ) -> anyhow::Result<Self> {
        let port = free_port()?;
        let url = format!("http://{host}:{port}");
        let secret = format!("{name}-secret-of-more-than-32-characters");
        let client = json!({
            "client_id": name,
            "client_name": if first_party { "Nexboard" } else { "Nexboard Reports" },
            "client_secret": secret,
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "openid profile email offline_access",
            "redirect_uris": [format!("{url}/callback")],
            "post_logout_redirect_uris": [format!("{url}/signed-out")],
            "skip_consent": first_party,
            "skip_logout_consent": first_party,
        });
        let clients = format!("{}/t/{TENANT}/admin/clients", node.admin);
        post_json(&clients, &[("authorization", &node.authorization())], &client)?;
        let mut nexboard = Command::new(binary);
        nexboard.args(["--listen", &format!("127.0.0.1:{port}"), "--public-url", &url]);
        nexboard.args(["--issuer", issuer, "--client-id", name, "--client-secret-file"]);
        nexboard.arg(place.write(&format!("{name}.secret"), &secret)?);
        let mut server = Server::start(name, &mut nexboard, &place.directory.join(format!("{name}.log")))?;
        let health = format!("http://127.0.0.1:{port}/health");
        server
            .wait_until(|| send("GET", &health, &[], b"").is_ok_and(|answer| answer.status == 200), READY)?;
        Ok(Self { server, url })
    }

    /// Starts `examples/own-ui`.
    fn own_ui(place: &Place<'_>, node: &Node, port: u16) -> anyhow::Result<Self> {
        let url = format!("http://127.0.0.1:{port}");
        let mut pages = Command::new("node");
        pages.arg(workspace::root().join("examples/own-ui/server.mjs"));
        pages.args(["--portcullis", &node.public, "--listen", &format!("127.0.0.1:{port}")]);
        let mut server = Server::start("own-ui", &mut pages, &place.directory.join("own-ui.log"))?;
        let home = format!("{url}/style.css");
        server.wait_until(|| send("GET", &home, &[], b"").is_ok_and(|answer| answer.status == 200), READY)?;
        Ok(Self { server, url })
    }
}
