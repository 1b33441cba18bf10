//! What streams promise: examples of each policy, properties of all of them, reference values.

mod align;
mod gaps;
mod order;
mod pipeline;
mod properties;
mod rate;
mod replay;
mod resample;
mod rows;
mod windows;
