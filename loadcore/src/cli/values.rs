//! From text to values: the same words mean the same on the command line, in a variable and in an options file.

use crate::load_test::{check_env_name, check_tag};
use crate::plan::{ArrivalRate, Segment, SegmentError, Sequence, parse_duration, per};
use crate::protocol::http::HttpOptions;
pub(super) use crate::verdict::nearest;
use std::time::Duration;

/// A value, or what is wrong with its text and what to write instead.
pub(super) type Parsed<T> = Result<T, String>;

pub(super) fn whole(text: &str) -> Parsed<u64> {
    text.trim().parse().map_err(|_| format!("`{text}` is no whole number: write for example 10"))
}

pub(super) fn at_least_one(text: &str) -> Parsed<u64> {
    match whole(text)? {
        0 => Err("0 does nothing: write at least 1".to_owned()),
        number => Ok(number),
    }
}

pub(super) fn cores(text: &str) -> Parsed<usize> {
    match whole(text)? {
        cores @ 1..=1024 => Ok(cores as usize),
        cores => Err(format!("{cores} cores: write at least 1 and at most 1024")),
    }
}

/// Requests per second at most, or 0 for no cap.
pub(super) fn rps(text: &str) -> Parsed<f64> {
    let text = text.trim();
    let number = text.parse().map_err(|_| {
        format!("`{text}` is no number: write how many requests per second, such as 100, or 0 for no cap")
    })?;
    if number == 0.0 || HttpOptions::default().cap_rate(number).is_ok() {
        return Ok(number);
    }
    let possible = "write at least 0.000001 and at most 1000000000, or 0 for no cap";
    Err(format!("{text} requests per second are no cap: {possible}"))
}

pub(super) fn truth(text: &str) -> Parsed<bool> {
    match text.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(format!("`{other}` is neither true nor false")),
    }
}

pub(super) fn positive_duration(text: &str) -> Parsed<Duration> {
    match parse_duration(text) {
        Ok(duration) if duration.is_zero() => {
            Err("a duration of 0 runs nothing: write for example 30s".into())
        }
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}

/// How long something may take.
pub(super) fn time_limit(text: &str) -> Parsed<Duration> {
    match parse_duration(text) {
        Ok(limit) if limit.is_zero() => Err("a limit of 0 leaves no time: write for example 30s".into()),
        Ok(limit) => Ok(limit),
        Err(error) => Err(error.to_string()),
    }
}

pub(super) fn segment(text: &str) -> Parsed<Segment> {
    text.parse().map_err(|error: SegmentError| error.to_string())
}

pub(super) fn sequence(text: &str) -> Parsed<Sequence> {
    text.parse().map_err(|error: SegmentError| error.to_string())
}

pub(super) fn stage(text: &str) -> Parsed<(Duration, u64)> {
    let wrong = || format!("`{text}` is no stage: write TIME:VUS, such as 30s:10");
    let (time, vus) = text.split_once(':').ok_or_else(wrong)?;
    let vus = vus.trim().parse().map_err(|_| wrong())?;
    Ok((parse_duration(time).map_err(|error| error.to_string())?, vus))
}

pub(super) fn rate(text: &str) -> Parsed<ArrivalRate> {
    let wrong = || format!("`{text}` is no rate: write N/UNIT, such as 100/s, 30/m or 5/10s");
    let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
    let count: f64 = count.trim().parse().map_err(|_| wrong())?;
    // `/s` is `/1s`.
    let unit = unit.trim();
    let unit =
        if unit.starts_with(|c: char| c.is_ascii_digit()) { unit.to_owned() } else { format!("1{unit}") };
    let unit = parse_duration(&unit).map_err(|_| wrong())?;
    if !(count.is_finite() && count > 0.0) || unit.is_zero() {
        return Err(format!("a rate of `{text}` starts nothing: write for example 100/s"));
    }
    Ok(per(count, unit))
}

pub(super) fn base_url(text: &str) -> Parsed<String> {
    HttpOptions::default().set_base_url(text).map_err(|error| error.to_string())?;
    Ok(text.to_owned())
}

/// `KEY=VALUE`, as a tag.
pub(super) fn tag(text: &str) -> Parsed<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) => tag_pair(key.trim(), value),
        None => Err(format!("`{text}` is no tag: write KEY=VALUE")),
    }
}

