//! What a process holds: its descriptors and its memory, so that a test can say that nothing was left behind.

use std::fs;
use std::time::{Duration, Instant};

/// What this process holds at a moment. It means something only in a process of the test's own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Footprint {
    descriptors: usize,
    /// In KiB.
    resident: u64,
}

impl Footprint {
    pub(super) fn now() -> Self {
        Self { descriptors: fs::read_dir("/proc/self/fd").unwrap().count(), resident: status("VmRSS:") }
    }

    /// Checks that no descriptor more is open than at this moment, and that the memory has grown by at most so many KiB.
    /// Connections that a server closes in a task of its own get the time for it.
    pub(super) async fn is_back(&self, most_grown: u64) {
        let begun = Instant::now();
        let now = loop {
            let now = Self::now();
            if now.descriptors <= self.descriptors || begun.elapsed() > Duration::from_secs(5) {
                break now;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        println!("{self:?} became {now:?}");
        assert!(now.descriptors <= self.descriptors, "{self:?} became {now:?}: {:#?}", open_descriptors());
        assert!(now.resident <= self.resident + most_grown, "{self:?} became {now:?}");
    }
}

/// The most memory that this process ever had, in KiB.
pub(super) fn most_resident() -> u64 {
    status("VmHWM:")
}

fn status(line: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let value = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
    value.trim().trim_end_matches(" kB").parse().unwrap()
}

fn open_descriptors() -> Vec<String> {
    let links = fs::read_dir("/proc/self/fd").unwrap();
    links.filter_map(|link| Some(fs::read_link(link.ok()?.path()).ok()?.display().to_string())).collect()
}
