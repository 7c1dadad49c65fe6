//! The mail of a node that only its own machine reaches.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::views::{LetterView, MailboxView};
use crate::when::ago;

#[derive(Debug)]
struct LetterLine<'a> {
    letter: &'a LetterView,
    at: String,
    when: String,
}

#[derive(Template)]
#[template(path = "mailbox.html")]
struct MailboxPage<'a> {
    frame: Frame<'a>,
    lines: Vec<LetterLine<'a>>,
}

impl Pages {
    /// The mail of a node that only its own machine reaches.
    pub fn mailbox(&self, view: &MailboxView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let lines = view
            .letters
            .iter()
            .map(|letter| LetterLine {
                letter,
                at: letter.at.rfc3339(),
                when: ago(letter.at, context.now, words),
            })
            .collect();
        render(&MailboxPage { frame: self.frame(context, words.mailbox.title.clone()), lines })
    }
}
