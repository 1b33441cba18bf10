//! Names of channels, kept from one message to the next so that they are stored once.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use super::times::{Role, Times};
use crate::payload::COLUMNS_MAX;

/// Names are forgotten once there are more of them than a message may have,
const KEPT_MAX: usize = COLUMNS_MAX;
/// or once they have more bytes than this.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Every name that was met lately, and those of the message that is being read.
#[derive(Debug, Default)]
pub(super) struct Names {
    known: Vec<Known>,
    numbers: HashMap<Arc<str>, u32>,
    known_bytes: usize,
    /// The number of the message.
    message: u64,
    /// The message's names, in the order in which they first stand there.
    places: Vec<Place>,
    /// The known name that was met last in the sample.
    last: Option<u32>,
    /// The known name that samples begin with.
    first: u32,
}

#[derive(Debug)]
struct Known {
    text: Arc<str>,
    /// The message that had it last, and its place there.
    message: u64,
    place: u32,
    /// The name that followed it last: names mostly come in the order of the sample before.
    next: u32,
}

/// A name in a message.
#[derive(Debug)]
pub(super) struct Place {
    known: u32,
    /// A sample gives a value for it.
    pub(super) is_used: bool,
    pub(super) role: Role,
    /// The number of the last sample that had it, from 1.
    pub(super) seen_in: usize,
    pub(super) unit: Option<Range<usize>>,
}

impl Names {
    /// Begins the next message.
    pub(super) fn clear(&mut self) {
        if self.known.len() > KEPT_MAX || self.known_bytes > KEPT_BYTES_MAX {
            *self = Names { message: self.message, ..Names::default() };
        }
        self.message += 1;
        self.places.clear();
        self.last = None;
    }

    /// Begins the next sample.
    pub(super) fn begin_sample(&mut self) {
        self.last = None;
    }

    /// The place of a name in this message.
    pub(super) fn place(&mut self, text: &str, times: &Times) -> u32 {
        let number = self.number(text);
        match self.last.replace(number) {
            Some(last) => self.known[last as usize].next = number,
            None => self.first = number,
        }
        let known = &mut self.known[number as usize];
        if known.message != self.message {
            known.message = self.message;
            known.place = self.places.len() as u32;
            self.places.push(Place {
                known: number,
                is_used: false,
                role: times.role(text),
                seen_in: 0,
                unit: None,
            });
        }
        known.place
    }

    fn number(&mut self, text: &str) -> u32 {
        let expected = self.last.map_or(self.first, |last| self.known[last as usize].next);
        if self.known.get(expected as usize).is_some_and(|known| *known.text == *text) {
            return expected;
        }
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.known.len() as u32;
        let text: Arc<str> = text.into();
        self.known_bytes += text.len();
        self.known.push(Known { text: text.clone(), message: 0, place: 0, next: number });
        self.numbers.insert(text, number);
        number
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    pub(super) fn at(&self, place: u32) -> &Place {
        &self.places[place as usize]
    }

    pub(super) fn at_mut(&mut self, place: u32) -> &mut Place {
        &mut self.places[place as usize]
    }

    pub(super) fn text(&self, place: &Place) -> &str {
        &self.known[place.known as usize].text
    }

    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_kept_over_messages_and_forgotten_beyond_the_bound() {
        let mut names = Names::default();
        for message in 0..10 {
            names.clear();
            for name in 0..KEPT_MAX {
                names.place(&format!("{message}.{name}"), &Times::found());
            }
            assert!(names.known.len() <= 2 * KEPT_MAX, "{}", names.known.len());
            assert_eq!(names.len(), KEPT_MAX);
        }
        names.clear();
        names.place("x", &Times::found());
        names.clear();
        let before = names.known.len();
        assert_eq!((names.place("y", &Times::found()), names.place("x", &Times::found())), (0, 1));
        assert_eq!(names.known.len(), before + 1);
        let long = "n".repeat(KEPT_BYTES_MAX + 1);
        names.place(&long, &Times::found());
        names.clear();
        assert!(names.known.is_empty() && names.numbers.is_empty());
    }
}
