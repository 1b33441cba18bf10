//! Payload readers: what they read, and what they refuse with which words.

mod payload {
    mod csv;
    mod edge_impulse;
}
