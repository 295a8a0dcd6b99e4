//! The part of a schedule that a share carries out.

use super::Share;
use crate::plan::{Budget, ClosedSchedule, OpenSchedule, Schedule, VuStep};

impl Schedule {
    /// What is left for this share; `None` if it has nothing to do at all.
    ///
    /// VU counts are scaled step by step. Shared iterations, and the arrivals of open models, are first cut anew in
    /// proportion to the share's VUs (as in k6), so that machines with more VUs also get more iterations.
    pub fn for_share(&self, share: &Share) -> Option<Self> {
        if share.is_whole() {
            return Some(self.clone());
        }
        match self {
            Self::Closed(closed) => closed.for_share(share).map(Self::Closed),
            Self::Open(open) => open.for_share(share).map(Self::Open),
        }
    }

    /// Which iterations this share carries out, by their test-wide numbers: [`Share::indices`] of what this gives. `None` if
    /// it carries out none.
    ///
    /// It is the share itself, but where iterations are cut in proportion to VUs.
    pub fn iteration_share(&self, share: &Share) -> Option<Share> {
        let cut_for = match self {
            Self::Closed(closed) => matches!(closed.budget, Budget::Shared(_)).then(|| closed.max_vus()),
            Self::Open(open) => open.max_vus,
        };
        match cut_for {
            Some(vus) if !share.is_whole() => share.recut(vus),
            _ => Some(share.clone()),
        }
    }
}

impl ClosedSchedule {
    fn for_share(&self, share: &Share) -> Option<Self> {
        let (share, budget) = match self.budget {
            Budget::Shared(iterations) => {
                let recut = share.recut(self.max_vus())?;
                let iterations = recut.scale(iterations);
                (recut, Budget::Shared(iterations))
            }
            unchanged => (share.clone(), unchanged),
        };
        let mut steps: Vec<VuStep> = Vec::new();
        for step in &self.steps {
            let vus = share.scale(step.vus);
            if steps.last().is_none_or(|last| last.vus != vus) {
                steps.push(VuStep { at: step.at, vus });
            }
        }
        let scaled = Self { steps, budget, ..self.clone() };
        (scaled.max_vus() > 0).then_some(scaled)
    }
}

impl OpenSchedule {
    fn for_share(&self, share: &Share) -> Option<Self> {
        let share = self.max_vus.map_or_else(|| Some(share.clone()), |vus| share.recut(vus))?;
        let max_vus = self.max_vus.map(|vus| share.scale(vus));
        let part = share.fraction();
        let arrivals = self.arrivals.only(move || share.indices());
        Some(Self { arrivals, max_vus, peak_rate: self.peak_rate * part, ..*self })
    }
}
