//! Training steps divided over devices in the usual ways equal the steps on one device: data-, tensor-, sequence- and
//! pipeline-parallel, at first and second order.

use cotangent::prelude::*;
use cotangent::{NamedSharding, P, Prefix, device_put, shard_map};

use super::{close, mesh, numbers};

type Params = Vec<Array>;

fn mlp() -> Params {
    vec![numbers(1, [6, 16]) * 0.4, numbers(2, [16]) * 0.1, numbers(3, [16, 6]) * 0.3, numbers(4, [6]) * 0.1]
}

fn forward(p: &Params, x: &Array) -> Array {
    (x.matmul(&p[0]) + &p[1]).tanh().matmul(&p[2]) + &p[3]
}

fn loss(p: &Params, x: &Array, y: &Array) -> Array {
    (forward(p, x) - y).powi(2).mean()
}

fn step<F>(loss: F) -> impl Fn(&Params, &Array, &Array) -> (Params, Array) + Clone + Send + Sync + 'static
where
    F: Fn(&Params, &Array, &Array) -> Array + Clone + Send + Sync + 'static,
{
    move |p: &Params, x: &Array, y: &Array| {
        let (value, g) = value_and_grad(loss.clone())(p, x, y);
        (p.iter().zip(&g).map(|(p, g)| p - 0.1 * g).collect(), value)
    }
}

/// The product of the Hessian with a direction.
fn curvature<F>(loss: F) -> impl Fn(&Params, &Array, &Array) -> Params + Clone + Send + Sync + 'static
where
    F: Fn(&Params, &Array, &Array) -> Array + Clone + Send + Sync + 'static,
{
    move |p: &Params, x: &Array, y: &Array| {
        let (own, x, y) = (loss.clone(), x.clone(), y.clone());
        let slope = move |p: &Params| {
            let g = grad(own.clone())(p, &x, &y);
            g.iter().zip(p).map(|(g, p)| (g * p.stop_gradient().cos()).sum()).reduce(|a, b| a + b).unwrap()
        };
        grad(slope)(p)
    }
}

fn data() -> (Array, Array) {
    (numbers(5, [16, 6]), numbers(6, [16, 6]))
}

#[track_caller]
fn same(what: &str, found: &Params, expected: &Params) {
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        close(&format!("{what}: parameter {i}"), a, b, 3e-5);
    }
}

/// Runs three steps and a product with the Hessian, and compares them with those of one device.
#[track_caller]
fn check<F>(what: &str, divided: F, params: Params, (x, y): (Array, Array))
where
    F: Fn(&Params, &Array, &Array) -> Array + Clone + Send + Sync + 'static,
{
    let (ours, theirs) = (jit(step(divided.clone())), jit(step(loss)));
    let (mut p, mut q) = (params, mlp());
    let (plain_x, plain_y) = data();
    for i in 0..3 {
        let (next_p, a) = ours(&p, &x, &y);
        let (next_q, b) = theirs(&q, &plain_x, &plain_y);
        close(&format!("{what}: loss {i}"), &a, &b, 1e-5);
        (p, q) = (next_p, next_q);
    }
    same(what, &p, &q);
    let (a, b) = (jit(curvature(divided))(&p, &x, &y), jit(curvature(loss))(&q, &plain_x, &plain_y));
    same(&format!("{what}: second order"), &a, &b);
}

#[test]
fn data_parallel_by_the_compiler() {
    for n in [2, 4, 8] {
        let mesh = mesh([("batch", n)]);
        let rows = NamedSharding::new(&mesh, P!("batch"));
        let (x, y) = data();
        check("data", loss, device_put(&mlp(), NamedSharding::new(&mesh, P!())), (x.to(&rows), y.to(&rows)));
    }
}

#[test]
fn data_parallel_by_hand() {
    for n in [2, 4, 8] {
        let mesh = mesh([("batch", n)]);
        let divided = move |p: &Params, x: &Array, y: &Array| {
            let local = |p: &Params, x: &Array, y: &Array| lax::pmean(&loss(p, x, y), "batch");
            shard_map(local, &mesh).in_specs((P!(), P!("batch"), P!("batch")))(p, x, y)
        };
        check("data by hand", divided, mlp(), data());
    }
}

#[test]
fn tensor_parallel_by_the_compiler() {
    let mesh = mesh([("batch", 2), ("model", 4)]);
    let at = |spec| NamedSharding::new(&mesh, spec);
    let places = vec![at(P!(None, "model")), at(P!("model")), at(P!("model", None)), at(P!())];
    let (x, y) = data();
    let rows = at(P!("batch"));
    let params = device_put(&mlp(), places.clone());
    check("tensor", loss, params.clone(), (x.to(&rows), y.to(&rows)));
    // The parameters stay divided from step to step.
    let next =
        jit(step(loss)).out_shardings((places.clone(), None::<NamedSharding>))(&params, &x.to(&rows), &y.to(&rows)).0;
    for (p, place) in next.iter().zip(places) {
        assert_eq!(p.sharding(), Some(place));
    }
}

