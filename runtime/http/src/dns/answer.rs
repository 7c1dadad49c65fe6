//! The wire form of a question for text records, and of its answer (RFC 1035 section 4).

/// Why an answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// It is no answer to what was asked.
    #[error("it answers another question")]
    AnotherQuestion,
    /// It is not of DNS's form.
    #[error("its answer is malformed")]
    Malformed,
    /// The server says that it cannot answer (RFC 1035 section 4.1.1, RCODE).
    #[error("it answers with code {0}")]
    Refused(u8),
    /// The name cannot be asked for.
    #[error("the name is too long for DNS")]
    Unaskable,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// The texts of the name; none where there is no such name.
    Texts(Vec<String>),
    /// More than a datagram holds.
    Cut,
}

/// A question.
#[derive(Debug)]
pub(super) struct Question {
    id: u16,
    /// The whole message.
    bytes: Vec<u8>,
    /// The part that an answer repeats: name, type and class.
    asked: Vec<u8>,
}

const TEXT: u16 = 16;
const INTERNET: u16 = 1;
/// The largest datagram that is asked for (RFC 6891, EDNS): what crosses any network in one piece.
const DATAGRAM: u16 = 1232;
const NO_SUCH_NAME: u8 = 3;

impl Question {
    pub(super) fn new(id: u16, name: &str) -> Result<Self, Unreadable> {
        let mut asked = Vec::with_capacity(name.len() + 6);
        for label in name.split('.') {
            let length = u8::try_from(label.len()).ok().filter(|length| (1..=63).contains(length));
            asked.push(length.ok_or(Unreadable::Unaskable)?);
            asked.extend_from_slice(label.as_bytes());
        }
        asked.push(0);
        if asked.len() > 255 {
            return Err(Unreadable::Unaskable);
        }
        asked.extend(TEXT.to_be_bytes());
        asked.extend(INTERNET.to_be_bytes());
        let mut bytes = id.to_be_bytes().to_vec();
        // A standard question for whoever looks further by themselves; one question, one additional record.
        bytes.extend([1, 0, 0, 1, 0, 0, 0, 0, 0, 1]);
        bytes.extend(&asked);
        bytes.extend([0, 0, 41]);
        bytes.extend(DATAGRAM.to_be_bytes());
        bytes.extend([0; 6]);
        Ok(Self { id, bytes, asked })
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The texts that a message brings. Records of other kinds, an alias on the way, say, are passed over.
pub(super) fn texts(message: &[u8], question: &Question) -> Result<Found, Unreadable> {
    let mut rest = Reader(message);
    let (id, flags) = (rest.number()?, rest.number()?);
    let (questions, answers) = (rest.number()?, rest.number()?);
    rest.take(4)?;
    let asked = rest.take(question.asked.len()).map_err(|_| Unreadable::AnotherQuestion)?;
    // Names are one without regard to case.
    let is_ours = id == question.id
        && flags & 0x8000 != 0
        && questions == 1
        && asked.eq_ignore_ascii_case(&question.asked);
    if !is_ours {
        return Err(Unreadable::AnotherQuestion);
    }
    if flags & 0x0200 != 0 {
        return Ok(Found::Cut);
    }
    match u8::try_from(flags & 0x000f).unwrap_or(u8::MAX) {
        0 => {}
        NO_SUCH_NAME => return Ok(Found::Texts(Vec::new())),
        code => return Err(Unreadable::Refused(code)),
    }
    let mut found = Vec::new();
    for _ in 0..answers {
        rest.pass_name()?;
        let (kind, class) = (rest.number()?, rest.number()?);
        rest.take(4)?;
        let length = rest.number()?;
        let data = rest.take(usize::from(length))?;
        if kind == TEXT && class == INTERNET {
            found.extend(text(data)?);
        }
    }
    Ok(Found::Texts(found))
}

/// The strings of one record are one text; what is not UTF-8 is none.
fn text(data: &[u8]) -> Result<Option<String>, Unreadable> {
    let mut rest = Reader(data);
    let mut bytes = Vec::with_capacity(data.len());
    while !rest.0.is_empty() {
        let length = rest.byte()?;
        bytes.extend_from_slice(rest.take(usize::from(length))?);
    }
    Ok(String::from_utf8(bytes).ok())
}

/// What of a message is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Unreadable> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Unreadable::Malformed)?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Unreadable> {
        self.take(1)?.first().copied().ok_or(Unreadable::Malformed)
    }

    fn number(&mut self) -> Result<u16, Unreadable> {
        let bytes = self.take(2)?.first_chunk().ok_or(Unreadable::Malformed)?;
        Ok(u16::from_be_bytes(*bytes))
    }

    /// Passes a name: labels until an empty one, or until a pointer, which nobody follows here.
    fn pass_name(&mut self) -> Result<(), Unreadable> {
        loop {
            match self.byte()? {
                0 => return Ok(()),
                length @ 1..=63 => {
                    self.take(usize::from(length))?;
                }
                0xc0.. => return self.byte().map(|_| ()),
                64..=0xbf => return Err(Unreadable::Malformed),
            }
        }
    }
}
