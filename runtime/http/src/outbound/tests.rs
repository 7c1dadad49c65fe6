//! Where calls go, and what servers that mean ill get.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;

#[test]
fn only_public_addresses_are_called() {
    for (address, public) in [
        ("8.8.8.8", true),
        ("2606:4700::1111", true),
        ("127.0.0.1", false),
        ("10.1.2.3", false),
        ("172.16.0.1", false),
        ("192.168.1.1", false),
        ("169.254.169.254", false),
        ("100.64.0.1", false),
        ("0.0.0.0", false),
        ("255.255.255.255", false),
        ("224.0.0.1", false),
        ("198.18.0.1", false),
        ("::1", false),
        ("::", false),
        ("fe80::1", false),
        ("fc00::1", false),
        ("::ffff:127.0.0.1", false),
        ("64:ff9b::7f00:1", false),
        ("2002:7f00:1::", false),
        ("ff02::1", false),
    ] {
        let ip: IpAddr = address.parse().unwrap();
        assert_eq!(is_public(ip.to_canonical()), public, "{address}");
    }
}

async fn check(url: &str, granted: &[&str], expect: Result<(), OutboundError>) {
    let granted = granted.iter().map(|network| network.parse().unwrap()).collect();
    let outbound = GuardedOutbound::new(OutboundPolicy { granted }).unwrap();
    let found = outbound.check_address(&Url::parse(url).unwrap(), Reach::Public).await.map(|_| ());
    assert_eq!(found, expect, "{url}");
}

#[tokio::test]
async fn private_addresses_are_refused_unless_granted() {
    check("http://127.0.0.1:9/x", &[], Err(OutboundError::Forbidden)).await;
    check("http://localhost:9/x", &[], Err(OutboundError::Forbidden)).await;
    check("http://[::ffff:10.0.0.1]/x", &[], Err(OutboundError::Forbidden)).await;
    check("http://2130706433/x", &[], Err(OutboundError::Forbidden)).await;
    check("http://0x7f.1/x", &[], Err(OutboundError::Forbidden)).await;
    check("http://user@8.8.8.8/x", &[], Err(OutboundError::Forbidden)).await;
    check("file:///etc/passwd", &[], Err(OutboundError::Forbidden)).await;
    check("http://127.0.0.1:9/x", &["127.0.0.0/8"], Ok(())).await;
    // Whatever is granted.
    check("http://169.254.169.254/x", &["0.0.0.0/0"], Err(OutboundError::Forbidden)).await;
    check("http://[fe80::1]/x", &["::/0"], Err(OutboundError::Forbidden)).await;
    check("http://[fd00:ec2::254]/x", &["fd00::/8"], Err(OutboundError::Forbidden)).await;
    check("http://[fd00:ec2::253]/x", &["fd00::/8"], Ok(())).await;
}

/// Attack: a file that is empty is as good as none, and nobody would notice.
#[test]
fn file_of_authorities_that_has_none_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ca.pem");
    let trusting = |file: &Path| GuardedOutbound::trusting(OutboundPolicy::default(), file);
    assert!(trusting(&file).is_err(), "there is none");
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, pem).unwrap();
        assert!(trusting(&file).is_err(), "{pem}");
    }
}

/// Attack: a tenant names a mail server of the node's own network, in whatever spelling.
#[tokio::test]
async fn servers_that_speak_something_else_are_at_public_addresses_too() {
    let outbound = GuardedOutbound::new(OutboundPolicy::default()).unwrap();
    for host in [
        "127.0.0.1",
        "localhost",
        "127.1",
        "0x7f000001",
        "[::1]",
        "10.0.0.1",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
    ] {
        assert_eq!(outbound.resolve(host, 25, Reach::Public).await, Err(OutboundError::Forbidden), "{host}");
        let named = outbound.resolve(host, 25, Reach::NamedByOperator).await.unwrap();
        assert_eq!(named.port(), 25, "{host}");
    }
    for host in ["", "a b", "host/x", "user@8.8.8.8", "8.8.8.8:25"] {
        assert_eq!(
            outbound.resolve(host, 25, Reach::NamedByOperator).await,
            Err(OutboundError::Forbidden),
            "{host}"
        );
    }
    let public = outbound.resolve("8.8.8.8", 587, Reach::Public).await;
    assert_eq!(public, Ok(([8, 8, 8, 8], 587).into()));
    let granted = OutboundPolicy { granted: vec!["10.0.0.0/8".parse().unwrap()] };
    let granted = GuardedOutbound::new(granted).unwrap();
    assert!(granted.resolve("10.0.0.1", 25, Reach::Public).await.is_ok());
}

