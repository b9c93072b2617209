//! What an array shows of itself.
