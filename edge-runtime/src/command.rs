//! The commands, one file each.

mod inspect;
mod prove;
mod run;
mod serve;
