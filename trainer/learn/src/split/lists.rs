//! Splitting by explicit lists of recordings and rows.

use model_format::nearest::did_you_mean;

use super::{Index, Part, Place, Span, SplitError};

/// A window belongs to a list where it lies wholly within one of its spans. Lists must not share
/// rows, not even through windows that overlap.
pub(super) fn split(
    index: &Index,
    among: &[usize],
    train: &[Span],
    test: &[Span],
) -> Result<Vec<Part>, SplitError> {
    let train = by_recording(index, "training", train)?;
    let test = by_recording(index, "test", test)?;
    for (recording, spans) in train.iter().enumerate() {
        for a in spans {
            for b in &test[recording] {
                let (from_row, to_row) = (a.0.max(b.0), a.1.min(b.1));
                if from_row < to_row {
                    let recording = index.recordings[recording].clone();
                    return Err(SplitError::Overlap { recording, from_row, to_row });
                }
            }
        }
    }
    let within = |place: &Place, list: &[Vec<(u64, u64)>]| {
        let spans = &list[place.recording as usize];
        spans.iter().any(|span| span.0 <= place.start_row && place.end_row <= span.1)
    };
    let part = |&window: &usize| {
        let place = &index.windows[window];
        match (within(place, &train), within(place, &test)) {
            (true, _) => Part::Train,
            (_, true) => Part::Test,
            _ => Part::Unused,
        }
    };
    Ok(among.iter().map(part).collect())
}

/// The spans of each recording as (first row, first row after).
fn by_recording(
    index: &Index,
    part: &'static str,
    spans: &[Span],
) -> Result<Vec<Vec<(u64, u64)>>, SplitError> {
    let mut list = vec![Vec::new(); index.recordings.len()];
    for span in spans {
        let at = index.recordings.iter().position(|name| *name == span.recording);
        let at = at.ok_or_else(|| SplitError::UnknownRecording {
            part,
            found: span.recording.clone(),
            hint: did_you_mean(&span.recording, index.recordings.iter().map(String::as_str)),
        })?;
        list[at].push((span.from_row.unwrap_or(0), span.to_row.unwrap_or(u64::MAX)));
    }
    Ok(list)
}
