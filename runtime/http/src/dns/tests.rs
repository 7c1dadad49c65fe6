//! Answers as honest and hostile servers give them, and a server on loopback.

use primitives::rng::SeededRng;
use tokio::net::TcpListener;

use super::*;

const NAME: &str = "_portcullis-challenge.acme.example";

fn question() -> Question {
    Question::new(0x1234, NAME).unwrap()
}

/// The answer to a question's message: its flags, and records of a type with their data.
fn answered(asked: &[u8], flags: u16, records: &[(u16, &[u8])]) -> Vec<u8> {
    let end = 12 + NAME.len() + 2 + 4;
    let mut message = asked[..2].to_vec();
    message.extend(flags.to_be_bytes());
    message.extend([0, 1]);
    message.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
    message.extend([0; 4]);
    message.extend(&asked[12..end]);
    for (kind, data) in records {
        message.extend([0xc0, 12]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1, 0, 0, 0, 60]);
        message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        message.extend(*data);
    }
    message
}

const OK: u16 = 0x8180;

#[test]
fn texts_are_those_of_the_question() {
    let question = question();
    let check = |message: &[u8], expect: Result<Found, Unreadable>| {
        assert_eq!(texts(message, &question), expect, "{message:?}");
    };
    let found = |texts: &[&str]| Ok(Found::Texts(texts.iter().map(|text| (*text).to_owned()).collect()));
    let message = |flags, records: &[(u16, &[u8])]| answered(question.bytes(), flags, records);
    check(&message(OK, &[(16, b"\x03abc")]), found(&["abc"]));
    check(&message(OK, &[(16, b"\x03abc\x02de"), (16, b"\x01x")]), found(&["abcde", "x"]));
    check(&message(OK, &[(5, b"\x01a\x00"), (16, b"\x01x")]), found(&["x"]));
    check(&message(OK, &[(16, b"\x01\xff")]), found(&[]));
    check(&message(OK, &[]), found(&[]));
    check(&message(0x8183, &[]), found(&[]));
    check(&message(0x8182, &[]), Err(Unreadable::Refused(2)));
    check(&message(0x8380, &[]), Ok(Found::Cut));
    check(&message(OK, &[(16, b"\x09abc")]), Err(Unreadable::Malformed));
    check(&message(0x0100, &[(16, b"\x03abc")]), Err(Unreadable::AnotherQuestion));
    let mut other = message(OK, &[(16, b"\x03abc")]);
    other[0] ^= 1;
    check(&other, Err(Unreadable::AnotherQuestion));
    let mut other = message(OK, &[(16, b"\x03abc")]);
    other[20] ^= 1;
    check(&other, Err(Unreadable::AnotherQuestion));
    let mut louder = message(OK, &[(16, b"\x03abc")]);
    louder[12..50].make_ascii_uppercase();
    check(&louder, found(&["abc"]));
}

#[test]
fn whatever_bytes_come_are_read_within_their_bounds() {
    let question = question();
    let whole = answered(question.bytes(), OK, &[(16, b"\x03abc\x02de"), (5, b"\x01a\x00")]);
    for length in 0..whole.len() {
        assert!(texts(&whole[..length], &question).is_err(), "cut at {length}");
    }
    let rng = SeededRng::new(5);
    for round in 0..20_000_usize {
        let mut message = whole.clone();
        let mut dice = [0; 6];
        rng.fill(&mut dice);
        for pair in dice.chunks(2) {
            let at = (usize::from(pair[0]) + round) % message.len();
            message[at] = pair[1];
        }
        // Whatever it is, it is an answer or an error, and no more than the message held.
        if let Ok(Found::Texts(found)) = texts(&message, &question) {
            assert!(found.iter().map(String::len).sum::<usize>() < message.len());
        }
    }
}

#[test]
fn names_that_dns_does_not_have_are_not_asked_for() {
    for (name, fits) in [
        (NAME.to_owned(), true),
        ("a".repeat(64), false),
        ("a..b".to_owned(), false),
        ([&*"a".repeat(60); 5].join("."), false),
    ] {
        assert_eq!(Question::new(1, &name).is_ok(), fits, "{name}");
    }
}

fn servers(addresses: &[SocketAddr]) -> NameServers {
    NameServers::new(addresses.to_vec(), Arc::new(SeededRng::new(9)))
}

#[tokio::test]
async fn server_that_is_guessed_at_is_believed_only_where_it_answers_the_question() {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let mut asked = [0; 512];
        let (length, client) = socket.recv_from(&mut asked).await.unwrap();
        let mut forged = answered(&asked[..length], OK, &[(16, b"\x06forged")]);
        forged[1] ^= 1;
        socket.send_to(&forged, client).await.unwrap();
        let honest = answered(&asked[..length], OK, &[(16, b"\x06honest")]);
        socket.send_to(&honest, client).await.unwrap();
    });
    assert_eq!(servers(&[address]).find_text(NAME).await.unwrap(), ["honest"]);
    server.await.unwrap();
}

#[tokio::test]
async fn what_does_not_fit_a_datagram_comes_by_a_stream() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let socket = UdpSocket::bind(address).await.unwrap();
    let server = tokio::spawn(async move {
        let mut asked = [0; 512];
        let (length, client) = socket.recv_from(&mut asked).await.unwrap();
        socket.send_to(&answered(&asked[..length], 0x8380, &[]), client).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let length = usize::from(stream.read_u16().await.unwrap());
        let mut asked = vec![0; length];
        stream.read_exact(&mut asked).await.unwrap();
        let answer = answered(&asked, OK, &[(16, b"\x04long")]);
        stream.write_u16(u16::try_from(answer.len()).unwrap()).await.unwrap();
        stream.write_all(&answer).await.unwrap();
    });
    assert_eq!(servers(&[address]).find_text(NAME).await.unwrap(), ["long"]);
    server.await.unwrap();
}

#[tokio::test]
async fn server_that_cannot_answer_leaves_it_to_the_next() {
    let (refusing, answering) =
        (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    let addresses = [refusing.local_addr().unwrap(), answering.local_addr().unwrap()];
    let server = tokio::spawn(async move {
        for (socket, flags) in [(refusing, 0x8185), (answering, OK)] {
            let mut asked = [0; 512];
            let (length, client) = socket.recv_from(&mut asked).await.unwrap();
            let answer = answered(&asked[..length], flags, &[(16, b"\x01x")]);
            socket.send_to(&answer, client).await.unwrap();
        }
    });
    assert_eq!(servers(&addresses).find_text(NAME).await.unwrap(), ["x"]);
    server.await.unwrap();
    assert!(servers(&[]).find_text(NAME).await.is_err(), "nobody to ask is no proof of absence");
}
