//! Execution segments: which part of a plan a machine carries out, decided by each machine alone.
//!
//! A [`Segment`] is a part of the whole, such as `1/3:2/3`; a [`Sequence`] says how the whole is cut, such as
//! `0,1/3,2/3,1`; a [`Share`] is one segment of a sequence. A share owns indices: of VUs, of shared iterations, of
//! arrivals. Every index has exactly one owner, so the union of all shares' plans is the whole plan. Text and cut are k6's.

mod project;
mod sequence;
mod share;

use num_rational::Ratio;
use std::fmt;
use std::str::FromStr;

pub use sequence::Sequence;
pub use share::Share;

/// A point between 0 and 1.
type Point = Ratio<u64>;

/// The finest cut: a denominator beyond it would make the pattern of owners needlessly long.
const FINEST: u64 = 1_000_000;

/// A segment or sequence that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// A point is no number.
    #[error("`{0}` is no point between 0 and 1: write for example 1/3, 0.25 or 25%")]
    Point(String),
    /// The segment is empty or turned round.
    #[error("the segment {0} is empty: it goes from a point to a greater one, such as 1/3:2/3")]
    Empty(String),
    /// The sequence does not rise.
    #[error("the sequence `{0}` does not rise: write rising points, such as 0,1/3,2/3,1")]
    Order(String),
    /// The cut is too fine.
    #[error("`{0}` cuts the whole into more than {FINEST} slots: write simpler fractions")]
    TooFine(String),
    /// The segment is none of the sequence's.
    #[error("the segment {segment} is none of the sequence {sequence}")]
    NotInSequence {
        /// The segment.
        segment: String,
        /// The sequence.
        sequence: String,
    },
}

/// A part of the whole: what lies after one point, up to and including another one.
///
/// Written as `1/3:2/3`, `0.25:0.5` or `25%:50%`; `20%` alone is `0:1/5`, and an empty text the whole. Points are exact, and
/// their denominators at most a million.
///
/// ```
/// use loadcore::plan::Segment;
///
/// let quarter: Segment = "25%:50%".parse()?;
/// assert_eq!(quarter.to_string(), "1/4:1/2");
/// assert_eq!(Segment::WHOLE.split(4)?[1], quarter);
/// # Ok::<(), loadcore::plan::SegmentError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Segment {
    from: Point,
    to: Point,
}

impl Segment {
    /// Everything.
    pub const WHOLE: Self = Self { from: Point::new_raw(0, 1), to: Point::new_raw(1, 1) };

    fn new(from: Point, to: Point) -> Result<Self, SegmentError> {
        let segment = Self { from, to };
        if from >= to { Err(SegmentError::Empty(segment.to_string())) } else { Ok(segment) }
    }

    fn length(self) -> Point {
        self.to - self.from
    }

    /// Cuts it into `n` segments of one length.
    ///
    /// # Errors
    /// If `n` is 0, or so large that the cut is too fine.
    pub fn split(self, n: u64) -> Result<Vec<Self>, SegmentError> {
        let too_fine = || SegmentError::TooFine(format!("{self} in {n} parts"));
        if n == 0 {
            return Err(SegmentError::Empty(format!("{self} in 0 parts")));
        }
        let finest = self.length().denom().checked_mul(n).filter(|denom| *denom <= FINEST);
        finest.ok_or_else(too_fine)?;
        let step = self.length() / n;
        Ok((0..n).map(|i| Self { from: self.from + step * i, to: self.from + step * (i + 1) }).collect())
    }

    /// The part of this segment that `inner` is of the whole: `0:1/2` of `1/2:1` is `1/2:3/4`.
    ///
    /// # Errors
    /// If the cut is too fine.
    pub fn part(self, inner: Self) -> Result<Self, SegmentError> {
        let too_fine = || SegmentError::TooFine(format!("{inner} of {self}"));
        let fits = self.length().denom().checked_mul(*inner.from.denom().max(inner.to.denom()));
        fits.filter(|denom| *denom <= FINEST).ok_or_else(too_fine)?;
        let at = |point: Point| self.from + self.length() * point;
        Ok(Self { from: at(inner.from), to: at(inner.to) })
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.from, self.to)
    }
}

