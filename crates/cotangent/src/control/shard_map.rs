//! `shard_map`: a program that each device of a mesh runs on its own parts.

use std::sync::Arc;

use stablehlo::Value;

use crate::array::Array;
use crate::array::aval::{Aval, Shape};
use crate::error::{Error, ErrorKind, Result, raise};
use crate::ir::axis::{AxisName, AxisSet, NamedAxis};
use crate::ir::effects::Effects;
use crate::ir::jaxpr::Jaxpr;
use crate::ir::lowering::Lowering;
use crate::ir::primitive::{Operand, Outputs, Primitive, Tangent};
use crate::ir::print::boolean;
use crate::sharding::{Mesh, NamedSharding, PartitionSpec, SpecEntry};
use crate::trace::axis;
use crate::trace::frames::{Inputs, bind, bind1, stage};
use crate::transform::batch::{batch_closed, in_front};
use crate::transform::eval::eval;
use crate::transform::jvp::jvp_jaxpr;
use crate::transform::linearize::{Split, linearize_jaxpr};
use crate::transform::masks::{chosen, placed, present};
use crate::transform::nested::nested;
use crate::transform::transpose::backward_jaxpr;

use super::collectives::PSum;
use super::vary::{axes_of, vary_jaxpr};

/// `shard_map`: a program that each device of a mesh runs on its own parts of the operands. The results are put
/// together from the parts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ShardMap {
    /// The program of one device, without captures.
    pub jaxpr: Arc<Jaxpr>,
    /// The mesh.
    pub mesh: Mesh,
    /// How each operand is divided.
    pub in_specs: Vec<PartitionSpec>,
    /// How each result is divided.
    pub out_specs: Vec<PartitionSpec>,
    /// Whether it is known which values differ from device to device. If not, a result that devices share counts as
    /// the mean of theirs.
    pub check: bool,
}

const INSIDE: Inputs<'static> = Inputs::Unknown("inside `shard_map`, where it stands for one of many parts");

/// The axes that divide an array.
fn named(spec: &PartitionSpec) -> AxisSet {
    spec.axes().cloned().collect()
}

fn all_named(specs: &[PartitionSpec]) -> Vec<AxisSet> {
    specs.iter().map(named).collect()
}

/// What a residual of the forward pass is.
enum Residual {
    /// An operand.
    Operand(usize),
    /// A result of its own.
    Saved(usize),
}

impl ShardMap {
    /// The type of the part of a value that one device has.
    pub(crate) fn part(mesh: &Mesh, spec: &PartitionSpec, aval: &Aval) -> Result<Aval> {
        let sharding = NamedSharding::try_new(mesh, spec.clone())?;
        sharding.check(aval)?;
        Ok(aval.with_shape(sharding.shard_shape(&aval.shape)?))
    }

    /// The type of the value that the parts make up.
    fn whole(&self, spec: &PartitionSpec, part: &Aval) -> Aval {
        let parts =
            |d: usize| spec.entry(d).axes().iter().filter_map(|name| self.mesh.axis_size(name)).product::<usize>();
        part.with_shape(part.shape.iter().enumerate().map(|(d, size)| size * parts(d)).collect::<Shape>())
    }

    fn grid(&self) -> &[NamedAxis] {
        self.mesh.grid()
    }

    /// Finds out which values vary, and inserts the copies. `name` returns what an error calls a result.
    ///
    /// # Errors
    /// If a result differs between devices that should share it.
    pub(crate) fn checked(self, name: impl Fn(usize) -> String) -> Result<ShardMap> {
        if !self.check {
            return Ok(self);
        }
        let (inputs, outputs) = (all_named(&self.in_specs), all_named(&self.out_specs));
        let (jaxpr, sets) = axis::inside_mesh(self.grid(), || vary_jaxpr(&self.jaxpr, &inputs, &outputs, self.grid()));
        for (i, (set, spec)) in sets.iter().zip(&outputs).enumerate() {
            // Along an axis of size one there is one device.
            let differs = |name: &&AxisName| self.mesh.axis_size(*name) != Some(1);
            if let Some(axis) = set.difference(spec).find(differs) {
                return Err(Error::new(
                    ErrorKind::Axis,
                    format!(
                        "shard_map: {} may differ between devices along the axis `{axis}`, but its spec {} says \
                         that they share it",
                        name(i),
                        self.out_specs[i]
                    ),
                )
                .help(format!(
                    "name the axis in the spec, or make the value the same on all devices, for example with \
                     `lax::psum(x, \"{axis}\")`; `check_vma(false)` turns the check off"
                )));
            }
        }
        Ok(ShardMap { jaxpr, ..self })
    }

