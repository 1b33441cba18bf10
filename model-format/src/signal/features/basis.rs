//! What features share: moments, sorted values, differences, spectrum; each computed at most once.

/// The lazily computed parts of one channel of one window.
pub struct Basis;

/// The same parts as graph values for all channels at once.
pub struct BasisGraph<'a> {
    /// The graph under construction.
    pub graph: &'a mut crate::onnx::graph::GraphBuilder,
}
