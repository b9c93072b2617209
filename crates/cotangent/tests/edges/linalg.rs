//! Linear algebra on operands that are singular or half filled.
