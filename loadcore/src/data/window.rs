//! A part of a file that is being read, and where in the file it stands.

use super::rows::LONGEST_ROW;
use std::io::{self, Read};

/// Keeps what is read through it from the last [`begin_at`](Window::begin_at) on.
pub(super) struct Window<R> {
    input: R,
    kept: Vec<u8>,
    /// What of it lies before the window: removed when more is read.
    before: usize,
    /// The window's begin in the file, and how many lines, and characters of its own line, precede it there.
    begin: u64,
    lines: usize,
    characters: usize,
    is_last: bool,
}

impl<R> Window<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, kept: Vec::new(), before: 0, begin: 0, lines: 0, characters: 0, is_last: false }
    }

    /// What was read from its begin on; that may be more than a reader has given of it.
    pub(super) fn text(&self) -> &[u8] {
        &self.kept[self.before..]
    }

    /// Whether it goes up to the file's end.
    pub(super) fn is_last(&self) -> bool {
        self.is_last
    }

    /// Whether it has become longer than any row may be: then nothing more can be read through it.
    pub(super) fn is_too_long(&self) -> bool {
        self.text().len() > LONGEST_ROW
    }

    /// Lets the window begin with this byte of the file, which follows the old begin and has been read.
    pub(super) fn begin_at(&mut self, byte: u64) {
        let passed = (byte.saturating_sub(self.begin) as usize).min(self.text().len());
        let (line, column) = self.place(passed);
        (self.lines, self.characters) = (line - 1, column - 1);
        self.before += passed;
        self.begin += passed as u64;
    }

    /// The line and the column of this byte of the window: characters of the file, each from 1.
    pub(super) fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.text()[..at.min(self.text().len())];
        let characters = |text: &[u8]| String::from_utf8_lossy(text).chars().count();
        let column = match before.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => characters(&before[end + 1..]),
            None => self.characters + characters(before),
        };
        let lines = before.iter().filter(|byte| **byte == b'\n').count();
        (self.lines + lines + 1, column + 1)
    }
}

impl<R: Read> Read for Window<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_too_long() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let count = self.input.read(buffer)?;
        self.is_last = count == 0;
        self.kept.drain(..self.before);
        self.before = 0;
        self.kept.extend_from_slice(&buffer[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_file_wherever_the_window_begins() {
        let text = "ab\nŽc,d\re\n\nf";
        let mut whole = Window::new(text.as_bytes());
        whole.read_to_end(&mut Vec::new()).unwrap();
        assert!(whole.is_last());
        for begin in (0..text.len()).filter(|byte| text.is_char_boundary(*byte)) {
            let mut later = Window::new(text.as_bytes());
            // In two steps, with more that is read in between.
            let mut some = [0; 7];
            later.read_exact(&mut some).unwrap();
            later.begin_at(begin.min(2) as u64);
            later.read_to_end(&mut Vec::new()).unwrap();
            later.begin_at(begin as u64);
            assert_eq!(later.text(), &text.as_bytes()[begin..]);
            for at in begin..text.len() {
                assert_eq!(later.place(at - begin), whole.place(at), "{at} from {begin}");
            }
        }
        assert_eq!(whole.place(6), (2, 3), "a character is not a byte");
    }
}
