//! The demo's configuration: two listeners, and the tenant with its looks, its plugin and its app.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context as _;
use clap::Args;

/// The tenant.
pub(super) const ID: &str = "acme";
/// The app's name there.
pub(super) const CLIENT: &str = "nexboard";
/// The file with the client's secret, in the data directory.
pub(super) const SECRET: &str = "client-secret";

/// The app that signs its users in.
#[derive(Debug, Args)]
pub(super) struct App {
    /// Where the app takes the answer to a sign-in
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4490/callback")]
    pub(super) redirect_uri: String,
    /// The app's page for people who signed out
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4490/signed-out")]
    post_logout_redirect_uri: String,
}

/// The configuration, in TOML; `plugin` is an absolute path.
pub(super) fn configuration(
    (public, admin): (SocketAddr, SocketAddr),
    app: &App,
    plugin: Option<&Path>,
) -> anyhow::Result<String> {
    let plugin = match plugin {
        None => String::new(),
        Some(path) => {
            let path = path.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
            plugin_table(&quote(path))
        }
    };
    let redirect_uri = quote(&app.redirect_uri);
    let post_logout_redirect_uri = quote(&app.post_logout_redirect_uri);
    Ok(format!(
        r##"# A demo: whoever started it was shown the passwords.
[server]
base_url = "http://{public}"

[[listener]]
name = "public"
address = "{public}"
routers = ["public"]

[[listener]]
name = "admin"
address = "{admin}"
routers = ["admin", "metrics"]

[[tenant]]
id = "{ID}"

[tenant.branding]
name = "Acme"
primary_color = "#b4432a"

{plugin}[[tenant.client]]
client_id = "{CLIENT}"
client_name = "Nexboard"
secret = {{ file = "{SECRET}" }}
grant_types = ["authorization_code", "refresh_token"]
scope = "openid profile email offline_access"
redirect_uris = [{redirect_uri}]
post_logout_redirect_uris = [{post_logout_redirect_uri}]
skip_consent = true
skip_logout_consent = true
"##
    ))
}

/// The settings of `plugins/samples/enrich-token-rust`: a customer who pays, and one who does not.
fn plugin_table(path: &str) -> String {
    format!(
        r#"[[tenant.plugin]]
name = "enrich-token"
component = {path}
# A guest may be a debug build, on a machine that is compiling.
limits = {{ wall_ms = 2000 }}

[tenant.plugin.settings.domains."acme.example"]
plan = "team"
seats = 12

[tenant.plugin.settings.domains."late.example"]
plan = "team"
seats = 3
suspended = true

"#
    )
}

/// A basic string of TOML. JSON's escapes are TOML's; TOML wants U+007F escaped too.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

#[cfg(test)]
mod tests {
    use config::{Config, Source};

    use super::*;

    fn read(text: &str) -> Config {
        let source = Source { text, file: "demo.toml", directory: Path::new("/d"), exists: &|_| true };
        Config::parse(&source).unwrap()
    }

    fn app(redirect: &str) -> App {
        App { redirect_uri: redirect.to_owned(), post_logout_redirect_uri: redirect.to_owned() }
    }

    #[test]
    fn the_configuration_is_read_whatever_the_path() {
        let listeners = ("127.0.0.1:1".parse().unwrap(), "[::1]:2".parse().unwrap());
        for path in ["/p.wasm", "/a \"b\"\\c/\u{7f}é\n.wasm"] {
            let text =
                configuration(listeners, &app("http://127.0.0.1:4490/cb?a=%22"), Some(Path::new(path)));
            let config = read(&text.unwrap());
            let tenant = config.tenants.first().unwrap();
            assert_eq!(tenant.plugins.first().unwrap().component, Path::new(path));
            assert_eq!(config.effective_listeners().len(), 2);
        }
    }

    #[test]
    fn a_plugin_is_optional() {
        let listeners = ("127.0.0.1:1".parse().unwrap(), "127.0.0.1:2".parse().unwrap());
        let config = read(&configuration(listeners, &app("http://127.0.0.1:1/cb"), None).unwrap());
        assert!(config.tenants.first().unwrap().plugins.is_empty());
    }
}
