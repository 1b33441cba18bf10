//! Tells a person how far a start is.

/// Steps of a start, numbered.
pub(crate) struct Steps {
    number: usize,
    of: usize,
    say: fn(&str),
}

impl Steps {
    /// So many steps, each of which `say` is told as one line.
    pub(crate) fn new(of: usize, say: fn(&str)) -> Self {
        Steps { number: 0, of, say }
    }

    /// The next one is done.
    pub(crate) fn step(&mut self, text: &str) {
        self.number += 1;
        (self.say)(&format!("[{}/{}] {text}", self.number, self.of));
    }
}
