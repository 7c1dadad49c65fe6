//! `portcullis plugin`: projects, without a node and without a tool chain.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use serde_json::{Value, json};

use crate::place::Place;

#[test]
fn new_project_is_whole_and_overwrites_nothing() {
    let place = Place::new("");
    let made = place.run(&["plugin", "new", "there/plan", "--language", "rust", "--hook", "token"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("cd there/plan") && made.out.contains("plugin build"), "{}", made.out);
    for file in ["Cargo.toml", "src/lib.rs", "portcullis-plugin.toml", "README.md", "sdk/wit/token/token.wit"]
    {
        assert!(place.path("there/plan").join(file).is_file(), "{file}");
    }
    place.write("there/plan/src/lib.rs", "mine");
    place.fails(&["plugin", "new", "there/plan"], 2, "exists already");
    assert_eq!(fs::read_to_string(place.path("there/plan/src/lib.rs")).unwrap(), "mine");
    fs::create_dir(place.path("empty")).unwrap();
    place.fails(&["plugin", "new", "empty"], 2, "exists already");
    assert_eq!(fs::read_dir(place.path("empty")).unwrap().count(), 0);
}

#[test]
fn new_project_has_a_name_that_tools_accept_and_a_hook_that_there_is() {
    let place = Place::new("");
    place.fails(&["plugin", "new", "My_Plugin"], 2, "lower-case letters");
    place.fails(&["plugin", "new", "plan", "--name", "../plan"], 2, "lower-case letters");
    place.fails(&["plugin", "new", "plan", "--hook", "tokens"], 2, "[possible values: token");
    place.fails(&["plugin", "new", "plan", "--language", "cobol"], 2, "possible values: rust");
    place.fails(&["plugin", "new", "/"], 2, "--name");
    let other = ["plugin", "new", "plan", "--hook", "login", "--with", "introspection"];
    place.fails(
        &other,
        2,
        "no template in Rust for `login+introspection`; for the hook `login` there is one without `--with`",
    );
    assert!(!place.path("plan").exists() && !place.path("My_Plugin").exists());
    assert_eq!(place.run(&["plugin", "new", "My_Plugin", "--name", "plan"]).code, 0);
    let manifest = fs::read_to_string(place.path("My_Plugin/portcullis-plugin.toml")).unwrap();
    assert!(manifest.contains("name = \"plan\""), "{manifest}");
    assert_eq!(place.run(&["plugin", "new", "asked", "-l", "c", "--with", "introspection"]).code, 0);
    let manifest = fs::read_to_string(place.path("asked/portcullis-plugin.toml")).unwrap();
    assert!(manifest.contains("with = [\"introspection\"]"), "{manifest}");
    let header = fs::read_to_string(place.path("asked/sdk/plugin.h")).unwrap();
    assert!(header.contains("exports_portcullis_token_introspection_shape_introspection"));
}

/// A project whose component is a guest of the repository.
fn project(place: &Place, guest: &str, cases: &str) {
    let manifest = "name = \"plan\"\nlanguage = \"rust\"\nhook = \"token\"\ngrants = [\"log\", \"config\"]\n\
                    [settings.domains.\"acme.example\"]\nplan = \"team\"\nseats = 12\n";
    for directory in ["plan/build", "plan/cases"] {
        fs::create_dir_all(place.path(directory)).unwrap();
    }
    place.write("plan/portcullis-plugin.toml", manifest);
    place.write("plan/cases/a.toml", cases);
    fs::copy(crate::guest(guest), place.path("plan/build/plan.wasm")).unwrap();
}

const ADA: &str = "[[case]]\nname = \"ada\"\nfunction = \"shape-tokens\"\n\
                   request.subject = { id = \"ada\", traits = { email = \"ada@acme.example\" } }\n";

#[test]
fn cases_say_what_is_expected_and_what_was_found() {
    let place = Place::new("");
    let right = "expect.answer.issue = { id-token = { plan = \"team\", seats = 12 }, \
                 access-token = { plan = \"team\", seats = 12 } }\n";
    let wrong = "expect.answer.issue = { id-token = { plan = \"free\" }, access-token = { plan = \"team\", seats = 12 } }\n";
    let partly = "expect.answer-includes.issue.id-token = { seats = 12 }\n";
    project(&place, "enrich_token_rust", &format!("{ADA}{right}{ADA}{partly}"));
    let passed = place.run(&["plugin", "test", "plan"]);
    assert_eq!((passed.code, passed.err.as_str()), (0, ""), "{}", passed.out);
    assert!(passed.out.ends_with("2 passed, 0 failed\n"), "{}", passed.out);

    place.write("plan/cases/a.toml", &format!("{ADA}{right}{ADA}{wrong}"));
    let failed = place.run(&["plugin", "test", "plan"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    for part in [
        "ok      plan/cases/a.toml: ada\n",
        "FAILED  plan/cases/a.toml: ada\n",
        "/issue/id-token/plan\n          expected  \"free\"\n          found     \"team\"\n",
        "/issue/id-token/seats\n          expected  nothing\n          found     12\n",
        "1 passed, 1 failed\n",
    ] {
        assert!(failed.out.contains(part), "{part}: {}", failed.out);
    }
    let told = place.run(&["plugin", "test", "plan", "--json"]);
    let told: Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((&told["passed"], &told["failed"]), (&json!(1), &json!(1)));
    assert_eq!(told["cases"][1]["differences"][0]["path"], "/issue/id-token/plan");
}

#[test]
fn denials_logs_settings_and_the_call_are_as_in_a_node() {
    let place = Place::new("");
    let organisation = "9f0c7a52-5f0f-4f4c-8f70-6d7a2b2f8a11";
    let suspended = format!(
        "[[case]]\nname = \"suspended\"\nfunction = \"shape-tokens\"\ncall.organisation = \"{organisation}\"\n\
         settings.organisations.\"{organisation}\" = {{ plan = \"team\", seats = 1, suspended = true }}\n\
         expect.answer.deny = {{ description = \"This account is suspended. Please contact your administrator.\" }}\n"
    );
    project(&place, "enrich_token_rust", &format!("{suspended}expect.log = [\"info: denied a token\"]\n"));
    let ended = place.run(&["plugin", "test", "plan"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
    place.write("plan/cases/a.toml", &format!("{suspended}expect.log = [\"warn: denied a token\"]\n"));
    let ended = place.run(&["plugin", "test", "plan"]);
    assert_eq!(ended.code, 1);
    assert!(
        ended.out.contains("found     [\"info: denied a token: the customer is suspended\"]"),
        "{}",
        ended.out
    );

    let echo = "[[case]]\nname = \"echo\"\nfunction = \"shape-userinfo\"\n\
                call = { tenant = \"acme\", client = \"web\", now = 7 }\nexpect.answer.answer.claims = { now = 7 }\n";
    project(&place, "token_echo", echo);
    let ended = place.run(&["plugin", "test", "plan"]);
    assert_eq!(ended.code, 0, "{}{}", ended.out, ended.err);
}

#[test]
fn failures_are_expected_by_name() {
    for (guest, failure, words) in [
        ("token_loop", "cpu-limit", "50 ms"),
        ("token_trap", "trap", "unreachable"),
        ("token_protected", "bad-answer", "protected claim"),
        ("token_sleep", "wall-limit", "100 ms"),
    ] {
        let place = Place::new("");
        let case = |expect: &str| format!("{ADA}expect = {expect}\n");
        project(&place, guest, &case(&format!("{{ failure = \"{failure}\", detail = \"{words}\" }}")));
        let ended = place.run(&["plugin", "test", "plan"]);
        assert_eq!(ended.code, 0, "{guest}: {}{}", ended.out, ended.err);
        let wrong =
            ["{ answer.issue = {} }", "{ failure = \"guest-error\" }", "{ answer-includes.issue = {} }"];
        // Where nothing expects that it takes too long, it sleeps on for the node's longest wall time.
        for wrong in wrong.iter().filter(|_| guest != "token_sleep") {
            place.write("plan/cases/a.toml", &case(wrong));
            let ended = place.run(&["plugin", "test", "plan"]);
            assert_eq!(ended.code, 1, "{guest} {wrong}: {}", ended.out);
            assert!(
                ended.out.contains(&format!("\"failure\":\"{failure}\"")),
                "{guest} {wrong}: {}",
                ended.out
            );
        }
    }
}

#[test]
fn limits_that_earlier_cases_hit_are_forgotten() {
    let place = Place::new("");
    let case = |subject: &str| {
        format!(
            "[[case]]\nname = \"{subject}\"\nfunction = \"shape-tokens\"\nrequest.subject.id = \"{subject}\"\n\
             expect.failure = \"memory-limit\"\n"
        )
    };
    let cases: String = (0..20).map(|number| case(&format!("subject-{number}"))).collect();
    project(&place, "token_allocate", &cases);
    let ended = place.run(&["plugin", "test", "plan"]);
    assert!(ended.out.ends_with("20 passed, 0 failed\n"), "{}{}", ended.out, ended.err);
}

#[test]
fn mistakes_in_cases_have_their_file_and_line() {
    let place = Place::new("");
    let issue = "expect.answer.issue = {}\n";
    for (cases, words) in [
        (
            format!("{ADA}{issue}requst = {{}}\n"),
            "a.toml:6:1: case[0].requst: unknown key `requst`, did you mean `request`?",
        ),
        (
            format!("{ADA}{issue}call.organization = \"x\"\n"),
            "a.toml:6:6: case[0].call.organization: unknown key",
        ),
        (format!("{ADA}expect.answer.issue.acces-token = {{}}\n"), "a.toml:5:21: "),
        (format!("{ADA}expect.failure = \"cpu\"\n"), "a.toml:5:"),
        (ADA.to_owned(), "a.toml:1:1: "),
        (format!("{ADA}{issue}expect.failure = \"trap\"\n"), "only one"),
        (format!("{ADA}{issue}expect.detail = \"x\"\n"), "`detail` belongs to a `failure`"),
        (ADA.replace("shape-tokens", "shape-token") + issue, "did you mean `shape-tokens`?"),
        (String::new(), "missing key `case`"),
        ("case = []\n".to_owned(), "there is no case in it"),
    ] {
        project(&place, "token_trap", &cases);
        place.fails(&["plugin", "test", "plan"], 2, words);
    }
    project(&place, "token_trap", &format!("{ADA}{issue}"));
    place.fails(&["plugin", "test", "plan", "--only", "nobody"], 2, "no case has \"nobody\"");
    place.write("plan/cases/b.yaml", "");
    place.fails(&["plugin", "test", "plan"], 2, "b.yaml: cases are in files that end in .toml or .json");
    fs::remove_file(place.path("plan/cases/b.yaml")).unwrap();
    place.write("plan/cases/b.json", "{\"case\": [{\"name\": \"b\",\n\"functions\": 1}]}");
    place.fails(
        &["plugin", "test", "plan"],
        2,
        "b.json:2:11: unknown key `functions`, did you mean `function`?",
    );
}

#[test]
fn component_that_is_older_than_its_source_is_told_of() {
    let place = Place::new("");
    project(&place, "token_trap", &format!("{ADA}expect.failure = \"trap\"\n"));
    fs::create_dir_all(place.path("plan/src/deep")).unwrap();
    let source = fs::File::create(place.path("plan/src/deep/more.rs")).unwrap();
    let built = fs::metadata(place.path("plan/build/plan.wasm")).unwrap().modified().unwrap();
    let words = "plan/src/deep/more.rs is newer than plan/build/plan.wasm";
    for (age, told) in [(built - Duration::from_secs(9), false), (built + Duration::from_secs(9), true)] {
        source.set_modified(age).unwrap();
        let ended = place.run(&["plugin", "test", "plan"]);
        assert_eq!((ended.code, ended.err.contains(words)), (0, told), "{}{}", ended.out, ended.err);
    }
}

#[test]
fn what_a_plugin_keeps_is_the_cases_and_is_compared() {
    let place = Place::new("");
    let case = |kv: &str, steps: &str, results: &str, expect: &str| {
        format!(
            "[[case]]\nname = \"k\"\nfunction = \"shape-tokens\"\nkv = {{ {kv} }}\nsettings = {{ steps = {steps} }}\n\
             expect.answer-includes.issue.id-token = {{ results = {results} }}\nexpect.kv = {{ {expect} }}\n"
        )
    };
    let steps = "[[\"add\", \"a\", 41], [\"delete\", \"b\"], [\"swap\", \"a\", \"41\", \"0\"]]";
    let right = case("a = \"1\", b = \"2\"", steps, "[42, true, false]", "a = \"42\"");
    project(&place, "capability_kv", &right);
    let manifest = fs::read_to_string(place.path("plan/portcullis-plugin.toml")).unwrap();
    place.write("plan/portcullis-plugin.toml", &manifest.replace("\"config\"]", "\"config\", \"kv\"]"));
    let passed = place.run(&["plugin", "test", "plan"]);
    assert_eq!(passed.code, 0, "{}{}", passed.out, passed.err);
    for (case, found) in [
        (right.replace("a = \"42\"", "a = \"41\""), r#"found     {"a":"42"}"#),
        (right.replace("a = \"42\"", ""), r#"found     {"a":"42"}"#),
        (
            right.replace("expect.kv = { a = \"42\"", "expect.kv = { a = \"42\", b = \"2\""),
            r#"found     {"a":"42"}"#,
        ),
        // Each case begins anew: the one before kept something.
        (format!("{}{}", right, case("", "[[\"add\", \"a\", 1]]", "[1]", "")), r#"found     {"a":"1"}"#),
    ] {
        place.write("plan/cases/a.toml", &case);
        let ended = place.run(&["plugin", "test", "plan"]);
        assert_eq!(ended.code, 1, "{}{}", ended.out, ended.err);
        assert!(ended.out.contains("        kv\n") && ended.out.contains(found), "{}", ended.out);
    }
}

#[test]
fn json_cases_are_cases_too() {
    let place = Place::new("");
    project(&place, "token_trap", &format!("{ADA}expect.failure = \"trap\"\n"));
    let case = json!({ "name": "j", "function": "shape-tokens", "expect": { "failure": "trap" } });
    place.write("plan/cases/b.json", &json!({ "case": [case] }).to_string());
    let told = place.json(&["plugin", "test", "plan"]);
    assert_eq!((&told["passed"], &told["cases"][1]["case"]), (&json!(2), &json!("j")));
}

#[test]
fn plugin_that_a_node_would_not_load_is_no_passed_test() {
    let place = Place::new("");
    project(&place, "token_sockets", &format!("{ADA}expect.failure = \"unavailable\"\n"));
    place.fails(
        &["plugin", "test", "plan"],
        1,
        "a node would not load it: component imports what it was not granted",
    );
    fs::remove_file(place.path("plan/build/plan.wasm")).unwrap();
    place.fails(&["plugin", "test", "plan"], 2, "run `portcullis plugin build`");
    fs::remove_file(place.path("plan/portcullis-plugin.toml")).unwrap();
    place.fails(&["plugin", "test", "plan"], 2, "`portcullis plugin new` makes one");
}

#[test]
fn bench_tells_what_a_call_costs() {
    let place = Place::new("");
    project(
        &place,
        "enrich_token_rust",
        &format!("{ADA}expect.answer-includes.issue.id-token = {{ seats = 12 }}\n"),
    );
    let told = place.json(&["plugin", "bench", "plan", "--calls", "50"]);
    assert_eq!(told["calls"], 50);
    for figure in
        ["p50_us", "p99_us", "calls_per_second", "peak_memory_bytes", "cold_load_us", "warm_load_us"]
    {
        assert!(told[figure].as_f64().unwrap() > 0.0, "{figure}: {told:#}");
    }
    assert!(told["p50_us"].as_f64() <= told["p99_us"].as_f64());
    assert_eq!(told["host_calls"], 1.0);
    project(&place, "token_trap", &format!("{ADA}expect.answer.issue = {{}}\n"));
    place.fails(&["plugin", "bench", "plan", "--calls", "50"], 1, "Trap");
}

#[test]
fn build_names_the_tool_that_is_missing_and_what_installs_it() {
    let place = Place::new("");
    let build = |directory: &str| {
        let mut command = place.without_configuration(&["plugin", "build", directory]);
        let output = command.env("PATH", place.path("bin")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    fs::create_dir(place.path("bin")).unwrap();
    for (language, tool, install) in [
        ("rust", "rustc", "https://rustup.rs"),
        ("c", "wasm-ld", "apt-get install clang lld"),
        ("javascript", "componentize-qjs", "npm install"),
        ("python", "componentize-py", "pip install -r requirements.txt"),
    ] {
        assert_eq!(place.run(&["plugin", "new", language, "--language", language]).code, 0);
        let (code, words) = build(language);
        assert_eq!(code, Some(1), "{words}");
        assert!(words.contains(&format!("{tool} is not installed")) && words.contains(install), "{words}");
    }
    // A compiler without the target.
    let rustc = place.write("bin/rustc", "#!/bin/sh\necho /nowhere/lib\n");
    fs::set_permissions(&rustc, fs::Permissions::from_mode(0o700)).unwrap();
    let (code, words) = build("rust");
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("rustup target add wasm32-wasip2"), "{words}");
}
