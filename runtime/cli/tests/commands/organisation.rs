//! Organisations, what is told of accounts, and the audit log, as a script sees them.

use serde_json::{Value, json};

use crate::place::{NODE, Place};

const ACME: &str = "[[tenant]]\nid = \"acme\"\n";

/// A place with tenant `acme`, and an organisation in it.
fn place() -> (Place, String) {
    let place = Place::with_data(&format!("{NODE}{ACME}"));
    let made = place.json(&["organisation", "create", "Analytical Engines", "-t", "acme"]);
    let id = made["id"].as_str().unwrap().to_owned();
    (place, id)
}

/// `organisation`, two words of what is to be done, the organisation, and the rest.
fn below<'a>(id: &'a str, words: &[&'a str]) -> Vec<&'a str> {
    let (verbs, rest) = words.split_at(2);
    [&["organisation"], verbs, &[id], rest, &["-t", "acme"]].concat()
}

#[test]
fn organisation_is_made_listed_shown_and_deleted() {
    let (place, id) = place();
    let of = ["-t", "acme"];
    let shown = place.json(&[&["organisation", "show", &id][..], &of].concat());
    assert_eq!((&shown["label"], &shown["state"]), (&json!("Analytical Engines"), &json!("active")));
    let listed = place.run(&[&["organisation", "list"][..], &of].concat()).out;
    assert!(listed.starts_with("ID ") && listed.contains(&id), "{listed}");
    place.fails(&["organisation", "show", &id], 3, "");
    assert_eq!(place.run(&[&["organisation", "delete", &id][..], &of].concat()).code, 0);
    place.fails(&[&["organisation", "show", &id][..], &of].concat(), 3, "");
}

#[test]
fn domains_members_and_invitations_of_an_organisation() {
    let (place, id) = place();
    let json = |words: &[&str]| place.json(&below(&id, words));
    let claim = json(&["domain", "add", "Acme.Example"]);
    assert_eq!(claim["record"]["name"], "_portcullis-challenge.acme.example", "{claim}");
    assert_eq!(json(&["domain", "list"]), json!([claim]));

    let ada = place.json(&["identity", "create", "--email", "ada@acme.example", "-t", "acme"]);
    let ada = ada["id"].as_str().unwrap();
    let member = json(&["member", "add", ada, "--role", "owner"]);
    assert_eq!((&member["identity"], &member["role"]), (&json!(ada), &json!("owner")));
    assert_eq!(json(&["member", "list"]).as_array().unwrap().len(), 1);

    let invited =
        place.json(&["organisation", "invite", &id, "bob@acme.example", "--role", "admin", "-t", "acme"]);
    assert_eq!((&invited["address"], &invited["role"]), (&json!("bob@acme.example"), &json!("admin")));
    let invitations = json(&["invitation", "list"]);
    assert_eq!(invitations[0]["id"], invited["id"]);

    for (verb, what) in [("domain", "acme.example"), ("member", ada)] {
        let arguments = below(&id, &[verb, "remove", what]);
        assert_eq!(place.run(&arguments).code, 0, "{verb}");
        place.fails(&arguments, 3, "");
        assert_eq!(json(&[verb, "list"]), json!([]));
    }
}

#[test]
fn connection_is_set_with_a_secret_from_a_file_and_switched() {
    let (place, id) = place();
    let secret = place.write("secret", "hunter2\n");
    let with = |verb: &str, more: &[&str]| place.run(&below(&id, &[&["connection", verb], more].concat()));
    let json = |verb: &str, more: &[&str]| -> Value {
        let ended = with(verb, &[more, &["--json"]].concat());
        assert_eq!(ended.code, 0, "{verb}: {}", ended.err);
        assert!(!ended.out.contains("hunter2"), "{}", ended.out);
        serde_json::from_str(&ended.out).unwrap()
    };
    assert_eq!(with("show", &[]).code, 3, "there is none");
    let fields =
        ["--issuer-url", "https://login.acme.example", "--client-id", "portcullis", "--secret-file", &secret];
    let set = json("set", &fields);
    assert_eq!(
        (&set["provider"]["provider"], &set["has_secret"], &set["enabled"]),
        (&json!("generic"), &json!(true), &json!(true))
    );
    assert!(set["redirect_uri"].as_str().unwrap().contains(&id), "what is registered there: {set}");
    assert_eq!(json("disable", &[])["enabled"], false);
    assert_eq!(json("show", &[])["enabled"], false);
    assert_eq!(json("enable", &[])["enabled"], true);
    let refused = with("create", &["--client-id", "portcullis", "--issuer-url", "http://login.acme.example"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("must be https"), "{}", refused.err);
    assert_eq!(with("delete", &[]).code, 0);
    assert_eq!(with("disable", &[]).code, 3, "it is gone");
}

/// Attack: by the name of one organisation the key of another, or of the tenant, is taken away.
#[test]
fn keys_of_an_organisation_are_shown_once_and_revoked_by_it_alone() {
    let (place, id) = place();
    let rival =
        place.json(&["organisation", "create", "Rival", "-t", "acme"])["id"].as_str().unwrap().to_owned();
    let of = |verb: &str, organisation: &str, more: &[&str]| {
        place.run(&below(organisation, &[&["key", verb], more].concat()))
    };
    let made = of("create", &id, &["hr", "--scope", "organisations:write", "--expires-in", "90d"]);
    assert_eq!(made.code, 0, "{}", made.err);
    let secret = made.out.trim();
    assert!(secret.starts_with("pk_") && !secret.contains(char::is_whitespace), "{secret}");
    let tenants = place.run(&["key", "create", "ci", "--scope", "all", "--tenant", "acme"]);
    assert_eq!(tenants.code, 0, "{}", tenants.err);

    let listed = of("list", &id, &["--json"]).out;
    assert!(!listed.contains(secret), "{listed}");
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let keys = listed.as_array().unwrap();
    assert_eq!(
        (keys.len(), &keys[0]["name"], &keys[0]["owner"]["organisation"]),
        (1, &json!("hr"), &json!(id))
    );
    assert_eq!(of("list", &rival, &["--json"]).out.trim(), "[]");
    let all = place.json(&["key", "list", "--tenant", "acme"]);
    let tenants = all.as_array().unwrap().iter().find(|key| key["name"] == "ci").unwrap();
    let (theirs, tenants) = (keys[0]["id"].as_str().unwrap(), tenants["id"].as_str().unwrap());
    for (organisation, key) in [(&rival, theirs), (&id, tenants), (&id, "nobody")] {
        let refused = of("revoke", organisation, &[key]);
        assert_eq!(refused.code, 3, "{}", refused.err);
    }
    assert_eq!(place.json(&["key", "list", "--tenant", "acme"]), all, "nothing was taken away");
    assert_eq!(of("revoke", &id, &[theirs]).code, 0);
    assert_eq!(of("list", &id, &["--json"]).out.trim(), "[]");
}

#[test]
fn accounts_that_their_schema_would_not_take_any_more_are_listed_with_why() {
    let place = Place::with_data(NODE);
    let settings = |required: &str| {
        let schema = json!({"type": "object", "properties": {"traits": {"type": "object", "properties": {
            "email": {"type": "string", "format": "email",
                "ory.sh/kratos": {"credentials": {"password": {"identifier": true}}}},
            "plan": {"type": "string"},
        }, "required": [required]}}});
        let settings = json!({"identity": {"schemas": {"customer": {"schema": schema}}}});
        place.write("settings.json", &settings.to_string())
    };
    place.json(&["tenant", "create", "acme", "--settings", &settings("email")]);
    let made = ["--schema", "customer", "-t", "acme"];
    let ada = place.json(&[&["identity", "create", "--email", "ada@acme.example"], &made[..]].concat());
    let traits = "{\"email\": \"bob@acme.example\", \"plan\": \"free\"}";
    place.json(&[&["identity", "create", "--traits", traits], &made[..]].concat());
    assert_eq!(place.json(&["identity", "violations", "-t", "acme"]), json!([]));

    place.json(&["tenant", "update", "acme", "--settings", &settings("plan")]);
    let found = place.json(&["identity", "violations", "-t", "acme"]);
    assert_eq!(found.as_array().unwrap().len(), 1, "{found:#}");
    assert_eq!((&found[0]["id"], &found[0]["schema_id"]), (&ada["id"], &json!("customer")));
    assert!(found[0]["violations"].to_string().contains("plan"), "{found:#}");
    let told = place.run(&["identity", "violations", "-t", "acme"]).out;
    assert!(told.starts_with("ID ") && told.contains("WHY") && told.lines().count() == 2, "{told}");
}

#[test]
fn accounts_are_found_by_all_that_they_can_be_searched_by() {
    let (place, id) = place();
    let made = |email: &str| {
        let made = place.json(&["identity", "create", "--email", email, "-t", "acme"]);
        made["id"].as_str().unwrap().to_owned()
    };
    let (ada, _) = (made("ada@acme.example"), made("bob@rival.example"));
    place.json(&["organisation", "member", "set", &id, &ada, "-t", "acme"]);
    for filter in [
        ["--text", "ada"],
        ["--trait", "email=ada@acme.example"],
        ["--address", "ada@acme.example"],
        ["--organisation", &id],
        ["--identifier", "ada@acme.example"],
    ] {
        let found = place.json(&[&["identity", "list", "-t", "acme"], &filter[..]].concat());
        let ids: Vec<_> = found.as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
        assert_eq!(ids, [json!(ada)], "{filter:?}");
    }
    for (filter, count) in [
        (["--state", "active"], 2),
        (["--state", "inactive"], 0),
        (["--schema", "default"], 2),
        (["--text", "nobody"], 0),
    ] {
        let found = place.json(&[&["identity", "list", "-t", "acme"], &filter[..]].concat());
        assert_eq!(found.as_array().unwrap().len(), count, "{filter:?}");
    }
}

#[test]
fn audit_log_is_exported_since_a_moment_and_of_one_organisation() {
    let (place, id) = place();
    place.json(&["organisation", "create", "Rival", "-t", "acme"]);
    place.json(&["organisation", "domain", "add", &id, "acme.example", "-t", "acme"]);
    let export = |more: &[&str]| -> Vec<Value> {
        let ended = place.run(&[&["audit", "export", "-t", "acme"], more].concat());
        assert_eq!(ended.code, 0, "{more:?}: {}", ended.err);
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let whole = export(&[]);
    let claimed = whole.iter().position(|line| line["action"] == "organisation.domain_claimed").unwrap();
    let at = whole[claimed]["at"].as_str().unwrap();
    assert_eq!(export(&["--since", at]), whole[claimed..]);
    assert_eq!(export(&["--since", "1d"]), whole);
    assert_eq!(export(&["--since", "9999-01-01T00:00:00Z"]), Vec::<Value>::new());
    let of: Vec<_> = export(&["--organisation", &id]).iter().map(|line| line["action"].clone()).collect();
    assert_eq!(of, ["organisation.created", "organisation.domain_claimed"]);
    place.fails(&["audit", "export", "--since", "yesterday"], 2, "write a moment");
}