#[test]
fn tensor_parallel_by_hand() {
    let mesh = mesh([("batch", 2), ("model", 4)]);
    let divided = move |p: &Params, x: &Array, y: &Array| {
        let local = |p: &Params, x: &Array, y: &Array| {
            let hidden = (x.matmul(&p[0]) + &p[1]).tanh();
            let out = lax::psum(&hidden.matmul(&p[2]), "model") + &p[3];
            lax::pmean(&(out - y).powi(2).mean(), "batch")
        };
        let params = vec![P!(None, "model"), P!("model"), P!("model"), P!()];
        shard_map(local, &mesh).in_specs((params, P!("batch"), P!("batch")))(p, x, y)
    };
    check("tensor by hand", divided, mlp(), data());
}

/// Each device has one part of the examples and gathers the weights, of which it keeps one part.
#[test]
fn fully_sharded_data_parallel() {
    let mesh = mesh([("x", 2)]);
    let divided = move |p: &Params, x: &Array, y: &Array| {
        let local = |p: &Params, x: &Array, y: &Array| {
            let p: Params = p.iter().map(|w| lax::all_gather_along(w, "x", 0, true)).collect();
            lax::pmean(&loss(&p, x, y), "x")
        };
        shard_map(local, &mesh).in_specs((P!("x"), P!("x"), P!("x")))(p, x, y)
    };
    check("fully sharded", divided, mlp(), data());
}

/// Two stages on two devices. Each micro-batch passes from one to the other.
#[test]
fn pipeline_parallel() {
    let mesh = mesh([("stage", 2)]);
    // Both stages are one layer of equal size.
    let layers = (numbers(7, [2, 6, 6]) * 0.5, numbers(8, [2, 6]) * 0.1);
    let one = |p: &(Array, Array), x: &Array, y: &Array| {
        let layer = |h: &Array, i: i32| (h.matmul(p.0.at(i).get()) + p.1.at(i).get()).tanh();
        (layer(&layer(x, 0), 1) - y).powi(2).mean()
    };
    let divided = move |p: &(Array, Array), x: &Array, y: &Array| {
        let local = |p: &(Array, Array), x: &Array, y: &Array| {
            let (w, b) = (p.0.at(0).get(), p.1.at(0).get());
            let first = lax::axis_index("stage").equal(0);
            // At step t, the first stage takes micro-batch t, the second what the first one made of micro-batch t - 1.
            let inputs = np::concatenate([x, &np::zeros([1, 4, 6])], 0);
            let stage = |state: &Array, next: &Array| {
                let out = (np::where_(&first, next, state).matmul(&w) + &b).tanh();
                (lax::ppermute(&out, "stage", &[(0, 1)]), out)
            };
            let outs = lax::scan(stage, np::zeros([4, 6]), &inputs).1;
            let error = (outs.at(s![1..]).get() - y).powi(2).mean();
            lax::psum(&np::where_(&first, 0.0, error), "stage")
        };
        shard_map(local, &mesh).in_specs(((P!("stage"), P!("stage")), P!(), P!()))(p, x, y)
    };
    let (x, y) = data();
    let (micro_x, micro_y) = (x.reshape([4, 4, 6]), y.reshape([4, 4, 6]));
    let (a, ga) = jit(value_and_grad(divided.clone()))(&layers, &micro_x, &micro_y);
    let (b, gb) = jit(value_and_grad(one))(&layers, &x, &y);
    close("loss", &a, &b, 1e-5);
    same("pipeline", &vec![ga.0, ga.1], &vec![gb.0, gb.1]);
    let hvp_divided = {
        let (d, x, y) = (divided, micro_x, micro_y);
        move |p: &(Array, Array)| {
            let (d, x, y) = (d.clone(), x.clone(), y.clone());
            grad(move |p: &(Array, Array)| grad(d.clone())(p, &x, &y).0.sin().sum())(p)
        }
    };
    let hvp_one = move |p: &(Array, Array)| {
        let (x, y) = (x.clone(), y.clone());
        grad(move |p: &(Array, Array)| grad(one)(p, &x, &y).0.sin().sum())(p)
    };
    let (a, b) = (jit(hvp_divided)(&layers), jit(hvp_one)(&layers));
    same("pipeline: second order", &vec![a.0, a.1], &vec![b.0, b.1]);
}

/// A block of a transformer: attention with four heads, a residual, and two layers.
#[derive(Clone, Tree)]
struct Block {
    qkv: Array,
    out: Array,
    up: Array,
    down: Array,
}

const HEADS: usize = 4;

