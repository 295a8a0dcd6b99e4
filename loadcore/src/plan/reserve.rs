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
        let last = self.end + graceful_stop;
        let ends = self.steps.iter().skip(1).map(|step| step.at).chain([self.end]);
        let until =
            |end: Duration| if end < self.end { (end + self.graceful_ramp_down).min(last) } else { last };
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
    use crate::plan::{Executor, Schedule, Share, VuStep, ramping_vus, secs};
    use std::time::Duration;

    /// As the golden tables write steps.
    fn text(steps: &[VuStep]) -> String {
        steps.iter().map(|step| format!("{}:{}", step.at.as_secs(), step.vus)).collect::<Vec<_>>().join(" ")
    }

    fn reserved(stop: u64, ramp_down: u64, share: &Share) -> String {
        let stages = [(6, 2), (1, 5), (5, 4), (1, 4), (4, 3), (4, 2), (1, 0), (1, 3)];
        let stages = stages.map(|(vus, s)| (Duration::from_secs(s), vus));
        let ramp = ramping_vus(stages).start_vus(4).graceful_ramp_down(secs(ramp_down));
        let Some(Schedule::Closed(plan)) = Executor::from(ramp).schedule().unwrap().for_share(share) else {
            panic!()
        };
        text(&plan.reserved(secs(stop)))
    }

    #[test]
    fn golden_reservations() {
        let raw =
            "0:4 1:5 2:6 3:5 4:4 5:3 6:2 7:1 8:2 9:3 10:4 11:5 12:4 13:3 14:2 15:1 16:2 17:3 18:4 20:1 23:0";
        for (stop, ramp_down, want) in [
            (30, 30, "0:4 1:5 2:6 33:5 42:4 50:1 53:0"),
            (80, 30, "0:4 1:5 2:6 33:5 42:4 50:1 103:0"),
            (3, 30, "0:4 1:5 2:6 26:0"),
            (0, 30, "0:4 1:5 2:6 23:0"),
            (0, 0, raw),
        ] {
            assert_eq!(reserved(stop, ramp_down, &Share::whole()), want, "{stop} {ramp_down}");
        }
    }

    #[test]
    fn golden_reservations_of_a_third() {
        let third = Share::new("0:1/3".parse().unwrap(), None).unwrap();
        for (stop, want) in
            [(30, "0:1 1:2 42:1 50:0"), (80, "0:1 1:2 42:1 50:0"), (3, "0:1 1:2 26:0"), (0, "0:1 1:2 23:0")]
        {
            assert_eq!(reserved(stop, 30, &third), want, "{stop}");
        }
    }
}
