//! What the value of a rule means.

use portcullis_plugin::policy::Decision;
use regorus::Value;

/// What is said where a rule gives no reason.
const REFUSED: &str = "No rule permits it.";

/// `true` permits; `false` and undefined do not. An object says so in `allow`, and why not in `reason`. What is
/// anything else is a mistake and no decision.
pub(crate) fn of(value: &Value) -> Result<Decision, String> {
    match value {
        Value::Bool(true) => Ok(Decision::permit()),
        Value::Bool(false) | Value::Undefined => Ok(Decision::deny(REFUSED)),
        Value::Object(_) => match (&value["allow"], &value["reason"]) {
            (Value::Bool(true), _) => Ok(Decision::permit()),
            (Value::Bool(false) | Value::Undefined, Value::String(reason)) => Ok(Decision::deny(&**reason)),
            (Value::Bool(false) | Value::Undefined, Value::Undefined) => Ok(Decision::deny(REFUSED)),
            _ => Err("its `allow` must be true or false, and its `reason` a text".to_owned()),
        },
        _ => Err("it must be true, false, or an object with `allow` and `reason`".to_owned()),
    }
}
