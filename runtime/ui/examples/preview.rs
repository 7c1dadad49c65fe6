//! Writes every page with sample data into a directory, for looking at and for `tests/clients/screenshots`.
//!
//! `cargo run -p portcullis-ui --example preview -- target/preview`

use std::path::{Path, PathBuf};

use portcullis_ui::samples::{MAILS, SAMPLES};
use portcullis_ui::{Branding, Locale, PageContext, Pages, brand_stylesheet_name, page_headers};
use primitives::Timestamp;
use serde_json::{Map, Value, json};

type Failure = Box<dyn std::error::Error>;

/// What a mail program lets a message do: be looked at.
const MAIL_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// The present of all samples.
const NOW: Timestamp = Timestamp::from_seconds(1_795_514_400);

fn main() -> Result<(), Failure> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/preview".to_owned()));
    let pages = Pages::new()?;
    let mut index = Vec::new();
    for (tenant, branding) in tenants()? {
        let base = if tenant == "default" { String::new() } else { format!("/t/{tenant}") };
        let tenant =
            Tenant { name: tenant, root: directory.join(base.trim_start_matches('/')), base, branding };
        for (name, asset) in pages.assets().iter() {
            write(&tenant.root.join("ui/assets").join(name), asset.body)?;
        }
        let brand = brand_stylesheet_name(&tenant.branding);
        write(&tenant.root.join("ui/assets").join(brand), &tenant.branding.stylesheet())?;
        write(&tenant.root.join("logo.svg"), &logo("#16181d"))?;
        write(&tenant.root.join("logo-dark.svg"), &logo("#ffffff"))?;
        for locale in Locale::ALL {
            tenant.write_pages(&pages, locale, &mut index)?;
            tenant.write_mails(&pages, locale, &mut index)?;
        }
    }
    write(&directory.join("pages.json"), &serde_json::to_string_pretty(&index)?)?;
    eprintln!("{} pages and messages in {}", index.len(), directory.display());
    Ok(())
}

/// Whose pages they are.
struct Tenant {
    name: &'static str,
    root: PathBuf,
    base: String,
    branding: Branding,
}

impl Tenant {
    fn write_pages(&self, pages: &Pages, locale: Locale, index: &mut Vec<Value>) -> Result<(), Failure> {
        let (base, branding) = (&self.base, &self.branding);
        for sample in SAMPLES {
            // Other tenants differ in their colours, pictures and links only: a few pages show them all.
            let is_telling = matches!(sample.name, "login-failed" | "registration" | "consent" | "settings");
            if self.name != "default" && !is_telling {
                continue;
            }
            let html = sample.page(pages, &context(branding, base, locale)).ok_or(sample.name)?;
            let headers = page_headers(branding, None).map(|(name, value)| (name.to_owned(), value.into()));
            let script = html
                .contains("data-pages")
                .then(|| format!("{base}/ui/assets/{}", pages.assets().passkeys()));
            let mut entry = self.write(sample.name, locale, &html)?;
            entry.insert("headers".to_owned(), Map::from_iter(headers).into());
            entry.insert("script".to_owned(), script.into());
            index.push(entry.into());
        }
        Ok(())
    }

    fn write_mails(&self, pages: &Pages, locale: Locale, index: &mut Vec<Value>) -> Result<(), Failure> {
        for mail in MAILS {
            // A message has one colour of its tenant's.
            if self.name != "default" && mail.name != "mail-recovery" {
                continue;
            }
            let mut entry =
                self.write(mail.name, locale, &mail.letter(pages, &self.branding, locale).html)?;
            entry.insert("headers".to_owned(), json!({ "content-security-policy": MAIL_POLICY }));
            entry.insert("is_mail".to_owned(), true.into());
            index.push(entry.into());
        }
        Ok(())
    }

    /// Writes one and returns what is to be known of it.
    fn write(&self, name: &str, locale: Locale, html: &str) -> Result<Map<String, Value>, Failure> {
        let file = format!("{name}.{}.html", locale.tag());
        write(&self.root.join(&file), html)?;
        let name = if self.name == "default" { name.to_owned() } else { format!("{}-{name}", self.name) };
        let path = format!("{}/{file}", self.base);
        Ok(Map::from_iter([
            ("name".to_owned(), name.into()),
            ("language".to_owned(), locale.tag().into()),
            ("path".to_owned(), path.into()),
        ]))
    }
}

/// A name in letters, as wide as those of some companies are.
fn logo(colour: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 240 48\" width=\"240\" height=\"48\">\
         <circle cx=\"24\" cy=\"24\" r=\"18\" fill=\"#12805c\"/><text x=\"54\" y=\"34\" font-family=\"sans-serif\" \
         font-size=\"28\" font-weight=\"700\" fill=\"{colour}\">Greenhouse</text></svg>"
    )
}

fn tenants() -> Result<Vec<(&'static str, Branding)>, Failure> {
    let branding = |name: &str, colour: &str| -> Result<Branding, Failure> {
        Ok(Branding { name: name.to_owned(), primary_color: colour.parse()?, ..Branding::default() })
    };
    Ok(vec![
        (
            "default",
            Branding {
                support_url: Some("mailto:help@nexboard.example".parse()?),
                privacy_url: Some("https://nexboard.example/privacy".parse()?),
                terms_url: Some("https://nexboard.example/terms".parse()?),
                ..branding("Nexboard", "#3457dc")?
            },
        ),
        ("sunny", branding("Sunny Side", "#ffd400")?),
        ("ink", branding("Ink", "#0b0b0c")?),
        (
            "logo",
            Branding {
                logo_url: Some("/t/logo/logo.svg".parse()?),
                logo_dark_url: Some("/t/logo/logo-dark.svg".parse()?),
                ..branding("Greenhouse", "#12805c")?
            },
        ),
        (
            "paper",
            Branding {
                privacy_url: Some("https://paper.example/privacy".parse()?),
                ..branding("Paper", "#ffffff")?
            },
        ),
        (
            "rose",
            Branding {
                headline: [
                    (Locale::En, "Furniture that outlives its owners"),
                    (Locale::De, "Möbel, die ihre Besitzer überdauern"),
                ]
                .map(|(locale, text)| (locale, text.to_owned()))
                .into(),
                ..branding("Rosewood", "#e11d48")?
            },
        ),
    ])
}

fn context<'a>(branding: &'a Branding, base_path: &'a str, locale: Locale) -> PageContext<'a> {
    PageContext {
        branding,
        locale,
        base_path,
        here: "/ui/login?flow=5f1c7b0e-7a60-4b0a-9a3e-0c5b5d6a7e10",
        client_name: None,
        acting: false,
        registration: true,
        recovery: true,
        password_min_length: 8,
        now: NOW,
    }
}

fn write(path: &Path, content: &str) -> Result<(), Failure> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, content)?;
    Ok(())
}
