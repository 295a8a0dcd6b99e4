//! Name lookups: one at a time for each name, remembered for a while.

use hashbrown::HashMap;
use std::cell::{Cell, RefCell};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// As in k6.
const TTL: Duration = Duration::from_secs(300);
/// A name that cannot be resolved is asked for again soon, but not by every VU at once.
const FAILURE_TTL: Duration = Duration::from_secs(1);

/// Names remembered beyond which all are asked for anew.
const MOST_NAMES: usize = 10_000;

/// The lookups of one core.
#[derive(Debug, Default)]
pub(super) struct Dns {
    entries: RefCell<HashMap<String, Rc<Entry>>>,
}

#[derive(Debug)]
struct Entry {
    answer: OnceCell<(Instant, Result<Vec<IpAddr>, String>)>,
    /// Spreads connections over a name's addresses.
    turn: Cell<usize>,
}

impl Dns {
    /// The addresses to try, in this order: IPv4 first, since that is where most test targets listen, each time
    /// starting with another one.
    pub(super) async fn lookup(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, port)]);
        }
        let entry = self.entry(host);
        let (_, answer) = entry.answer.get_or_init(|| resolve(host)).await;
        let addresses = answer.as_ref().map_err(String::clone)?;
        let turn = entry.turn.get();
        entry.turn.set(turn.wrapping_add(1));
        let mut ordered = Vec::with_capacity(addresses.len());
        for wants_v4 in [true, false] {
            let family: Vec<_> = addresses.iter().filter(|ip| ip.is_ipv4() == wants_v4).collect();
            let count = family.len();
            ordered.extend((0..count).map(|i| SocketAddr::new(*family[(turn + i) % count], port)));
        }
        Ok(ordered)
    }

    fn entry(&self, host: &str) -> Rc<Entry> {
        let mut entries = self.entries.borrow_mut();
        if let Some(entry) = entries.get(host) {
            let expired = entry.answer.get().is_some_and(|(until, _)| *until <= Instant::now());
            if !expired {
                return Rc::clone(entry);
            }
        }
        if entries.len() >= MOST_NAMES {
            // A test of very many hosts: their answers are worth less than the memory.
            entries.clear();
        }
        let entry = Rc::new(Entry { answer: OnceCell::new(), turn: Cell::new(0) });
        entries.insert(host.to_owned(), Rc::clone(&entry));
        entry
    }
}

async fn resolve(host: &str) -> (Instant, Result<Vec<IpAddr>, String>) {
    match tokio::net::lookup_host((host, 0)).await {
        Ok(addresses) => {
            let mut addresses: Vec<_> = addresses.map(|address| address.ip()).collect();
            addresses.dedup();
            (Instant::now() + TTL, Ok(addresses))
        }
        Err(error) => (Instant::now() + FAILURE_TTL, Err(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn localhost_is_ipv4_first_and_literals_are_themselves() {
        let dns = Dns::default();
        assert_eq!(dns.lookup("localhost", 80).await.unwrap()[0].to_string(), "127.0.0.1:80");
        assert_eq!(dns.lookup("::1", 80).await.unwrap()[0].to_string(), "[::1]:80");
        assert!(dns.lookup("no-such-host.invalid", 80).await.is_err());
    }
}
