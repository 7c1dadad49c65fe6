//! Who can sign in to the demo.

use http::Method;
use primitives::Rng;
use serde_json::json;

use super::tenant;
use crate::api::{Api, of_tenant};
use crate::outcome::Failure;

/// Somebody with an account.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) email: &'static str,
    name: (&'static str, &'static str),
    pub(super) password: String,
    /// Whether the plugin's settings suspend the customer that this is a user of.
    pub(super) suspended: bool,
}

/// One whom everything is open to, and one of a customer that is suspended; their passwords are new each time.
pub(super) fn all(rng: &dyn Rng) -> Vec<Person> {
    let person = |email, name, suspended| Person { email, name, password: random_words(rng), suspended };
    vec![
        person("ada@acme.example", ("Ada", "Lovelace"), false),
        person("grace@late.example", ("Grace", "Hopper"), true),
    ]
}

/// Makes their accounts, as an operator would.
pub(super) async fn sign_up(api: &mut Api, people: &[Person]) -> Result<(), Failure> {
    let path = of_tenant(&tenant::ID.parse()?, "/admin/identities");
    for person in people {
        let (first, last) = person.name;
        let account = json!({
            "schema_id": "default",
            "traits": { "email": person.email, "name": { "first": first, "last": last } },
            "credentials": { "password": { "config": { "password": person.password } } },
        });
        api.send(Method::POST, &path, Some(&account)).await?;
    }
    Ok(())
}

/// Returns 78 random bits that can be read and typed.
pub(super) fn random_words(rng: &dyn Rng) -> String {
    // No 0, 1, i, l, o or u, which are taken for one another. 30 does not divide 256, a bias that costs a fraction
    // of a bit.
    const LETTERS: &[u8] = b"23456789abcdefghjkmnpqrstvwxyz";
    let mut bytes = [0; 16];
    rng.fill(&mut bytes);
    let letter = |byte: &u8| LETTERS.get(usize::from(*byte) % LETTERS.len()).copied().unwrap_or(b'2');
    let letters: Vec<u8> = bytes.iter().map(letter).collect();
    let words: Vec<_> = letters.chunks(4).map(String::from_utf8_lossy).collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRng;

    #[test]
    fn passwords_differ_and_can_be_typed() {
        let rng = SystemRng::new();
        let people: Vec<Person> = [all(&rng), all(&rng)].into_iter().flatten().collect();
        let passwords: std::collections::HashSet<_> = people.iter().map(|person| &person.password).collect();
        assert_eq!(passwords.len(), 4);
        for password in passwords {
            assert_eq!(password.len(), 19);
            assert!(password.bytes().all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit()));
        }
    }
}
