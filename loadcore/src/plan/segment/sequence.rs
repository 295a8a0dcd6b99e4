//! How the whole is cut.

use super::{FINEST, Point, Segment, SegmentError, point};
use num_integer::lcm;
use std::fmt;
use std::str::FromStr;

/// Segments that follow each other from 0 to 1: how the whole is cut, the same for all machines.
///
/// Written as its points, such as `0,1/3,2/3,1`; a missing 0 or 1 is added. An empty text, as the default, is the whole in
/// one piece. The pattern of owners may have a million slots at most.
///
/// ```
/// use loadcore::plan::Sequence;
///
/// let thirds: Sequence = "1/3,2/3".parse()?;
/// assert_eq!(thirds.to_string(), "0,1/3,2/3,1");
/// assert_eq!(thirds.segments().len(), 3);
/// # Ok::<(), loadcore::plan::SegmentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    segments: Vec<Segment>,
    /// The least common denominator of the segments' lengths: after so many indices the pattern of owners repeats.
    slots: u64,
}

impl Sequence {
    /// Cuts at these points; what is missing before the first and after the last one is a segment of its own.
    fn at(points: &[Point], text: &str) -> Result<Self, SegmentError> {
        let whole = [Point::from_integer(0), Point::from_integer(1)];
        let mut all = points.to_vec();
        if all.first() != Some(&whole[0]) {
            all.insert(0, whole[0]);
        }
        if all.last() != Some(&whole[1]) {
            all.push(whole[1]);
        }
        let rises = |pair: &[Point]| pair[0] < pair[1];
        if !all.windows(2).all(rises) {
            return Err(SegmentError::Order(text.to_owned()));
        }
        let segments: Vec<_> = all.windows(2).map(|pair| Segment { from: pair[0], to: pair[1] }).collect();
        let mut slots: u64 = 1;
        for segment in &segments {
            slots = lcm(slots, *segment.length().denom());
            if slots > FINEST {
                return Err(SegmentError::TooFine(text.to_owned()));
            }
        }
        Ok(Self { segments, slots })
    }

    /// The sequence for a segment that is given alone: what lies before and after it are one segment each.
    ///
    /// # Errors
    /// If the cut is too fine.
    pub fn around(segment: Segment) -> Result<Self, SegmentError> {
        Self::at(&[segment.from, segment.to], &segment.to_string())
    }

    /// The segments in their order.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The least common denominator of the segments' lengths.
    pub(super) fn slots(&self) -> u64 {
        self.slots
    }

    /// The segments with these lengths in `of`ths; the lengths must sum to `of`, and none of them be 0.
    pub(super) fn of_lengths(lengths: impl IntoIterator<Item = u64>, of: u64) -> Result<Self, SegmentError> {
        let mut sum = 0;
        let points: Vec<Point> = lengths
            .into_iter()
            .map(|length| {
                sum += length;
                Point::new(sum, of)
            })
            .collect();
        Self::at(&points, &format!("{of} parts"))
    }

    /// How many of the first `n` indices each segment owns.
    pub(super) fn scale(&self, n: u64) -> Vec<u64> {
        let (full, rest) = (n / self.slots, n % self.slots);
        let mut scaled = vec![0; self.segments.len()];
        for (slot, owner) in (0..).zip(self.owners()) {
            scaled[owner] += full + u64::from(slot < rest);
        }
        scaled
    }

    /// Which segment owns each slot of the pattern.
    ///
    /// Rule (k6's): slots are given out in order, each to the first segment, from the longest to the shortest, that is due:
    /// that has had fewer slots than its length asks for up to here.
    pub(super) fn owners(&self) -> Vec<usize> {
        let slots = u128::from(self.slots);
        let length = |index: usize| {
            let length = self.segments[index].length();
            u128::from(length.numer() * (self.slots / length.denom()))
        };
        let mut order: Vec<usize> = (0..self.segments.len()).collect();
        order.sort_by_key(|index| std::cmp::Reverse(length(*index)));
        let mut given = vec![0_u128; self.segments.len()];
        let owner = |slot: u128| {
            let is_due = |index: &&usize| given[**index] * slots <= slot * length(**index);
            // Those that have had most of what they ask for wait, so somebody is always due.
            let owner = order.iter().find(is_due).copied().unwrap_or(order[0]);
            given[owner] += 1;
            owner
        };
        (0..slots).map(owner).collect()
    }
}

impl Default for Sequence {
    /// The whole in one piece.
    fn default() -> Self {
        Self { segments: vec![Segment::WHOLE], slots: 1 }
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0")?;
        self.segments.iter().try_for_each(|segment| write!(f, ",{}", segment.to))
    }
}

/// `0,1/3,2/3,1`.
impl FromStr for Sequence {
    type Err = SegmentError;

    fn from_str(text: &str) -> Result<Self, SegmentError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let points = text.split(',').map(point).collect::<Result<Vec<_>, _>>()?;
        if points.len() < 2 || points.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(SegmentError::Order(text.to_owned()));
        }
        Self::at(&points, text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_sequences_are_read_or_refused() {
        for (text, want) in [
            ("", "0,1"),
            ("0.5,1", "0,1/2,1"),
            ("1/3,2/3", "0,1/3,2/3,1"),
            ("0,1/3,2/3,1", "0,1/3,2/3,1"),
            ("0,1/13,2/13,1/3,1/2,3/4,1", "0,1/13,2/13,1/3,1/2,3/4,1"),
        ] {
            assert_eq!(text.parse::<Sequence>().unwrap().to_string(), want);
        }
        for text in ["0.5", "1,1", "-0.5,1", "1/2,1/2", "1/2,1/3", "0,1,1/2"] {
            assert!(text.parse::<Sequence>().is_err(), "{text}");
        }
    }

    #[test]
    fn golden_least_common_denominators() {
        for (text, want) in [
            ("0,0.3,0.5,0.6,0.7,0.8,0.9,1", 10),
            ("0,0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,1", 10),
            ("0,1/3,5/6", 6),
            ("0,1/3,4/7", 21),
        ] {
            assert_eq!(text.parse::<Sequence>().unwrap().slots(), want, "{text}");
        }
        assert!("0,1/999983,1/2,1".parse::<Sequence>().is_err(), "too fine a pattern");
    }
}
