//! Name lookups: one at a time for each name, remembered for a while.

use super::address::timed_out;
use crate::protocol::http::ErrorKind;
use crate::protocol::http::error::Failure;
use crate::protocol::http::options::{Dns, DnsPolicy, DnsSelect};
use hashbrown::HashMap;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// A name that cannot be resolved is asked for again soon, but not by every VU at once.
const FAILURE_TTL: Duration = Duration::from_secs(1);
/// Names remembered beyond which all are asked for anew.
const MOST_NAMES: usize = 10_000;

/// The lookups of one test, for all its cores: a connection is rare enough for a lock.
#[derive(Debug, Default)]
pub(crate) struct Lookups {
    names: Mutex<HashMap<String, Name>>,
}

#[derive(Debug, Default)]
struct Name {
    answer: Arc<Answer>,
    /// How often it was asked for: spreads connections over its addresses.
    turn: usize,
}

/// Empty as long as the lookup is under way.
type Answer = OnceCell<Answered>;

#[derive(Debug)]
struct Answered {
    at: Instant,
    addresses: Result<Vec<IpAddr>, Failure>,
}

impl Lookups {
    /// The addresses to try, in this order; at least one.
    pub(in crate::protocol::http) async fn lookup(
        &self,
        dns: &Dns,
        within: Option<Duration>,
        host: &str,
        random: impl FnOnce() -> u64,
    ) -> Result<Vec<IpAddr>, Failure> {
        let (answer, turn) = self.ask(dns, host);
        if answer.get().is_none() {
            // In a task of its own: others wait for the answer too, also while this VU is busy with something else.
            let (dns, host, answer) = (dns.clone(), host.to_owned(), Arc::clone(&answer));
            let looking_up = async move {
                answer.get_or_init(|| resolve(&dns, within, &host)).await;
            };
            // It fails only if it panics, which it then does below as well.
            let _ = tokio::task::spawn_local(looking_up).await;
        }
        let answered = answer.get_or_init(|| resolve(dns, within, host)).await;
        let addresses = answered.addresses.as_deref().map_err(Failure::clone)?;
        let ordered = ordered(addresses, dns, turn, random);
        if ordered.is_empty() { Err(no_such_address(host, dns.policy)) } else { Ok(ordered) }
    }

    /// The answer that holds now, or the one to wait for.
    fn ask(&self, dns: &Dns, host: &str) -> (Arc<Answer>, usize) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains_key(host) {
            if names.len() >= MOST_NAMES {
                // A test of very many hosts: their answers are worth less than the memory.
                names.clear();
            }
            names.insert(host.to_owned(), Name::default());
        }
        let Some(name) = names.get_mut(host) else { unreachable!("it was put there") };
        // Without a time to live nobody shares an answer, not even one that is on its way.
        if dns.ttl.is_zero() || name.answer.get().is_some_and(|answered| answered.is_over(dns.ttl)) {
            name.answer = Arc::default();
        }
        let turn = name.turn;
        name.turn = turn.wrapping_add(1);
        (Arc::clone(&name.answer), turn)
    }
}

impl Answered {
    fn is_over(&self, ttl: Duration) -> bool {
        let ttl = if self.addresses.is_ok() { ttl } else { ttl.min(FAILURE_TTL) };
        self.at.elapsed() >= ttl
    }
}

async fn resolve(dns: &Dns, within: Option<Duration>, host: &str) -> Answered {
    let asked = async {
        match &dns.resolver {
            Some(resolver) => resolver(host.to_owned()).await,
            None => ask_system(host).await,
        }
    };
    let answer = match within {
        Some(within) => timeout(within, asked).await.map_err(|_| timed_out(host, within)),
        None => Ok(asked.await),
    };
    let addresses = answer.and_then(|answer| {
        let addresses = answer.map_err(|error| Failure::new(ErrorKind::of_lookup(&error), error))?;
        Ok(without_repetition(addresses))
    });
    Answered { at: Instant::now(), addresses }
}

async fn ask_system(host: &str) -> io::Result<Vec<IpAddr>> {
    let addresses = tokio::net::lookup_host((host, 0)).await?;
    Ok(addresses.map(|address| address.ip()).collect())
}

