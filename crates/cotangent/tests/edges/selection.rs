//! Derivatives of what selects: maxima, sorts, windows, clamps; sound where an operand is computed twice.
