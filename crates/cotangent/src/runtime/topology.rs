//! Compiling for GPUs that this machine does not have.

use std::sync::{Arc, Mutex, PoisonError};

use crate::array::platform::Platform;
use crate::compile::simplify::simplify;
use crate::compile::style::Style;
use crate::error::Result;
use crate::ir::jaxpr::Jaxpr;

use super::inputs::{Inputs, inputs, options};
use super::refuse::runs_on;

/// The description of a GPU for the compiler, made once for each kind.
fn topology(target: xla::Target) -> Result<Arc<xla::Topology>> {
    static MADE: Mutex<Vec<Arc<xla::Topology>>> = Mutex::new(Vec::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(topology) = made.iter().find(|topology| *topology.target() == target) {
        return Ok(topology.clone());
    }
    let topology = Arc::new(xla::Topology::locate(target)?);
    made.push(topology.clone());
    Ok(topology)
}

/// A program that is compiled for a GPU and not loaded.
pub(crate) struct Foreign {
    pub(crate) program: xla::Compiled,
    pub(crate) topology: Arc<xla::Topology>,
}

/// Compiles a program, with all its results and inputs, for a GPU that this machine may lack.
pub(crate) fn compile_for(jaxpr: &Jaxpr, target: xla::Target) -> Result<Foreign> {
    let simple = simplify(jaxpr);
    runs_on(&simple, Platform::Cuda)?;
    let topology = topology(target)?;
    let Inputs { text, options, .. } = inputs(Platform::Cuda, &simple, &[]);
    Ok(Foreign { program: topology.compile(&text, &options)?, topology })
}

/// Compiles a StableHLO text for a GPU that this machine may lack.
pub(crate) fn compile_text_for(text: &str, target: xla::Target) -> Result<Foreign> {
    let topology = topology(target)?;
    Ok(Foreign { program: topology.compile(text, &options(Platform::Cuda, Style::default()))?, topology })
}
