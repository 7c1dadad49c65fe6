//! nginx, as Debian has it, ends TLS in front of a node and tells it the certificates of clients.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use config::CertificateHeader;
use primitives::TrustedProxies;
use serde_json::json;
use tokio::net::TcpStream;

use super::mtls::{hash, own, payload, send, token_request, trust};
use crate::server::tls::{Authority, Files};
use crate::world::World;

const HEADER: &str = "x-ssl-client-cert";

/// One nginx, which ends with the test.
struct Nginx {
    child: Child,
    base: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Nginx {
    /// Starts it in front of a node; `None` where it is not installed, which under `CI` is an error.
    async fn start(files: &Files, node: &str) -> Option<Self> {
        let binary = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).is_file());
        let Some(binary) = binary else {
            assert!(std::env::var_os("CI").is_none(), "nginx is not installed: apt-get install nginx");
            return None;
        };
        // It is free until nginx binds it.
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let at = |name: &str| files.path(name).display().to_string();
        let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};\n", at(kind)))
            .concat();
        let (cert, key) = (at("cert.pem"), at("key.pem"));
        let config = format!(
            "daemon off;\nmaster_process off;\npid {};\nerror_log {} error;\nevents {{}}\n\
             http {{\naccess_log off;\n{places}\
             server {{\nlisten 127.0.0.1:{port} ssl;\nssl_certificate {cert};\nssl_certificate_key {key};\n\
             ssl_verify_client optional_no_ca;\n\
             location / {{\nproxy_pass {node};\nproxy_set_header host $http_host;\n\
             proxy_set_header {HEADER} $ssl_client_escaped_cert;\n}}\n}}\n}}\n",
            at("nginx.pid"),
            at("error.log"),
        );
        fs::write(files.path("nginx.conf"), config).unwrap();
        let mut command = Command::new(binary);
        command.args(["-c", &at("nginx.conf"), "-e", &at("error.log")]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let mut nginx = Self { child, base: format!("http://127.0.0.1:{port}") };
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            let ended = nginx.child.try_wait().unwrap();
            let log = fs::read_to_string(files.path("error.log")).unwrap_or_default();
            assert!(ended.is_none(), "nginx has ended: {log}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Some(nginx)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn client_behind_nginx_is_known_by_its_certificate_and_by_no_header_of_its_own() {
    let (server, apps) = (Authority::new("server"), Authority::new("apps"));
    let files = Files::new(&server);
    let world = World::start_with(|settings| {
        settings.trusted_proxies = TrustedProxies(vec!["127.0.0.1".parse().unwrap()]);
        settings.client_certificate_header = Some(CertificateHeader::Pem(HEADER.to_owned()));
    })
    .await;
    trust(&world, &apps).await;
    let Some(nginx) = Nginx::start(&files, &world.base).await else { return };
    let client = own(&apps);
    let expect = hash(&client.0);
    let stolen = percent(&client.0);
    let (status, token) = send(&nginx.base, &server, Some(client), token_request()).await;
    assert_eq!(status, 200, "{token}");
    assert_eq!(payload(&token)["cnf"], json!({ "x5t#S256": expect }));
    // Nobody's certificate, one of another authority, and a certificate without its key.
    let foreign = Some(own(&Authority::new("apps")));
    let mut forged = token_request();
    forged.headers_mut().insert(HEADER, stolen.parse().unwrap());
    for (client, request) in [(None, token_request()), (foreign, token_request()), (None, forged)] {
        let (status, error) = send(&nginx.base, &server, client, request).await;
        assert_eq!((status, &error["error"]), (401, &json!("invalid_client")));
    }
}

/// A certificate as nginx would tell it.
fn percent(certificate: &[u8]) -> String {
    use base64::Engine as _;
    let body = base64::engine::general_purpose::STANDARD.encode(certificate);
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    pem.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"))
}
