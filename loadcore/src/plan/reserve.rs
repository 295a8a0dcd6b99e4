//! How many VUs a closed model may have alive at once, those included that only finish their last iteration.

use super::{ClosedSchedule, VuStep};
use std::collections::BinaryHeap;
use std::time::Duration;

impl ClosedSchedule {
    /// The VU counts to make room for: a VU that the plan takes away stays for at most
    /// [`graceful_ramp_down`](Self::graceful_ramp_down), and all end `graceful_stop` after the regular end at the latest.
    ///
    /// A VU that is wanted again within its grace goes on, so the count never exceeds the plan's own greatest one.
    pub fn reserved(&self, graceful_stop: Duration) -> Vec<VuStep> {
        let last = self.end.saturating_add(graceful_stop);
        let ends = self.steps.iter().skip(1).map(|step| step.at).chain([self.end]);
        let until = |end: Duration| {
            if end < self.end { end.saturating_add(self.graceful_ramp_down).min(last) } else { last }
        };
        // Each count with the time until which it is reserved; the greatest one counts.
        let mut held: BinaryHeap<(u64, Duration)> = BinaryHeap::new();
        let mut reserved = Vec::new();
        for (step, end) in self.steps.iter().zip(ends) {
            expire(&mut held, step.at, &mut reserved);
            if end > step.at {
                held.push((step.vus, until(end)));
                note(&mut reserved, step.at, greatest(&held));
            }
        }
        expire(&mut held, last, &mut reserved);
        note(&mut reserved, last, 0);
        reserved
    }
}

fn greatest(held: &BinaryHeap<(u64, Duration)>) -> u64 {
    held.peek().map_or(0, |(vus, _)| *vus)
}

/// Lets go what is not reserved any more at `now`, and notes each fall.
fn expire(held: &mut BinaryHeap<(u64, Duration)>, now: Duration, reserved: &mut Vec<VuStep>) {
    while let Some((_, until)) = held.peek().copied().filter(|(_, until)| *until <= now) {
        // Smaller counts that have run out meanwhile no longer matter.
        while held.peek().is_some_and(|(_, other)| *other <= until) {
            held.pop();
        }
        note(reserved, until, greatest(held));
    }
}

fn note(reserved: &mut Vec<VuStep>, at: Duration, vus: u64) {
    match reserved.last_mut() {
        Some(last) if last.at == at => last.vus = vus,
        Some(last) if last.vus == vus => {}
        _ => reserved.push(VuStep { at, vus }),
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::{Executor, Schedule, VuStep, ramping_vus, secs};
    use std::time::Duration;

    #[test]
    fn graces_without_end_are_the_scenarios_own() {
        let ramp = ramping_vus([(secs(1), 3), (secs(1), 1)]).graceful_ramp_down(Duration::MAX);
        let Schedule::Closed(plan) = Executor::from(ramp).schedule().unwrap() else { panic!() };
        let last = plan.reserved(Duration::MAX).pop();
        assert_eq!(last, Some(VuStep { at: Duration::MAX, vus: 0 }));
    }
}
