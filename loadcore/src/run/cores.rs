//! What the control thread knows of the cores while they make load.

/// Which cores have ended, which have reported in this interval, and which have heard that the test shall stop.
pub(super) struct Cores {
    ended: Vec<bool>,
    reported: Vec<bool>,
    stopping: Vec<bool>,
    /// Those that were not waited for, since they did not hear it.
    left: Vec<bool>,
    /// How many have died.
    pub(super) lost: usize,
}

impl Cores {
    pub(super) fn new(cores: usize) -> Self {
        let none = || vec![false; cores];
        Self { ended: none(), reported: none(), stopping: none(), left: none(), lost: 0 }
    }

    /// It has ended by itself.
    pub(super) fn end(&mut self, core: usize) {
        self.ended[core] = true;
        self.left[core] = false;
    }

    pub(super) fn die(&mut self, core: usize) {
        self.end(core);
        self.lost += 1;
    }

    pub(super) fn running(&self) -> bool {
        self.ended.iter().any(|ended| !ended)
    }

    /// Notes a core's report; true when it completes an interval.
    pub(super) fn all_reported(&mut self, core: usize) -> bool {
        self.reported[core] = true;
        let complete = self.reported.iter().zip(&self.ended).all(|(reported, ended)| *reported || *ended);
        if complete {
            self.reported.fill(false);
        }
        complete
    }

    pub(super) fn hears(&mut self, core: usize) {
        self.stopping[core] = true;
    }

    /// Waits no longer for cores that have not heard it: something blocks their threads. Gives back which.
    pub(super) fn leave_deaf(&mut self) -> Vec<usize> {
        let is_deaf = |core: &usize| !self.ended[*core] && !self.stopping[*core];
        let deaf: Vec<usize> = (0..self.ended.len()).filter(is_deaf).collect();
        for core in &deaf {
            (self.ended[*core], self.left[*core]) = (true, true);
        }
        deaf
    }

    /// Those whose threads nobody waits for.
    pub(super) fn left(&self) -> Vec<usize> {
        (0..self.left.len()).filter(|core| self.left[*core]).collect()
    }
}
