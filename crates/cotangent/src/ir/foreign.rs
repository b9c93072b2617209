//! Lowering of operations that were written by another system, as they are.

use std::sync::Arc;

use stablehlo::Value;
use stablehlo::read::Part;

use crate::array::aval::Aval;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::Outputs;

impl Lowering<'_> {
    /// Appends a call of operations of another module, which become functions of this one and are written once.
    pub(crate) fn call_part(&mut self, part: &Arc<Part>, args: &[Value], outputs: &[Aval]) -> Outputs<Value> {
        let known = self.functions.borrow().parts.get(part).cloned();
        let name = known.unwrap_or_else(|| {
            let mut functions = self.functions.borrow_mut();
            let name = functions.unique("imported");
            functions.foreign.push_str(&part.to_text(&name));
            functions.parts.insert(part.clone(), name.clone());
            name
        });
        let args = self.constants.leave(self.block, args);
        let results: Vec<_> = outputs.iter().map(Aval::mlir).collect();
        self.block.call(&name, &args[..], true, &results).into_iter().collect()
    }
}
