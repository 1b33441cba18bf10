//! The service as its clients meet it: the real program on a data folder of its own, over HTTP.

mod artifacts;
mod bad_input;
mod broker;
mod client;
mod console;
mod data;
mod deployments;
mod devices;
mod disk;
mod install;
mod jobs;
mod keys;
mod killed;
mod live;
mod observation;
mod openapi;
mod others;
mod run_windows;
mod service;
mod session;
mod start;
mod training;
mod uploads;
