//! What differs between the platforms. Lowering and the runtime look it up here.
//!
//! Everything else is lowered alike. On an NVIDIA GPU, XLA makes of it:
//!
//! | operation | what runs |
//! |---|---|
//! | matrix product | cuBLASLt with the bias as its epilogue, or a Triton kernel with what surrounds it |
//! | matrix product of other dtypes than a float, a complex number or an integer of 32 or 64 bits | the same in one of these (`ops/dot.rs`) |
//! | convolution | cuDNN in the layouts that it prefers, with bias and ReLU |
//! | convolution of integers | cuDNN, of parts that `f64` holds exactly (`ops/conv.rs`) |
//! | FFT | cuFFT |
//! | sort by one key | CUB; a bitonic network if there is no device at compile time |
//! | sort by several keys | a bitonic network |
//! | `top_k` | a kernel of XLA's for `f32` and `bf16` if `k` is small, else a sort |
//! | scatter with addition | atomic additions in any order; `XLA_FLAGS=--xla_gpu_deterministic_ops=true` orders them |
//! | random bits | integer arithmetic, the same bits everywhere |
//! | triangular system | cuBLAS |
//! | attention, if `Implementation::Cudnn` asks for it | a graph of cuDNN |

use crate::array::platform::Platform;

/// What differs between the platforms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Routes {
    /// Who solves triangular systems and makes Cholesky factors.
    pub(crate) linear_algebra: LinearAlgebra,
    /// How the arguments of a function are kept in memory.
    pub(crate) apart: Apart,
    /// Whether XLA convolves integers. cuDNN does not.
    pub(crate) integer_convolutions: bool,
    /// Whether XLA multiplies matrices of any dtypes. On a GPU, products of `s8` with few elements are wrong, and other
    /// pairs of dtypes do not compile or end the process.
    pub(crate) mixed_products: bool,
    /// Whether a program can call functions of this process. They read and write host memory.
    pub(crate) host_calls: bool,
    /// Whether the compiler makes a graph of cuDNN of a call of attention.
    pub(crate) fused_attention: bool,
    /// Whether `compile/style.rs` applies, which is about XLA's compiler for the CPU.
    pub(crate) styles: bool,
}

/// Who computes decompositions of matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LinearAlgebra {
    /// LAPACK's routines, which this library registers. XLA's own expansions are loops over columns.
    Lapack,
    /// XLA: cuBLAS for triangular systems, an expansion in blocks of 128 columns for the Cholesky factor. The plugin
    /// contains nothing of cuSOLVER.
    Xla,
}

/// How the arguments of a function are kept in memory, so that everything inside it reads the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Apart {
    /// The compiler may not inline the function. It drops barriers before fusion.
    Function,
    /// The arguments are behind barriers, which stay until after fusion. Inside a function that it may not inline, the
    /// compiler fuses nothing.
    Barrier,
}

impl Routes {
    pub(crate) const fn of(platform: Platform) -> Routes {
        match platform {
            Platform::Cpu => Routes {
                linear_algebra: LinearAlgebra::Lapack,
                apart: Apart::Function,
                integer_convolutions: true,
                mixed_products: true,
                host_calls: true,
                fused_attention: false,
                styles: true,
            },
            Platform::Cuda => Routes {
                linear_algebra: LinearAlgebra::Xla,
                apart: Apart::Barrier,
                integer_convolutions: false,
                mixed_products: false,
                host_calls: false,
                fused_attention: true,
                styles: false,
            },
        }
    }
}