pub(super) fn tag_pair(key: &str, value: &str) -> Parsed<(String, String)> {
    check_tag(key).map_err(|error| error.to_string())?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `KEY=VALUE`, as a variable of the journeys.
pub(super) fn variable(text: &str) -> Parsed<(String, String)> {
    match text.split_once('=') {
        Some((key, value)) => variable_pair(key.trim(), value),
        None => Err(format!("`{text}` is no variable: write KEY=VALUE")),
    }
}

pub(super) fn variable_pair(key: &str, value: &str) -> Parsed<(String, String)> {
    check_env_name(key).map_err(|error| error.to_string())?;
    Ok((key.to_owned(), value.to_owned()))
}

/// `NAME: VALUE`, as a header.
pub(super) fn header(text: &str) -> Parsed<(String, String)> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => header_pair(name.trim(), value.trim()),
        _ => Err(format!("`{text}` is no header: write 'NAME: VALUE'")),
    }
}

pub(super) fn header_pair(name: &str, value: &str) -> Parsed<(String, String)> {
    HttpOptions::default().add_header(name, value).map_err(|error| error.to_string())?;
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_says_what_to_write() {
        let error = |parsed: Parsed<()>| parsed.unwrap_err();
        for (got, want) in [
            (error(whole("ten").map(drop)), "write for example 10"),
            (error(at_least_one("0").map(drop)), "at least 1"),
            (error(cores("4096").map(drop)), "at most 1024"),
            (error(rps("100/s").map(drop)), "such as 100, or 0 for no cap"),
            (error(rps("-5").map(drop)), "0 for no cap"),
            (error(rps("nan").map(drop)), "0 for no cap"),
            (error(rps("0.0000009").map(drop)), "at least 0.000001 "),
            (error(rps("1000000001").map(drop)), "at most 1000000000,"),
            (error(truth("yes").map(drop)), "true nor false"),
            (error(positive_duration("0s").map(drop)), "runs nothing"),
            (error(positive_duration("10").map(drop)), "a unit is missing"),
            (error(time_limit("0s").map(drop)), "leaves no time"),
            (error(time_limit("60").map(drop)), "a unit is missing"),
            (error(segment("2/3:1/3").map(drop)), "to a greater one"),
            (error(sequence("0,1,1/2").map(drop)), "rising points"),
            (error(stage("1000:20").map(drop)), "a unit is missing"),
            (error(stage("10:20s").map(drop)), "write TIME:VUS"),
            (error(rate("10").map(drop)), "write N/UNIT"),
            (error(rate("0/s").map(drop)), "starts nothing"),
            (error(rate("5/0s").map(drop)), "starts nothing"),
            (error(base_url("h:80").map(drop)), "http://127.0.0.1:8080"),
            (error(tag("team").map(drop)), "write KEY=VALUE"),
            (error(tag("status=200").map(drop)), "status"),
            (error(variable("1A=b").map(drop)), "letters, digits and `_`"),
            (error(header("x-run").map(drop)), "write 'NAME: VALUE'"),
            (error(header("x y: 1").map(drop)), "letters, digits and dashes"),
        ] {
            assert!(got.contains(want), "{got:?} does not say {want:?}");
        }
    }

    #[test]
    fn a_cap_is_any_rate_that_can_be_kept_and_0_is_none() {
        for (text, want) in [("0", 0.0), (" 100 ", 100.0), ("0.000001", 1e-6), ("1000000000", 1e9)] {
            assert_eq!(rps(text), Ok(want));
        }
    }

    #[test]
    fn only_a_word_that_is_near_is_suggested() {
        let known = ["vus", "duration", "summary_export"];
        assert_eq!(nearest("vu", known), Some("vus"));
        assert_eq!(nearest("summary-export", known), Some("summary_export"));
        assert_eq!(nearest("dog", known), None);
    }
}