    /// A program derived from this one.
    fn derived(&self, jaxpr: Arc<Jaxpr>, in_specs: Vec<PartitionSpec>, out_specs: Vec<PartitionSpec>) -> ShardMap {
        let map = ShardMap { jaxpr, in_specs, out_specs, ..self.clone() };
        map.checked(|i| format!("the derived result {i}")).unwrap_or_else(|error| raise(error))
    }

    fn parts(&self, specs: &[PartitionSpec], avals: impl IntoIterator<Item = Aval>) -> Vec<Aval> {
        let part = |(spec, aval): (&PartitionSpec, Aval)| {
            ShardMap::part(&self.mesh, spec, &aval).unwrap_or_else(|error| raise(error))
        };
        specs.iter().zip(avals).map(part).collect()
    }

    /// The axes of the mesh that a spec does not name.
    fn shared(&self, spec: &PartitionSpec) -> Vec<NamedAxis> {
        let named = named(spec);
        self.grid().iter().filter(|axis| !named.contains(&axis.name)).cloned().collect()
    }

    /// The spec of a residual, whose leading dimension lists the values of the devices over which it varies.
    fn residual_spec(&self, over: &AxisSet) -> PartitionSpec {
        match over.is_empty() {
            true => PartitionSpec::default(),
            false => {
                let axes = axes_of(self.grid(), over).into_iter().map(|axis| axis.name).collect();
                PartitionSpec::new(vec![SpecEntry::Axes(axes)])
            }
        }
    }
}

