//! Health, unknown paths, methods, sizes and times.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::browser::Browser;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn known_and_unknown_addresses() {
    let world = World::start().await;
    for (method, path, status) in [
        ("GET", "/health/alive", 200),
        ("HEAD", "/health/alive", 200),
        ("GET", "/health/ready", 200),
        ("GET", "/version", 200),
        ("GET", "/nothing", 404),
        ("GET", "/t/nobody/.well-known/openid-configuration", 404),
        ("GET", "/t/NOT-A-TENANT/", 404),
        ("GET", "/oauth2/token", 405),
        ("TRACE", "/oauth2/token", 405),
        ("GET", "/metrics", 404),
    ] {
        let answer =
            Browser::default().send(method, &format!("{}{path}", world.base), &[], String::new()).await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{method} {path}");
        assert!(method != "HEAD" || answer.body.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_body_is_given_up() {
    let world = World::start_with(|settings| settings.request_timeout = Duration::from_millis(200)).await;
    let address = world.base.trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                content-length: 100\r\n\r\ngrant_type=";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), "HTTP/1.1 408");
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_and_broken_heads_cost_only_their_connection() {
    let world = World::start().await;
    let address = world.base.trim_start_matches("http://").to_owned();
    let many = "x-many: y\r\n".repeat(200);
    for head in [
        format!("GET /health/alive HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(100_000)),
        format!("GET /health/alive HTTP/1.1\r\nhost: x\r\n{many}\r\n"),
        "GET /health/alive HTTP/9.9\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\u{2}\u{0}".to_owned(),
        "GET /health/alive HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(),
    ] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(head.as_bytes()).await.ok();
        stream.shutdown().await.ok();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let shown: String = head.chars().take(40).collect();
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{shown}: {answer}");
        assert_eq!(
            Browser::default().get(&format!("{}/health/alive", world.base)).await.status,
            200,
            "{shown}"
        );
    }
}
