//! XLA's own program form, decoded and printed.

mod print;
mod proto;

use prost::Message;

/// Prints an optimised program that the plugin gave in `format`.
pub(crate) fn text(format: &str, code: &[u8]) -> Result<String, String> {
    let damaged = |e: prost::DecodeError| format!("the optimised program cannot be decoded: {e}");
    match format {
        "hlo_with_config" => {
            let module = proto::ModuleWithConfig::decode(code).map_err(damaged)?;
            Ok(print::module(&module.hlo_module.unwrap_or_default()))
        }
        "hlo" => Ok(print::module(
            &proto::Module::decode(code).map_err(damaged)?,
        )),
        other => Err(format!(
            "the optimised program comes in the form {other}, which is not known"
        )),
    }
}
