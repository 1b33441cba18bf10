//! One number per message: its topic says of which channel.

use super::{Builder, Cell, MessageError};
use crate::payload::excerpt;
use crate::payload::format::Format;

pub(super) fn read(
    payload: &[u8],
    channel: Option<&str>,
    builder: &mut Builder<'_>,
) -> Result<(), MessageError> {
    let format = Format::Number;
    let Some(channel) = channel else {
        let detail = "nothing says which channel it is of: name it, or its level in the topic";
        return Err(MessageError::WrongForm { format, detail: detail.to_owned() });
    };
    let text = std::str::from_utf8(payload).ok().map(str::trim);
    let value: Option<f64> = text.and_then(|text| text.parse().ok());
    let Some(value) = value else {
        let detail = match payload.trim_ascii() {
            [] => "it is empty".to_owned(),
            payload => format!("{} is found", excerpt(payload)),
        };
        return Err(MessageError::Unreadable { format, detail });
    };
    let narrow = value as f32;
    // NaN says that there is no value; infinity is none that anything can be done with.
    let cell = match narrow.is_finite() || value.is_nan() {
        true => Cell::Number(narrow),
        false => Cell::Other,
    };
    if let Some(place) = builder.place(channel) {
        builder.push(place, cell);
        builder.end_sample(None, None, true);
    }
    Ok(())
}
