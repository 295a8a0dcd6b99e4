//! Durations as users write them: `secs(1.5)` in code, `1m30s` on the command line.

use super::Number;
use std::time::Duration;

#[track_caller]
fn duration(units: f64, unit: &str, seconds_each: f64) -> Duration {
    // Through whole nanoseconds, so that `millis(50)` is exactly 50,000,000 ns.
    let nanos = units * seconds_each * 1e9;
    assert!(
        nanos.is_finite() && (0.0..=u64::MAX as f64).contains(&nanos),
        "{unit}({units}) is not a duration: give a number of at least 0 and below 584 years"
    );
    Duration::from_nanos(nanos.round() as u64)
}

/// `secs(2)` or `secs(1.5)`: a duration in seconds.
///
/// # Panics
/// If the number is negative, not finite, or beyond 584 years.
#[track_caller]
pub fn secs(n: impl Number) -> Duration {
    duration(n.into_f64(), "secs", 1.0)
}

/// `millis(50)`: a duration in milliseconds. Panics as [`secs`] does.
#[track_caller]
pub fn millis(n: impl Number) -> Duration {
    duration(n.into_f64(), "millis", 1e-3)
}

/// `mins(3)`: a duration in minutes. Panics as [`secs`] does.
#[track_caller]
pub fn mins(n: impl Number) -> Duration {
    duration(n.into_f64(), "mins", 60.0)
}

/// `hours(1)`: a duration in hours. Panics as [`secs`] does.
#[track_caller]
pub fn hours(n: impl Number) -> Duration {
    duration(n.into_f64(), "hours", 3600.0)
}

/// A text that is not a duration; the message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration: {problem}; write for example `30s`, `1m30s`, `500ms` or `2h`")]
pub struct ParseDurationError {
    text: String,
    problem: &'static str,
}

const UNITS: [(&str, f64); 8] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("µs", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
    ("d", 86_400e9),
];

/// Reads `1h30m`, `1.5s`, `250ms`, `2d`: numbers with a unit each, added up.
///
/// The units are `ns us ms s m h d`, and days are whole. A number without a unit is refused: k6 would read it as
/// milliseconds, and a reader as
/// seconds.
pub fn parse_duration(text: &str) -> Result<Duration, ParseDurationError> {
    let error = |problem| ParseDurationError { text: text.to_owned(), problem };
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(error("it is empty"));
    }
    let mut nanos = 0_u128;
    while !rest.is_empty() {
        let number_len = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(number_len);
        let unit_len = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_len);
        if unit == "d" && number.contains('.') {
            return Err(error("days are whole: write a part of one in hours"));
        }
        let number: f64 = number.parse().map_err(|_| error("a number is missing before a unit"))?;
        if unit.is_empty() {
            return Err(error("a unit is missing"));
        }
        let (_, scale) = UNITS
            .iter()
            .find(|(name, _)| *name == unit)
            .ok_or_else(|| error("the units are ns, us, ms, s, m, h and d"))?;
        // Each number for itself: together they may have more digits than a float.
        nanos = nanos.saturating_add((number * scale).round() as u128);
        rest = tail;
    }
    let nanos = u64::try_from(nanos).map_err(|_| error("it is longer than 584 years"))?;
    Ok(Duration::from_nanos(nanos))
}

/// `1m30s`, `500ms`, `1.5s`: the shortest text that [`parse_duration`] reads back, whole units first.
pub fn format_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    if nanos == 0 {
        return "0s".to_owned();
    }
    if nanos < 1_000_000_000 {
        let (scale, unit) = if nanos >= 1_000_000 {
            (1e6, "ms")
        } else if nanos >= 1_000 {
            (1e3, "us")
        } else {
            (1.0, "ns")
        };
        return format!("{}{unit}", nanos as f64 / scale);
    }
    let whole = duration.as_secs();
    let (hours, minutes, seconds) = (whole / 3600, whole / 60 % 60, whole % 60);
    let mut text = String::new();
    if hours > 0 {
        text.push_str(&format!("{hours}h"));
    }
    if minutes > 0 {
        text.push_str(&format!("{minutes}m"));
    }
    match duration.subsec_nanos() {
        0 if seconds == 0 => {}
        0 => text.push_str(&format!("{seconds}s")),
        nanos => {
            let fraction = format!("{nanos:09}");
            text.push_str(&format!("{seconds}.{}s", fraction.trim_end_matches('0')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_read_as_k6_reads_them() {
        for (text, nanos) in [
            ("1.12s", 1_120_000_000_u64),
            ("0d1.12s", 1_120_000_000),
            ("1d23h", 47 * 3_600_000_000_000),
            ("1d24h15m", (48 * 3600 + 15 * 60) * 1_000_000_000),
            ("0d25h120m80s", (27 * 3600 + 80) * 1_000_000_000),
            ("2d1ns", 48 * 3_600_000_000_000 + 1),
            ("500ms", 500_000_000),
        ] {
            assert_eq!(parse_duration(text), Ok(Duration::from_nanos(nanos)), "{text}");
        }
        for text in ["", "d", "d2h", "2d-2h", "2+d", "2da", "10", "1.2.3s", "-1s", "2.1d"] {
            assert!(parse_duration(text).is_err(), "{text} must be refused");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_is_printed_reads_back(nanos: u64, shift in 0_u32..64) {
            let duration = Duration::from_nanos(nanos >> shift);
            let text = format_duration(duration);
            prop_assert_eq!(parse_duration(&text), Ok(duration), "{}", text);
        }
    }

    #[test]
    fn what_is_printed_reads_back() {
        for nanos in
            [1, 1_500, 250_000_000, 1_500_000_000, 60_000_000_000, 5_400_000_000_000, 86_400_000_000_000]
        {
            let duration = Duration::from_nanos(nanos);
            assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }
        assert_eq!(format_duration(secs(90)), "1m30s");
        assert_eq!(format_duration(secs(1.5)), "1.5s");
    }

    #[test]
    #[should_panic(expected = "secs(-1) is not a duration")]
    fn a_negative_number_of_seconds_is_refused() {
        secs(-1);
    }
}
