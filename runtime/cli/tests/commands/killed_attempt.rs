//! A node that is killed (`kill -9`) between two things that belong together.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::place::{NODE, Place, Running};

/// One attempt for each identifier, and passwords whose hash takes long: whoever asks waits for their answer meanwhile.
const SETTINGS: &str = "[[tenant]]\nid = \"default\"\n\
    [tenant.identity.argon2]\nmemory_kib = 131072\niterations = 10\n\
    [tenant.identity.limits.identifier]\nburst = 1\nrefill_seconds = 86400\n";
/// Attempts of others that are hashed before.
const OTHERS: usize = 8;

/// Asks over a socket; its status and document, or nothing if the node went away without an answer.
pub(crate) fn ask(socket: &std::path::Path, head: &str, body: &Value) -> Option<(u16, Value)> {
    let mut socket = UnixStream::connect(socket).ok()?;
    // A node that counts nothing would have us wait for all of its hashes.
    socket.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{head} HTTP/1.1\r\nhost: x\r\naccept: application/json\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    socket.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.split(' ').nth(1)?.parse().ok()?, serde_json::from_str(body).unwrap_or_default()))
}

/// The path of a new form to sign in.
fn form(socket: &std::path::Path) -> String {
    let (status, form) = ask(socket, "GET /self-service/login/api", &Value::Null).unwrap();
    assert_eq!(status, 200, "{form}");
    format!("POST /self-service/login?flow={}", form["id"].as_str().unwrap())
}

fn guess(identifier: &str) -> Value {
    json!({"method": "password", "identifier": identifier, "password": "a wrong guess"})
}

/// Attack: somebody guesses, and has the node end before it answers, so that it forgets that they did.
#[test]
fn guess_is_counted_though_the_node_is_killed_before_it_answers() {
    let place = Place::new("");
    let public = place.path("public.sock");
    let listener = NODE.replace("127.0.0.1:0", &format!("unix:{}", public.display()));
    place.write("p.toml", &format!("{listener}{SETTINGS}"));
    let running = Running::start(&place);
    let (sender, answers) = channel();
    let mut guesses: Vec<String> = (0..OTHERS).map(|n| format!("p{n}@example.com")).collect();
    guesses.extend(["ada@example.com".to_owned(), "ada@example.com".to_owned()]);
    for identifier in guesses {
        let (form, public, sender) = (form(&public), public.clone(), sender.clone());
        std::thread::spawn(move || {
            let answer = ask(&public, &form, &guess(&identifier));
            drop(sender.send((identifier, answer.map(|(status, _)| status))));
        });
    }
    // Of the two guesses at one identifier the first is being hashed, and the second is refused meanwhile.
    let refused = answers.iter().find(|(identifier, _)| identifier == "ada@example.com");
    assert_eq!(refused.map(|(_, status)| status), Some(Some(429)));
    // What the database is given now it writes after that count.
    let behind = json!({"schema_id": "default", "traits": {"email": "grace@example.com"}});
    let made =
        ask(&place.path("portcullis-data/portcullis.sock"), "POST /admin/identities", &behind).unwrap();
    assert_eq!(made.0, 201, "{}", made.1);
    running.ended();
    drop(sender);
    // The guess that counted was never answered.
    loop {
        match answers.recv_timeout(Duration::from_mins(2)) {
            Ok((identifier, status)) if identifier == "ada@example.com" => assert_eq!(status, None),
            Ok(_) => {}
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => panic!("a killed node holds its connections"),
        }
    }
    let _again = Running::start(&place);
    let (status, told) = ask(&public, &form(&public), &guess("ada@example.com")).unwrap();
    assert_eq!((status, &told["error"]["id"]), (429, &json!("too_many_attempts")), "{told}");
}
