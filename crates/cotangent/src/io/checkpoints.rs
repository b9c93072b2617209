//! The states of a training run on disk.

use std::path::{Path, PathBuf};

use super::atomic;
use super::safetensors::{File, Save};
use crate::error::{Error, Result};
use crate::tree::Tree;

/// The version of the format, which a reader checks.
const VERSION: &str = "1";

/// A folder with the states of a training run: parameters, the state of the optimizer, keys, the number of the step, in any
/// tree.
///
/// Each state is a file of safetensors, `step-000000001000.safetensors`. A file appears when it is complete and on disk, so a
/// process that is killed at any moment can be continued from the last one.
///
/// ```
/// use cotangent::{io::Checkpoints, optim, prelude::*};
///
/// #[derive(Clone, Tree)]
/// struct State {
///     weight: Array,
///     optimizer: optim::AnyState,
///     key: Key,
/// }
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let optimizer = optim::adam(1e-3).boxed();
/// let weight = np::zeros((3, 2));
/// let state = State { optimizer: optimizer.init(&weight), weight, key: random::key(0) };
///
/// let checkpoints = Checkpoints::new(folder).keep(3);
/// // Continue where the last run stopped, or begin.
/// let (first, mut state) = checkpoints.restore_latest(&state)?.unwrap_or((0, state));
/// for step in first + 1..=100 {
///     state.weight = state.weight + 1.0; // a step of training
///     if step % 10 == 0 {
///         checkpoints.save(step, &state)?;
///     }
/// }
/// assert_eq!(checkpoints.steps()?, [80, 90, 100]);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing is saved before `save` is called"]
pub struct Checkpoints {
    folder: PathBuf,
    keep: usize,
}

impl Checkpoints {
    /// The checkpoints in a folder, which is made when the first one is saved. All are kept.
    pub fn new(folder: impl Into<PathBuf>) -> Checkpoints {
        Checkpoints { folder: folder.into(), keep: usize::MAX }
    }

    /// Keeps the last `n`, at least one: [`save`](Checkpoints::save) removes those of the lowest steps.
    pub fn keep(mut self, n: usize) -> Checkpoints {
        self.keep = n.max(1);
        self
    }

    /// Saves a state. A checkpoint of the same step is replaced.
    ///
    /// # Errors
    /// If the folder cannot be written, or an array has no value. Then the checkpoints are as they were.
    pub fn save<T: Tree>(&self, step: u64, state: &T) -> Result<()> {
        std::fs::create_dir_all(&self.folder).map_err(|e| atomic::failed("making", &self.folder, &e))?;
        let save = Save::new().metadata("format", "cotangent-checkpoint").metadata("version", VERSION);
        save.metadata("step", step.to_string()).write(self.path(step), state)?;
        // The one just saved is kept even if there are later ones, as after a restart from an earlier step.
        let steps = self.steps()?;
        let others = steps.iter().filter(|s| **s != step);
        let surplus = others.take(steps.len().saturating_sub(self.keep)).map(|step| self.path(*step));
        for path in surplus.chain(atomic::left_over(&self.folder)) {
            // Another process may have removed it.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// The steps that have a checkpoint, in order. A folder that does not exist has none.
    ///
    /// # Errors
    /// If the folder cannot be read.
    pub fn steps(&self) -> Result<Vec<u64>> {
        let entries = match std::fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(atomic::failed("reading", &self.folder, &e)),
        };
        let mut steps: Vec<u64> = entries.flatten().filter_map(|entry| step(&entry.path())).collect();
        steps.sort_unstable();
        Ok(steps)
    }

    /// Restores the state of a step, with the structure of `like`, whose shapes and dtypes are checked.
    ///
    /// # Errors
    /// If there is no such checkpoint, if it is damaged or of a later version of the format, or does not fit the tree.
    pub fn restore<T: Tree>(&self, step: u64, like: &T) -> Result<T> {
        let path = self.path(step);
        if !path.exists() {
            let steps = self.steps()?;
            let last = &steps[steps.len().saturating_sub(5)..];
            return Err(Error::value(format!("{} has no checkpoint of step {step}", self.folder.display()))
                .help(format!("it has {} checkpoints, the last of steps {last:?}", steps.len())));
        }
        let file = File::open(&path)?;
        match file.metadata().get("version").map(String::as_str) {
            Some(VERSION) => file.load(like),
            version => Err(Error::value(format!(
                "{} has version {} of the format of checkpoints, and this library reads {VERSION}",
                path.display(),
                version.unwrap_or("none")
            ))),
        }
    }

    /// Restores the state of the highest step, and returns both; or `None` if there is no checkpoint.
    ///
    /// # Errors
    /// As [`restore`](Checkpoints::restore).
    pub fn restore_latest<T: Tree>(&self, like: &T) -> Result<Option<(u64, T)>> {
        match self.steps()?.last() {
            Some(step) => Ok(Some((*step, self.restore(*step, like)?))),
            None => Ok(None),
        }
    }

    fn path(&self, step: u64) -> PathBuf {
        self.folder.join(format!("step-{step:012}.safetensors"))
    }
}

/// The step of a checkpoint's file.
fn step(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.strip_prefix("step-")?.strip_suffix(".safetensors")?.parse().ok()
}
