//! Programs as text or bytes: exporting, parsing and loading them.

use std::fmt;

use sha2::{Digest, Sha256};
use xla::Target;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::array::device::Device;
use crate::array::dtype::DType;
use crate::array::platform::Platform;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::{Runtime, array_shape, compile_foreign, compile_text_for, load_whole, run_executable, runtime};
use crate::tree::{Tree, flatten, leaf_paths};

use super::artifact::{Blob, aval_text, hex, parse_aval, wrong};
use super::cross::CrossCompiled;
use super::signature::Signature;

/// The prefix of the first line of an exported program.
const FIRST_LINE: &str = "// cotangent-export ";

/// The version of the text format.
const TEXT_VERSION: &str = "1";

/// The parts of an exported program's text.
pub(super) struct Text<'a> {
    pub(super) name: &'a str,
    pub(super) signature: &'a Signature,
    pub(super) platform: Option<Platform>,
    pub(super) module: &'a str,
}

impl Text<'_> {
    pub(super) fn write(&self) -> String {
        let mut body = format!("// library: cotangent {}\n// function: {}\n", env!("CARGO_PKG_VERSION"), self.name);
        if let Some(platform) = self.platform {
            body += &format!("// platform: {}\n", platform.name());
        }
        for (path, aval, used) in &self.signature.inputs {
            let unused = if *used { "" } else { " unused" };
            body += &format!("// input: {}{unused} {path}\n", aval_text(aval));
        }
        for (path, aval) in &self.signature.outputs {
            body += &format!("// output: {} {path}\n", aval_text(aval));
        }
        body += "// end of the head\n";
        body += self.module;
        format!("{FIRST_LINE}{TEXT_VERSION}\n// sha256: {}\n{body}", hex(&Sha256::digest(body.as_bytes())))
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Exported> {
        let foreign = || wrong("these bytes are not an exported program").help("`Lowered::export` makes one");
        let text = std::str::from_utf8(bytes).map_err(|_| foreign())?;
        let (version, rest) = text.strip_prefix(FIRST_LINE).and_then(|t| t.split_once('\n')).ok_or_else(foreign)?;
        if version != TEXT_VERSION {
            return Err(wrong(format!(
                "the program was exported in version {version} of the format, but this library reads version \
                 {TEXT_VERSION}"
            )));
        }
        let damaged = |why: &str| wrong(format!("the exported program is damaged: {why}")).help("export it again");
        let (sum, body) = (rest.strip_prefix("// sha256: ").and_then(|t| t.split_once('\n')))
            .ok_or_else(|| damaged("its checksum is missing"))?;
        if sum != hex(&Sha256::digest(body.as_bytes())) {
            return Err(damaged("its checksum does not match").help("line endings must be kept, too"));
        }
        let (head, module) =
            body.split_once("// end of the head\n").ok_or_else(|| damaged("the end of its header is missing"))?;
        let mut name = String::new();
        let mut signature = Signature::default();
        let mut platform = None;
        for line in head.lines() {
            let unreadable = || damaged(&format!("a line of its header cannot be read: `{line}`"));
            let (key, value) = line.strip_prefix("// ").and_then(|l| l.split_once(": ")).ok_or_else(unreadable)?;
            let (aval, path) = value.split_once(' ').unwrap_or((value, ""));
            match key {
                "function" => name = value.to_string(),
                "platform" => {
                    let known = Platform::ALL.into_iter().find(|platform| platform.name() == value);
                    platform = Some(known.ok_or_else(unreadable)?);
                }
                "input" => {
                    let aval = parse_aval(aval).ok_or_else(unreadable)?;
                    let used = !path.starts_with("unused ");
                    signature.inputs.push((path.trim_start_matches("unused ").to_string(), aval, used));
                }
                "output" => signature.outputs.push((path.to_string(), parse_aval(aval).ok_or_else(unreadable)?)),
                _ => {}
            }
        }
        Ok(Exported::new(name, signature, platform, module.to_string()))
    }
}

/// A program as StableHLO text with its signature; made by [`Lowered::export`](crate::Lowered::export).
/// [`Exported::parse`] reads its [`Display`](fmt::Display) form.
///
/// The format is specific to this library; [`Lowered::to_jax`](crate::Lowered::to_jax) writes that of JAX. A header of
/// comment lines holds the version of the format, a checksum and the signature. The module follows, as StableHLO and CHLO
/// operations in generic form. StableHLO promises compatibility for its versioned bytecode only, which `to_jax` writes. How
/// long a text stays readable therefore depends on the parser.
///
/// ```
/// use cotangent::prelude::*;
/// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export().unwrap();
/// assert!(exported.to_string().starts_with("// cotangent-export 1\n"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Exported {
    pub(super) name: String,
    pub(super) signature: Signature,
    /// The platform it was exported for; `None` if the text does not name one.
    pub(super) platform: Option<Platform>,
    pub(super) module: String,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exported { name, signature, platform, module } = self;
        f.write_str(&Text { name, signature, platform: *platform, module }.write())
    }
}