fn block() -> Block {
    let normal = |seed, shape: [usize; 2]| numbers(seed, shape) * 0.3;
    Block { qkv: normal(11, [8, 24]), out: normal(12, [8, 8]), up: normal(13, [8, 16]), down: normal(14, [16, 8]) }
}

fn normed(x: &Array) -> Array {
    let centred = x - x.mean_keepdims(-1);
    &centred / (centred.powi(2).mean_keepdims(-1) + 1e-5).sqrt()
}

/// Attention of queries to keys and values, all of shape [length, heads, size].
fn attention(q: &Array, k: &Array, v: &Array) -> Array {
    let scores = np::einsum("qhd,khd->hqk", [q, k]) / (q.shape()[2] as f64).sqrt();
    np::einsum("hqk,khd->qhd", [&cotangent::scipy::special::softmax(&scores, -1), v])
}

fn apply(p: &Block, x: &Array) -> Array {
    let (n, d) = (x.shape()[0], x.shape()[1]);
    let qkv = normed(x).matmul(&p.qkv).reshape([n, 3, HEADS, d / HEADS]);
    let part = |i: usize| qkv.at((.., i as i32)).get();
    let x = x + attention(&part(0), &part(1), &part(2)).reshape([n, d]).matmul(&p.out);
    &x + normed(&x).matmul(&p.up).tanh().matmul(&p.down)
}

fn block_loss(p: &Block, x: &Array) -> Array {
    vmap(|x: &Array| apply(p, x))(x).powi(2).mean()
}

#[track_caller]
fn same_block(what: &str, a: &Block, b: &Block) {
    for (name, a, b) in
        [("qkv", &a.qkv, &b.qkv), ("out", &a.out, &b.out), ("up", &a.up, &b.up), ("down", &a.down, &b.down)]
    {
        close(&format!("{what}: {name}"), a, b, 5e-5);
    }
}

/// Compares value, gradient and a product with the Hessian with those of one device.
#[track_caller]
fn check_block<F>(what: &str, divided: F, params: &Block, x: &Array)
where
    F: Fn(&Block, &Array) -> Array + Clone + Send + Sync + 'static,
{
    let plain = numbers(15, [4, 8, 8]);
    let (a, ga) = jit(value_and_grad(divided.clone()))(params, x);
    let (b, gb) = jit(value_and_grad(block_loss))(&block(), &plain);
    close(&format!("{what}: loss"), &a, &b, 1e-5);
    same_block(what, &ga, &gb);
    fn second<F>(f: F) -> impl Fn(&Block, &Array) -> Block + Send + Sync + 'static
    where
        F: Fn(&Block, &Array) -> Array + Clone + Send + Sync + 'static,
    {
        move |p: &Block, x: &Array| {
            let (f, x) = (f.clone(), x.clone());
            grad(move |p: &Block| {
                let g = grad(f.clone())(p, &x);
                (g.qkv.sin().sum() + g.up.sin().sum()) * 10.0
            })(p)
        }
    }
    let (a, b) = (jit(second(divided))(params, x), jit(second(block_loss))(&block(), &plain));
    same_block(&format!("{what}: second order"), &a, &b);
}

#[test]
fn a_transformer_block_by_the_compiler() {
    let mesh = mesh([("batch", 2), ("model", 4)]);
    let at = |spec| NamedSharding::new(&mesh, spec);
    let (columns, rows) = (at(P!(None, "model")), at(P!("model")));
    let places = Prefix::all(cotangent::Destination::from(&columns)).at(".out", &rows).at(".down", &rows);
    let params = device_put(&block(), places);
    check_block("batch and model", block_loss, &params, &numbers(15, [4, 8, 8]).to(at(P!("batch"))));
    check_block("sequence", block_loss, &block(), &numbers(15, [4, 8, 8]).to(at(P!(None, "model"))));
}

/// Each device has one part of the sequence. Keys and values are gathered.
#[test]
fn a_transformer_block_with_the_sequence_divided_by_hand() {
    let mesh = mesh([("sequence", 4)]);
    let divided = move |p: &Block, x: &Array| {
        let local = |p: &Block, x: &Array| {
            let own = |x: &Array| {
                let (n, d) = (x.shape()[0], x.shape()[1]);
                let qkv = normed(x).matmul(&p.qkv).reshape([n, 3, HEADS, d / HEADS]);
                let part = |i: i32| qkv.at((.., i)).get();
                let all = |i: i32| lax::all_gather_along(&part(i), "sequence", 0, true);
                let x = x + attention(&part(0), &all(1), &all(2)).reshape([n, d]).matmul(&p.out);
                &x + normed(&x).matmul(&p.up).tanh().matmul(&p.down)
            };
            lax::pmean(&vmap(own)(x).powi(2).mean(), "sequence")
        };
        shard_map(local, &mesh).in_specs((P!(), P!(None, "sequence")))(p, x)
    };
    check_block("sequence by hand", divided, &block(), &numbers(15, [4, 8, 8]));
}
