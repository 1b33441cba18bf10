//! The trainer as users meet it: the real program on data folders of its own.

mod adopt;
mod chain;
mod folder;
mod insight;
mod labels;
mod program;
mod refusals;
mod repair;
mod reproducible;
mod selections;
mod signing;
mod vibration;
