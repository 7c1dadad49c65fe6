//! Writes every page with sample data into a directory, for looking at and for `tests/clients/screenshots`.
//!
//! `cargo run -p portcullis-ui --example preview -- target/preview`

use std::path::{Path, PathBuf};

use portcullis_ui::samples::SAMPLES;
use portcullis_ui::{Branding, Locale, PageContext, Pages, brand_stylesheet_name, page_headers};
use primitives::Timestamp;
use serde_json::json;

type Failure = Box<dyn std::error::Error>;

/// The present of all samples.
const NOW: Timestamp = Timestamp::from_seconds(1_795_514_400);

fn main() -> Result<(), Failure> {
    let directory = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/preview".to_owned()));
    let pages = Pages::new()?;
    let mut index = Vec::new();
    for (tenant, branding) in tenants()? {
        let base = if tenant == "default" { String::new() } else { format!("/t/{tenant}") };
        let root = directory.join(base.trim_start_matches('/'));
        for (name, asset) in pages.assets().iter() {
            write(&root.join("ui/assets").join(name), asset.body)?;
        }
        write(&root.join("ui/assets").join(brand_stylesheet_name(&branding)), &branding.stylesheet())?;
        for locale in Locale::ALL {
            for sample in SAMPLES {
                let name = sample.name;
                // Other tenants differ in their colours only: three pages show them all.
                if tenant != "default" && !matches!(name, "login-failed" | "consent" | "settings") {
                    continue;
                }
                let html = sample.page(&pages, &context(&branding, &base, locale)).ok_or(name)?;
                let file = format!("{name}.{}.html", locale.tag());
                write(&root.join(&file), &html)?;
                index.push(json!({
                    "name": if tenant == "default" { name.to_owned() } else { format!("{tenant}-{name}") },
                    "language": locale.tag(),
                    "path": format!("{base}/{file}"),
                    "headers": page_headers(&branding, None)
                        .into_iter()
                        .map(|(name, value)| (name.to_owned(), value.into()))
                        .collect::<serde_json::Map<_, serde_json::Value>>(),
                    "script": html.contains("data-pages").then(|| {
                        format!("{base}/ui/assets/{}", pages.assets().passkeys())
                    }),
                }));
            }
        }
    }
    write(&directory.join("pages.json"), &serde_json::to_string_pretty(&index)?)?;
    eprintln!("{} pages in {}", index.len(), directory.display());
    Ok(())
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
        ("paper", branding("Paper", "#ffffff")?),
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
