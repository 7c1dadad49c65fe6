//! A server that takes each refresh token once, and chains that use it.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Mutex, PoisonError};

use super::*;

/// What the server knows.
#[derive(Default)]
struct Tokens {
    given: Mutex<HashSet<String>>,
    /// Whether it gives the same token again.
    keeps: bool,
}

/// Serves connections until the test ends, and returns its issuer.
fn serve(tokens: Tokens) -> String {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let issuer = format!("http://{}", listener.local_addr().unwrap());
    let published = issuer.clone();
    let tokens: &'static Tokens = Box::leak(Box::new(tokens));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let issuer = published.clone();
            std::thread::spawn(move || while answer(&stream, &issuer, tokens).is_some() {});
        }
    });
    issuer
}

fn answer(mut stream: &TcpStream, issuer: &str, tokens: &Tokens) -> Option<()> {
    let (path, body) = request(stream)?;
    let text = if path == "/token" {
        let old = body.strip_prefix("grant_type=refresh_token&refresh_token=")?;
        let mut given = tokens.given.lock().unwrap_or_else(PoisonError::into_inner);
        // One that nobody gave, or that was used, is refused.
        if !given.remove(old) && !old.starts_with("first") {
            write!(stream, "HTTP/1.1 400 Bad Request\r\ncontent-length: 7\r\n\r\nunknown").ok()?;
            return Some(());
        }
        let new = if tokens.keeps { old.to_owned() } else { format!("{}x", old.replace("first", "next")) };
        given.insert(new.clone());
        format!("{{\"access_token\":\"a\",\"refresh_token\":\"{new}\"}}")
    } else {
        format!(
            "{{\"token_endpoint\":\"{issuer}/token\",\"authorization_endpoint\":\"{issuer}/auth\",\
             \"pushed_authorization_request_endpoint\":\"{issuer}/par\",\
             \"introspection_endpoint\":\"{issuer}/introspect\"}}"
        )
    };
    let close = if path == "/token" { "" } else { "connection: close\r\n" };
    write!(stream, "HTTP/1.1 200 OK\r\n{close}content-length: {}\r\n\r\n{text}", text.len()).ok()?;
    close.is_empty().then_some(())
}

fn request(stream: &TcpStream) -> Option<(String, String)> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok()?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.trim().parse().ok()?;
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((first.split(' ').nth(1)?.to_owned(), String::from_utf8(body).ok()?))
}

fn chains(issuer: &str) -> Vec<Chain> {
    let app = App::of_issuer(issuer, "app", "x".to_owned(), "scope=openid").unwrap();
    (0..3).map(|number| Chain::Refresh { app: app.clone(), token: format!("first{number}-") }).collect()
}

#[test]
fn each_request_of_a_chain_has_the_token_of_the_answer_before() {
    let issuer = serve(Tokens::default());
    let mut chains = chains(&issuer);
    let directory = tempfile::tempdir().unwrap();
    let samples = directory.path().join("samples");
    let first = run(&mut chains, 0, Some(&samples)).unwrap();
    assert_eq!((first.answers, chains.len()), (6, 3));
    let kept = std::fs::read_to_string(&samples).unwrap();
    assert_eq!(kept.lines().count(), 3);
    assert!(kept.lines().all(|line| line.ends_with("-xx\"}")), "{kept}");
    // They go on with what they have, on new connections.
    assert_eq!(run(&mut chains, 0, None).unwrap().answers, 6);
}

#[test]
fn a_token_that_is_refused_or_kept_ends_the_run() {
    let issuer = serve(Tokens::default());
    let mut chains = chains(&issuer);
    let twice = |chain: &mut Chain| {
        let Chain::Refresh { token, .. } = chain else { return };
        "used".clone_into(token);
    };
    chains.iter_mut().for_each(twice);
    assert!(format!("{:#}", run(&mut chains, 0, None).unwrap_err()).contains("400, not 200: unknown"));
    let issuer = serve(Tokens { keeps: true, ..Tokens::default() });
    let mut chains = self::chains(&issuer);
    assert!(format!("{:#}", run(&mut chains, 0, None).unwrap_err()).contains("not rotated"));
}
