use cotangent::prelude::*;

//~ a transformed function does nothing until it is called
//~ unused `Jit` that must be used
//~ unused `Grad` that must be used
//~ unused `ValueAndGrad` that must be used
//~ unused `Vmap` that must be used
//~ unused `Checkpoint` that must be used
//~ unused `Jacobian` that must be used
//~ unused `Hessian` that must be used
//~ unused `MakeJaxpr` that must be used
//~ unused `EvalShape` that must be used
//~ unused `CustomJvp` that must be used
//~ unused `CustomVjp` that must be used
//~ unused `CustomVmap` that must be used
//~ unused `Custom` that must be used
//~ Checkify` that must be used
pub fn transforms() {
    jit(|x: &Array| x.sin());
    grad(|x: &Array| x.sin());
    value_and_grad(|x: &Array| x.sin());
    vmap(|x: &Array| x.sin());
    checkpoint(|x: &Array| x.sin());
    jacfwd(|x: &Array| x.sin());
    hessian(|x: &Array| x.sin());
    make_jaxpr(|x: &Array| x.sin());
    eval_shape(|x: &Array| x.sin());
    custom_jvp(|x: &Array| x.sin());
    custom_vjp(|x: &Array| x.sin());
    custom_vmap(|x: &Array| x.sin());
    sequential_vmap(|x: &Array| x.sin());
    cotangent::checkify::checkify(|x: &Array| x.sin());
}

//~ unused `Array` that must be used
//~ operations return a new array and do not change their operands
//~ unused `Key` that must be used
//~ unused `Linear` in tuple element 1 that must be used
//~ At` that must be used
pub fn results(x: &Array, f: &Jit<'static, (Ref<Array>,), Array>) {
    x.sin();
    f(x);
    np::sum(x);
    x.at(0).set(1.0);
    x.at(0);
    x + 1.0;
    random::key(0);
    linearize(|x: &Array| x.sin(), (x,));
}
