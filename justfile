# Short names for what people type. `just` lists them.

_list:
    @just --list

# All tests, as the README says
test *ARGS:
    cargo test --workspace {{ARGS}}

# The cases of crates/bench under Criterion; `cotangent bench` measures them one process each
bench *ARGS:
    cargo bench -p cotangent-bench {{ARGS}}

# Cotangent and JAX in turns, into their part of docs/benchmarks.md: JAX_PYTHON is a Python with jax==0.10.2
bench-vs-jax *ARGS:
    cargo build --release -p cotangent-cli
    python3 benches/vs_jax/bench_vs_jax.py "${CARGO_TARGET_DIR:-target}/release/cotangent" --write docs/benchmarks.md {{ARGS}}

# GradBench's evals in Cotangent, JAX and hand-written C++, in turns; CHECKOUT is one of GradBench, with `manual` built
bench-gradbench CHECKOUT *ARGS:
    cargo build --release -p cotangent-cli
    python3 benches/gradbench/compare.py {{CHECKOUT}} "${CARGO_TARGET_DIR:-target}/release/cotangent" --write docs/benchmarks.md {{ARGS}}

# How many instructions a call of some cases takes, and where; needs valgrind
instructions *CASES:
    cargo build --release -p cotangent-cli
    python3 benches/instructions.py "${CARGO_TARGET_DIR:-target}/release/cotangent" {{CASES}}

# Training steps in Cotangent, Burn and Candle, in turns; builds the latter two, which takes minutes
bench-rivals *ARGS:
    cargo build --release -p cotangent-cli
    cargo run --release --manifest-path benches/rivals/Cargo.toml -- "${CARGO_TARGET_DIR:-target}/release/cotangent" {{ARGS}} \
        | tee docs/benchmarks-rivals.md

# A demo; `just demo` runs the notebook
demo NAME="optimized-learning" *ARGS:
    cargo run --release -- demo run {{NAME}} {{ARGS}}

# Accept what the snapshot tests see now, then read the difference
bless *ARGS:
    INSTA_UPDATE=always cargo test --workspace {{ARGS}}
    git diff --stat -- '*.snap'

# The documentation, without warnings
doc *ARGS:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features {{ARGS}}

# Everything that must hold before a change goes in
ci:
    .ci/run
