//! Files that the pages load: each under a name that holds its content's hash, so that caches keep it for good.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, SHA512, digest};

use crate::branding::Branding;

/// A file as it is served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its `Content-Type`.
    pub content_type: &'static str,
    /// Its content.
    pub body: &'static str,
}

/// `Cache-Control` of whatever is named by its content.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// The files by name (without a folder), e.g. `portcullis-0f3a….css`.
#[derive(Debug)]
pub struct Assets {
    files: BTreeMap<String, Asset>,
    /// The name of the stylesheet.
    pub(crate) css: String,
    /// The name of the icon.
    pub(crate) icon: String,
    /// The name of the script for passkeys and security keys.
    passkeys: String,
    passkeys_integrity: String,
}

impl Assets {
    pub(crate) fn new() -> Self {
        let css =
            Asset { content_type: "text/css; charset=utf-8", body: include_str!("../css/portcullis.css") };
        let icon = Asset { content_type: "image/svg+xml", body: include_str!("../assets/icon.svg") };
        let script =
            Asset { content_type: "text/javascript; charset=utf-8", body: include_str!("../js/passkeys.js") };
        let integrity = format!("sha512-{}", STANDARD.encode(digest(&SHA512, script.body.as_bytes())));
        let name =
            |stem: &str, asset: &Asset, end: &str| format!("{stem}-{}.{end}", content_hash(asset.body));
        let (css_name, icon_name) = (name("portcullis", &css, "css"), name("icon", &icon, "svg"));
        let passkeys = name("passkeys", &script, "js");
        let files =
            BTreeMap::from([(css_name.clone(), css), (icon_name.clone(), icon), (passkeys.clone(), script)]);
        Self { files, css: css_name, icon: icon_name, passkeys, passkeys_integrity: integrity }
    }

    /// The file of that name.
    pub fn find(&self, name: &str) -> Option<&Asset> {
        self.files.get(name)
    }

    /// The name of the script for passkeys and security keys, the one that runs on a page.
    pub fn passkeys(&self) -> &str {
        &self.passkeys
    }

    /// Its integrity (W3C Subresource Integrity).
    pub fn passkeys_integrity(&self) -> &str {
        &self.passkeys_integrity
    }

    /// Every file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Asset)> {
        self.files.iter().map(|(name, asset)| (name.as_str(), asset))
    }
}

/// The name of a tenant's stylesheet: below the tenant's own path, `brand-<hash>.css`.
pub fn brand_stylesheet_name(branding: &Branding) -> String {
    format!("brand-{}.css", content_hash(&branding.stylesheet()))
}

fn content_hash(content: &str) -> String {
    let nibbles = |byte: &u8| [byte >> 4, byte & 0x0f];
    let hash = digest(&SHA256, content.as_bytes());
    let digits = hash.as_ref().iter().take(8).flat_map(nibbles);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}
