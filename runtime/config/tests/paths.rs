//! Relative paths are taken from the file's directory; absolute ones stay.

use std::path::Path;

use portcullis_config::{Config, ListenAddress, SecretReference, Source};

#[test]
fn every_path_is_taken_from_the_files_directory() {
    let text = r#"
        [server]
        data_dir = "data"
        [storage]
        url = "sqlite:p.db"
        [secrets]
        master_key = { file = "master" }
        former_master_keys = [{ file = "/run/former" }, { env = "FORMER" }]
        [outbound]
        ca = "outside.pem"
        [[listener]]
        name = "a"
        address = "127.0.0.1:1"
        routers = ["public"]
        tls = { cert = "c.pem", key = "/k.pem" }
        client_ca = "ca.pem"
        [[listener]]
        name = "b"
        address = "unix:p.sock"
        routers = ["admin"]
        [[tenant]]
        id = "a"
        [tenant.identity.password.breached]
        list = "breached.txt"
        [[tenant.plugin]]
        name = "plan"
        component = "plugins/plan.wasm"
        grants = ["secrets"]
        secrets = { key = { file = "key" } }
        [[tenant.client]]
        client_id = "app"
        secret = { file = "app" }
        redirect_uris = ["https://a.example/cb"]
    "#;
    let directory = Path::new("/etc/p");
    let config = Config::parse(&Source { text, file: "p.toml", directory, exists: &|_| true }).unwrap();
    let [first, second] = config.listeners.as_slice() else { panic!("two listeners") };
    let [tenant] = config.tenants.as_slice() else { panic!("one tenant") };
    let tls = first.tls.as_ref().unwrap();
    let file = |path: &str| SecretReference::File(path.into());
    assert_eq!(config.server.data_dir, Path::new("/etc/p/data"));
    assert_eq!(config.storage.url.as_deref(), Some("sqlite:/etc/p/p.db"));
    assert_eq!(config.secrets.master_key, Some(file("/etc/p/master")));
    assert_eq!(
        config.secrets.former_master_keys,
        [file("/run/former"), SecretReference::Env("FORMER".into())]
    );
    assert_eq!((tls.cert.as_path(), tls.key.as_path()), (Path::new("/etc/p/c.pem"), Path::new("/k.pem")));
    assert_eq!(first.client_ca.as_deref(), Some(Path::new("/etc/p/ca.pem")));
    assert_eq!(config.outbound.ca.as_deref(), Some(Path::new("/etc/p/outside.pem")));
    assert_eq!(second.address, ListenAddress::Unix("/etc/p/p.sock".into()));
    let list = tenant.identity.password.breached.list.as_deref();
    assert_eq!(list, Some(Path::new("/etc/p/breached.txt")));
    assert_eq!(tenant.clients[0].secret, Some(file("/etc/p/app")));
    assert_eq!(tenant.plugins[0].secrets["key"], file("/etc/p/key"));
    let stored = &tenant.settings().to_document()["plugin"][0];
    assert_eq!(stored["component"], "/etc/p/plugins/plan.wasm");
    assert_eq!(stored.get("secrets"), None, "they are no part of what the API shows");
}