impl Exported {
    /// Parses an exported program, from a file or from `include_bytes!`.
    ///
    /// # Errors
    /// Returns an error if the bytes are not an exported program, have another version of the format, or are damaged.
    ///
    /// ```
    /// assert!(cotangent::Exported::parse(b"module @m {}").is_err());
    /// ```
    pub fn parse(bytes: &[u8]) -> Result<Exported> {
        Text::read(bytes)
    }

    pub(super) fn new(name: String, signature: Signature, platform: Option<Platform>, module: String) -> Exported {
        Exported { name, signature, platform, module }
    }

    /// Makes an exported program of a StableHLO module that something else wrote: JAX's `jit(f).lower(x).as_text()`, or
    /// `COTANGENT_DUMP_IR_TO`. The signature is that of the module's function `main`; the paths are `[0]`, `[1]` and so on.
    ///
    /// # Errors
    /// Returns an error if the text has no `main`, or `main` takes or returns something that is not an array of a dtype of
    /// this library.
    ///
    /// ```
    /// use cotangent::Exported;
    /// use cotangent::prelude::*;
    /// let text = "module @double {
    ///     func.func public @main(%x: tensor<2xf32>) -> tensor<2xf32> {
    ///         %0 = stablehlo.add %x, %x : tensor<2xf32>
    ///         return %0 : tensor<2xf32>
    ///     }
    /// }";
    /// let double = Exported::from_stablehlo("double", text).unwrap().compile().unwrap();
    /// assert_eq!(double.call(&(Array::from([1.0f32, 2.0]),)).unwrap()[0].to_vec::<f32>(), [2.0, 4.0]);
    /// ```
    pub fn from_stablehlo(name: &str, module: &str) -> Result<Exported> {
        let (inputs, outputs) = main_types(module).map_err(|e| e.context(name))?;
        let signature = Signature {
            inputs: inputs.into_iter().enumerate().map(|(i, aval)| (format!("[{i}]"), aval, true)).collect(),
            outputs: outputs.into_iter().enumerate().map(|(i, aval)| (format!("[{i}]"), aval)).collect(),
        };
        Ok(Exported::new(name.to_string(), signature, None, module.to_string()))
    }

    /// Compiles the program for a GPU, which this machine need not have, as
    /// [`Lowered::compile_for`](crate::Lowered::compile_for) does.
    ///
    /// # Errors
    /// Returns an error if the program was exported for another platform than CUDA, there is no plugin for CUDA, or the
    /// module does not compile.
    ///
    /// ```no_run
    /// use cotangent::{Exported, Target};
    /// let exported = Exported::parse(&std::fs::read("f.mlir").unwrap())?;
    /// std::fs::write("f.h100", exported.compile_for(Target::H100)?.serialize()?).unwrap();
    /// # Ok::<(), cotangent::Error>(())
    /// ```
    pub fn compile_for(&self, target: Target) -> Result<CrossCompiled> {
        if let Some(there) = self.platform.filter(|there| *there != Platform::Cuda) {
            let message = format!("{} was exported for {there:?}, not for {}", self.name, target.about());
            return Err(Error::new(ErrorKind::Runtime, message).help("export it by `export_for(Platform::Cuda)`"));
        }
        let compiled = compile_text_for(&self.module, target).map_err(|e| e.context(&self.name))?;
        CrossCompiled::new(&self.name, self.signature.clone(), Vec::new(), compiled)
    }

    /// Returns the platform that the program was exported for.
    ///
    /// ```
    /// use cotangent::{Platform, prelude::*};
    /// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export_for(Platform::Cuda).unwrap();
    /// assert_eq!(exported.platform(), Some(Platform::Cuda));
    /// ```
    #[must_use]
    pub fn platform(&self) -> Option<Platform> {
        self.platform
    }

    /// Returns the types of the arrays that the program takes and returns.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export().unwrap();
    /// assert_eq!(exported.signature().inputs.len(), 1);
    /// ```
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Returns the StableHLO module as text that any StableHLO parser accepts.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export().unwrap();
    /// assert!(exported.stablehlo().starts_with("module"));
    /// ```
    #[must_use]
    pub fn stablehlo(&self) -> &str {
        &self.module
    }

