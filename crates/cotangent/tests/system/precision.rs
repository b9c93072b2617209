//! The default precision of products: part of what is traced, and of what a jitted function is cached by.

use std::panic::catch_unwind;
use std::process::Command;

use cotangent::lax::{self, Conv, DotGeneral, Padding, Precision};
use cotangent::{default_matmul_precision, prelude::*, set_default_matmul_precision};

type Function<'a> = dyn Fn(&Array) -> Array + Send + Sync + 'a;

/// How many products of a function have the highest precision, and how many there are, in its program.
fn products(f: impl Fn(&Array) -> Array + Send + Sync, x: &Array) -> (usize, usize) {
    let text = jit(f).lower((x,)).expect("it traces").stablehlo();
    let products = text.lines().filter(|l| l.contains("stablehlo.dot_general") || l.contains("stablehlo.convolution"));
    let products: Vec<&str> = products.collect();
    let highest = products.iter().filter(|l| l.matches("HIGHEST").count() == 2).count();
    (highest, products.len())
}

#[test]
fn products_that_ask_for_no_precision_have_that_of_the_scope() {
    let x = np::ones([4, 4]);
    let own = DotGeneral::new([vec![1], vec![0]], [vec![], vec![]]).precision(Precision::High);
    let functions: [(&str, &Function<'_>, usize); 7] = [
        ("matmul", &|x| np::matmul(x, x), 1),
        ("einsum", &|x| np::einsum("ij,kj->ik", &[x, x]), 1),
        ("its gradient", &|x| grad(|x: &Array| np::matmul(x, x.t()).sin().sum())(x), 3),
        ("its second derivative", &|x| jvp(grad(|x: &Array| np::dot(x, x).sum()), (x,), (x,)).1, 2),
        ("vmap", &|x| vmap(|row: &Array| np::matmul(row, x))(x), 1),
        (
            "a convolution",
            &|x| {
                lax::conv_general_dilated(
                    x.reshape((1, 1, 4, 4)),
                    np::ones([1, 1, 2, 2]),
                    &Conv::new([1, 1], Padding::Same),
                )
            },
            1,
        ),
        ("a product with a precision of its own", &|x| lax::dot_general(x, x, &own), 0),
    ];
    for (name, f, least) in functions {
        let (inside, all) = default_matmul_precision(Precision::Highest, || products(f, &x));
        assert!(if least == 0 { inside == 0 } else { inside == all && all >= least }, "{name}: {inside} of {all}");
        assert_eq!(products(f, &x).0, 0, "{name} outside of the scope");
    }
}

#[test]
fn a_jitted_function_is_traced_for_each_default_precision() {
    let (f, x) = (jit(|x: &Array| np::matmul(x, x)), np::ones([2, 2]));
    let inside = |f: &dyn Fn(&Array) -> Array| default_matmul_precision(Precision::Highest, || f(&x));
    for _ in 0..2 {
        assert_eq!(f(&x).to_vec::<f32>(), inside(&|x| f(x)).to_vec::<f32>());
    }
    let report = f.cache_report();
    assert_eq!((report.traces, report.hits), (2, 2), "{report}");
    assert!(report.to_string().contains("default precision of products: None became Some(Highest)"), "{report}");
}

fn of_new_products() -> Option<Precision> {
    DotGeneral::new([vec![], vec![]], [vec![], vec![]]).precision.map(|both| both[0])
}

#[test]
fn a_scope_belongs_to_its_thread_and_ends_with_a_panic() {
    default_matmul_precision(Precision::Highest, || {
        let elsewhere = std::thread::scope(|scope| scope.spawn(of_new_products).join()).expect("it ends");
        assert_eq!(elsewhere, None);
        let panicked = catch_unwind(|| default_matmul_precision(Precision::High, || panic!("on purpose")));
        assert!(panicked.is_err());
        assert_eq!(of_new_products(), Some(Precision::Highest));
    });
    assert_eq!(of_new_products(), None);
}

/// In a process of its own, because the default is that of a process.
#[test]
fn the_default_is_that_of_the_scope_then_of_the_process_then_of_the_environment() {
    const CHILD: &str = "COTANGENT_TEST_PRECISION";
    const VARIABLE: &str = "COTANGENT_DEFAULT_MATMUL_PRECISION";
    if std::env::var_os(CHILD).is_some() {
        println!("environment: {:?}", catch_unwind(of_new_products).ok());
        set_default_matmul_precision(Precision::Default);
        println!("process: {:?}", of_new_products());
        println!("scope: {:?}", default_matmul_precision(Precision::High, of_new_products));
        return;
    }
    let name = "precision::the_default_is_that_of_the_scope_then_of_the_process_then_of_the_environment";
    let printed = |value: &str| {
        let mut child = Command::new(std::env::current_exe().expect("this test has a path"));
        let output = child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").env(VARIABLE, value).output();
        let output = output.expect("it runs");
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
    };
    let text = printed("float32");
    let lines = ["environment: Some(Some(Highest))", "process: Some(Default)", "scope: Some(High)"];
    assert!(lines.iter().all(|line| text.contains(line)), "{text}");
    let text = printed("tf32");
    assert!(text.contains("environment: None") && text.contains("there is no precision named `tf32`"), "{text}");
    assert!(text.contains("tensorfloat32"), "{text}");
}