/// A server that answers its first connection with `answer`, and what it was sent; or with as many `chunk`s after it
/// as the client takes.
async fn server(answer: &'static [u8], chunk: &'static [u8]) -> (Url, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}/path?q=1#f", listener.local_addr().unwrap())).unwrap();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = vec![0; 4096];
        let length = stream.read(&mut got).await.unwrap();
        got.truncate(length);
        // Whoever has enough hangs up.
        let mut sent = stream.write_all(answer).await;
        while sent.is_ok() && !chunk.is_empty() {
            sent = stream.write_all(chunk).await;
        }
        if sent.is_ok() {
            stream.read_to_end(&mut Vec::new()).await.ok();
        }
        String::from_utf8(got).unwrap()
    });
    (url, served)
}

fn request(url: Url) -> OutboundRequest {
    OutboundRequest {
        method: "GET",
        url,
        headers: vec![("accept".to_owned(), "text/plain".to_owned())],
        body: Vec::new(),
        max_response_bytes: 1_000,
        timeout: Duration::from_secs(30),
        reach: Reach::NamedByOperator,
    }
}

fn outbound() -> GuardedOutbound {
    GuardedOutbound::new(OutboundPolicy::default()).unwrap()
}

#[tokio::test]
async fn private_address_is_reached_only_where_the_operator_named_it() {
    let (url, served) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", b"").await;
    let refused = outbound().fetch(OutboundRequest { reach: Reach::Public, ..request(url.clone()) }).await;
    assert_eq!(refused.unwrap_err(), OutboundError::Forbidden);
    let answer = outbound().fetch(request(url)).await.unwrap();
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"hi"[..]));
    let got = served.await.unwrap();
    assert!(got.starts_with("GET /path?q=1 HTTP/1.1\r\n"), "{got}");
}

/// Attack: an answer sends the call on to an address that may not be called.
#[tokio::test]
async fn redirect_is_an_answer_and_is_not_followed() {
    let (target, _serving) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", b"").await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
    let (url, _served) = server(redirect.leak().as_bytes(), b"").await;
    let answer = outbound().fetch(request(url)).await.unwrap();
    assert_eq!(answer.status, 302);
    assert!(answer.headers.contains(&("location".to_owned(), target.to_string())), "{:?}", answer.headers);
}

#[tokio::test]
async fn answer_without_end_is_given_up_at_its_bound() {
    for (answer, chunk) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n"[..], &[b'x'; 4096][..]),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"8\r\nxxxxxxxx\r\n"),
    ] {
        let (url, served) = server(answer, chunk).await;
        assert_eq!(outbound().fetch(request(url)).await.unwrap_err(), OutboundError::TooLarge);
        served.await.unwrap();
    }
    let (url, served) = server(b"HTTP/1.1 200 OK\r\na: ", &[b'x'; 4096]).await;
    assert_eq!(outbound().fetch(request(url)).await.unwrap_err(), OutboundError::Malformed);
    served.await.unwrap();
}

#[tokio::test]
async fn server_that_says_nothing_is_given_up_and_its_connection_ends() {
    for answer in [&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab"] {
        let (url, served) = server(answer, b"").await;
        let impatient = OutboundRequest { timeout: Duration::from_millis(50), ..request(url) };
        assert_eq!(outbound().fetch(impatient).await.unwrap_err(), OutboundError::Timeout);
        // Ends when the client hangs up.
        served.await.unwrap();
    }
}

#[tokio::test]
async fn header_with_a_line_break_is_not_sent() {
    let (url, served) = server(b"", b"").await;
    for (name, value) in [("a", "b\r\nhost: other"), ("a\r\nb", "c"), ("a", "b\nc"), ("", "x"), ("a b", "x")]
    {
        let headers = vec![(name.to_owned(), value.to_owned())];
        let sent = outbound().fetch(OutboundRequest { headers, ..request(url.clone()) }).await;
        assert_eq!(sent.unwrap_err(), OutboundError::Malformed, "{name:?}: {value:?}");
    }
    served.abort();
}
