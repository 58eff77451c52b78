//! Benchmarks of Ringway: shared inputs.
