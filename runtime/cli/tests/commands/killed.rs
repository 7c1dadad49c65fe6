//! A node that is killed between what it has answered and what it was still to do.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::place::{Place, Running};

/// Longer than any machine needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// An app's server: the bodies that it was posted.
fn receiver() -> (u16, Receiver<String>) {
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let (sender, bodies) = channel();
    std::thread::spawn(move || {
        for connection in server.incoming().map_while(Result::ok) {
            if sender.send(taken(connection)).is_err() {
                break;
            }
        }
    });
    (port, bodies)
}

/// Reads a request of a known length, and says that all is well.
fn taken(mut connection: TcpStream) -> String {
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let (mut request, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let read = connection.read(&mut buffer).unwrap();
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_ascii_lowercase()
            .split("content-length: ")
            .nth(1)
            .map(|rest| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
        if read == 0 || length.is_some_and(|length| body.len() >= length) {
            connection
                .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
                .unwrap();
            return body.to_owned();
        }
    }
}

/// Asks at a socket of the node: the status, and the body.
pub(crate) fn ask(place: &Place, socket: &str, (method, path): (&str, &str), form: &str) -> (u16, String) {
    let mut socket = UnixStream::connect(place.path(socket)).unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:4480\r\nconnection: close\r\ncontent-length: {}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The app is told at least once that the session is over, whatever becomes of the node that has ended it.
#[test]
fn app_is_told_of_a_sign_out_by_the_node_that_starts_after_the_one_that_was_killed() {
    let place = Place::new("");
    let (port, bodies) = receiver();
    let secret = place.write("secret", "a chosen secret\n");
    let configuration = |every: &str| {
        let socket = place.path("public.sock");
        format!(
            "[[listener]]\nname = \"public\"\naddress = \"unix:{}\"\nrouters = [\"public\", \"admin\"]\n\
             [server]\nbase_url = \"http://127.0.0.1:4480\"\n[jobs.outbox]\nevery = \"{every}\"\n\
             [[tenant]]\nid = \"acme\"\n[tenant.oauth2]\npassword_grant = true\n\
             [[tenant.client]]\nclient_id = \"app\"\nsecret = {{ file = \"{secret}\" }}\n\
             token_endpoint_auth_method = \"client_secret_post\"\ngrant_types = [\"password\"]\nscope = \"openid\"\n\
             backchannel_logout_uri = \"http://127.0.0.1:{port}/logout\"\n",
            socket.display()
        )
    };
    // It looks for what is to be sent when it starts, and then not before it is killed.
    place.write("p.toml", &configuration("1h"));
    assert_eq!(place.run(&["migrate"]).code, 0);
    let password = place.write("password", "correct horse battery\n");
    let email = ["identity", "create", "-t", "acme", "--email", "ada@acme.example"];
    let ada = place.json(&[&email[..], &["--password-file", &password]].concat());
    let ada = ada["id"].as_str().unwrap();
    let node = Running::start(&place);
    let form = "grant_type=password&client_id=app&client_secret=a+chosen+secret&scope=openid\
                &username=ada%40acme.example&password=correct+horse+battery";
    let (status, tokens) = ask(&place, "public.sock", ("POST", "/t/acme/oauth2/token"), form);
    assert_eq!(status, 200, "{tokens}");
    let ends = format!("/t/acme/admin/identities/{ada}/sessions");
    let (status, told) = ask(&place, "portcullis-data/portcullis.sock", ("DELETE", &ends), "");
    assert_eq!(status, 204, "{told}");
    node.ended();
    assert!(bodies.try_recv().is_err(), "nobody was told yet");

    place.write("p.toml", &configuration("1s"));
    let _node = Running::start(&place);
    let body = bodies.recv_timeout(PATIENCE).unwrap();
    let token = body.strip_prefix("logout_token=").unwrap_or_else(|| panic!("{body}"));
    let claims = primitives::base64url::decode(token.split('.').nth(1).unwrap()).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!((&claims["sub"], &claims["aud"]), (&ada.into(), &"app".into()), "{claims}");
}