    /// Compiles the program for the default device.
    ///
    /// # Errors
    /// Returns an error if the program was exported for another platform, there is no plugin, or the plugin cannot
    /// compile the module.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export().unwrap();
    /// assert_eq!(exported.compile().unwrap().call(&(Array::from(2.0),)).unwrap()[0].item::<f32>(), 3.0);
    /// ```
    pub fn compile(&self) -> Result<Loaded> {
        let device = Device::current()?;
        let here = device.platform();
        if let Some(there) = self.platform.filter(|there| *there != here) {
            let message = format!("{} was exported for {there:?}, but the default device is {device}", self.name);
            return Err(Error::new(ErrorKind::Runtime, message).help(format!(
                "export it with `export_for(Platform::{here:?})`, or compile it in a scope of `default_device`"
            )));
        }
        let params: Vec<Aval> = self.signature.inputs.iter().filter(|i| i.2).map(|i| i.1.clone()).collect();
        let executable = compile_foreign(runtime(device)?, &self.module, &params).map_err(|e| e.context(&self.name))?;
        Loaded::new(runtime(device)?, self.name.clone(), self.signature.clone(), Vec::new(), executable)
    }
}

/// The types of what `main` takes and returns, from the text of a module.
fn main_types(module: &str) -> Result<(Vec<Aval>, Vec<Aval>)> {
    let no_main = || wrong("the text is not a StableHLO module: it has no function `main`");
    let head = module.split("@main(").nth(1).ok_or_else(no_main)?;
    // Attributes of a parameter or result are in braces, and may contain parentheses in a text.
    let (mut plain, mut depth, mut quoted) = (String::new(), 0usize, false);
    for c in head.chars() {
        match c {
            '"' => quoted = !quoted,
            _ if quoted => {}
            // The body.
            '{' if depth == 0 && ends_signature(&plain) => break,
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 => plain.push(c),
            _ => {}
        }
    }
    let (inputs, outputs) = plain.split_once("->").unwrap_or((&plain, ""));
    let types = |text: &str| -> Result<Vec<Aval>> {
        text.split("tensor<")
            .skip(1)
            .map(|rest| {
                tensor(rest).ok_or_else(|| {
                    wrong(format!("`main` has the type `tensor<{}`, which is no array", rest.trim_end()))
                })
            })
            .collect()
    };
    Ok((types(inputs)?, types(outputs)?))
}

/// Whether a function's head is complete, so that its body or the attributes of the function follow.
fn ends_signature(head: &str) -> bool {
    let (open, close) = (head.matches('(').count() + 1, head.matches(')').count());
    let after = head.rsplit("->").next().unwrap_or_default();
    open == close && !after.trim().is_empty()
}

/// The type whose text, after `tensor<`, begins a string: `2x3xf32>`, `complex<f32>>`.
fn tensor(text: &str) -> Option<Aval> {
    let end = if text.split('>').next()?.contains("complex<") { text.find(">>")? + 1 } else { text.find('>')? };
    let mut dims = Vec::new();
    let mut rest = &text[..end];
    while let Some((dim, inner)) = rest.split_once('x').filter(|(dim, _)| dim.bytes().all(|b| b.is_ascii_digit())) {
        dims.push(dim.parse().ok()?);
        rest = inner;
    }
    let dtype = DType::ALL.into_iter().find(|dtype| dtype.mlir() == rest)?;
    Some(Aval::new(dtype, Shape::new(&dims)))
}

/// A compiled program that was not traced in this process; made by [`Exported::compile`] or [`Loaded::from_bytes`].
///
/// ```
/// use cotangent::prelude::*;
/// let f = |p: &(Array, Array)| (&p.0 * &p.1, &p.0 + &p.1);
/// let args = (Array::from(2.0f32), Array::from(3.0f32));
/// let exported = jit(f).lower((&args,)).unwrap().export().unwrap();
/// let loaded = exported.compile().unwrap();
/// let (product, sum) = loaded.call_like(&(args.clone(),), &args).unwrap();
/// assert_eq!((product.item::<f32>(), sum.item::<f32>()), (6.0, 5.0));
/// ```
#[must_use = "a loaded program does nothing until it is called"]
pub struct Loaded {
    name: String,
    signature: Signature,
    captures: Vec<Array>,
    executable: xla::Executable,
    runtime: &'static Runtime,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Loaded({}: {})", self.name, self.signature)
    }
}

impl Loaded {
    fn new(
        runtime: &'static Runtime,
        name: String,
        signature: Signature,
        captures: Vec<Array>,
        executable: xla::Executable,
    ) -> Result<Loaded> {
        let stated: Vec<_> = signature.outputs.iter().map(|o| array_shape(&o.1)).collect();
        if executable.outputs() != stated {
            return Err(Error::new(
                ErrorKind::Runtime,
                format!("{name}: the results of the program do not have the types in its header"),
            ));
        }
        Ok(Loaded { name, signature, captures, executable, runtime })
    }

