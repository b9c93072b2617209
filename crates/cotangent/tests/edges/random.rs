//! Samplers at the ends of their ranges.
