//! What signals do to a run.

use crate::report::{Voice, exit_code};
use crate::run::engine::Stop;

/// The first signal ends all iterations at once, and the summary follows; the second ends the process. Each is answered.
pub(super) fn watch(stop: Stop, voice: Voice) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ready, is_ready) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("loadcore-signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut signals = match Signals::new() {
                Ok(signals) => signals,
                Err(error) => return drop(ready.send(Err(error))),
            };
            // The receiver waits for this one message.
            let _ = ready.send(Ok(()));
            signals.next().await;
            // Said first, so that it stands above what comes of it.
            voice.interrupted();
            stop.request();
            signals.next().await;
            voice.ended_at_once();
            std::process::exit(i32::from(exit_code::SIGNAL));
        });
    })?;
    is_ready.recv().unwrap_or(Ok(()))
}

/// SIGINT and, where they exist, SIGTERM and SIGHUP.
struct Signals {
    #[cfg(unix)]
    term: tokio::signal::unix::Signal,
    #[cfg(unix)]
    int: tokio::signal::unix::Signal,
    /// `None` under `nohup`: a run that shall outlive its terminal does.
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = if may_hang_up() { Some(signal(SignalKind::hangup())?) } else { None };
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())?, hangup })
    }

    #[cfg(unix)]
    async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
            () = hangup => {}
        }
    }

    #[cfg(not(unix))]
    fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Whether a hangup is known not to be ignored. Where that cannot be read, the system's rule stays.
#[cfg(unix)]
fn may_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status");
    status.is_ok_and(|status| ignored_signals(&status).is_some_and(|ignored| ignored & 1 == 0))
}

/// The set of ignored signals, the first of which is SIGHUP, as Linux writes it.
#[cfg(unix)]
fn ignored_signals(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_as_linux_writes_them() {
        assert_eq!(ignored_signals("SigBlk:\t0\nSigIgn:\t0000000000001001\n"), Some(0x1001));
        assert_eq!(ignored_signals("SigBlk:\t0\n"), None);
    }
}
