//! The generator judges itself: numbers from a starved load generator say nothing about the target.

use std::fmt;

/// Whether the numbers can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Soundness {
    /// The generator kept up.
    Sound,
    /// It was near its limits: latencies may include its own delays.
    Suspect,
    /// It did not do what was asked: do not use the numbers.
    Invalid,
}

impl fmt::Display for Soundness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sound => "sound",
            Self::Suspect => "suspect",
            Self::Invalid => "invalid",
        })
    }
}

/// The generator's verdict on itself, with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Generator {
    /// The verdict.
    pub verdict: Soundness,
    /// Why it is not sound; empty if it is.
    pub reasons: Vec<String>,
}

impl Generator {
    /// Whether the numbers can be trusted without a second look.
    pub fn is_sound(&self) -> bool {
        self.verdict == Soundness::Sound
    }

    /// The same, without what some cores have seen at last: they were not waited for.
    pub(crate) fn without_cores(mut self, cores: &[usize]) -> Self {
        for core in cores {
            self.verdict = Soundness::Invalid;
            self.reasons.push(format!(
                "core {core} did not hear that the test was stopped, and its last second or more is missing: a journey \
                 blocks it; let it `.await`, or use tokio::task::spawn_blocking"
            ));
        }
        self
    }
}

/// What the verdict is based on.
#[derive(Debug, Clone, Default)]
pub(crate) struct Observed {
    /// The share of time each core was busy, in its busiest five seconds.
    pub(crate) busy: Vec<f64>,
    /// The event loops' lag, 99th percentile, in milliseconds; NaN if it was not measured.
    pub(crate) lag_p99_ms: f64,
    /// How late arrivals started, 99th percentile, in milliseconds; NaN without an open model that drops what it has no VU
    /// for.
    pub(crate) lateness_p99_ms: f64,
    /// The same of open models whose arrivals wait for a VU.
    pub(crate) queueing_p99_ms: f64,
    /// Iterations that an open model could not start.
    pub(crate) dropped: f64,
    /// Iterations that were started.
    pub(crate) iterations: f64,
    /// Samples that could not be recorded.
    pub(crate) rejected: u64,
    /// Of all requests, those that no connection could be made for since this machine's limits did not allow it.
    pub(crate) starved: Starved,
    /// The warning about surplus series.
    pub(crate) series: Option<String>,
}

/// Requests that the load generator's own limits have prevented.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Starved {
    pub(crate) requests: u64,
    pub(crate) without_descriptor: u64,
    pub(crate) without_port: u64,
}

/// A value above the first limit is suspect, above the second invalid.
const BUSY: (f64, f64) = (0.90, 0.985);
const LAG_MS: (f64, f64) = (25.0, 250.0);
// Waking up for an arrival takes 0.1 ms, or 2 ms where there is no better timer than Tokio's.
const LATENESS_MS: (f64, f64) = (10.0, 100.0);
// Whoever lets arrivals wait has asked for it.
const QUEUEING_MS: (f64, f64) = (10.0, f64::INFINITY);
const DROPPED: (f64, f64) = (0.0, 0.05);
const STARVED: (f64, f64) = (0.0, 0.05);

fn grade(value: f64, (suspect, invalid): (f64, f64)) -> Soundness {
    if value > invalid {
        Soundness::Invalid
    } else if value > suspect {
        Soundness::Suspect
    } else {
        Soundness::Sound
    }
}

