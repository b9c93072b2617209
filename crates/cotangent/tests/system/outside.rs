//! A primitive defined outside the crate, with every rule.

use cotangent::Error;
use cotangent::extend::{Lowering, Operand, Outputs, Primitive, Tangent, Value, bind, bind1};
use cotangent::prelude::*;
use cotangent::{Aval, extend::check};

/// x·y + z, elementwise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct MulAdd;

impl Primitive for MulAdd {
    fn name(&self) -> &'static str {
        "muladd"
    }
    fn infer(&self, inputs: &[Aval]) -> Result<Outputs<Aval>> {
        match inputs {
            [x, y, z] if x == y && y == z => Ok([x.clone()].into_iter().collect()),
            _ => Err(Error::shape(format!("expected three operands of the same type, got {inputs:?}"))),
        }
    }
    fn jvp(&self, x: &[Array], dx: &[Tangent]) -> (Vec<Array>, Vec<Tangent>) {
        let out = bind(MulAdd, &[&x[0], &x[1], &x[2]]).into_vec();
        let terms = [dx[0].as_ref().map(|t| t * &x[1]), dx[1].as_ref().map(|t| &x[0] * t), dx[2].clone()];
        (out, vec![terms.into_iter().flatten().reduce(|a, b| a + b)])
    }
    fn transpose(&self, ct: &[Tangent], inputs: &[Operand]) -> Vec<Tangent> {
        // Jointly linear in the first and the last operand.
        let ct = ct[0].as_ref();
        let y = inputs[1].known();
        vec![
            ct.zip(y).filter(|_| inputs[0].is_linear()).map(|(ct, y)| ct * y),
            None,
            ct.filter(|_| inputs[2].is_linear()).cloned(),
        ]
    }
    fn batch(&self, x: &[Array], axes: &[Option<usize>], size: usize) -> (Vec<Array>, Vec<Option<usize>>) {
        let front = |(x, axis): (&Array, &Option<usize>)| match axis {
            Some(axis) => x.moveaxis(*axis as isize, 0),
            None => x.broadcast_to([&[size], x.shape()].concat()),
        };
        let x: Vec<Array> = x.iter().zip(axes).map(front).collect();
        (vec![bind1(MulAdd, &[&x[0], &x[1], &x[2]])], vec![Some(0)])
    }
    fn lower(&self, cx: &mut Lowering<'_>, args: &[Value], _: &[Aval], outs: &[Aval]) -> Outputs<Value> {
        let product = cx.op("stablehlo.multiply", &args[..2], &[], &outs[0]);
        [cx.op("stablehlo.add", &[product, args[2].clone()], &[], &outs[0])].into_iter().collect()
    }
}

#[track_caller]
fn mul_add(x: &Array, y: &Array, z: &Array) -> Array {
    bind1(MulAdd, &[x, y, z])
}

#[test]
fn a_primitive_from_outside_has_every_transform() {
    let [x, y, z] = [2.0, 3.0, 5.0].map(Array::scalar::<f64>);
    assert_eq!(mul_add(&x, &y, &z).item::<f64>(), 11.0);
    assert_eq!(jit(mul_add)(&x, &y, &z).item::<f64>(), 11.0);
    let (dx, dy, dz) = grad(mul_add).argnums(args!(0, 1, 2))(&x, &y, &z);
    assert_eq!([dx, dy, dz].map(|d| d.item::<f64>()), [3.0, 2.0, 1.0]);
    // d²/dx² of x·x + x.
    let f = |x: &Array| mul_add(x, x, x);
    assert_eq!(grad(grad(f))(&x).item::<f64>(), 2.0);
    let (value, tangent) = jvp(grad(f), (&x,), (&Array::scalar(1.0f64),));
    assert_eq!((value.item::<f64>(), tangent.item::<f64>()), (5.0, 2.0));
    let batch = Array::from(vec![1.0f64, 2.0, 3.0]);
    let mapped = vmap(mul_add).in_axes((0, None, 0));
    assert_eq!(mapped(&batch, &y, &batch).to_vec::<f64>(), [4.0, 8.0, 12.0]);
    assert_eq!(jit(vmap(grad(f)))(&batch).to_vec::<f64>(), [3.0, 5.0, 7.0]);
    let jaxpr = make_jaxpr(f)(&x).jaxpr;
    check(&jaxpr).unwrap();
    assert_eq!(jaxpr.to_string(), "{ lambda ; a:f64[]. let\n    b:f64[] = muladd a a a\n  in (b,) }");
}

#[test]
fn its_type_errors_name_it_and_the_line() {
    let line = line!() + 1;
    let f = jit(|x: &Array| mul_add(x, x, &Array::scalar(1.0f32)));
    let error = f.try_call((&Array::from(vec![1.0f64]),)).unwrap_err().to_string();
    assert!(error.contains("muladd: expected three operands of the same type"), "{error}");
    assert!(error.contains(&format!("{}:{line}", file!())), "{error}");
}
