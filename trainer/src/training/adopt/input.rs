//! How the input of a foreign model reads a window: from its shape and the channels of the pipeline.

use model_format::artifact::ForeignInput;
use model_format::manifest::InputReading;
use model_format::pipeline::Pipeline;

use super::AdoptError;
use crate::training::settings::Extent;

/// One way to read a shape, with the samples in a window where the shape says them.
type Fit = (InputReading, Option<usize>);

/// The length of a window: what was asked for, else what the shape says.
pub(super) fn window(
    input: &ForeignInput,
    channels: usize,
    asked: Option<Extent>,
    reading: Option<InputReading>,
) -> Result<Option<Extent>, AdoptError> {
    if asked.is_some() {
        return Ok(asked);
    }
    let fits: Vec<Fit> = fits(&input.shape, channels, None);
    let wanted = |fit: &&Fit| reading.is_none_or(|reading| fit.0 == reading);
    let mut lengths: Vec<Option<usize>> = fits.iter().filter(wanted).map(|fit| fit.1).collect();
    lengths.dedup();
    match lengths[..] {
        [Some(length)] => Ok(Some(Extent::Samples(u32::try_from(length).unwrap_or(u32::MAX)))),
        [None] => Err(AdoptError::OpenWindow { name: input.name.clone() }),
        // Refused by `reading`, which knows the channels' names.
        _ => Ok(Some(Extent::Samples(1))),
    }
}

/// The reading of the input for this pipeline, with a note where one was taken for granted.
pub(super) fn reading(
    input: &ForeignInput,
    pipeline: &Pipeline,
    asked: Option<InputReading>,
    asked_window: bool,
) -> Result<(InputReading, Option<String>), AdoptError> {
    let (name, shape) = (input.name.clone(), text(&input.shape));
    let channels = pipeline.channels.len();
    let samples = pipeline.window.length_samples as usize;
    let fits = fits(&input.shape, channels, asked_window.then_some(samples));
    let readings: Vec<InputReading> = fits.iter().map(|fit| fit.0).collect();
    if let Some(asked) = asked {
        if readings.contains(&asked) {
            return Ok((asked, None));
        }
        let possible: Vec<String> = readings.iter().map(InputReading::to_string).collect();
        let possible = match possible.is_empty() {
            true => format!(" and {channels} channels"),
            false => format!(", which {} would", possible.join(" or ")),
        };
        return Err(AdoptError::Reading { asked, name, shape, possible });
    }
    match readings[..] {
        [reading] => Ok((reading, None)),
        [InputReading::FlatTimeMajor, InputReading::FlatChannelsFirst] => {
            let note = format!(
                "input [N, {shape}]: {samples} samples of {channels} channels, all channels of a \
                 sample together (--input flat_channels_first if all samples of a channel are)"
            );
            Ok((InputReading::FlatTimeMajor, Some(note)))
        }
        [] => {
            let names = pipeline.channels.iter().map(|channel| channel.name.clone()).collect();
            let window = match asked_window {
                true => format!(" with {samples} samples"),
                false => String::new(),
            };
            Err(AdoptError::Shape { name, shape, channels, names, window })
        }
        _ => Err(AdoptError::Ambiguous { name, shape, readings }),
    }
}

/// Every way in which windows of so many channels (and samples, where they are decided) have this
/// shape.
fn fits(shape: &[Option<usize>], channels: usize, samples: Option<usize>) -> Vec<Fit> {
    use InputReading::{
        ChannelsFirst, FlatChannelsFirst, FlatTimeMajor, PlaneChannelsFirst, PlaneTimeMajor, Row,
        TimeMajor,
    };
    let fits = |dim: Option<usize>, size: usize| dim.is_none_or(|dim| dim == size);
    let of_two = |time: Option<usize>, other: Option<usize>, reading| {
        let taken = fits(other, channels) && samples.is_none_or(|samples| fits(time, samples));
        taken.then_some((reading, samples.or(time)))
    };
    match *shape {
        [width] => {
            let divided = width.filter(|width| width.is_multiple_of(channels));
            let samples = samples.or(divided.map(|width| width / channels));
            match samples {
                Some(samples) if !fits(width, samples * channels) => Vec::new(),
                None if width.is_some() => Vec::new(),
                Some(1) => vec![(Row, Some(1))],
                _ if channels == 1 => vec![(FlatTimeMajor, samples)],
                _ => vec![(FlatTimeMajor, samples), (FlatChannelsFirst, samples)],
            }
        }
        [a, b] => {
            let readings = [of_two(a, b, TimeMajor), of_two(b, a, ChannelsFirst)];
            readings.into_iter().flatten().collect()
        }
        [one, a, b] if fits(one, 1) => {
            let readings = [of_two(a, b, PlaneTimeMajor), of_two(b, a, PlaneChannelsFirst)];
            readings.into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
}

fn text(shape: &[Option<usize>]) -> String {
    let dim = |dim: &Option<usize>| dim.map_or("any".to_owned(), |dim| dim.to_string());
    shape.iter().map(dim).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use InputReading::{
        ChannelsFirst, FlatChannelsFirst, FlatTimeMajor, PlaneChannelsFirst, PlaneTimeMajor, Row,
        TimeMajor,
    };

    use super::*;

    #[test]
    fn a_shape_is_read_by_the_number_of_channels() {
        let some = |shape: &[usize]| shape.iter().copied().map(Some).collect::<Vec<_>>();
        let readings = |shape: &[usize], channels| fits(&some(shape), channels, None);
        assert_eq!(readings(&[128, 3], 3), [(TimeMajor, Some(128))]);
        assert_eq!(readings(&[3, 128], 3), [(ChannelsFirst, Some(128))]);
        assert_eq!(readings(&[1, 128, 3], 3), [(PlaneTimeMajor, Some(128))]);
        assert_eq!(readings(&[1, 3, 128], 3), [(PlaneChannelsFirst, Some(128))]);
        assert_eq!(readings(&[6], 6), [(Row, Some(1))]);
        let flat = [(FlatTimeMajor, Some(128)), (FlatChannelsFirst, Some(128))];
        assert_eq!(readings(&[384], 3), flat);
        assert_eq!(readings(&[3, 3], 3), [(TimeMajor, Some(3)), (ChannelsFirst, Some(3))]);
        for nothing in [&[100][..], &[128, 4], &[2, 128, 3], &[1, 1, 128, 3]] {
            assert_eq!(readings(nothing, 3), [], "{nothing:?}");
        }
    }

    #[test]
    fn a_window_that_was_asked_for_must_fit() {
        assert_eq!(fits(&[Some(128), Some(3)], 3, Some(64)), []);
        assert_eq!(fits(&[None, Some(3)], 3, Some(64)), [(TimeMajor, Some(64))]);
        assert_eq!(fits(&[None], 3, Some(1)), [(Row, Some(1))]);
        assert_eq!(fits(&[None, None], 3, Some(64)).len(), 2);
    }
}
