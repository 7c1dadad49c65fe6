//! The cookies of one browser. It sends all of them everywhere, since it knows one server only.

/// The cookies, and the line of a request that brings them.
#[derive(Debug, Clone, Default)]
pub(in crate::bench) struct Jar {
    cookies: Vec<(String, String)>,
    line: String,
}

impl Jar {
    /// A browser that has what a `Cookie` header says.
    pub(in crate::bench) fn of_header(header: &str) -> Self {
        let mut jar = Self::default();
        header.split("; ").for_each(|cookie| jar.take(cookie));
        jar
    }

    /// Takes what a `Set-Cookie` header says; an empty one takes its cookie away.
    pub(super) fn take(&mut self, header: &str) {
        let pair = header.split(';').next().unwrap_or_default().trim();
        let Some((name, value)) = pair.split_once('=') else { return };
        let place = self.cookies.iter().position(|(known, _)| known == name);
        match (place, value) {
            (Some(place), "") => drop(self.cookies.remove(place)),
            (None, "") => return,
            (Some(place), _) => {
                let Some((_, known)) = self.cookies.get_mut(place) else { return };
                if known == value {
                    return;
                }
                value.clone_into(known);
            }
            (None, _) => self.cookies.push((name.to_owned(), value.to_owned())),
        }
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.line =
            if pairs.is_empty() { String::new() } else { format!("cookie: {}\r\n", pairs.join("; ")) };
    }

    /// Returns the line of the request's head, or nothing.
    pub(super) fn line(&self) -> &str {
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::Jar;

    #[test]
    fn a_browser_keeps_the_last_of_each_name() {
        let mut jar = Jar::of_header("a=1; b=2");
        jar.take("a=3=; Path=/; HttpOnly");
        assert_eq!(jar.line(), "cookie: a=3=; b=2\r\n");
        jar.take("b=; Max-Age=0");
        jar.take("c=");
        assert_eq!(jar.line(), "cookie: a=3=\r\n");
        jar.take("a=");
        assert_eq!(jar.line(), "");
    }
}
