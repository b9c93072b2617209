//! Elementary functions of real numbers where a formula cancels, overflows or hides a singularity.
