//! Certificates for a suite: two authorities, a listener that asks for certificates, and who comes with one. Made by `openssl`, for
//! an hour or two.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::loopback::free_port;
use crate::workspace;

/// A directory of certificates, each `NAME.pem` with `NAME.key`, and the listener that asks for them.
pub(super) struct Certificates {
    pub(super) directory: PathBuf,
    port: u16,
}

impl Certificates {
    /// Makes them: `app` and `other` of the authority `ca`, and `foreign` of one that nobody trusts.
    pub(super) fn make(directory: &Path) -> anyhow::Result<Self> {
        let made = Self { directory: directory.join("certificates"), port: free_port()? };
        std::fs::create_dir_all(&made.directory)?;
        made.authority("ca")?;
        made.authority("elsewhere")?;
        made.issue("ca", "server", "/CN=server", "serverAuth", "IP:127.0.0.1")?;
        made.issue("ca", "app", "/O=Example/CN=app", "clientAuth", "DNS:app.example")?;
        made.issue("ca", "other", "/O=Example/CN=other", "clientAuth", "DNS:other.example")?;
        made.issue("elsewhere", "foreign", "/O=Example/CN=app", "clientAuth", "DNS:app.example")?;
        Ok(made)
    }

    /// What a tenant says of them.
    pub(super) fn settings(&self) -> anyhow::Result<String> {
        let ca = std::fs::read_to_string(self.directory.join("ca.pem"))?;
        Ok(format!(
            "[tenant.oauth2.client_certificates]\nenabled = true\nbase_url = \"https://127.0.0.1:{}\"\n\
             authorities = [\"\"\"\n{ca}\"\"\"]\n\n",
            self.port
        ))
    }

    /// The listener.
    pub(super) fn listener(&self) -> String {
        let at = |name: &str| self.directory.join(name).display().to_string();
        format!(
            "\n[[listener]]\nname = \"apps\"\naddress = \"127.0.0.1:{}\"\nrouters = [\"public\"]\napp_certificates = true\n\
             tls = {{ cert = \"{}\", key = \"{}\" }}\n",
            self.port,
            at("server.pem"),
            at("server.key"),
        )
    }

    fn authority(&self, name: &str) -> anyhow::Result<()> {
        let mut command = self.request(name, &format!("/CN={name}"));
        workspace::run(command.args(["-addext", "keyUsage=critical,keyCertSign"]))
    }

    fn issue(&self, by: &str, name: &str, subject: &str, usage: &str, also: &str) -> anyhow::Result<()> {
        let mut command = self.request(name, subject);
        command.args(["-CA", &format!("{by}.pem"), "-CAkey", &format!("{by}.key")]);
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.args(["-addext", &format!("extendedKeyUsage={usage}")]);
        workspace::run(command.args(["-addext", &format!("subjectAltName={also}")]))
    }

    fn request(&self, name: &str, subject: &str) -> Command {
        let mut command = Command::new("openssl");
        command.current_dir(&self.directory);
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
            "-days",
            "2",
        ]);
        command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.pem"), "-subj", subject]);
        command
    }
}
