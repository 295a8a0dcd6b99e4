//! What both arrival executors let one choose.

use super::{PlanError, require_vus};
use crate::plan::number::counted;

/// How arrivals are spread, and who serves them.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct OpenOptions {
    pub(super) max_vus: Option<u64>,
    pub(super) queue: bool,
    pub(super) poisson: bool,
}

impl OpenOptions {
    pub(super) fn check(self, executor: &'static str) -> Result<(), PlanError> {
        self.max_vus.map_or(Ok(()), |vus| require_vus(executor, vus))
    }

    /// `, Poisson arrivals, up to 20 VUs, queued when busy`, as far as it was chosen.
    pub(super) fn describe(self) -> String {
        let mut text = String::new();
        if self.poisson {
            text.push_str(", Poisson arrivals");
        }
        if let Some(vus) = self.max_vus {
            text.push_str(&format!(", up to {}", counted(vus, "VU")));
        }
        if self.queue {
            text.push_str(", queued when busy");
        }
        text
    }
}

/// Gives an arrival executor's builder the options that both have.
macro_rules! open_options {
    ($builder:ty) => {
        impl $builder {
            /// The most iterations in flight at once: the rate times the longest an iteration may take, so that a slow
            /// target is measured and not spared. Default: the arrivals of 10 seconds at the highest rate, at most 80% of
            /// the free file descriptors. VUs are made when they are needed, so a generous number costs nothing.
            pub fn max_vus(mut self, vus: u64) -> Self {
                self.options.max_vus = Some(vus);
                self
            }

            /// Lets arrivals wait when all [`max_vus`](Self::max_vus) VUs are busy, instead of dropping them.
            ///
            /// They begin in order, each as soon as a VU is free: late, which `iteration_lateness` shows and
            /// `iteration_response_time` includes, since both count from the intended instant. What still waits at the
            /// scenario's regular end begins no more and counts in `dropped_iterations`; the graceful stop is for what
            /// is running. A queue needs no memory, however long it gets.
            pub fn queue(mut self) -> Self {
                self.options.queue = true;
                self
            }

            /// Random arrivals at the same mean rate, as of many users who know nothing of each other: a Poisson
            /// process, its gaps exponentially distributed. How many there are is random too.
            ///
            /// A test's seed fixes them, on however many cores. Default: arrivals at exactly the rate.
            pub fn poisson(mut self) -> Self {
                self.options.poisson = true;
                self
            }
        }
    };
}
pub(super) use open_options;

#[cfg(test)]
mod tests {
    use crate::plan::{Executor, Schedule, constant_arrival_rate, per_sec, ramping_arrival_rate, secs};

    #[test]
    fn what_was_chosen_is_told_and_done() {
        let constant = constant_arrival_rate(per_sec(50), secs(10));
        assert_eq!(
            Executor::from(constant.clone()).graceful_stop(secs(0)).describe(),
            "50.00 iterations/s for 10s"
        );
        let executors = [
            Executor::from(constant.max_vus(20).queue().poisson()),
            Executor::from(ramping_arrival_rate([(secs(10), per_sec(50))]).max_vus(20).queue().poisson()),
        ];
        for executor in executors {
            let text = executor.describe();
            assert!(text.contains(", Poisson arrivals, up to 20 VUs, queued when busy"), "{text}");
            let Ok(Schedule::Open(open)) = executor.schedule() else { panic!("refused") };
            assert!(open.queue && open.arrivals.is_random() && open.max_vus == Some(20));
        }
    }
}
