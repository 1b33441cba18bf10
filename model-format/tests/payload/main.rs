//! Payload readers: what they read, and what they refuse with which words.

mod csv;
mod edge_impulse;
mod message;
