//! The forms of a page, read as far as submitting one needs.
//!
//! This is no HTML parser: it reads tags and attributes of pages that are meant to work without scripts, inside a
//! page of bounded size, and gives up on nothing worse than finding no form.

/// A form with its fields and buttons.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct HtmlForm {
    pub(crate) action: String,
    pub(crate) is_post: bool,
    pub(crate) fields: Vec<Field>,
    pub(crate) buttons: Vec<Button>,
}

/// An input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) checked: bool,
}

/// Something that submits the form; it adds its name and value if it has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Button {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl HtmlForm {
    /// Finds every form of a page.
    pub(crate) fn all(page: &str) -> Vec<Self> {
        let mut forms = Vec::new();
        let mut open: Option<Self> = None;
        for tag in Tags(page) {
            match (tag.name.as_str(), open.as_mut()) {
                ("form", _) => {
                    forms.extend(open.take());
                    let is_post = tag.attribute("method").is_some_and(|m| m.eq_ignore_ascii_case("post"));
                    let action = tag.attribute("action").unwrap_or_default();
                    open = Some(Self { action, is_post, ..Self::default() });
                }
                ("/form", _) => forms.extend(open.take()),
                ("input", Some(form)) => form.add_input(&tag),
                ("button", Some(form)) if tag.submits() => form.buttons.push(tag.button()),
                _ => {}
            }
        }
        forms.extend(open);
        forms
    }

    fn add_input(&mut self, tag: &Tag) {
        let kind = tag.attribute("type").unwrap_or_else(|| "text".to_owned()).to_ascii_lowercase();
        if kind == "submit" {
            return self.buttons.push(tag.button());
        }
        if let Some(name) = tag.attribute("name") {
            let value = tag.attribute("value");
            let checkable = matches!(kind.as_str(), "checkbox" | "radio");
            let value = value.unwrap_or_else(|| if checkable { "on".to_owned() } else { String::new() });
            self.fields.push(Field { name, kind, value, checked: tag.attribute("checked").is_some() });
        }
    }

    pub(crate) fn has(&self, kind: &str) -> bool {
        self.fields.iter().any(|field| field.kind == kind)
    }

    /// What is sent: every field as it stands or as `fill` gives it, and the button that was pressed.
    pub(crate) fn submit<'a>(
        &'a self,
        button: Option<&'a Button>,
        fill: impl Fn(&Field) -> Option<&'a str>,
    ) -> Vec<(&'a str, &'a str)> {
        let sent = self.fields.iter().filter_map(|field| {
            let checkable = matches!(field.kind.as_str(), "checkbox" | "radio");
            let left_out = checkable && !field.checked;
            (!left_out).then(|| (field.name.as_str(), fill(field).unwrap_or(&field.value)))
        });
        let button = button.filter(|button| !button.name.is_empty());
        sent.chain(button.map(|button| (button.name.as_str(), button.value.as_str()))).collect()
    }
}

/// Finds the text of the first element of this name, without the tags inside.
pub(crate) fn text_of(page: &str, element: &str) -> Option<String> {
    let starts = [page.find(&format!("<{element}>")), page.find(&format!("<{element} "))];
    let start = starts.into_iter().flatten().min()?;
    let rest = page.get(start..)?;
    let inner = rest.get(rest.find('>')? + 1..)?;
    let inner = inner.get(..inner.find(&format!("</{element}>"))?)?;
    let mut text = String::new();
    for (index, piece) in inner.split('<').enumerate() {
        text.push_str(if index == 0 { piece } else { piece.split_once('>').map_or("", |(_, after)| after) });
    }
    Some(unescape(&text).split_whitespace().collect::<Vec<_>>().join(" "))
}

/// A tag with its attributes.
struct Tag {
    /// In lower case, with a leading slash for an end tag.
    name: String,
    attributes: Vec<(String, String)>,
}

impl Tag {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// A button without a type submits.
    fn submits(&self) -> bool {
        self.attribute("type").is_none_or(|kind| kind.eq_ignore_ascii_case("submit"))
    }

    fn button(&self) -> Button {
        let [name, value] = ["name", "value"].map(|key| self.attribute(key).unwrap_or_default());
        Button { name, value }
    }
}

