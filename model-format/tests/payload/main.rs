//! Payload readers: what they read, and what they refuse with which words.

mod cbor;
mod cira;
mod csv;
mod edge_impulse;
mod formats;
mod influx;
mod message;
mod senml;
mod sparkplug;