pub(crate) fn judge(observed: &Observed) -> Generator {
    // First: requests that fail at once keep cores busy, too.
    let mut findings = Vec::from(observed.starved.findings());
    for (core, busy) in observed.busy.iter().enumerate() {
        let reason =
            format!("core {core} was busy {:.0}% of the time: use more cores or less load", busy * 100.0);
        findings.push((grade(*busy, BUSY), reason));
    }
    let lag = observed.lag_p99_ms;
    findings.push((
        grade(lag, LAG_MS),
        format!(
            "event loops ran {lag:.1} ms late (p99): is a journey blocking its core, or the machine busy?"
        ),
    ));
    let lateness = observed.lateness_p99_ms;
    findings.push((
        grade(lateness, LATENESS_MS),
        format!("arrivals started {lateness:.1} ms late (p99): the load was not the one asked for"),
    ));
    let queueing = observed.queueing_p99_ms;
    findings.push((
        grade(queueing, QUEUEING_MS),
        format!(
            "arrivals waited {queueing:.1} ms for a VU (p99): raise max_vus, unless the queue was wanted"
        ),
    ));
    let share = observed.dropped / (observed.dropped + observed.iterations).max(1.0);
    findings.push((
        grade(share, DROPPED),
        format!("{} iterations were dropped ({:.2}%): raise max_vus", observed.dropped, share * 100.0),
    ));
    if observed.rejected > 0 {
        let reason = format!(
            "{} samples were negative, not a number, or of a metric whose name another metric has: they were not recorded",
            observed.rejected
        );
        findings.push((Soundness::Suspect, reason));
    }
    findings.extend(observed.series.iter().map(|warning| (Soundness::Suspect, warning.clone())));

    let verdict = findings.iter().map(|(soundness, _)| *soundness).max().unwrap_or(Soundness::Sound);
    findings.retain(|(soundness, _)| *soundness > Soundness::Sound);
    Generator { verdict, reasons: findings.into_iter().map(|(_, reason)| reason).collect() }
}

impl Starved {
    fn findings(self) -> [(Soundness, String); 2] {
        let share = |prevented: u64| prevented as f64 / self.requests.max(1) as f64;
        let finding = |prevented: u64, wanted: &str, remedy: &str| {
            let (soundness, percent) = (grade(share(prevented), STARVED), share(prevented) * 100.0);
            let reason = format!(
                "{prevented} requests ({percent:.2}%) had no {wanted} to connect with: {remedy}, or take fewer VUs"
            );
            (soundness, reason)
        };
        [
            finding(
                self.without_descriptor,
                "file descriptor",
                "raise this process's limit before the start (`ulimit -n`)",
            ),
            finding(
                self.without_port,
                "local port",
                "widen net.ipv4.ip_local_port_range, send them to several addresses, each of which has that many",
            ),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calm() -> Observed {
        Observed {
            busy: vec![0.5, 0.6],
            lag_p99_ms: 2.0,
            lateness_p99_ms: f64::NAN,
            queueing_p99_ms: f64::NAN,
            iterations: 100.0,
            ..Observed::default()
        }
    }

    #[test]
    fn a_calm_generator_is_sound() {
        assert_eq!(judge(&calm()), Generator { verdict: Soundness::Sound, reasons: vec![] });
    }

    fn judge_starved(starved: Starved) -> (Soundness, String) {
        let generator = judge(&Observed { starved, ..calm() });
        (generator.verdict, generator.reasons.join("; "))
    }

    #[test]
    fn each_limit_has_its_reason() {
        let verdict = |change: fn(&mut Observed)| {
            let mut observed = calm();
            change(&mut observed);
            let generator = judge(&observed);
            (generator.verdict, generator.reasons.join("; "))
        };
        assert_eq!(verdict(|o| o.busy[1] = 0.95).0, Soundness::Suspect);
        assert!(verdict(|o| o.busy[1] = 0.99).1.contains("core 1 was busy 99%"));
        assert_eq!(verdict(|o| o.lag_p99_ms = 300.0).0, Soundness::Invalid);
        assert_eq!(verdict(|o| o.lateness_p99_ms = 11.0).0, Soundness::Suspect);
        assert_eq!(verdict(|o| o.lateness_p99_ms = 101.0).0, Soundness::Invalid);
        assert_eq!(verdict(|o| o.queueing_p99_ms = 9.0).0, Soundness::Sound);
        assert_eq!(verdict(|o| o.queueing_p99_ms = 5_000.0).0, Soundness::Suspect);
        assert_eq!(verdict(|o| o.dropped = 1.0).0, Soundness::Suspect);
        assert_eq!(verdict(|o| o.dropped = 50.0).0, Soundness::Invalid);
        assert_eq!(verdict(|o| o.rejected = 1).0, Soundness::Suspect);
        let starved =
            |without_descriptor, without_port| Starved { requests: 100, without_descriptor, without_port };
        let (soundness, reason) = judge_starved(starved(5, 0));
        assert!(
            soundness == Soundness::Suspect && reason.contains("5 requests (5.00%) had no file descriptor")
        );
        let (soundness, reason) = judge_starved(starved(0, 6));
        assert!(soundness == Soundness::Invalid && reason.contains("ip_local_port_range"), "{reason}");
        assert!(verdict(|o| o.series = Some("too many".into())).1.contains("too many"));
    }
}