/// The tags of a page, one after the other; the text between them is skipped.
struct Tags<'a>(&'a str);

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        loop {
            let (_, rest) = self.0.split_once('<')?;
            if let Some(comment) = rest.strip_prefix("!--") {
                self.0 = comment.split_once("-->").map_or("", |(_, after)| after);
                continue;
            }
            let length = rest.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(rest.len());
            let (name, mut rest) = rest.split_at(length);
            let mut attributes = Vec::new();
            while let Some((pair, after)) = attribute(rest) {
                attributes.push(pair);
                rest = after;
            }
            self.0 = rest;
            return Some(Tag { name: name.trim_end_matches('/').to_ascii_lowercase(), attributes });
        }
    }
}

/// Reads one attribute and what follows it; `None` at the end of the tag.
fn attribute(text: &str) -> Option<((String, String), &str)> {
    let text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '/');
    if text.is_empty() || text.starts_with('>') {
        return None;
    }
    let end = text.find(|c: char| c.is_whitespace() || matches!(c, '=' | '>' | '/')).unwrap_or(text.len());
    let (name, rest) = text.split_at(end.max(1).min(text.len()));
    let name = name.to_ascii_lowercase();
    let Some(value) = rest.trim_start().strip_prefix('=') else {
        return Some(((name, String::new()), rest));
    };
    let value = value.trim_start();
    for quote in ['"', '\''] {
        if let Some(quoted) = value.strip_prefix(quote) {
            let (value, after) = quoted.split_once(quote).unwrap_or((quoted, ""));
            return Some(((name, unescape(value)), after));
        }
    }
    let end = value.find(|c: char| c.is_whitespace() || c == '>').unwrap_or(value.len());
    let (value, after) = value.split_at(end);
    Some(((name, unescape(value)), after))
}

/// Turns the character references that templates write back into characters.
fn unescape(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let known = piece.split_once(';').and_then(|(name, rest)| Some((character(name)?, rest)));
        if let Some((character, rest)) = known {
            plain.push(character);
            plain.push_str(rest);
        } else {
            plain.push('&');
            plain.push_str(piece);
        }
    }
    plain
}

fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']).map(|hex| u32::from_str_radix(hex, 16).ok());
        return char::from_u32(hex.unwrap_or_else(|| number.parse().ok())?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(page: &str) -> HtmlForm {
        let mut forms = HtmlForm::all(page);
        assert_eq!(forms.len(), 1, "{forms:?}");
        forms.remove(0)
    }

    fn check_sent(page: &str, expected: &[(&str, &str)]) {
        let form = only(page);
        let filled =
            form.submit(form.buttons.first(), |field| (field.name == "identifier").then_some("ada@x"));
        assert_eq!(filled, expected);
    }

    #[test]
    fn a_form_sends_its_fields_and_the_button() {
        check_sent(
            r#"<p><form method="POST" action="/in?a=1&amp;b=2">
               <input type=hidden name=csrf value='a&quot;b&#x27;&#39;'><input id="i" name="identifier" type="email" required>
               <input name="remember" type="checkbox" value="true"><input name="n" type="checkbox" checked>
               <button type="button" name="no">x</button><button name="method" value="password">Go</button></form>"#,
            &[("csrf", "a\"b''"), ("identifier", "ada@x"), ("n", "on"), ("method", "password")],
        );
    }

    #[test]
    fn the_action_is_unescaped() {
        let form = only(r#"<form action="/in?a=1&amp;b=2" method=post></form>"#);
        assert_eq!((form.action.as_str(), form.is_post), ("/in?a=1&b=2", true));
    }

    #[test]
    fn fields_outside_a_form_and_in_comments_are_nobodys() {
        let form =
            only("<input name=a><!-- <form><input name=b> --><form><input name=c></form><input name=d>");
        assert_eq!(form.fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["c"]);
    }

    #[test]
    fn broken_pages_end() {
        for page in [
            "<",
            "<form",
            "<form a",
            "<form a=",
            "<form a=\"",
            "<form =x>",
            "<form //",
            "<!--",
            "&#",
            "<é ü=ß>",
        ] {
            let _ = HtmlForm::all(page);
        }
        assert_eq!(unescape("&#xD800; &bogus; & &amp"), "&#xD800; &bogus; & &amp");
    }

    #[test]
    fn text_of_an_element_has_no_tags() {
        assert_eq!(text_of("<h1 class=a>A <b>b</b> &amp; c</h1>", "h1").as_deref(), Some("A b & c"));
        assert_eq!(text_of("<p class=a>first</p><p>second</p>", "p").as_deref(), Some("first"));
        assert_eq!(text_of("<h2>x</h2>", "h1"), None);
    }
}
