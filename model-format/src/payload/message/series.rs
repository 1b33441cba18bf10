//! Series: what the lines of line protocol say of themselves beside their values.

use std::ops::Range;

/// The measurement and the tags of a line.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    all: &'a AllSeries,
    entry: &'a Entry,
}

impl<'a> Series<'a> {
    /// What is measured.
    pub fn measurement(&self) -> &'a str {
        &self.all.texts[self.entry.measurement.clone()]
    }

    /// The value of a tag.
    pub fn tag(&self, name: &str) -> Option<&'a str> {
        self.tags().find(|(tag, _)| *tag == name).map(|(_, value)| value)
    }

    /// Its tags with their values, in their order.
    pub fn tags(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let Series { all, entry } = *self;
        let tags = all.tags[entry.tags.clone()].iter();
        tags.map(|(name, value)| (&all.texts[name.clone()], &all.texts[value.clone()]))
    }
}

/// The series of one message; lines in a row of the same series share one.
#[derive(Debug, Default)]
pub(super) struct AllSeries {
    texts: String,
    tags: Vec<(Range<usize>, Range<usize>)>,
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    measurement: Range<usize>,
    tags: Range<usize>,
}

impl AllSeries {
    pub(super) fn clear(&mut self) {
        super::give_back(&mut self.tags);
        super::give_back(&mut self.entries);
        self.texts.clear();
        self.texts.shrink_to(super::KEPT_TEXT_BYTES);
        self.tags.clear();
        self.entries.clear();
    }

    /// Begins a series; `write` appends its measurement.
    pub(super) fn begin(&mut self, write: impl FnOnce(&mut String)) {
        let measurement = appended(&mut self.texts, write);
        let start = self.tags.len();
        self.entries.push(Entry { measurement, tags: start..start });
    }

    /// Adds a tag to the series that was begun last.
    pub(super) fn tag(&mut self, name: impl FnOnce(&mut String), value: impl FnOnce(&mut String)) {
        let name = appended(&mut self.texts, name);
        let value = appended(&mut self.texts, value);
        self.tags.push((name, value));
        if let Some(entry) = self.entries.last_mut() {
            entry.tags.end = self.tags.len();
        }
    }

    /// The number of the series that was begun last.
    pub(super) fn last(&self) -> Option<u32> {
        self.entries.len().checked_sub(1).map(|last| last as u32)
    }

    pub(super) fn at(&self, number: u32) -> Series<'_> {
        Series { all: self, entry: &self.entries[number as usize] }
    }
}

fn appended(texts: &mut String, write: impl FnOnce(&mut String)) -> Range<usize> {
    let start = texts.len();
    write(texts);
    start..texts.len()
}
