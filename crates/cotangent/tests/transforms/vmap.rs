//! Trees of axes, named axes and collectives: against stored JAX results, and the error messages.

use super::common;

use std::collections::BTreeMap;

use cotangent::lax::{self, axis_index, pmax, pmean, pmin, psum};
use cotangent::{ErrorKind, prelude::*};

type Rotation = [(usize, usize)];
const FORWARD: &Rotation = &[(0, 1), (1, 2), (2, 0)];

fn flat<T: Tree>(tree: T) -> Vec<Array> {
    let mut leaves = cotangent::tree::Leaves::new();
    tree.leaves(&mut leaves);
    leaves.into_iter().cloned().collect()
}

/// Maps `f` over the axis `i`.
fn over(f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> Array {
    vmap(f).axis_name("i")(x)
}

/// Maps `f` over the axis `i` and, inside it, the axis `j`.
fn over2(f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> Array {
    over(|x: &Array| vmap(&f).axis_name("j")(x), x)
}

/// Returns a sum in which every element has another weight.
fn weigh(y: &Array) -> Array {
    let weights = np::arange(y.size() as i32).astype(DType::F64).cos().reshape(y.shape());
    (weights * y).sum()
}

/// Returns the gradient of each element's own value, taken inside the map.
fn within(f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> Vec<Array> {
    vec![over(|x: &Array| grad(|x: &Array| weigh(&f(x)))(x), x)]
}

/// Returns the gradient of the results of all elements, taken outside the map.
fn around(f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> Vec<Array> {
    vec![grad(|x: &Array| weigh(&over(&f, x)))(x)]
}

fn collapse(x: &Array) -> Array {
    psum(x, "i") / (1.0 + psum(&x.powi(2), "i"))
}

fn jvp_rule(x: &Array) -> Array {
    let f = custom_jvp(|x: &Array| x - pmean(x, "i"));
    f.defjvp(|(x,), (t,)| (jvp_rule(x), 2.0 * t * psum(x, "i") + axis_index("i") * psum(t, "i")))(x)
}

fn vjp_rule(x: &Array) -> Array {
    let f = custom_vjp(|x: &Array| x - pmean(x, "i"));
    let forward = |(x,): (&Array,)| (vjp_rule(x), psum(x, "i"));
    f.defvjp(forward, |s: &Array, ct: &Array| (s * ct + axis_index("i") * psum(ct, "i"),))(x)
}

/// Returns the index plus one, used as a factor.
fn factor() -> Array {
    1.0 + axis_index("i")
}

fn pair_of<A: Tree, B: Tree>((a, b): (A, B)) -> Vec<Array> {
    [flat(a), flat(b)].concat()
}

fn axes(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    Some(match name {
        "tuple_argument" => {
            let f = |p: &(Array, Array), x: &Array| &p.0 * x + &p.1;
            vec![vmap(f).in_axes(((0, None), 0))(&(x[0].clone(), x[1].clone()), &x[2])]
        }
        "list_argument" => {
            let f = |p: &Vec<Array>| &p[0] * &p[1] + &p[2];
            vec![vmap(f).in_axes(([Some(0), Some(1), None],))(&x.to_vec())]
        }
        "dict_argument" => {
            let f = |p: &BTreeMap<&'static str, Array>, x: &Array| &p["w"] * x + &p["b"];
            let p = BTreeMap::from([("w", x[0].clone()), ("b", x[1].clone())]);
            vec![vmap(f).in_axes((Axes::all(0).at("[b]", None), 0))(&p, &x[2])]
        }
        "prefix_of_nested" => {
            let f = |p: &((Array, Array), Array)| &p.0.0 * &p.0.1 + p.1.sum();
            vec![vmap(f).in_axes(((0, 1),))(&((x[0].clone(), x[1].clone()), x[2].clone()))]
        }
        "none_for_a_subtree" => {
            let f = |p: &((Array, Array), Array), x: &Array| &p.0.0 * x + p.1.sum();
            let p = ((x[0].clone(), x[1].clone()), x[0].clone());
            vec![vmap(f).in_axes((((0, 0), None), 0))(&p, &x[2])]
        }
        "out_axes_of_a_tuple" => {
            let f = |r: &Array| (r.clone(), r.sum(), r.expand_dims(1) * r);
            flat(vmap(f).out_axes((1, 0, -1))(&x[0]))
        }
        "out_axes_none" => {
            let f = |x: &Array, y: &Array| (x * y, y.powi(2));
            pair_of(vmap(f).in_axes((0, None)).out_axes((0, None))(&x[0], &x[1]))
        }
        "out_axes_prefix" => flat(vmap(|r: &Array| ((r.clone(), 2.0 * r), r.sum())).out_axes((1, 0))(&x[0])),
        "axis_size_alone" => vec![vmap(|x: &Array| x * 2.0).in_axes(None).axis_size(2)(&x[0])],
        "axis_size_beside" => vec![vmap(|x: &Array| x.sum()).axis_size(3)(&x[0])],
        _ => return None,
    })
}

fn collectives(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    let m = &x[0];
    let one = |f: &(dyn Fn(&Array) -> Array + Send + Sync)| vec![over(f, m)];
    Some(match name {
        "psum" => one(&|r| psum(r, "i")),
        "psum_last_axis" => vec![vmap(|c: &Array| c / psum(c, "i")).axis_name("i").in_axes(1).out_axes(1)(m)],
        "psum_shared" => one(&|r| r + psum(&x[1], "i")),
        "psum_constant" => one(&|r| r * psum(&Array::from(2.0), "i")),
        "psum_of_a_comparison" => one(&|r| r * psum(&r.greater(0.0), "i")),
        "psum_tree" => {
            let f = |a: &Array, b: &Array| psum(&(a.clone(), vec![b.clone()]), "i");
            pair_of(vmap(f).axis_name("i")(&x[0], &x[1]))
        }
        "psum_out_none" => pair_of(vmap(|r: &Array| (r.clone(), psum(r, "i"))).axis_name("i").out_axes((0, None))(m)),
        "pmean" => one(&|r| r - pmean(r, "i")),
        "pmax_pmin" => one(&|r| (r - pmin(r, "i")) / (pmax(r, "i") - pmin(r, "i"))),
        "pmax_shared" => one(&|r| r * pmax(&x[1], "i") - pmin(&x[1], "i")),
        "axis_index" => one(&|r| r * axis_index("i")),
        "axis_index_alone" => {
            let indices = vmap(|(): &()| axis_index("i") * 2.0).axis_name("i").axis_size(3)(&());
            vec![m.clone(), indices.astype(DType::F64)]
        }
        "ppermute_rotation" => one(&|r| lax::ppermute(r, "i", FORWARD)),
        "ppermute_swap" => {
            vec![vmap(|c: &Array| lax::ppermute(c, "i", &[(0, 1), (1, 0)])).axis_name("i").in_axes(1)(m)]
        }
        "pshuffle" => one(&|r| lax::pshuffle(r, "i", &[2, 1, 0])),
        "pbroadcast" => one(&|r| lax::pbroadcast(r, "i", 1)),
        "all_gather" => one(&|r| lax::all_gather(r, "i")),
        "all_gather_last" => one(&|r| lax::all_gather_along(r, "i", 1, false)),
        "all_gather_tiled" => one(&|r| lax::all_gather_along(r, "i", 0, true)),
        "all_gather_shared" => one(&|r| r * lax::all_gather_along(&x[1], "i", -1, false)),
        "psum_scatter" => one(&|r| lax::psum_scatter(r, "i")),
        "psum_scatter_tiled" => one(&|r| lax::psum_scatter_along(r, "i", 1, true)),
        "psum_scatter_shared" => one(&|r| r * lax::psum_scatter(&x[1], "i")),
        "all_to_all" => one(&|r| lax::all_to_all(r, "i", 0, 0)),
        "all_to_all_forward" => one(&|r| lax::all_to_all(r, "i", 0, 1)),
        "all_to_all_backward" => one(&|r| lax::all_to_all(r, "i", 1, 0)),
        "all_to_all_tiled" => one(&|r| lax::all_to_all_tiled(r, "i", 1, 0)),
        "all_to_all_tiled_same" => one(&|r| lax::all_to_all_tiled(r, "i", 0, 0)),
        "all_to_all_tiled_forward" => one(&|r| lax::all_to_all_tiled(r, "i", 0, 1)),
        "pswapaxes" => one(&|r| lax::pswapaxes(r, "i", 0)),
        _ => return None,
    })
}

fn two_axes(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    let m = &x[0];
    let two = |f: &(dyn Fn(&Array) -> Array + Send + Sync)| vec![over2(f, m)];
    Some(match name {
        "two_psums" => two(&|x| x / psum(x, ["i", "j"]) + psum(x, "i") * psum(x, "j")),
        "two_indices" => two(&|x| x + 10.0 * axis_index("i") + axis_index(["j", "i"])),
        "two_pmeans_shared" => two(&|r| r + pmean(&x[1], ["i", "j"])),
        "two_all_gathers" => two(&|r| lax::all_gather_along(&lax::all_gather_along(r, "j", 1, false), "i", 0, true)),
        "other_axis_untouched" => two(&|m| lax::all_to_all(m, "i", 0, 1) + psum(m, "j").t()),
        "scatter_beside_other_axis" => {
            two(&|m| lax::psum_scatter_along(m, "i", 1, false) * lax::psum_scatter_along(m, "j", 0, true).sum())
        }
        "permute_beside_other_axis" => {
            two(&|x| lax::ppermute(x, "i", &[(0, 2), (1, 0), (2, 1)]) + lax::ppermute(x, "j", &[(0, 1), (1, 0)]))
        }
        "unnamed_inside" => vec![over(|m: &Array| vmap(|r: &Array| r - pmean(r, "i"))(m), m)],
        "shadowed_name" => vec![over(|r: &Array| over(|x: &Array| psum(x, "i"), r) * psum(r, "i"), m)],
        "all_to_all_two_axes" => two(&|r| lax::all_to_all_tiled(r, ["i", "j"], 0, 0)),
        "all_to_all_two_axes_apart" => two(&|r| lax::all_to_all_tiled(r, ["i", "j"], 1, 0)),
        _ => return None,
    })
}

fn derivatives(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    let m = &x[0];
    Some(match name {
        "grad_within_psum" => within(|x| psum(&x.powi(2), "i"), m),
        "grad_within_pmean" => within(|r| pmean(&r.powi(3), "i") * r, m),
        "grad_within_collapse" => within(collapse, m),
        "grad_within_ppermute" => within(|x| lax::ppermute(&x.powi(2), "i", FORWARD) * factor(), m),
        "grad_within_all_gather" => within(|r| lax::all_gather_along(&r.powi(2), "i", 1, false) * factor(), m),
        "grad_within_all_gather_tiled" => within(|r| lax::all_gather_along(&r.powi(2), "i", 0, true) * factor(), m),
        "grad_within_psum_scatter" => within(|r| lax::psum_scatter(&r.powi(2), "i") * factor(), m),
        "grad_within_all_to_all" => within(|r| lax::all_to_all(&r.powi(2), "i", 0, 0) * factor(), m),
        "grad_within_all_to_all_tiled" => within(|r| lax::all_to_all_tiled(&r.powi(2), "i", 1, 0) * factor(), m),
        "grad_within_two" => {
            let f = |x: &Array| psum(&x.powi(2), ["i", "j"]) + x * pmean(x, "i");
            vec![over2(|x: &Array| grad(f)(x), m)]
        }
        "grad_within_shared" => {
            let g = grad(|y: &Array, x: &Array| psum(&y.powi(2), "i") * x);
            vec![vmap(g).axis_name("i").in_axes((None, 0))(&x[1], m)]
        }
        "second_derivative_within" => vec![over(|x: &Array| grad(grad(|x: &Array| collapse(x) * x))(x), m)],
        "jvp_within" => pair_of(vmap(|x: &Array, t: &Array| jvp(collapse, (x,), (t,))).axis_name("i")(&x[0], &x[1])),
        "grad_around_psum" => around(|x| psum(&x.powi(2), "i"), m),
        "grad_around_collapse" => around(collapse, m),
        "grad_around_permuted" => around(|r| lax::ppermute(&r.powi(2), "i", &[(0, 2), (1, 0), (2, 1)]) * r, m),
        "grad_around_gathered" => around(|r| lax::all_gather(&r.sin(), "i") * r, m),
        "grad_around_exchanged" => around(|r| lax::all_to_all(&r.sin(), "i", 0, 0) * r, m),
        "grad_around_scattered" => around(|r| lax::psum_scatter(&r.sin(), "i") * r, m),
        "hessian_around" => vec![hessian(|x: &Array| weigh(&over(collapse, x)))(m)],
        _ => return None,
    })
}

fn inside_programs(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    let m = &x[0];
    let zero = || Array::scalar(0.0f64);
    let one = |f: &(dyn Fn(&Array) -> Array + Send + Sync)| vec![over(f, m)];
    Some(match name {
        "within_jit" => vec![vmap(jit(|r: &Array| r / psum(r, "i") + axis_index("i"))).axis_name("i")(m)],
        "within_jit_unbatched" => one(&|x| x * jit(|(): &()| axis_index("i") + lax::axis_size("i") as i32)(&())),
        "within_scan" => {
            let step = |c: &Array, x: &Array| (c + psum(x, "i"), c * axis_index("i"));
            pair_of(vmap(|r: &Array| lax::scan(step, zero(), r)).axis_name("i")(m))
        }
        "within_scan_of_shared" => {
            let step = |c: &Array, y: &Array| (c + y * axis_index("i"), c.clone());
            one(&|r| r + lax::scan(step, zero(), &x[1]).0)
        }
        "within_scan_grad" => {
            let step = |c: &Array, x: &Array| (c * psum(x, "i") + x, ());
            vec![over(|r: &Array| grad(|r: &Array| lax::scan(step, Array::scalar(1.0f64), r).0)(r), m)]
        }
        "within_while" => {
            one(&|x| lax::while_loop(|s: &Array| pmax(s, "i").greater(0.5), |s: &Array| s / 2.0, x.clone()))
        }
        "within_while_body" => one(&|x| {
            let body = |s: &(Array, Array)| (&s.0 + 1, &s.1 - pmean(&s.1, "i") / 2.0);
            lax::while_loop(|s: &(Array, Array)| s.0.less(3), body, (Array::scalar(0i32), x.clone())).1
        }),
        "within_cond" => one(&|r| {
            let first = r.slice_axis(0, 0, 1).sum();
            lax::cond(psum(&first, "i").greater(0.0), || r - pmean(r, "i"), || psum(r, "i") * r)
        }),
        "within_cond_apart" => one(&|r| {
            let first = r.slice_axis(0, 0, 1).sum();
            lax::cond(first.greater(0.0), || r - pmean(r, "i"), || axis_index("i") * r)
        }),
        "within_cond_shared" => one(&|r| r * lax::cond(x[1].greater(0.0), || axis_index("i"), || -axis_index("i"))),
        "within_checkpoint" => within(|x| checkpoint(|r: &Array| r.sin() * pmean(&r.cos(), "i"))(x), m),
        "within_custom_jvp" => within(jvp_rule, m),
        "around_custom_jvp" => around(jvp_rule, m),
        "within_custom_vjp" => within(vjp_rule, m),
        "around_custom_vjp" => around(vjp_rule, m),
        "batch_norm" => {
            let f = jit(|r: &Array| {
                let variance = pmean(&r.powi(2), "i") - pmean(r, "i").powi(2);
                (r - pmean(r, "i")) / (variance + 1e-5).sqrt()
            });
            vec![vmap(f).axis_name("i")(m)]
        }
        _ => return None,
    })
}

fn run(name: &str, x: &[Array]) -> Option<Vec<Array>> {
    axes(name, x)
        .or_else(|| collectives(name, x))
        .or_else(|| two_axes(name, x))
        .or_else(|| derivatives(name, x))
        .or_else(|| inside_programs(name, x))
}

#[test]
fn every_stored_program_gives_what_jax_gives() {
    common::compare_programs("vmap.json", run);
}

fn vector(n: usize) -> Array {
    Array::from((0..n).map(|i| i as f32).collect::<Vec<_>>())
}

#[test]
fn what_jax_does_not_say() {
    // Elements that receive nothing are zero, and send their cotangents to no other element.
    let shift = |x: &Array| lax::ppermute(x, "i", &[(2, 0), (0, 3)]);
    let x = Array::from([1.0f32, 2.0, 3.0, 4.0]);
    assert_eq!(over(shift, &x).to_vec::<f32>(), [3.0, 0.0, 0.0, 1.0]);
    let g = grad(|x: &Array| (over(shift, x) * Array::from([1.0f32, 10.0, 100.0, 1000.0])).sum())(&x);
    assert_eq!(g.to_vec::<f32>(), [1000.0, 0.0, 1.0, 0.0]);

    // Sums over each element of the values that `all_to_all` sent it, with different dimensions. (JAX cannot transpose
    // that.)
    let f = |r: &Array| lax::all_to_all(&r.powi(2), "i", 0, 1) * axis_index("i");
    let m = vector(3 * 3 * 2).reshape([3, 3, 2]);
    let g = over(|r: &Array| grad(|r: &Array| f(r).sum())(r), &m);
    let weights = Array::from([0.0f32, 1.0, 2.0]).reshape([1, 3, 1]);
    assert_eq!(g.to_vec::<f32>(), (2.0 * &m * weights).to_vec::<f32>());

    // An axis of size zero.
    let none = Array::from_vec(Vec::<f32>::new(), [0, 2]).unwrap();
    let f = |r: &Array| (r + psum(r, "i"), psum(r, "i"));
    let (empty, total) = vmap(f).axis_name("i").out_axes((0, None))(&none);
    assert_eq!((empty.shape(), total.to_vec::<f32>()), (&[0, 2][..], vec![0.0, 0.0]));

    // Gathering over two axes at once equals gathering over their product.
    let m = vector(6).reshape([3, 2]);
    let all = over2(|x: &Array| lax::all_gather(x, ["i", "j"]) - m.reshape(6), &m);
    assert!(all.to_vec::<f32>().iter().all(|d| *d == 0.0));
    let rows = vector(36).reshape([3, 2, 6]);
    let scattered = over2(|x: &Array| lax::psum_scatter(x, ["i", "j"]), &rows);
    assert_eq!(scattered.reshape(6).to_vec::<f32>(), [90.0, 96.0, 102.0, 108.0, 114.0, 120.0]);
    let back = over2(|x: &Array| lax::psum_scatter(&lax::all_gather(x, ["i", "j"]), ["i", "j"]), &m);
    assert_eq!(back.to_vec::<f32>(), (6.0 * &m).to_vec::<f32>());
    let swapped = over2(|x: &Array| lax::all_to_all(x, ["i", "j"], 0, 0), &rows);
    assert_eq!(swapped.reshape([6, 6]).to_vec::<f32>(), rows.reshape([6, 6]).t().to_vec::<f32>());
}

#[test]
fn a_jitted_function_knows_the_axes_around_it() {
    let f = jit(|x: &Array| x + lax::axis_size("i") as i32);
    assert_eq!(over(|x: &Array| f(x), &vector(2)).to_vec::<f32>(), [2.0, 3.0]);
    assert_eq!(over(|x: &Array| f(x), &vector(3)).to_vec::<f32>(), [3.0, 4.0, 5.0]);
    assert_eq!(over(|x: &Array| f(x), &vector(2)).to_vec::<f32>(), [2.0, 3.0]);
    let report = f.cache_report();
    assert_eq!((report.traces, report.hits), (2, 1));
    assert!(f.try_call((&vector(2),)).is_err());
}

#[test]
fn a_program_with_collectives() {
    // The program of one row, and the program after mapping over the rows, in which only collectives over the other
    // axis remain.
    let rows = std::sync::Mutex::new(Vec::new());
    let f = |r: &Array| {
        let sums = r / psum(r, ["rows", "columns"]) + lax::all_gather(&r.sum(), "rows").sum() * axis_index("columns");
        sums + lax::ppermute(r, "columns", &[(0, 1), (1, 0)])
    };
    let mapped = vmap(|m: &Array| {
        let record = |program: cotangent::Closed| rows.lock().unwrap().push(program.to_string());
        let one = |r: &Array| {
            record(make_jaxpr(f)(r));
            f(r)
        };
        record(make_jaxpr(vmap(one).axis_name("rows"))(m));
        m.clone()
    });
    let _ = mapped.axis_name("columns")(&vector(12).reshape([2, 3, 2]));
    insta::assert_snapshot!(rows.into_inner().unwrap().join("\n\n"));
}

fn says(error: &cotangent::Error, kind: ErrorKind, parts: &[&str]) {
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "no {part:?} in:\n{text}");
    }
}

/// Returns the line in this file, as an error shows it.
fn at(line: u32) -> String {
    format!("{}:{line}:", file!().rsplit('/').next().unwrap_or_default())
}

#[test]
fn axes_that_do_not_fit() {
    #[derive(Clone, Tree)]
    struct Affine {
        scale: Array,
        shift: Array,
    }
    let p = Affine { scale: vector(3), shift: vector(2) };
    let f = |p: &Affine| &p.scale + &p.shift;
    let error = vmap(f).try_call((&p,)).unwrap_err();
    says(&error, ErrorKind::Shape, &["different sizes", "[0].scale (f32[3])", "[0].shift (f32[2])", &at(line!() - 1)]);
    let error = vmap(f).in_axes((Axes::all(0).at(".bias", None),)).try_call((&p,)).unwrap_err();
    says(&error, ErrorKind::Axis, &["in_axes", "the path `[0].bias`", "`[0].shift`", "help:", &at(line!() - 1)]);
    let error = vmap(f).in_axes((Axes::all(0).at(".shift", 1),)).try_call((&p,)).unwrap_err();
    says(&error, ErrorKind::Axis, &["[0].shift", "f32[2]", "axis 1", &at(line!() - 1)]);
    let error = vmap(f).in_axes(([0],)).try_call((&p,)).unwrap_err();
    says(&error, ErrorKind::Axis, &["the path `[0][0]`", &at(line!() - 1)]);
    let error = vmap(|x: &Array, y: &Array| x + y).in_axes((0,)).try_call((&vector(2), &vector(2))).unwrap_err();
    says(&error, ErrorKind::Axis, &["in_axes", "nothing is given for `[1]`", "help:", &at(line!() - 1)]);
    let error = vmap(|x: &Array| x + 1.0).in_axes((0, 0)).try_call((&vector(2),)).unwrap_err();
    says(&error, ErrorKind::Axis, &["in_axes", "the path `[1]`", &at(line!() - 1)]);
    // A prefix of a field's name does not select that field.
    let error = vmap(f).in_axes((Axes::all(0).at(".sh", None),)).try_call((&p,)).unwrap_err();
    says(&error, ErrorKind::Axis, &["the path `[0].sh`"]);
    let error = vmap(|x: &Array| x + 1.0).axis_size(4).try_call((&vector(3),)).unwrap_err();
    says(&error, ErrorKind::Shape, &["different sizes", "`axis_size` is 4", "3 in argument [0]", &at(line!() - 1)]);
    let error = vmap(|x: &Array| x + 1.0).in_axes(None).try_call((&vector(3),)).unwrap_err();
    says(&error, ErrorKind::Axis, &["at least one argument", "axis_size", &at(line!() - 1)]);
    let error = vmap(|x: &Array| (x.clone(), x + 1.0)).out_axes((0, None)).try_call((&vector(3),)).unwrap_err();
    says(&error, ErrorKind::Axis, &["out_axes", "result[1]", "f32[3]", "None", "psum", &at(line!() - 1)]);
    let error = vmap(|x: &Array| (x.clone(), x + 1.0)).out_axes((0, 2)).try_call((&vector(3),)).unwrap_err();
    says(&error, ErrorKind::Axis, &["out_axes", "result[1]", "axis 2", &at(line!() - 1)]);
    let error = vmap(|x: &Array| x + 1.0).out_axes((0, 0)).try_call((&vector(3),)).unwrap_err();
    says(&error, ErrorKind::Axis, &["out_axes", "the path `[0]`", &at(line!() - 1)]);
}

#[test]
fn collectives_that_are_wrong() {
    let error = vmap(|x: &Array| psum(x, "i")).try_call((&vector(3),)).unwrap_err();
    says(&error, ErrorKind::Axis, &["psum", "no mapped axis `i`", "no mapped axis has a name", &at(line!() - 1)]);
    let f = vmap(|x: &Array| vmap(|y: &Array| lax::all_gather(y, "k")).axis_name("j")(x)).axis_name("i");
    let error = f.try_call((&vector(6).reshape([2, 3]),)).unwrap_err();
    let line = at(line!() - 2);
    says(
        &error,
        ErrorKind::Axis,
        &["all_gather", "`k`", "`i` (of size 2), `j` (of size 3)", "axis_name(\"k\")", &line],
    );
    // The name is out of scope once the mapped function has returned, even with an error.
    assert!(jit(|x: &Array| x + axis_index("i")).try_call((&vector(3),)).is_err());
    let named = |f: fn(&Array) -> Array| vmap(f).axis_name("i").try_call((&vector(3).reshape([3, 1]),)).unwrap_err();
    says(&named(|x| psum(x, ["i", "i"])), ErrorKind::Axis, &["psum", "`i`", "repeated"]);
    says(&named(|x| x * psum(&2.0, "i")), ErrorKind::Value, &["psum", "Rust number", "axis_size"]);
    says(&named(|x| lax::ppermute(x, "i", &[(0, 3)])), ErrorKind::Value, &["ppermute", "(0, 3)", "size 3"]);
    says(&named(|x| lax::ppermute(x, "i", &[(0, 1), (0, 2)])), ErrorKind::Value, &["(0, 1)", "(0, 2)", "share"]);
    says(&named(|x| lax::pshuffle(x, "i", &[0, 0, 1])), ErrorKind::Value, &["pshuffle", "[0, 0, 1]"]);
    says(&named(|x| lax::psum_scatter(x, "i")), ErrorKind::Shape, &["reduce_scatter", "f32[1]", "3 elements", "`i`"]);
    says(&named(|x| lax::all_to_all(x, "i", 0, 0)), ErrorKind::Shape, &["all_to_all", "f32[1]", "size 3", "tiled"]);
    says(&named(|x| lax::all_gather_along(x, "i", 1, true)), ErrorKind::Axis, &["all_gather", "axis 1", "f32[1]"]);
    says(&named(|x| lax::pbroadcast(x, "i", 3)), ErrorKind::Value, &["pbroadcast", "size 3", "source 3"]);
    // A value that is the same for all elements can be read, but not the result of a collective.
    let shared = Array::scalar(2.0f32);
    let read = |c: &Array| if psum(c, "i").item::<f32>() > 1.0 { c.clone() } else { -c };
    let error = vmap(|x: &Array| x * grad(read)(&shared)).axis_name("i").try_call((&vector(3),)).unwrap_err();
    says(&error, ErrorKind::Axis, &["psum", "`i`", "outside the `vmap`", "cannot be read"]);
    assert!(vmap(|x: &Array| psum(x, "i")).axis_name("i").try_call((&vector(3),)).is_ok());
}

#[test]
fn what_is_large_stays_as_it_is_beside_what_is_not_mapped() {
    let (centers, squares) = (np::ones((3, 2)), np::ones(3));
    let distances = |x: &Array| &squares - 2.0 * np::matmul(&centers, x);
    let xs = np::arange_as(8, DType::F32).reshape((4, 2));
    // The batch axis is the last axis of the product. It is moved only at the end, as `out_axes` requests.
    let program = make_jaxpr(vmap(distances).out_axes(1))(&xs).to_string();
    assert!(!program.contains("transpose"), "{program}");
    assert_eq!(vmap(distances)(&xs).to_vec::<f32>()[3..6], [-9.0; 3]);

    // A batch of scalars is aligned with that axis.
    let scaled = |x: &Array, s: &Array| np::matmul(&centers, x) * s;
    let program = make_jaxpr(vmap(scaled).out_axes(1))(&xs, &np::ones(4)).to_string();
    assert!(!program.contains("transpose"), "{program}");
    let s = Array::from([1.0f32, 2.0, 3.0, 4.0]);
    assert_eq!(vmap(scaled)(&xs, &s).to_vec::<f32>(), [1, 1, 1, 10, 10, 10, 27, 27, 27, 52, 52, 52].map(|x| x as f32));
}

/// In a gather whose indices are not mapped, the batch axis of the operand stays where it is.
#[test]
fn gather_keeps_the_batch_axis() {
    let x = np::arange(120).reshape([2, 3, 4, 5]);
    let rows = Array::from([3, 0, 2]);
    for axis in 0..4i32 {
        for taken in 0..3isize {
            let take = move |x: &Array| np::take_axis(x, Array::from([1, 0, 1]), taken);
            let mapped = vmap(take).in_axes((axis,)).out_axes(axis);
            let each: Vec<Array> = x.moveaxis(axis as isize, 0).iter().map(|x| take(&x)).collect();
            let expected = np::stack(&each, axis as isize);
            assert_eq!(mapped(&x).to_vec::<i32>(), expected.to_vec::<i32>(), "batch axis {axis}, axis {taken}");
        }
    }
    // No transpose is added beside the gather, whichever axis is mapped.
    for axis in 0..2 {
        let f = vmap(|x: &Array| np::take_axis(x, &rows, 0)).in_axes((axis,)).out_axes(axis);
        let program = make_jaxpr(f)(&np::ones([7, 7]));
        let names: Vec<_> = program.jaxpr.eqns().iter().map(|eqn| eqn.prim().name()).collect();
        assert!(names.contains(&"gather") && !names.contains(&"transpose"), "{names:?}");
    }
}

/// Each element's share in the maximum that all of them see.
#[test]
fn extremes_over_an_axis_have_derivatives() {
    let slopes =
        |x: [f32; 3]| vmap(grad(|x: &Array| pmax(&(2.0 * x), "i"))).axis_name("i")(&Array::from(x)).to_vec::<f32>();
    assert_eq!(slopes([1.0, 4.0, 2.0]), [0.0, 6.0, 0.0]);
    assert_eq!(slopes([4.0, 4.0, 2.0]), [3.0, 3.0, 0.0]);
    let second = |x: &Array| grad(|x: &Array| grad(|x: &Array| pmin(&x.powi(3), "i"))(x))(x);
    assert_eq!(vmap(second).axis_name("i")(&Array::from([2.0f32, 1.0])).to_vec::<f32>()[0], 0.0);
}
