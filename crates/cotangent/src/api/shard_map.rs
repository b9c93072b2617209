//! Functions that each device of a mesh runs on its own parts.

use std::panic::Location;
use std::sync::Arc;

use crate::array::Array;
use crate::array::aval::Aval;
use crate::control::shard_map as prim;
use crate::error::location::location;
use crate::error::{Error, Loc, Result, attempt, raise};
use crate::sharding::{Mesh, NamedSharding, PartitionSpec};
use crate::trace::axis;
use crate::trace::frames::{Inputs, bind_at};
use crate::tree::{Tree, flatten, leaf_paths};

use super::callable::transformable;
use super::func::{Func, Params};
use super::grad::param_paths;
use super::prefix::{IntoPrefix, Prefix};
use super::program::{as_program_at, trace};

/// A function that each device of a mesh runs on its own parts, as returned by [`shard_map`].
///
/// ```
/// use cotangent::{P, make_mesh, prelude::*, shard_map};
/// let mesh = make_mesh([("x", 1)]); // or as many devices as there are
/// let total = shard_map(|x: &Array| lax::psum(&x.sum(), "x"), &mesh).in_specs(P!("x"));
/// assert_eq!(total(&np::arange(8)).item::<i32>(), 28);
/// ```
#[must_use = "a transformed function does nothing until it is called"]
pub struct ShardMap<'f, P: Params, R: 'f> {
    f: Arc<P::Dyn<'f, R>>,
    call: Box<P::Dyn<'f, R>>,
    options: Options,
    loc: Loc,
}

#[derive(Clone)]
struct Options {
    mesh: Mesh,
    in_specs: Prefix<PartitionSpec>,
    out_specs: Prefix<PartitionSpec>,
    check: bool,
}

impl Options {
    /// Returns the spec of each leaf of the arguments, and the type of the part that a device has of it.
    fn parts<P: Params>(&self, args: P::Refs<'_>) -> Result<(Vec<PartitionSpec>, Vec<Aval>)> {
        let (leaves, _) = P::leaves(args);
        let specs = self.in_specs.resolve(leaves.len(), |path| P::paths(args, path));
        let specs = specs.map_err(|misfit| Error::from(misfit).context("shard_map: in_specs"))?;
        let part = |(i, (x, spec)): (usize, (&&Array, &PartitionSpec))| {
            prim::ShardMap::part(&self.mesh, spec, &x.aval())
                .map_err(|e| e.context(format_args!("shard_map: argument {}", param_paths::<P>(args)[i])))
        };
        let avals = leaves.iter().zip(&specs).enumerate().map(part).collect::<Result<_>>()?;
        Ok((specs, avals))
    }

    /// Returns the spec of each array of the result.
    fn out_specs<R: Tree>(&self, result: &R) -> Result<Vec<PartitionSpec>> {
        let outs = flatten(result);
        let specs = self.out_specs.resolve(outs.len(), |path| result.paths(path));
        let specs = specs.map_err(|misfit| Error::from(misfit).context("shard_map: out_specs"))?;
        for (i, (x, spec)) in outs.iter().zip(&specs).enumerate() {
            let what = || format!("shard_map: result{} ({})", leaf_paths(result)[i], x.aval());
            NamedSharding::try_new(&self.mesh, spec.clone()).map_err(|e| e.context(what()))?;
            if spec.entries().len() > x.ndim() {
                let message =
                    format!("{} has {} dimensions, but {spec} {} entries", what(), x.ndim(), spec.entries().len());
                return Err(Error::shape(message).help("a spec has at most one entry for each dimension"));
            }
        }
        Ok(specs)
    }
}

fn call_on_mesh<'f, P: Params, R: Tree>(f: &P::Dyn<'f, R>, args: P::Refs<'_>, options: &Options, loc: Loc) -> R {
    fn or_raise<T>(result: Result<T>, loc: Loc) -> T {
        result.unwrap_or_else(|error| raise(error.at(loc)))
    }
    let (specs, avals) = or_raise(options.parts::<P>(args), loc);
    let inputs: Vec<Array> = P::leaves(args).0.into_iter().cloned().collect();
    let body = |inputs: &[Array]| {
        let why = Inputs::Unknown("inside `shard_map`, where it stands for one of many parts");
        let (closed, result) = axis::inside_mesh(options.mesh.grid(), || trace::<P, R>(f, args, &avals, &why));
        let out_specs = or_raise(options.out_specs(&result), loc);
        // What the function captures is the same on all devices.
        let captured = closed.captures.iter().map(|_| PartitionSpec::default());
        let map = prim::ShardMap {
            jaxpr: closed.jaxpr,
            mesh: options.mesh.clone(),
            in_specs: captured.chain(specs.iter().cloned()).collect(),
            out_specs,
            check: options.check,
        };
        let map = or_raise(map.checked(|i| format!("the result{}", leaf_paths(&result)[i])), loc);
        let operands: Vec<&Array> = closed.captures.iter().chain(inputs).collect();
        (bind_at(Arc::new(map), &operands, location(loc)).into_vec(), result)
    };
    let (flat, template) = as_program_at(&inputs, location(loc), body);
    template.rebuild(&mut flat.into_iter())
}

impl<'f, P: Params, R: Tree> ShardMap<'f, P, R> {
    fn new(f: Arc<P::Dyn<'f, R>>, options: Options, loc: Loc) -> Self {
        let (inner, own) = (f.clone(), options.clone());
        let call = P::wrap(move |args| call_on_mesh::<P, R>(&*inner, args, &own, loc));
        ShardMap { f, call, options, loc }
    }

