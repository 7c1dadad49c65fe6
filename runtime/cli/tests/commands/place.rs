//! A place of its own for each test: a configuration, data, and a node where one is wanted.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

/// A directory with a configuration and data of its own.
pub(crate) struct Place(pub(crate) tempfile::TempDir);

pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Place {
    pub(crate) fn new(configuration: &str) -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        place.write("p.toml", configuration);
        place
    }

    /// With a data directory, which `migrate` makes.
    pub(crate) fn with_data(configuration: &str) -> Self {
        let place = Self::new(configuration);
        assert_eq!(place.run(&["migrate"]).code, 0);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let file = self.path("p.toml").display().to_string();
        self.without_configuration(&[&["--config", &file], arguments].concat())
    }

    pub(crate) fn without_configuration(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.env_remove("PORTCULLIS_CONFIG").env_remove("RUST_LOG").current_dir(self.0.path());
        command.args(arguments).stdin(Stdio::null());
        command
    }

    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        Ended {
            code: status.code().unwrap(),
            out: String::from_utf8(stdout).unwrap(),
            err: String::from_utf8(stderr).unwrap(),
        }
    }

    /// The JSON of a command that succeeds.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let ended = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.err);
        serde_json::from_str(&ended.out).unwrap()
    }

    /// A command that does not succeed: its exit code, and a part of what it says.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32, part: &str) {
        let ended = self.run(arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {}{}", ended.out, ended.err);
        assert!(ended.err.contains(part), "{arguments:?}: {}", ended.err);
    }
}

/// Free ports: several tests run nodes at once.
pub(crate) const NODE: &str = "[[listener]]\nname = \"public\"\naddress = \"127.0.0.1:0\"\nrouters = [\"public\", \"admin\"]\n\
                    [server]\nbase_url = \"http://127.0.0.1:4480\"\n";

/// A running node, with the lines of its log.
pub(crate) struct Running(pub(crate) Child, pub(crate) Receiver<String>);

impl Running {
    pub(crate) fn start(place: &Place) -> Self {
        let mut child =
            place.command(&["serve"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, log) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            BufReader::new(log).lines().map_while(Result::ok).for_each(|line| drop(sender.send(line)));
        });
        let ready = BufReader::new(out).lines().map_while(Result::ok).any(|line| line.contains("is ready"));
        let running = Self(child, lines);
        assert!(ready, "the node did not start");
        running
    }

    /// Waits until the log says this.
    #[track_caller]
    pub(crate) fn logs(&self, part: &str) {
        while let Ok(line) = self.1.recv_timeout(Duration::from_mins(1)) {
            if line.contains(part) {
                return;
            }
        }
        panic!("the log does not say: {part}");
    }

    /// Ends the node; the lines of its log that nobody has waited for.
    pub(crate) fn ended(mut self) -> Vec<String> {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
        self.1.iter().collect()
    }

    pub(crate) fn hang_up(&self) {
        assert!(Command::new("kill").args(["-HUP", &self.0.id().to_string()]).status().unwrap().success());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}
