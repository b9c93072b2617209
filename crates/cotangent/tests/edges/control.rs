//! Control flow: branches not taken, weak carries, wide counters, errors.