    /// Sets how each argument is divided among the devices. A tuple has an entry for each argument. An entry may be a
    /// tree itself: see [`Prefix`]. Without specs, each device gets all of every argument.
    ///
    /// ```
    /// use cotangent::{P, make_mesh, prelude::*, shard_map};
    /// let f = shard_map(|w: &Array, x: &Array| x.matmul(w), &make_mesh([("batch", 1)]))
    ///     .in_specs((P!(), P!("batch")))
    ///     .out_specs(P!("batch"));
    /// assert_eq!(f(&np::ones([3, 2]), &np::ones([16, 3])).shape(), [16, 2]);
    /// ```
    pub fn in_specs(self, specs: impl IntoPrefix<PartitionSpec>) -> Self {
        ShardMap::new(self.f, Options { in_specs: specs.into_prefix(), ..self.options }, self.loc)
    }

    /// Sets how the results are put together from those of the devices: along the axes that a spec names, the parts are
    /// concatenated. Along the others all devices have the same value, which is checked when the function is traced.
    /// Without specs, all devices share every result.
    ///
    /// ```
    /// use cotangent::{P, make_mesh, prelude::*, shard_map};
    /// let mesh = make_mesh([("x", 1)]);
    /// let f = shard_map(|x: &Array| x + lax::axis_index("x"), &mesh).in_specs(P!()).out_specs(P!("x"));
    /// assert_eq!(f(&np::zeros(3)).size(), 3 * mesh.size()); // a part from each device
    /// ```
    pub fn out_specs(self, specs: impl IntoPrefix<PartitionSpec>) -> Self {
        ShardMap::new(self.f, Options { out_specs: specs.into_prefix(), ..self.options }, self.loc)
    }

    /// Sets whether it is checked, when the function is traced, that devices share the results that the specs say they
    /// share. Without the check, a result that they share counts as the mean of theirs in a derivative, which sums more
    /// than necessary.
    ///
    /// ```
    /// use cotangent::{P, make_mesh, prelude::*, shard_map};
    /// // The same on all devices, which the check cannot know.
    /// let mesh = make_mesh([("x", 1)]);
    /// let f = shard_map(|x: &Array| lax::all_gather(x, "x"), &mesh).in_specs(P!("x")).check_vma(false);
    /// assert_eq!(f(&np::arange(4)).shape()[0], mesh.size());
    /// ```
    pub fn check_vma(self, check: bool) -> Self {
        ShardMap::new(self.f, Options { check, ..self.options }, self.loc)
    }

    /// Calls the function and returns every failure as an error instead of panicking.
    ///
    /// # Errors
    /// If tracing, compiling or running the function fails, or if the user's own code panics.
    ///
    /// ```
    /// use cotangent::{P, make_mesh, prelude::*, shard_map};
    /// let f = shard_map(|x: &Array| 2 * x, &make_mesh([("x", 1)])).in_specs(P!("rows")).out_specs(P!("x"));
    /// assert!(f.try_call((&np::arange(3),)).is_err()); // no axis `rows`
    /// ```
    pub fn try_call(&self, args: P::Refs<'_>) -> Result<R> {
        attempt(|| call_on_mesh::<P, R>(&*self.f, args, &self.options, self.loc))
    }
}

transformable! {
    impl['f, P: Params, R: Tree] ShardMap<'f, P, R>: 'f -> R;
    |this, f| write!(f, "shard_map(… over {} at {})", this.options.mesh, this.loc)
}

/// Maps a function over the devices of a mesh. Each device runs it on its own parts of the arguments, and they
/// communicate with the collectives of [`lax`](crate::lax): [`psum`](crate::lax::psum),
/// [`all_gather`](crate::lax::all_gather), [`ppermute`](crate::lax::ppermute) and the others. The names of the axes
/// are those of the mesh.
///
/// The function sees arrays of the sizes of the parts. [`in_specs`](ShardMap::in_specs) says how the arguments are
/// divided, [`out_specs`](ShardMap::out_specs) how the results are put together. What the function captures is the same
/// on all devices. The mapped function can be differentiated, batched and compiled like any other.
///
/// ```
/// use cotangent::{P, make_mesh, prelude::*, shard_map};
/// let mesh = make_mesh([("batch", 1)]);
/// let loss = |w: &Array, x: &Array| lax::pmean(&x.matmul(w).powi(2).mean(), "batch");
/// let loss = shard_map(loss, &mesh).in_specs((P!(), P!("batch")));
/// // The gradient of the weights is summed over the devices.
/// let gradient = jit(grad(loss))(&np::ones(3), &np::ones([8, 3]));
/// assert_eq!(gradient.to_vec::<f32>(), [6.0, 6.0, 6.0]); // on any number of devices
/// ```
///
/// # Panics
/// The mapped function panics if a dimension cannot be divided among the devices, if a spec does not fit, or if a
/// result that the devices should share may differ between them. [`try_call`](ShardMap::try_call) returns an error
/// instead.
#[track_caller]
pub fn shard_map<'f, P: Params, F: Func<'f, P>>(f: F, mesh: &Mesh) -> ShardMap<'f, P, F::Out> {
    let whole = || Prefix::all(PartitionSpec::default());
    let options = Options { mesh: mesh.clone(), in_specs: whole(), out_specs: whole(), check: true };
    ShardMap::new(f.boxed().into(), options, Location::caller())
}
