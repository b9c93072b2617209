//! What derivatives cost.
