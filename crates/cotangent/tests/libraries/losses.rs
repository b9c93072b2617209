//! `optim::losses` and `optim::projections`, with gradients, against stored results of Optax.

use super::goldens_lib;

use cotangent::optim::losses::{self, DiceLoss};
use cotangent::optim::projections;
use cotangent::prelude::*;
use cotangent::scipy::special;
use goldens_lib::laws::{self, Call, Calls};
use goldens_lib::{array, cases, difference, run_all};
use serde_json::Value;

/// The labels of the rows of a matrix of scores.
const CLASSES: [i32; 3] = [0, 3, 2];

fn matrix<T: cotangent::Element>(rows: usize, values: Vec<T>) -> Array {
    let columns = values.len() / rows;
    Array::from_vec(values, (rows, columns)).unwrap()
}

fn ctc(x: &Array, blank: usize) -> (Array, Array, Array) {
    let paddings = matrix(2, vec![0f32, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    let labels = matrix(2, vec![1, 1, 2, 3, 1, 0]);
    let label_paddings = matrix(2, vec![0f32, 0.0, 0.0, 0.0, 0.0, 1.0]);
    losses::ctc_loss_with_forward_probs(x, paddings, labels, label_paddings, blank)
}

fn call(name: &str, args: &[Array]) -> Array {
    let x = &args[0];
    let y = || &args[1];
    match name {
        "squared_error" => losses::squared_error(x, y()),
        "l2_loss" => losses::l2_loss(x, y()),
        "huber_loss" => losses::huber_loss(x, y(), 0.7),
        "log_cosh" => losses::log_cosh(x, y()),
        "cosine_similarity" => losses::cosine_similarity(x, y()),
        "cosine_similarity_axis" => losses::cosine_similarity_axis(x, y(), 0, 0.5),
        "cosine_distance" => losses::cosine_distance(x, y()),
        "ntxent" => losses::ntxent(x, [0, 0, 1, 1, 1], 0.07),
        "triplet_margin_loss" => losses::triplet_margin_loss(x, y(), &args[2], 1.0),
        "triplet_margin_loss degree 4" => losses::triplet_margin_loss_axis(x, y(), &args[2], 2.0, 0, 4, 1e-6),
        "kl_divergence" => losses::kl_divergence(x, y()),
        "kl_divergence_axis" => losses::kl_divergence_axis(x, y(), 0),
        "kl_divergence_with_log_targets" => losses::kl_divergence_with_log_targets(x, y()),
        "generalized_kl_divergence" => losses::generalized_kl_divergence(x, y()),
        "smooth_labels" => losses::smooth_labels(x, 0.1),
        "sigmoid_binary_cross_entropy" => losses::sigmoid_binary_cross_entropy(x, y()),
        "sigmoid_focal_loss" => losses::sigmoid_focal_loss(x, y(), None, 2.0),
        "sigmoid_focal_loss alpha" => losses::sigmoid_focal_loss(x, y(), Some(0.3), 1.5),
        "softmax_cross_entropy" | "softmax_cross_entropy large" => losses::softmax_cross_entropy(x, y()),
        "softmax_cross_entropy_axis" => losses::softmax_cross_entropy_axis(x, y(), 0),
        "safe_softmax_cross_entropy" => losses::safe_softmax_cross_entropy(x, y()),
        "softmax_cross_entropy_with_integer_labels" => losses::softmax_cross_entropy_with_integer_labels(x, CLASSES),
        "softmax_cross_entropy_with_integer_labels_axis" => {
            losses::softmax_cross_entropy_with_integer_labels_axis(x, [0, 2, 1, 1], 0)
        }
        "poly_loss_cross_entropy" => losses::poly_loss_cross_entropy(x, y(), 2.0),
        "ranking_softmax_loss" => losses::ranking_softmax_loss(x, y()),
        "ranking_softmax_loss_where" => {
            let mask = matrix(2, vec![true, true, false, true, true, false, true, true]);
            losses::ranking_softmax_loss_where(x, y(), mask)
        }
        "ctc_loss" => ctc(x, 0).0,
        "ctc_loss forward" => {
            let (loss, blank, label) = ctc(x, 3);
            let all = np::concatenate([loss, np::ravel(blank), np::ravel(label)], 0);
            // What is impossible has a log-probability near −1e5, and no digits left.
            np::where_(all.greater(-1e4), &all, 0.0)
        }
        "hinge_loss" => losses::hinge_loss(x, y()),
        "perceptron_loss" => losses::perceptron_loss(x, y()),
        "multiclass_hinge_loss" => losses::multiclass_hinge_loss(x, CLASSES),
        "multiclass_perceptron_loss" => losses::multiclass_perceptron_loss(x, CLASSES),
        "sparsemax_loss" => losses::sparsemax_loss(x, [0, 1, 1, 0, 1, 0, 1]),
        "multiclass_sparsemax_loss" => losses::multiclass_sparsemax_loss(x, CLASSES),
        "fenchel_young_loss" => losses::fenchel_young_loss(|s: &Array| special::logsumexp(s), x, y()),
        "dice_loss" => losses::dice_loss(x, y(), &DiceLoss::default()),
        "dice_loss options" => {
            let class_weights = Some(np::array([0.5, 1.0, 2.0]));
            let options = DiceLoss { class_weights, smooth: 0.5, alpha: 0.3, beta: 0.7, ..DiceLoss::default() };
            losses::dice_loss(x, y(), &DiceLoss { ignore_background: true, ..options })
        }
        "multiclass_generalized_dice_loss" => losses::multiclass_generalized_dice_loss(x, y()),
        "binary_dice_loss" => losses::binary_dice_loss(x, y()),
        "projection_non_negative" => projections::projection_non_negative(x),
        "projection_box" => projections::projection_box(x, -0.5, 1.0),
        "projection_simplex" => projections::projection_simplex(x, 1.5).powi(2),
        "projection_l1_sphere" => projections::projection_l1_sphere(x, 1.5).powi(2),
        "projection_l1_ball" => projections::projection_l1_ball(x, 1.5).powi(2),
        "projection_l1_ball inside" => projections::projection_l1_ball(x, 100.0).powi(2),
        "projection_l2_sphere" => projections::projection_l2_sphere(x, 1.5),
        "projection_l2_ball" => projections::projection_l2_ball(x, 1.5),
        "projection_linf_ball" => projections::projection_linf_ball(x, 1.5),
        "projection_vector" => projections::projection_vector(x, y()),
        "projection_hyperplane" => projections::projection_hyperplane(x, y(), 0.5),
        "projection_halfspace" => projections::projection_halfspace(x, y(), 0.5),
        _ => panic!("no function is called {name}"),
    }
}

#[test]
fn values_and_gradients_are_those_of_optax() {
    let cases = cases("optax_losses");
    assert!(cases.len() > 200, "the list of cases is cut short");
    run_all(&cases, |case| {
        let name = case["name"].as_str().unwrap();
        let args: Vec<Array> = case["inputs"].as_array().unwrap().iter().map(array).collect();
        let rest = args[1..].to_vec();
        let gradient = grad(|x: &Array| call(name, &[vec![x.clone()], rest.clone()].concat()).sum())(&args[0]);
        let near = if args[0].dtype() == DType::F64 { 1e-6 } else { 1.0 };
        let value = difference(&call(name, &args), &array(&case["value"]), 2e-5 * near, 2e-6 * near);
        let slope = difference(&gradient, &array(&case["gradient"]), 5e-5 * near, 1e-5 * near);
        value.map(|d| format!("{name}: {d}")).or_else(|| slope.map(|d| format!("gradient of {name}: {d}")))
    });
}

/// Also in the targets, and in batches.
#[test]
fn losses_and_projections_obey_laws() {
    let (cases, mut calls) = (cases("optax_losses"), Calls::new());
    let name = |case: &Value| Some((case["name"].as_str()?.to_string(), String::new()));
    for ((name, how), case) in laws::fullest(&cases, name) {
        let args = case["inputs"].as_array().unwrap().iter().map(array).collect();
        calls.insert(name, vec![Call::new(&how, args)]);
    }
    laws::check("optax_losses", &calls, |name, _, x| vec![call(name, x)]);
}

#[test]
fn projections_leave_trees_without_elements() {
    let empty = (np::zeros([0, 3]), Vec::<Array>::new());
    let shapes = |(x, list): (Array, Vec<Array>)| (x.shape().to_vec(), list.len());
    let all = [
        projections::projection_simplex(&empty, 1.0),
        projections::projection_l1_sphere(&empty, 1.0),
        projections::projection_l1_ball(&empty, 1.0),
        projections::projection_l2_ball(&empty, 1.0),
    ];
    for projected in all {
        assert_eq!(shapes(projected), (vec![0, 3], 0));
    }
    let within = |x: &Array| projections::projection_l1_ball(&(x.clone(), np::ones(2)), 1.0).0;
    assert_eq!(jit(within)(&empty.0).shape(), [0, 3]);
    assert!(projections::projection_l1_ball(&Vec::<Array>::new(), 1.0).is_empty());
}
