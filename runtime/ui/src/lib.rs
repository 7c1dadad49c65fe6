//! The built-in pages: templates, style, words, and what a tenant's branding makes of them.
//!
//! A page is a function of what it is given: a flow as the API describes it ([`FlowView`]), or one of the views in
//! [`views`], and the [`PageContext`] (tenant, language, where it is). The result is one HTML document that works
//! without scripts; [`page_headers`] forbids them. Only passkeys need one, see `js/`, and the last page of a session has a line of
//! one, see `farewell.rs`. This room never fetches, stores or decides anything.
//!
//! Start with [`Pages`]. A page's words are in `locales/`, its mark-up in `templates/`, its looks in `css/`.

pub mod assets;
pub mod branding;
pub mod colour;
mod device;
mod farewell;
pub mod flow;
mod form;
mod frame;
pub mod locale;
mod mail;
mod pages;
pub mod samples;
mod security;
mod texts;
pub mod views;
mod when;

pub use assets::{Asset, Assets, IMMUTABLE, brand_stylesheet_name};
pub use branding::{Branding, PageUrl};
pub use colour::Colour;
pub use farewell::farewell_policy;
pub use flow::FlowView;
pub use frame::PageContext;
pub use locale::{Locale, LocaleError};
pub use mail::{InvitationMailView, Letter, MailView};
pub use pages::{
    ApiContentView, ApiFieldView, ApiOperationView, ApiParameterView, ApiSchemaView, ApiView, ApiWord,
    ConnectionFields, ConnectionItem, DomainItem, ImpersonationView, InvitationItem, InvitationView, KeyItem,
    MemberItem, NewKey, OrganisationOutcome, OrganisationPart, OrganisationView, OwnershipView, Pages,
};
pub use security::{page_headers, policy_with_sources};
pub use texts::Texts;
pub use views::{
    AppItem, ConsentView, DeletionRefusal, DeletionView, DetailView, DeviceCodeProblem, DeviceCodeView,
    DeviceDoneView, DeviceView, ErrorView, FarewellView, Hidden, LetterView, LogoutView, MailboxView,
    OrganisationLink, PartView, ScopeView, SessionItem, SessionsView, WelcomeView,
};
