//! CPU time, from Linux's `/proc`. Take it before and after, and subtract.
//!
//! Two sources, each with what it cannot do:
//!
//! | function | source | unit | resolution | user and system apart |
//! |---|---|---|---|---|
//! | [`this_thread`], [`of_threads`] | `schedstat` | nanoseconds | what a running thread used since the last scheduler tick (1 to 10 ms) is missing; exact for one that sleeps | no |
//! | [`this_process`], [`of_process`], [`reaped_children`], [`of_core`] | `stat` | clock ticks | 10 ms ([`TICK`]) | yes |
//!
//! Both count the time in the kernel on the thread's behalf, which includes the network stack's work for its own sends
//! and whatever interrupts it happens to serve meanwhile. Runs of some seconds make either resolution negligible.

use std::io;
use std::time::Duration;

/// The unit of `stat`: `USER_HZ` is 100 on every architecture that Linux tells user space about.
pub const TICK: Duration = Duration::from_millis(10);

/// CPU time of a process, all its threads together, those that ended included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Time in user space.
    pub user: Duration,
    /// Time in the kernel.
    pub system: Duration,
}

impl Usage {
    /// User and system time together.
    pub fn total(self) -> Duration {
        self.user + self.system
    }

    /// What was used since an earlier reading.
    #[must_use]
    pub fn since(self, earlier: Usage) -> Usage {
        Usage {
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

/// CPU time of the calling thread, in nanoseconds up to the last scheduler tick.
///
/// # Errors
/// When `/proc` has no `schedstat`.
pub fn this_thread() -> io::Result<Duration> {
    schedstat("/proc/thread-self/schedstat")
}

/// CPU time of all threads that the process has now, in nanoseconds; those that ended are not in it. For this process
/// give [`std::process::id()`].
///
/// # Errors
/// When there is no such process, or `/proc` has no `schedstat`.
pub fn of_threads(pid: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let path = task?.path().join("schedstat");
        match schedstat(&path.to_string_lossy()) {
            Ok(time) => sum += time,
            // It ended between being listed and being read.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(sum)
}

/// CPU time of this process.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn this_process() -> io::Result<Usage> {
    Ok(stat("/proc/self/stat")?.0)
}

/// CPU time of another process, such as a child: while it runs, or after it ended and before it was waited for.
///
/// # Errors
/// When there is no such process.
pub fn of_process(pid: u32) -> io::Result<Usage> {
    Ok(stat(&format!("/proc/{pid}/stat"))?.0)
}

/// CPU time of all children that this process has waited for, and of theirs: the whole cost of a program that was run
/// to its end, its start included.
///
/// # Errors
/// When `/proc` cannot be read.
pub fn reaped_children() -> io::Result<Usage> {
    Ok(stat("/proc/self/stat")?.1)
}

/// The time in which a core was not idle, whoever used it: all processes, the kernel, and what a hypervisor took away.
/// 10 ms resolution.
///
/// # Errors
/// When there is no such core, or `/proc` cannot be read.
pub fn of_core(core: usize) -> io::Result<Duration> {
    let (path, name) = ("/proc/stat", format!("cpu{core}"));
    let text = std::fs::read_to_string(path)?;
    let mut lines = text.lines().map(str::split_whitespace);
    let mut fields = lines
        .find_map(|mut line| (line.next() == Some(&name)).then_some(line))
        .ok_or_else(|| malformed(path))?;
    // user, nice, system, idle, iowait, irq, softirq, steal: see proc_stat(5).
    let times: Vec<u64> = fields.by_ref().take(8).map_while(|ticks| ticks.parse().ok()).collect();
    let [user, nice, system, _, _, irq, softirq, steal] = times[..] else { return Err(malformed(path)) };
    let ticks = user + nice + system + irq + softirq + steal;
    Ok(Duration::from_millis(10 * ticks))
}

fn schedstat(path: &str) -> io::Result<Duration> {
    let text = std::fs::read_to_string(path)?;
    let nanos = text.split_whitespace().next().and_then(|nanos| nanos.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| malformed(path))
}

/// The usage of the process itself and of the children it has waited for.
fn stat(path: &str) -> io::Result<(Usage, Usage)> {
    let text = std::fs::read_to_string(path)?;
    parse_stat(&text).ok_or_else(|| malformed(path))
}

fn parse_stat(text: &str) -> Option<(Usage, Usage)> {
    // The second field is the program's name in parentheses and may itself contain spaces and parentheses.
    let (_, fields) = text.rsplit_once(')')?;
    // utime, stime, cutime and cstime are fields 14 to 17 of proc_pid_stat(5); field 3 is the first after the name.
    let mut times = fields.split_whitespace().skip(11).map(|ticks| ticks.parse().ok().map(|n: u32| TICK * n));
    let mut usage = || Some(Usage { user: times.next()??, system: times.next()?? });
    Some((usage()?, usage()?))
}

fn malformed(path: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{path} is not as proc(5) describes it"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::*;

    fn burn(time: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < time {
            std::hint::black_box(0);
        }
    }

    #[test]
    fn work_is_seen_by_the_thread_and_by_the_process() {
        let (begun, thread, process) = (Instant::now(), this_thread().unwrap(), this_process().unwrap());
        // Other processes may have the core for a while.
        for _ in 0..50 {
            burn(Duration::from_millis(100));
            if this_thread().unwrap() - thread > Duration::from_millis(50) {
                break;
            }
        }
        let (thread, process) = (this_thread().unwrap() - thread, this_process().unwrap().since(process));
        let most = begun.elapsed() + Duration::from_millis(15);
        assert!(thread > Duration::from_millis(50) && thread < most, "{thread:?} of {most:?}");
        assert!(process.total() > Duration::from_millis(40), "{process:?}");
        assert!(of_threads(std::process::id()).unwrap() >= thread);
    }

    #[test]
    fn a_childs_work_is_seen_when_it_was_waited_for() {
        let before = reaped_children().unwrap();
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        assert!(Command::new("sh").args(["-c", script]).status().unwrap().success());
        assert!(reaped_children().unwrap().since(before).total() >= TICK);
        assert!(of_process(u32::MAX).is_err());
    }

    #[test]
    fn a_core_has_worked_for_at_least_what_it_was_seen_to() {
        let before = of_core(0).unwrap();
        assert!(before > Duration::ZERO && of_core(0).unwrap() >= before);
        assert!(of_core(1_000_000).is_err());
    }

    #[test]
    fn names_with_parentheses_do_not_confuse() {
        let text = "7 (a) (b 1) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 20 0";
        let (own, children) = parse_stat(text).unwrap();
        assert_eq!(own, Usage { user: TICK * 11, system: TICK * 12 });
        assert_eq!(children, Usage { user: TICK * 13, system: TICK * 14 });
        assert_eq!(parse_stat("7 (a) S 1"), None);
    }
}
