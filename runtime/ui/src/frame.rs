//! What surrounds every page: whose it is, in which language, and the links of its footer.

use primitives::Timestamp;

use crate::assets::{Assets, brand_stylesheet_name};
use crate::branding::Branding;
use crate::flow::FlowView;
use crate::locale::{Catalogue, Locale, Words};

/// Where and for whom a page is shown.
#[derive(Debug, Clone, Copy)]
pub struct PageContext<'a> {
    /// The tenant's looks.
    pub branding: &'a Branding,
    /// The language.
    pub locale: Locale,
    /// What stands before every path: empty, or `/t/{tenant}`.
    pub base_path: &'a str,
    /// The page's own path and query, without `ui_locales`; the language links lead back to it.
    pub here: &'a str,
    /// The app that the person is signing in to, by name.
    pub client_name: Option<&'a str>,
    /// Whether an operator acts in somebody's name in this browser.
    pub acting: bool,
    /// Whether people may create accounts.
    pub registration: bool,
    /// Whether people can get back in by their addresses.
    pub recovery: bool,
    /// The shortest password, for the hint under a new one.
    pub password_min_length: u32,
    /// The present, for "2 hours ago".
    pub now: Timestamp,
}

/// A page's surroundings, as the templates use them.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) context: &'a PageContext<'a>,
    pub(crate) words: &'a Words,
    pub(crate) title: String,
    pub(crate) failed: bool,
    pub(crate) css: String,
    pub(crate) brand_css: String,
    pub(crate) icon: String,
    pub(crate) letters: String,
    pub(crate) languages: Vec<Language<'a>>,
    /// The script of a page that has passkeys.
    pub(crate) script: Option<Script>,
}

/// A script that a page runs.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) src: String,
    pub(crate) integrity: String,
}

/// A link to the same page in another language.
#[derive(Debug)]
pub(crate) struct Language<'a> {
    pub(crate) tag: &'static str,
    pub(crate) name: &'a str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(
        context: &'a PageContext<'a>,
        (catalogue, words): (&'a Catalogue, &'a Words),
        assets: &Assets,
        title: String,
    ) -> Self {
        let base = context.base_path;
        let joint = if context.here.contains('?') { '&' } else { '?' };
        let languages = Locale::ALL
            .into_iter()
            .map(|locale| Language {
                tag: locale.tag(),
                name: &catalogue.words(locale).common.language,
                href: format!("{}{joint}ui_locales={}", context.here, locale.tag()),
                current: locale == context.locale,
            })
            .collect();
        Self {
            context,
            words,
            title,
            failed: false,
            css: format!("{base}/ui/assets/{}", assets.css),
            brand_css: format!("{base}/ui/assets/{}", brand_stylesheet_name(context.branding)),
            icon: format!("{base}/ui/assets/{}", assets.icon),
            letters: context.branding.letters(),
            languages,
            script: None,
        }
    }

    /// The page with the script that passkeys need, if it has any.
    pub(crate) fn with_script(self, assets: &Assets, flow: &FlowView) -> Self {
        let script = flow.runs_script().then(|| Script {
            src: self.path(&format!("/ui/assets/{}", assets.passkeys())),
            integrity: assets.passkeys_integrity().to_owned(),
        });
        Self { script, ..self }
    }

    pub(crate) fn branding(&self) -> &Branding {
        self.context.branding
    }

    /// A path of this tenant.
    pub(crate) fn path(&self, path: &str) -> String {
        format!("{}{path}", self.context.base_path)
    }
}
