//! A tenant's own words for one message in one language.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::MailTemplate;
use super::template::{Form, Template, TemplateError};

/// What a message says. `{{ name }}` stands for a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MailWords {
    /// The subject, one line.
    pub subject: String,
    /// The text; of a text message, all of it.
    pub text: String,
    /// The same in HTML, where every value is escaped. Without it, the text as it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
}

/// A message in a tenant's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedMail {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
    /// The same in HTML.
    pub html: String,
}

impl MailWords {
    /// What is wrong with them, by the part.
    pub fn check(&self, of: MailTemplate) -> Vec<(&'static str, TemplateError)> {
        let parts = [
            ("subject", Form::Subject, Some(&self.subject)),
            ("text", Form::Text, Some(&self.text)),
            ("html", Form::Html, self.html.as_ref()),
        ];
        let wrong = parts.into_iter().filter_map(|(part, form, text)| {
            Template::parse(text?, (form, of)).err().map(|error| (part, error))
        });
        wrong.collect()
    }

    /// The message with its values.
    pub fn render(
        &self,
        of: MailTemplate,
        values: &Map<String, Value>,
    ) -> Result<RenderedMail, TemplateError> {
        let made = |text: &str, form: Form, values: &Map<String, Value>| {
            Template::parse(text, (form, of)).map(|template| template.render(form, values))
        };
        let html = if let Some(html) = &self.html {
            made(html, Form::Html, values)?
        } else {
            // The very words are HTML of no tags once they are escaped.
            let text = made(&self.text, Form::Text, values)?;
            format!("<pre style=\"font: inherit; white-space: pre-wrap\">{}</pre>", escaped(&text))
        };
        Ok(RenderedMail {
            subject: made(&self.subject, Form::Subject, values)?,
            text: made(&self.text, Form::Text, values)?,
            html,
        })
    }
}

fn escaped(text: &str) -> String {
    let mut made = String::new();
    text.chars().for_each(|c| super::template::escape(c, &mut made));
    made
}
