//! The hook `transform`: programs by the names of templates, in the form of Kratos' webhook bodies
//! (`function(ctx) …`) and session templates (`std.extVar('session')`).

use portcullis_plugin::config;
use portcullis_plugin::transform::{CallContext, Decision, Hook, HookError, TransformRequest};
use serde_json::{Map, Value};

use crate::evaluate::{NoDocument, document};

/// With this error a program says that nothing is to be sent.
const CANCEL: &str = "cancel";

pub(crate) struct Template;

impl Hook for Template {
    fn transform(_: CallContext, request: TransformRequest) -> Result<Decision, HookError> {
        let name = &request.template;
        let program: String = config::find(&["templates", name])?
            .ok_or_else(|| format!("the settings have no template {name:?}"))?;
        let given: Map<String, Value> = request.input()?;
        match document(name, &program, &given) {
            Ok(made) => Decision::output(&made),
            Err(NoDocument::Said(words)) if words == CANCEL => Ok(Decision::Cancel),
            Err(none) => Err(none.into()),
        }
    }
}