impl Primitive for ShardMap {
    fn name(&self) -> &'static str {
        "shard_map"
    }

    fn params(&self) -> Vec<(&'static str, String)> {
        let list = |specs: &[PartitionSpec]| {
            let specs: Vec<String> = specs.iter().map(PartitionSpec::to_string).collect();
            crate::ir::print::tuple(&specs)
        };
        vec![
            ("check_vma", boolean(self.check)),
            ("in_specs", list(&self.in_specs)),
            ("mesh", self.mesh.to_string()),
            ("out_specs", list(&self.out_specs)),
        ]
    }

    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        let parts: Vec<Aval> = (self.in_specs.iter().zip(inputs))
            .map(|(spec, aval)| ShardMap::part(&self.mesh, spec, aval))
            .collect::<Result<_>>()?;
        super::call::infer("the function", &self.jaxpr, &parts)?;
        Ok(self.jaxpr.output_avals().zip(&self.out_specs).map(|(aval, spec)| self.whole(spec, &aval)).collect())
    }

    /// Values and tangents in one program.
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let wanted = present(dx);
        let (jaxpr, nonzero) = axis::inside_mesh(self.grid(), || jvp_jaxpr(&self.jaxpr, &wanted, &[]));
        let in_specs = self.in_specs.iter().chain(chosen(&self.in_specs, &wanted)).cloned().collect();
        let out_specs = self.out_specs.iter().chain(chosen(&self.out_specs, &nonzero)).cloned().collect();
        let operands: Vec<&Array> = x.iter().chain(dx.iter().flatten()).collect();
        let mut y = bind(self.derived(jaxpr, in_specs, out_specs), &operands).into_vec();
        let mut dy = y.split_off(self.out_specs.len()).into_iter();
        (y, placed(&nonzero, &mut dy))
    }

    /// A program that also returns the residuals of each device, and a linear one over them.
    fn linearize(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let wanted = present(dx);
        let Split { forward, linear, nonzero } =
            axis::inside_mesh(self.grid(), || linearize_jaxpr(&self.jaxpr, &wanted));
        let outputs = self.out_specs.len();
        // Over which axes each residual varies, and which of them are operands.
        let everywhere: AxisSet = self.grid().iter().map(|axis| axis.name.clone()).collect();
        let inputs = all_named(&self.in_specs);
        let sets = match self.check {
            true => axis::inside_mesh(self.grid(), || vary_jaxpr(&forward, &inputs, &[], self.grid()).1),
            false => vec![everywhere; forward.outputs().len()],
        };
        let mut saved: Vec<usize> = Vec::new();
        let residuals: Vec<Residual> = (outputs..forward.outputs().len())
            .map(|i| {
                let atom = forward.outputs()[i];
                let input = atom.var().and_then(|v| forward.inputs().iter().position(|input| *input == v));
                input.map_or_else(
                    || {
                        let known = saved.iter().position(|j| forward.outputs()[*j] == atom);
                        Residual::Saved(known.unwrap_or_else(|| {
                            saved.push(i);
                            saved.len() - 1
                        }))
                    },
                    Residual::Operand,
                )
            })
            .collect();
        // Scalars that differ from device to device get a dimension to be divided along.
        let lifted: Vec<bool> =
            saved.iter().map(|i| !sets[*i].is_empty() && forward.aval(&forward.outputs()[*i]).rank() == 0).collect();
        let saved_specs: Vec<PartitionSpec> = saved.iter().map(|i| self.residual_spec(&sets[*i])).collect();
        let avals: Vec<Aval> = forward.input_avals().cloned().collect();
        let (first, ()) = stage(&avals, &INSIDE, |args| {
            let all = eval(&forward, args);
            let kept =
                saved.iter().zip(&lifted).map(|(i, lift)| if *lift { all[*i].reshape([1]) } else { all[*i].clone() });
            (all[..outputs].iter().cloned().chain(kept).collect(), ())
        });
        let out_specs = self.out_specs.iter().chain(&saved_specs).cloned().collect();
        let first = self.derived(nested(first), self.in_specs.clone(), out_specs);
        let mut y = bind(first, &x.iter().collect::<Vec<_>>()).into_vec();
        let kept = y.split_off(outputs);
        // The linear program of the residuals and the tangents.
        let own: Vec<Aval> = linear.input_avals().cloned().collect();
        let avals: Vec<Aval> = (own.iter().enumerate())
            .map(|(i, aval)| match residuals.get(i) {
                Some(Residual::Saved(j)) if lifted[*j] => aval.with_shape(Shape::new(&[1])),
                _ => aval.clone(),
            })
            .collect();
        let (second, ()) = stage(&avals, &INSIDE, |args| {
            let back = |(x, own): (&Array, &Aval)| {
                if *x.shape() == *own.shape { x.clone() } else { x.reshape(own.shape.clone()) }
            };
            let args: Vec<Array> = args.iter().zip(&own).map(back).collect();
            (eval(&linear, &args), ())
        });
        let of = |residual: &Residual| match residual {
            Residual::Operand(i) => (x[*i].clone(), self.in_specs[*i].clone()),
            Residual::Saved(i) => (kept[*i].clone(), saved_specs[*i].clone()),
        };
        let (operands, mut in_specs): (Vec<Array>, Vec<PartitionSpec>) = residuals.iter().map(of).unzip();
        in_specs.extend(chosen(&self.in_specs, &wanted).cloned());
        let out_specs = chosen(&self.out_specs, &nonzero).cloned().collect();
        let second = self.derived(nested(second), in_specs, out_specs);
        let operands: Vec<&Array> = operands.iter().chain(dx.iter().flatten()).collect();
        let mut dy = bind(second, &operands).into_iter();
        (y, placed(&nonzero, &mut dy))
    }

    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        let parts = self.parts(&self.in_specs, inputs.iter().map(Operand::aval));
        let operands: Vec<Operand> = (inputs.iter().zip(parts))
            .map(|(x, part)| if x.is_linear() { Operand::Linear(part) } else { Operand::Known(Array::of_aval(&part)) })
            .collect();
        let cts: Vec<Tangent> = (ct.iter().zip(&self.out_specs))
            .map(|(ct, spec)| {
                let ct = ct.as_ref()?;
                Some(Array::of_aval(&self.parts(std::slice::from_ref(spec), [ct.aval()])[0]))
            })
            .collect();
        let (jaxpr, arrives) = axis::inside_mesh(self.grid(), || backward_jaxpr(&self.jaxpr, &operands, &cts));
        let known = inputs.iter().zip(&self.in_specs).filter(|(x, _)| !x.is_linear()).map(|(_, spec)| spec);
        let ct_specs: Vec<PartitionSpec> = chosen(&self.out_specs, &present(ct)).cloned().collect();
        let in_specs: Vec<PartitionSpec> = known.chain(&ct_specs).cloned().collect();
        let out_specs: Vec<PartitionSpec> = chosen(&self.in_specs, &arrives).cloned().collect();
        let jaxpr = if self.check { jaxpr } else { self.summed(&jaxpr, &ct_specs, &out_specs) };
        let back = self.derived(jaxpr, in_specs, out_specs);
        let operands: Vec<&Array> = inputs.iter().filter_map(Operand::known).chain(ct.iter().flatten()).collect();
        let mut results = bind(back, &operands).into_iter();
        placed(&arrives, &mut results)
    }

    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let batched = present(axes);
        let (own, entry) = self.divided(size);
        let (closed, out) = axis::around_innermost(self.grid(), || batch_closed(&self.jaxpr, &batched, own, &[]));
        let specs = |specs: &[PartitionSpec], batched: &[bool]| -> Vec<PartitionSpec> {
            let spec = |(spec, batched): (&PartitionSpec, &bool)| match batched {
                true => spec.inserted(0, entry.clone()),
                false => spec.clone(),
            };
            specs.iter().zip(batched).map(spec).collect()
        };
        let map = self.derived(nested(closed), specs(&self.in_specs, &batched), specs(&self.out_specs, &out));
        let operands = in_front(x, axes, size);
        let outputs = bind(map, &operands.iter().collect::<Vec<_>>());
        (outputs.into_vec(), out.iter().map(|b| b.then_some(0)).collect())
    }

    fn vary(&self, _: &[Array], _: &[AxisSet], _: &[NamedAxis]) -> Option<(Vec<Array>, Vec<AxisSet>)> {
        raise(
            Error::new(
                ErrorKind::Transform,
                "a `shard_map` inside another one: its devices have been given out already",
            )
            .help("use one mesh with all axes, and name them in one `shard_map`"),
        )
    }

    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], inputs: &[Aval], outputs: &[Aval]) -> Outputs<Value> {
        let layouts = |specs: &[PartitionSpec], avals: &[Aval]| {
            let layout = |(spec, aval): (&PartitionSpec, &Aval)| {
                NamedSharding::new(&self.mesh, spec.clone()).layout(aval.rank())
            };
            specs.iter().zip(avals).map(layout).collect::<Vec<_>>()
        };
        let (ins, outs) = (layouts(&self.in_specs, inputs), layouts(&self.out_specs, outputs));
        cx.manual_computation(self.mesh.grid(), &self.jaxpr, args, &ins, (outputs, &outs))
    }

    fn jaxprs(&self) -> Vec<&Arc<Jaxpr>> {
        vec![&self.jaxpr]
    }

    fn effects(&self) -> Effects {
        self.jaxpr.effects() | Effects::MESH
    }

    fn uses_axis(&self, name: &AxisName) -> bool {
        self.mesh.axis_size(name).is_none() && self.jaxpr.uses_axis(name)
    }
}

