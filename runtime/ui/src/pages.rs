//! Every page, as a function from what it shows to its HTML.

mod api;
mod consent;
mod device_code;
mod error;
mod flow_page;
mod impersonation;
mod invitation;
mod login;
mod logout;
mod mailbox;
mod organisation;
mod ownership;
mod proof;
mod registration;
mod samples;
mod settings;
mod welcome;

pub use api::{
    ApiContentView, ApiFieldView, ApiOperationView, ApiParameterView, ApiSchemaView, ApiView, ApiWord,
};
pub use impersonation::ImpersonationView;
pub use invitation::InvitationView;
pub use organisation::{InvitationItem, MemberItem, OrganisationOutcome, OrganisationPart, OrganisationView};
pub use ownership::{ConnectionFields, ConnectionItem, DomainItem, KeyItem, NewKey, OwnershipView};

use askama::Template;

use crate::assets::Assets;
use crate::branding::Branding;
use crate::frame::{Frame, PageContext};
use crate::locale::{Catalogue, Locale, LocaleError, Words};
use crate::mail::{self, InvitationMailView, Letter, MailView};

/// The pages. Made once; every page is a pure function of its arguments.
#[derive(Debug)]
pub struct Pages {
    catalogue: Catalogue,
    assets: Assets,
}

impl Pages {
    /// Reads the embedded words and names the embedded files.
    pub fn new() -> Result<Self, LocaleError> {
        Ok(Self { catalogue: Catalogue::load()?, assets: Assets::new() })
    }

    /// The files that pages load, served below `/ui/assets/`.
    pub fn assets(&self) -> &Assets {
        &self.assets
    }

    /// A message to somebody: its subject, its text, and the same in HTML with the tenant's looks.
    pub fn mail(&self, view: &MailView<'_>, branding: &Branding, locale: Locale) -> Letter {
        mail::letter(self.words_of(branding, locale), view, branding, locale)
    }

    /// An invitation into an organisation, in the same way.
    pub fn invitation_mail(
        &self,
        view: &InvitationMailView<'_>,
        branding: &Branding,
        locale: Locale,
    ) -> Letter {
        mail::invitation(self.words_of(branding, locale), view, branding, locale)
    }

    fn words<'a>(&'a self, context: &PageContext<'a>) -> &'a Words {
        self.words_of(context.branding, context.locale)
    }

    /// The tenant's own words, as far as it has any.
    fn words_of<'a>(&'a self, branding: &'a Branding, locale: Locale) -> &'a Words {
        branding.texts.words(locale).unwrap_or_else(|| self.catalogue.words(locale))
    }

    fn frame<'a>(&'a self, context: &'a PageContext<'a>, title: String) -> Frame<'a> {
        Frame::new(context, (&self.catalogue, self.words(context)), &self.assets, title)
    }
}

/// A template cannot fail but for a formatter that does; then the page is empty rather than half.
fn render(page: &impl Template) -> String {
    page.render().unwrap_or_default()
}
