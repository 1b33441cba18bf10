//! Model-local functions replaced by their bodies, for evaluators that know no functions.

use super::proto::ModelProto;

/// Why a function cannot be inlined.
#[derive(Debug, thiserror::Error)]
pub enum InlineError {}

/// The same model without functions: every call is replaced by the body.
///
/// # Errors
/// Where a body is inconsistent, calls nest deeper than 4, or the result is too large.
pub fn inline_functions(model: &ModelProto) -> Result<ModelProto, InlineError> {
    unimplemented!()
}