/// `1/3:2/3`, `0.25:0.5`, `25%:50%`; `20%` alone is `0:1/5`; nothing is the whole.
impl FromStr for Segment {
    type Err = SegmentError;

    fn from_str(text: &str) -> Result<Self, SegmentError> {
        if text.trim().is_empty() {
            return Ok(Self::WHOLE);
        }
        match text.split_once(':') {
            Some((from, to)) => Self::new(point(from)?, point(to)?),
            None => Self::new(Point::from_integer(0), point(text)?),
        }
    }
}

/// `1/3`, `0.25`, `25%`.
fn point(text: &str) -> Result<Point, SegmentError> {
    let text = text.trim();
    let wrong = || SegmentError::Point(text.to_owned());
    let read = match (text.strip_suffix('%'), text.split_once('/')) {
        (Some(percent), _) => {
            decimal(percent).and_then(|point| checked(*point.numer(), point.denom().checked_mul(100)?))
        }
        (None, Some((numerator, denominator))) => {
            let whole = |digits: &str| digits.trim().parse::<u64>().ok();
            whole(numerator).zip(whole(denominator)).and_then(|(n, d)| checked(n, d))
        }
        (None, None) => decimal(text),
    };
    let point = read.filter(|point| *point <= Point::from_integer(1)).ok_or_else(wrong)?;
    if *point.denom() > FINEST { Err(SegmentError::TooFine(text.to_owned())) } else { Ok(point) }
}

fn checked(numerator: u64, denominator: u64) -> Option<Point> {
    (denominator > 0).then(|| Point::new(numerator, denominator))
}

/// Digits, with a decimal point or without.
fn decimal(text: &str) -> Option<Point> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{fraction}");
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let denominator = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    is_number.then(|| digits.parse().ok()).flatten().and_then(|numerator| checked(numerator, denominator))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        text.parse::<Segment>().map(|segment| segment.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn golden_segments_are_read_in_every_spelling() {
        for (text, want) in [
            ("0:1", "0:1"),
            ("", "0:1"),
            ("0.5:0.75", "1/2:3/4"),
            ("1/2:3/4", "1/2:3/4"),
            ("50%:75%", "1/2:3/4"),
            ("2/4:75%", "1/2:3/4"),
            ("75%", "0:3/4"),
            ("20%", "0:1/5"),
            (" 12.5% : 1 ", "1/8:1"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(want), "{text}");
        }
    }

    #[test]
    fn golden_nonsense_is_refused() {
        for text in [
            "125%",
            "1a5%",
            "1a5",
            "1a5%:2/3",
            "125%:250%",
            "55%:50%",
            "-1/2:1",
            "0:9/8",
            "1/2:1/2",
            ":",
            "1/0:1",
        ]
        .into_iter()
        .chain([
            "0:0",
            ".",
            "%",
            "1//2",
            "99999999999999999999:1",
            "0:1/18446744073709551615",
            "0.00000000000000000000001:1",
        ]) {
            assert!(read(text).is_err(), "{text}: {:?}", read(text));
        }
    }

    #[test]
    fn golden_splits_and_parts() {
        let split = |text: &str, n| {
            let parts = text.parse::<Segment>().unwrap().split(n).unwrap();
            parts.iter().map(Segment::to_string).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(split("0:1", 1), "0:1");
        assert_eq!(split("0:1", 2), "0:1/2, 1/2:1");
        assert_eq!(split("0:1", 3), "0:1/3, 1/3:2/3, 2/3:1");
        assert_eq!(split("1/4:1/2", 2), "1/4:3/8, 3/8:1/2");
        assert_eq!(split("1/4:1/2", 3), "1/4:1/3, 1/3:5/12, 5/12:1/2");
        assert_eq!(split("1/4:1/2", 4), "1/4:5/16, 5/16:3/8, 3/8:7/16, 7/16:1/2");
        assert!(Segment::WHOLE.split(0).is_err() && Segment::WHOLE.split(u64::MAX).is_err());
        let half: Segment = "1/2:1".parse().unwrap();
        assert_eq!(half.part("0:1/2".parse().unwrap()).unwrap().to_string(), "1/2:3/4");
    }
}
