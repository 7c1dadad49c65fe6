//! `portcullis identity import` and `export`: accounts as lines, with what they sign in with where that is asked for.

use serde_json::{Value, json};

use crate::place::{NODE, Place};

const SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

/// An account's line, as other systems write it.
fn line(email: &str) -> Value {
    let url = format!("otpauth://totp/acme:ada?secret={SECRET}");
    json!({
        "schema_id": "default",
        "traits": { "email": email },
        "credentials": {
            "password": { "config": { "hashed_password": "$2b$05$CCCCCCCCCCCCCCCCCCCCC.WrAwgFxicHZ3kL7zMvXYXHKosDn8ot2" } },
            "totp": { "config": { "totp_url": url, "last_step": 7 } },
            "lookup_secret": { "config": { "codes": [{ "code": "abcdefgh", "used_at": null }] } },
            "oidc": { "config": { "providers": [{ "provider": "acme", "subject": email }] } },
        },
    })
}

fn lines(place: &Place, arguments: &[&str]) -> Vec<Value> {
    let ended = place.run(&[&["identity", "export"], arguments].concat());
    assert_eq!(ended.code, 0, "{}", ended.err);
    ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn accounts_go_from_tenant_to_tenant_with_all_they_sign_in_with() {
    let place = Place::with_data(NODE);
    for tenant in ["acme", "rival"] {
        place.json(&["tenant", "create", tenant]);
    }
    let people: Vec<_> = (0..3).map(|n| line(&format!("ada{n}@example.com")).to_string()).collect();
    let text = people.join("\n") + "\n";
    let file = place.write("people.jsonl", &text);
    let made = place.run(&["identity", "import", &file, "-t", "acme"]);
    assert_eq!((made.code, made.out.trim()), (0, "3 made, 0 refused"), "{}", made.err);

    let plain = lines(&place, &["-t", "acme"]);
    assert_eq!(plain.len(), 3);
    assert!(plain.iter().all(|line| line.get("credentials").is_none()), "{plain:?}");
    let hashes = lines(&place, &["-t", "acme", "--password-hashes"]);
    for line in &hashes {
        let kinds: Vec<&String> = line["credentials"].as_object().unwrap().keys().collect();
        assert_eq!(kinds, ["password"]);
    }
    let whole = lines(&place, &["-t", "acme", "--credentials"]);
    for line in &whole {
        let credentials = &line["credentials"];
        let mut kinds: Vec<&String> = credentials.as_object().unwrap().keys().collect();
        kinds.sort();
        assert_eq!(kinds, ["lookup_secret", "oidc", "password", "totp"]);
        let totp = &credentials["totp"]["config"];
        assert!(totp["totp_url"].as_str().unwrap().contains(SECRET), "{line}");
        assert_eq!(totp["last_step"], 7);
        assert_eq!(credentials["lookup_secret"]["config"]["codes"][0]["code"], "abcdefgh");
        assert_eq!(credentials["oidc"]["config"]["providers"][0]["subject"], line["traits"]["email"]);
    }

    // What is written is what is read, ids and all.
    let text = whole.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n") + "\n";
    let file = place.write("export.jsonl", &text);
    let made = place.run(&["identity", "import", &file, "-t", "rival"]);
    assert_eq!((made.code, made.out.trim()), (0, "3 made, 0 refused"), "{}", made.err);
    assert_eq!(lines(&place, &["-t", "rival", "--credentials"]), whole);
}

#[test]
fn lines_that_are_no_accounts_are_named_and_cost_the_others_nothing() {
    let place = Place::with_data(NODE);
    let mut weak = line("eve@example.com");
    weak["credentials"]["totp"]["config"]["totp_url"] = json!("otpauth://totp/x?secret=AAAA");
    let mut unknown = line("kim@example.com");
    unknown["credentials"] = json!({ "saml": { "config": {} } });
    let text = format!(
        "{}\n\nnot json\n{}\n{weak}\n{unknown}\n{}\n",
        line("ada@example.com"),
        line("ADA@example.com"),
        line("bob@example.com"),
    );
    let file = place.write("people.jsonl", &text);
    let made = place.run(&["identity", "import", &file]);
    assert_eq!((made.code, made.out.trim()), (3, "2 made, 4 refused"), "{}", made.err);
    for told in ["line 3: is not a JSON object", "line 4: ", "line 5: ", "line 6: "] {
        assert!(made.err.contains(told), "{told}: {}", made.err);
    }
    assert!(!made.err.contains("AAAA"), "secrets are not printed: {}", made.err);
    // From the last line on there is nothing new to make.
    let again = place.run(&["identity", "import", &file, "--from-line", "7"]);
    assert_eq!((again.code, again.out.trim()), (3, "0 made, 1 refused"), "{}", again.err);
    place.fails(&["identity", "import", "/nowhere"], 1, "cannot read");
    place.fails(&["identity", "export", "-t", "nobody"], 3, "");
    assert_eq!(lines(&place, &[]).len(), 2);
}
