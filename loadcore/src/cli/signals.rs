//! Signals: what they do depends on how far the run is.

use crate::report::{Voice, exit_code};
use crate::run::engine::{EndedBy, Stop};
use std::io::Write;
use std::time::Duration;
use tokio::sync::watch;

/// How long the summary may take to be written when a signal comes meanwhile.
const SUMMARY_LIMIT: Duration = Duration::from_secs(1);
/// Signals that come so close together are one: `timeout`, a terminal or a service manager sends it to the process and to
/// its group. Nobody asks twice in that time.
const TWINS: Duration = Duration::from_millis(50);
/// Whoever does not even take an answer in this time goes without.
const ANSWER_LIMIT: Duration = Duration::from_millis(100);

/// How far a run is.
#[derive(Debug)]
enum Phase {
    /// Nothing has been sent yet: options, data and plans are read.
    Preparing,
    /// From the first setup to the last teardown, with the voice that knows which of it.
    Running(Voice),
    /// Only the summary is left.
    Over,
}

/// Tells whoever watches for signals how far the run is.
pub(super) struct Watch(watch::Sender<Phase>);

impl Watch {
    pub(super) fn running(&self, voice: Voice) {
        self.0.send_replace(Phase::Running(voice));
    }

    pub(super) fn over(&self) {
        self.0.send_replace(Phase::Over);
    }
}

/// Watches for signals, on a thread of its own. The first one ends all iterations at once, and teardown and summary follow;
/// the second one ends the process. Where there is nothing to tear down and to tell yet the first one does. The summary
/// gets a second from the first signal on. Each is answered.
pub(super) fn watch(stop: Stop) -> std::io::Result<Watch> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (ready, is_ready) = std::sync::mpsc::channel();
    let (sender, mut phase) = watch::channel(Phase::Preparing);
    std::thread::Builder::new().name("loadcore-signals".into()).spawn(move || {
        runtime.block_on(async {
            let mut signals = match Signals::new() {
                Ok(signals) => signals,
                Err(error) => return drop(ready.send(Err(error))),
            };
            // The receiver waits for this one message.
            let _ = ready.send(Ok(()));
            signals.next().await;
            let voice = voice_of_run(&phase);
            // Said first, so that it stands above what comes of it.
            match voice.clone() {
                Some(voice) => answer(move || voice.interrupted()).await,
                None => {
                    answer(|| say("interrupted: the summary has a second left; Ctrl-C again ends at once"))
                        .await;
                }
            }
            stop.request(EndedBy::Outside);
            signals.pass_over_twins().await;
            let is_told = tokio::select! {
                () = signals.next() => false,
                () = summary_is_late(&mut phase) => true,
            };
            if let Some(voice) = voice.filter(|_| !is_told) {
                let is_over = matches!(*phase.borrow(), Phase::Over);
                answer(move || match is_over {
                    true => say("ended at once: no summary"),
                    false => voice.ended_at_once(),
                })
                .await;
            }
            std::process::exit(i32::from(exit_code::SIGNAL));
        });
    })?;
    is_ready.recv().unwrap_or(Ok(())).map(|()| Watch(sender))
}

/// Who speaks while the test runs; nobody once it is over. Before its start this ends the process: [`Watch::running`] waits
/// for the borrow, so that no setup begins behind its back.
fn voice_of_run(phase: &watch::Receiver<Phase>) -> Option<Voice> {
    match &*phase.borrow() {
        Phase::Preparing => {
            say("interrupted before the start");
            std::process::exit(i32::from(exit_code::SIGNAL));
        }
        Phase::Running(voice) => Some(voice.clone()),
        Phase::Over => None,
    }
}

/// The summary has had its time since the test was over.
async fn summary_is_late(phase: &mut watch::Receiver<Phase>) {
    if phase.wait_for(|phase| matches!(phase, Phase::Over)).await.is_err() {
        // The run has come to its end by itself.
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(SUMMARY_LIMIT).await;
}

/// Answers a signal. What does not take the summary may not take this either, and must not hold up the end.
async fn answer(speak: impl FnOnce() + Send + 'static) {
    let _ = tokio::time::timeout(ANSWER_LIMIT, tokio::task::spawn_blocking(speak)).await;
}

/// A terminal that is gone is no reason to stay.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
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

    /// The first signal may have come twice.
    async fn pass_over_twins(&mut self) {
        let twins = async {
            loop {
                self.next().await;
            }
        };
        let _ = tokio::time::timeout(TWINS, twins).await;
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
