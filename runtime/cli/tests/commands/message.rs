//! Messages to people, as a script sees them.

use crate::place::{NODE, Place};

#[test]
fn messages_are_listed_and_resent() {
    let place = Place::with_data(&format!("{NODE}[[tenant]]\nid = \"acme\"\n"));
    assert_eq!(place.json(&["message", "list", "-t", "acme"]), serde_json::json!([]));
    assert_eq!(place.json(&["message", "resend", "--abandoned", "-t", "acme"])["resent"], 0);
    assert_eq!(place.json(&["message", "resend", "--abandoned", "--since", "2h"])["resent"], 0);
    let nobody = "00000000-0000-4000-8000-000000000000";
    place.fails(&["message", "resend", nobody], 3, "");
    for wrong in [
        &["message", "resend"][..],
        &["message", "resend", nobody, "--abandoned"],
        &["message", "resend", nobody, "--since", "2h"],
        &["message", "resend", "--abandoned", "--since", "yesterday"],
    ] {
        place.fails(wrong, 2, "");
    }
    place.fails(&["message", "list", "--status", "lost"], 3, "none that a message has");
}