impl ShardMap {
    /// The part of a batch of this size that each device has, and what divides it.
    fn divided(&self, size: usize) -> (usize, SpecEntry) {
        let Some(name) = axis::divided_over() else { return (size, SpecEntry::Whole) };
        let fail = |message: String| -> ! { raise(Error::new(ErrorKind::Axis, message)) };
        let Some(devices) = self.mesh.axis_size(&name) else {
            fail(format!("`spmd_axis_name` is `{name}`, which {} does not have", self.mesh))
        };
        if let Some(spec) =
            self.in_specs.iter().chain(&self.out_specs).find(|spec| spec.axes().any(|axis| *axis == name))
        {
            fail(format!("`spmd_axis_name` is `{name}`, which the spec {spec} of a `shard_map` names already"));
        }
        if axis::innermost().is_some_and(|axis| self.jaxpr.uses_axis(&axis.name)) {
            fail(format!("a batch that is divided over `{name}` cannot communicate over the axis of its `vmap`"));
        }
        if !size.is_multiple_of(devices) {
            fail(format!("a batch of {size} cannot be divided into {devices} parts, over the axis `{name}`"));
        }
        (size / devices, SpecEntry::Axes(vec![name]))
    }

    /// The backward program where it is not known which values differ: a result that devices share is the mean of
    /// theirs, and an operand that they share gets the sum of their cotangents.
    fn summed(&self, jaxpr: &Jaxpr, ct_specs: &[PartitionSpec], out_specs: &[PartitionSpec]) -> Arc<Jaxpr> {
        let avals: Vec<Aval> = jaxpr.input_avals().cloned().collect();
        let first = avals.len() - ct_specs.len();
        let (closed, ()) = stage(&avals, &INSIDE, |args| {
            let mut args = args.to_vec();
            for (ct, spec) in args[first..].iter_mut().zip(ct_specs) {
                let copies: usize = self.shared(spec).iter().map(|axis| axis.size).product();
                if copies > 1 {
                    *ct = &*ct / copies as i32;
                }
            }
            let sum = |(x, spec): (Array, &PartitionSpec)| match self.shared(spec) {
                axes if axes.is_empty() => x,
                axes => bind1(PSum { axes }, &[&x]),
            };
            (eval(jaxpr, &args).into_iter().zip(out_specs).map(sum).collect(), ())
        });
        nested(closed)
    }
}
