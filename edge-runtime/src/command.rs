//! The commands, one file each.

mod health;
mod inspect;
mod install;
mod prove;
mod rollback;
mod run;
mod serve;
mod slots;
