//! Numbers as people read them.

use crate::metric::Contains;
use std::time::Duration;

/// At most two decimals, without zeros at the end.
fn trimmed(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A time in milliseconds, in the unit that suits it: `12µs`, `148.21ms`, `1.5s`, `2m5s`.
pub(crate) fn time(millis: f64) -> String {
    if millis.is_nan() {
        return "-".to_owned();
    }
    match millis {
        0.0 => "0s".to_owned(),
        m if m < 0.001 => format!("{}ns", trimmed(m * 1e6)),
        m if m < 1.0 => format!("{}µs", trimmed(m * 1e3)),
        m if m < 1_000.0 => format!("{}ms", trimmed(m)),
        m if m < 60_000.0 => format!("{}s", trimmed(m / 1e3)),
        m => clock(Duration::from_secs_f64(m / 1e3)),
    }
}

/// `0m05s`, `1h02m03s`: for progress.
pub(crate) fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}h{minutes:02}m{seconds:02}s") } else { format!("{minutes}m{seconds:02}s") }
}

/// Bytes with decimal prefixes, as k6 shows them: `519 kB`.
pub(crate) fn bytes(bytes: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < units.len() {
        value /= 1_000.0;
        unit += 1;
    }
    if value < 10.0 && unit > 0 {
        format!("{value:.1} {}", units[unit])
    } else {
        format!("{value:.0} {}", units[unit])
    }
}

/// A value in its metric's unit.
pub(crate) fn value(value: f64, contains: Contains) -> String {
    match contains {
        Contains::Time => time(value),
        Contains::Data => bytes(value),
        Contains::Default if value.is_nan() => "-".to_owned(),
        Contains::Default => trimmed(value),
    }
}

/// A share as a percentage, truncated: 99.999% is not 100%.
pub(crate) fn percent(share: f64) -> String {
    if share.is_nan() { "-".to_owned() } else { format!("{:.2}%", (share * 10_000.0 + 1e-6).floor() / 100.0) }
}

/// A share as a whole percentage, truncated.
pub(crate) fn whole_percent(part: u64, of: u64) -> String {
    (part * 100).checked_div(of).map_or_else(|| "-".to_owned(), |share| format!("{share}%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_choose_their_unit() {
        let shown = [0.0, 0.000_012, 0.0123, 148.214, 1_500.0, 59_999.0, 125_000.0, 3_725_000.0].map(time);
        assert_eq!(shown, ["0s", "12ns", "12.3µs", "148.21ms", "1.5s", "60s", "2m05s", "1h02m05s"]);
    }

    #[test]
    fn bytes_and_shares_read_as_in_k6() {
        assert_eq!([519_000.0, 4_600.0, 671.0, 0.0].map(bytes), ["519 kB", "4.6 kB", "671 B", "0 B"]);
        assert_eq!([0.999_999, 0.57, 1.0].map(percent), ["99.99%", "57.00%", "100.00%"]);
        assert_eq!((whole_percent(10, 15), whole_percent(5, 15)), ("66%".into(), "33%".into()));
        assert_eq!(percent(f64::NAN), "-");
    }
}