/// Systems name an address once for each kind of socket.
fn without_repetition(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let mut known = hashbrown::HashSet::new();
    addresses.retain(|address| known.insert(*address));
    addresses
}

fn ordered(addresses: &[IpAddr], dns: &Dns, turn: usize, random: impl FnOnce() -> u64) -> Vec<IpAddr> {
    let of_kind = |wants_v4: bool| addresses.iter().filter(move |ip| ip.is_ipv4() == wants_v4).copied();
    let mut groups: Vec<Vec<IpAddr>> = match dns.policy {
        DnsPolicy::PreferIpv4 => vec![of_kind(true).collect(), of_kind(false).collect()],
        DnsPolicy::PreferIpv6 => vec![of_kind(false).collect(), of_kind(true).collect()],
        DnsPolicy::OnlyIpv4 => vec![of_kind(true).collect()],
        DnsPolicy::OnlyIpv6 => vec![of_kind(false).collect()],
        DnsPolicy::Any => vec![addresses.to_vec()],
    };
    match dns.select {
        DnsSelect::First => {}
        DnsSelect::RoundRobin => {
            for group in &mut groups {
                let by = turn % group.len().max(1);
                group.rotate_left(by);
            }
        }
        DnsSelect::Random => {
            let mut rng = SmallRng::seed_from_u64(random());
            groups.iter_mut().for_each(|group| group.shuffle(&mut rng));
        }
    }
    groups.concat()
}

fn no_such_address(host: &str, policy: DnsPolicy) -> Failure {
    let kind = match policy {
        DnsPolicy::OnlyIpv4 => "IPv4 address",
        DnsPolicy::OnlyIpv6 => "IPv6 address",
        _ => "address",
    };
    Failure::new(ErrorKind::NoSuchHost, format_args!("{host} has no {kind}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_order(text: &str, turn: usize) -> Vec<String> {
        let addresses = ["::10", "127.0.0.10", "::11", "127.0.0.11", "127.0.0.12", "::12"];
        let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let ordered = ordered(&addresses, &text.parse().unwrap(), turn, || turn as u64);
        ordered.iter().map(IpAddr::to_string).collect()
    }

    fn firsts(text: &str, turns: usize) -> Vec<String> {
        (0..turns).map(|turn| in_order(text, turn).swap_remove(0)).collect()
    }

    #[test]
    fn what_is_selected_and_preferred_comes_first_and_the_rest_after_it() {
        assert_eq!(firsts("select=first,policy=preferIPv4", 2), ["127.0.0.10", "127.0.0.10"]);
        assert_eq!(firsts("select=first,policy=preferIPv6", 2), ["::10", "::10"]);
        assert_eq!(firsts("select=first,policy=any", 2), ["::10", "::10"]);
        assert_eq!(firsts("select=roundRobin,policy=onlyIPv6", 4), ["::10", "::11", "::12", "::10"]);
        let v4 = ["127.0.0.10", "127.0.0.11", "127.0.0.12", "127.0.0.10"];
        assert_eq!(firsts("select=roundRobin,policy=preferIPv4", 4), v4);
        let all = ["127.0.0.11", "127.0.0.12", "127.0.0.10", "::11", "::12", "::10"];
        assert_eq!(in_order("select=roundRobin,policy=preferIPv4", 1), all);
        assert_eq!(in_order("policy=onlyIPv4", 0), ["127.0.0.10", "127.0.0.11", "127.0.0.12"]);
    }

    #[test]
    fn any_address_may_be_drawn_and_the_same_number_draws_the_same() {
        let drawn = firsts("select=random,policy=any", 600);
        assert_eq!(drawn, firsts("select=random,policy=any", 600));
        let mut counts = HashMap::new();
        drawn.into_iter().for_each(|ip| *counts.entry(ip).or_insert(0) += 1);
        assert_eq!(counts.len(), 6);
        // 100 each, with a standard deviation of 9.
        assert!(counts.values().all(|count| (60..140).contains(count)), "{counts:?}");
    }
}
