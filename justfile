# Short names for common commands. `just` lists them.

_list:
    @just --list

# Run all tests
test *ARGS:
    cargo test --workspace --all-features {{ARGS}}

# Look at a demo's page for a browser in a headless Chromium; pictures of it are written to target/report
report-check *ARGS:
    cargo build -p cotangent-cli
    python3 crates/cli/tests/report.py "${CARGO_TARGET_DIR:-target}/debug/cotangent" "${CARGO_TARGET_DIR:-target}/report" {{ARGS}}

# Run the cases of crates/bench under Criterion; `cotangent bench` measures each in a process of its own
bench *ARGS:
    cargo bench -p cotangent-bench {{ARGS}}

# Compare with JAX, into docs/benchmarks.md and its CSV files; JAX_PYTHON is a Python with jax==0.10.2
bench-vs-jax *ARGS:
    cargo build --release -p cotangent-cli --features bench
    python3 benches/vs_jax/bench_vs_jax.py "${CARGO_TARGET_DIR:-target}/release/cotangent" --write docs/benchmarks.md {{ARGS}}

# Compare on GradBench with JAX and C++, into docs/benchmarks.md and its CSV file; CHECKOUT is GradBench with `manual` built
bench-gradbench CHECKOUT *ARGS:
    cargo build --release -p cotangent-cli --features bench
    python3 benches/gradbench/compare.py {{CHECKOUT}} "${CARGO_TARGET_DIR:-target}/release/cotangent" --write docs/benchmarks.md {{ARGS}}

# Write what a machine with a GPU needs into gpu-run: binaries, stored cases and expected values. There, `python3 run.py`
# runs it. `just gpu-report results.json` then writes docs/benchmarks-gpu.md
gpu-prepare *ARGS:
    python3 benches/gpu/prepare.py gpu-run {{ARGS}}

# Prepare and run it on this machine, which has a GPU
gpu-run *ARGS: gpu-prepare
    python3 gpu-run/run.py {{ARGS}}

# Write docs/benchmarks-gpu.md and its CSV file from the results of a run
gpu-report +RESULTS:
    python3 benches/gpu/report.py {{RESULTS}} --write docs/benchmarks-gpu.md

# Try the run for a GPU on the CPU, with a few cases
gpu-run-cpu:
    python3 benches/gpu/smoke.py

# Count the instructions of a call of each case, by function; needs valgrind
instructions *CASES:
    cargo build --release -p cotangent-cli --features bench
    python3 benches/instructions.py "${CARGO_TARGET_DIR:-target}/release/cotangent" {{CASES}}

# Compare training steps with Burn and Candle, into docs/benchmarks-rivals.md; building them takes minutes
bench-rivals *ARGS:
    cargo build --release -p cotangent-cli --features bench
    cargo run --release --manifest-path benches/rivals/Cargo.toml -- "${CARGO_TARGET_DIR:-target}/release/cotangent" {{ARGS}} \
        | tee docs/benchmarks-rivals.md

# Compare functions that JAX exported, imported, with JAX itself, into docs/imports.md; JAX_PYTHON is a Python with jax==0.10.2
bench-imports *ARGS:
    cargo build --release -p cotangent-cli --features bench
    python3 benches/imports/compare.py "${CARGO_TARGET_DIR:-target}/release/cotangent" --write docs/imports.md {{ARGS}}

# Time the reading of StableHLO modules of 50 MB, or of as many MB as are given
bench-read *ARGS:
    cargo bench -p cotangent-stablehlo --bench read -- {{ARGS}}

# Serve one model by examples/serve and by JAX in Python, in turns; JAX_PYTHON is a Python with the packages that the script names
bench-serve *ARGS:
    cargo build --release -p serve
    python3 benches/serve/compare.py "${CARGO_TARGET_DIR:-target}/release" {{ARGS}}

# Read damaged and changed modules, and import them: TIMES as many as the tests do, by default 12 million and 1.1 million
fuzz-import TIMES="2500":
    FUZZ_TIMES={{TIMES}} cargo test --release -p cotangent-stablehlo --test fuzz -- --nocapture
    FUZZ_TIMES="$(({{TIMES}} / 10))" cargo test --release -p cotangent --test fuzz -- --nocapture

# Compile everything for a GPU that this machine may lack, and compare with what compiled before. Downloads CUDA's compiler once
gpu-check *ARGS:
    cargo build -p cotangent-cli --features bench
    cargo build -p cotangent --examples
    "${CARGO_TARGET_DIR:-target}/debug/cotangent" setup cuda12 --compile-only --yes
    mkdir -p "${CARGO_TARGET_DIR:-target}/gpu-check/primitives"
    RULES_EXPORT_TO="$(realpath "${CARGO_TARGET_DIR:-target}/gpu-check/primitives")" cargo test -p cotangent --test rules lowers
    python3 benches/gpu_check/check.py "${CARGO_TARGET_DIR:-target}/debug/cotangent" \
        "${CARGO_TARGET_DIR:-target}/gpu-check/primitives" --out "${CARGO_TARGET_DIR:-target}/gpu-check" {{ARGS}}

# Run a demo, by default the notebook
demo NAME="optimized-learning" *ARGS:
    cargo run --release -- demo run {{NAME}} {{ARGS}}

# Make the picture at the top of README.md, in both themes
readme-pictures:
    cargo build -p cotangent-cli
    for theme in light dark; do \
        "${CARGO_TARGET_DIR:-target}/debug/cotangent" demo run gaussian-process --theme $theme --out docs/pictures/$theme; \
        rm docs/pictures/$theme/*.png docs/pictures/$theme/covariance.svg; \
    done

# Measure how long each demo takes, for `Demo::seconds`
demo-times:
    cargo run --release -- demo list --measure

# Run the notebooks with the kernel evcxr, which is installed into the target folder; `--write` stores their outputs
notebooks *ARGS:
    python3 notebooks/run.py {{ARGS}}

# Follow the chapter "A first hour" of the book command by command, in a new home directory; takes a quarter of an hour
first-hour *ARGS:
    python3 docs/book/first_hour.py {{ARGS}}

# Accept the new snapshots, and list those that changed; read the difference
bless *ARGS:
    INSTA_UPDATE=always cargo test --workspace --all-features {{ARGS}}
    git diff --stat -- '*.snap'

# Build the documentation; warnings are errors
doc *ARGS:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features {{ARGS}}

# Run all checks that a change must pass
ci:
    .ci/run
