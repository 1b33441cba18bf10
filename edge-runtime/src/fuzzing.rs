//! What the fuzz targets call: parsers that nothing else outside of this crate needs.

use crate::serve::http::infer_request::{Takes, read};

/// Reads bytes as the body of an inference request: the first two say how long its JSON is, or that
/// it is JSON as a whole.
pub fn inference_request(bytes: &[u8]) {
    let takes = Takes { window_shape: &[4, 2], outputs: &["probabilities", "label"] };
    let Some((length, body)) = bytes.split_first_chunk::<2>() else { return };
    let head_length = match u16::from_le_bytes(*length) {
        u16::MAX => None,
        length => Some(length.to_string()),
    };
    let request = read(body, head_length.as_deref(), &takes);
    if let Ok(request) = request {
        assert_eq!(request.windows.len(), request.count * 8, "as many values as were announced");
        assert!(request.outputs.len() <= 2, "each output at most once");
    }
}
