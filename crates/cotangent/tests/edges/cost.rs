//! What programs cost, counted: equations, kernels, operations.
