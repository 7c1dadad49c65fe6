//! The list of the sample pages, for operators who look at their branding.

use askama::Template;

use super::{Pages, render};
use crate::frame::{Frame, PageContext};
use crate::samples::{SAMPLES, Sample};

#[derive(Template)]
#[template(path = "samples.html")]
struct SamplesPage<'a> {
    frame: Frame<'a>,
    action: &'a str,
    samples: &'static [Sample],
}

impl Pages {
    /// Where each sample page is, below `action`.
    pub fn samples(&self, action: &str, context: &PageContext<'_>) -> String {
        let title = self.words(context).samples.title.clone();
        render(&SamplesPage { frame: self.frame(context, title), action, samples: SAMPLES })
    }
}
