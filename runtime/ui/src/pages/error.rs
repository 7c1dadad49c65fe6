//! What failed, in words that help.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::views::ErrorView;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    frame: Frame<'a>,
    view: &'a ErrorView,
    message: String,
}

impl Pages {
    /// Saying what failed, in words that help.
    pub fn error(&self, view: &ErrorView, context: &PageContext<'_>) -> String {
        let words = self.words(context);
        let known = view.id.as_deref().and_then(|id| words.error(id));
        let title = match known {
            Some((title, _)) => title.to_owned(),
            None if view.title.is_empty() => words.error.title.clone(),
            None => view.title.clone(),
        };
        let message = known.map_or_else(|| view.message.clone(), |(_, message)| message.to_owned());
        render(&ErrorPage { frame: self.frame(context, title), view, message })
    }
}
