//! A relying party that is a web server: Apache with `mod_auth_openidc`, which ends its sessions when it is told to.
//!
//! Its clients are in the node's own file: only an address that is named there may be called on this machine.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{PERSON, Place, python, tenant_settings};
use crate::loopback::{free_port, send};
use crate::server::Server;
use crate::{install, workspace};

const READY: Duration = Duration::from_secs(30);
/// The secret of each client; it guards nothing.
const SECRET: &str = "apache-secret-of-more-than-32-characters";
/// What Apache loads. All but the last are its own.
const MODULES: [(&str, &str); 7] = [
    ("mpm_event_module", "mod_mpm_event.so"),
    ("authn_core_module", "mod_authn_core.so"),
    ("authz_core_module", "mod_authz_core.so"),
    ("authz_user_module", "mod_authz_user.so"),
    ("alias_module", "mod_alias.so"),
    ("headers_module", "mod_headers.so"),
    ("auth_openidc_module", "mod_auth_openidc.so"),
];

/// A way in which an Apache is told: its client, and what of the client's document says so.
struct Way {
    client: &'static str,
    document: &'static str,
}

/// `{app}` is the Apache's address.
const WAYS: [Way; 3] = [
    Way {
        client: "backchannel",
        document: "backchannel_logout_uri = \"{app}/callback?logout=backchannel\"\n\
             backchannel_logout_session_required = true\n",
    },
    Way {
        client: "frontchannel",
        document: "frontchannel_logout_uri = \"{app}/callback?logout=get\"\n\
             frontchannel_logout_session_required = true\n",
    },
    Way {
        client: "pairwise",
        document: "subject_type = \"pairwise\"\nsector_identifier_uri = \"https://sector.example/apps.json\"\n\
             backchannel_logout_uri = \"{app}/callback?logout=backchannel\"\n",
    },
];

/// Every check of `tests/clients/mod-auth-openidc`.
pub(super) fn run(place: &Place<'_>) -> anyhow::Result<()> {
    install::debian_packages(&[install::APACHE, install::MOD_AUTH_OPENIDC])?;
    let mut script = python(&workspace::root().join("tests/clients/mod-auth-openidc"))?;
    let secret = place.write("client.secret", SECRET)?;
    let mut apps = Vec::new();
    for way in WAYS {
        let url = format!("http://127.0.0.1:{}", free_port()?);
        apps.push((way, url));
    }
    let clients: String = apps.iter().map(|(way, url)| client(way, url, &secret)).collect();
    let node = place.node(&format!("[[tenant]]\nid = \"default\"\n\n{}{clients}", tenant_settings()))?;
    node.make_person("", PERSON.0, PERSON.1)?;
    let mut servers = Vec::new();
    for (way, url) in &apps {
        servers.push(start(place, way, url, &node.public)?);
        script.arg(format!("--{}", way.client)).arg(url);
    }
    script.args([
        "--provider",
        &node.public,
        "--admin",
        &node.admin,
        "--identifier",
        PERSON.0,
        "--password-file",
    ]);
    script.arg(place.write("password", PERSON.1)?).arg("--key-file").arg(&node.admin_key_file);
    let watch = place.watch(&node)?;
    workspace::run(&mut script)?;
    watch.check(&node)?;
    for server in servers {
        server.end()?;
    }
    node.end()
}

fn client(way: &Way, url: &str, secret: &Path) -> String {
    format!(
        "[[tenant.client]]\nclient_id = \"{}\"\nsecret = {{ file = \"{}\" }}\nredirect_uris = [\"{url}/callback\"]\n\
         post_logout_redirect_uris = [\"{url}/bye\"]\nscope = \"openid email\"\nskip_consent = true\n\
         skip_logout_consent = true\n{}\n",
        way.client,
        secret.display(),
        way.document.replace("{app}", url),
    )
}

/// Starts an Apache that asks for sign-in below `/protected` and says there who is signed in, in a directory of its own.
///
/// Its cookie has a name of its own: browsers tell hosts apart by their cookies, and not ports.
fn start(place: &Place<'_>, way: &Way, url: &str, issuer: &str) -> anyhow::Result<Server> {
    let directory = place.directory.join(way.client);
    std::fs::create_dir_all(directory.join("pages"))?;
    std::fs::write(directory.join("pages/protected"), "only for people who are signed in\n")?;
    let configuration = directory.join("apache.conf");
    std::fs::write(&configuration, configured(way, url, issuer, &directory))?;
    let mut apache = Command::new("/usr/sbin/apache2");
    apache.arg("-d").arg(&directory).arg("-f").arg(&configuration).args(["-D", "FOREGROUND"]);
    let mut server = Server::start("apache2", &mut apache, &directory.join("apache.log"))?;
    server.wait_until(|| send("GET", url, &[], b"").is_ok_and(|answer| answer.status > 0), READY)?;
    Ok(server)
}

fn configured(way: &Way, url: &str, issuer: &str, directory: &Path) -> String {
    let modules =
        MODULES.map(|(name, file)| format!("LoadModule {name} /usr/lib/apache2/modules/{file}\n")).concat();
    let (place, listen) = (directory.display(), url.trim_start_matches("http://"));
    format!(
        "{modules}ServerName 127.0.0.1\nListen {listen}\nPidFile \"{place}/apache.pid\"\nErrorLog \"{place}/error.log\"\n\
         DefaultRuntimeDir \"{place}\"\nMutex \"file:{place}\" default\nUser nobody\nGroup nogroup\n\
         StartServers 1\nThreadsPerChild 8\nMaxRequestWorkers 8\nServerLimit 1\n\
         DocumentRoot \"{place}/pages\"\n\
         OIDCProviderMetadataURL {issuer}/.well-known/openid-configuration\n\
         OIDCClientID {client}\nOIDCClientSecret {SECRET}\nOIDCRedirectURI {url}/callback\n\
         OIDCCryptoPassphrase a-passphrase-that-guards-nothing\nOIDCScope \"openid email\"\nOIDCPKCEMethod S256\n\
         OIDCRemoteUserClaim sub\nOIDCCookie session_of_{client}\n\
         <Directory \"{place}/pages\">\nRequire all granted\n</Directory>\n\
         <Location /protected>\nAuthType openid-connect\nRequire valid-user\n\
         Header set X-Signed-In-As \"expr=%{{REMOTE_USER}}\"\n</Location>\n\
         <Location /callback>\nAuthType openid-connect\nRequire valid-user\n</Location>\n",
        client = way.client,
    )
}