    /// Loads a program onto the default device from the bytes that [`Compiled::serialize`](crate::Compiled::serialize) returned.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a serialized program, are damaged, or were made by another version of this
    /// library, by another plugin or for another processor. The error says which.
    ///
    /// ```
    /// let error = cotangent::Loaded::from_bytes(b"something else").unwrap_err();
    /// assert!(error.to_string().contains("not a serialized program"));
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Loaded> {
        let runtime = runtime(Device::current()?)?;
        let blob = Blob::read(bytes, runtime)?;
        let used = blob.signature.inputs.iter().filter(|i| i.2).map(|i| &i.1);
        let params: Vec<Aval> = blob.captures.iter().map(|c| &c.0).chain(used).cloned().collect();
        let executable = load_whole(runtime, &blob.code, &params)?;
        let captures = blob.captures.into_iter().map(|(aval, bytes)| Array::of_bytes(bytes, aval)).collect();
        Loaded::new(runtime, blob.name, blob.signature, captures, executable)
    }

    /// Returns the types of the arrays that the program takes and returns.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export().unwrap();
    /// assert_eq!(exported.compile().unwrap().signature().outputs.len(), 1);
    /// ```
    #[must_use]
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Calls the program with a tuple of the function's arguments. Returns the arrays of the result as a flat list.
    ///
    /// # Errors
    /// Returns an error if the arrays of the arguments do not match the signature, or if running the program fails.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export().unwrap();
    /// let loaded = exported.compile().unwrap();
    /// assert_eq!(loaded.call(&(Array::from(2.0),)).unwrap()[0].item::<f32>(), 3.0);
    /// assert!(loaded.call(&(Array::from([2.0f32]),)).is_err());
    /// ```
    pub fn call<A: Tree>(&self, args: &A) -> Result<Vec<Array>> {
        let (paths, arrays) = (leaf_paths(args), flatten(args));
        let inputs = &self.signature.inputs;
        if paths.len() != inputs.len() || !paths.iter().zip(inputs).all(|(path, i)| *path == i.0) {
            let expected: Vec<&str> = inputs.iter().map(|i| i.0.as_str()).collect();
            return Err(Error::new(
                ErrorKind::Structure,
                format!("{} expected the arrays {expected:?}, got {paths:?}", self.name),
            )
            .help("call it with a tuple of the function's arguments"));
        }
        for (x, (path, aval, _)) in arrays.iter().zip(inputs) {
            if x.shape() != &*aval.shape || x.dtype() != aval.dtype {
                return Err(Error::shape(format!("{}: argument {path} must be {aval}, got {}", self.name, x.aval())));
            }
        }
        let used = arrays.iter().zip(inputs).filter(|(_, i)| i.2).map(|(x, _)| x);
        let args: Vec<&Array> = self.captures.iter().chain(used).collect();
        let avals: Vec<Aval> = self.signature.outputs.iter().map(|o| o.1.clone()).collect();
        let (here, taken) = (self.runtime.device, arrays.iter().zip(&paths));
        if let Some((x, path)) = taken.clone().find(|(x, _)| x.committed().is_some_and(|device| device != here)) {
            let device = x.committed().unwrap_or(here);
            let message = format!("{} is loaded on {here}, but argument {path} is on {device}", self.name);
            return Err(Error::new(ErrorKind::Device, message)
                .help(format!("move it to {here}, or load the program in a scope of `default_device`")));
        }
        let committed = taken.clone().any(|(x, _)| x.committed().is_some());
        run_executable(self.runtime, &self.executable, &args, &avals, committed)
    }

    /// Calls the program as [`call`](Loaded::call) does, and returns the result with the structure of `like`. The
    /// arrays in `like` may have any shape.
    ///
    /// # Errors
    /// As [`call`](Loaded::call); also if the arrays of `like` are not at the paths of the result's arrays.
    ///
    /// ```
    /// use cotangent::prelude::*;
    /// let exported = jit(|x: &Array| x + 1.0).lower((&1.0.into(),)).unwrap().export().unwrap();
    /// let y: Array = exported.compile().unwrap().call_like(&(Array::from(2.0),), &0.0.into()).unwrap();
    /// assert_eq!(y.item::<f32>(), 3.0);
    /// ```
    pub fn call_like<A: Tree, R: Tree>(&self, args: &A, like: &R) -> Result<R> {
        let (paths, outputs) = (leaf_paths(like), &self.signature.outputs);
        if paths.len() != outputs.len() || !paths.iter().zip(outputs).all(|(path, o)| *path == o.0) {
            let given: Vec<&str> = outputs.iter().map(|o| o.0.as_str()).collect();
            let message = format!("{} returns the arrays {given:?}, not {paths:?}", self.name);
            return Err(Error::new(ErrorKind::Structure, message));
        }
        Ok(like.rebuild(&mut self.call(args)?.into_iter()))
    }
}
