//! Which addresses a test connects from, and which it never connects to.

use super::told::Told;
use super::{Http, OptionsError};
use ipnet::IpNet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

/// What a test says about addresses.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    blocked: Vec<IpNet>,
    pub(crate) local: LocalPool,
    wrong: Option<OptionsError>,
}

/// The addresses that VUs connect from, one each.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalPool {
    ranges: Vec<Range>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    first: IpAddr,
    count: u128,
}

/// So many addresses are tried before the start.
const TRIED: u128 = 1024;

impl Addresses {
    /// The range by which this address is blocked.
    pub(crate) fn blocked_by(&self, address: IpAddr) -> Option<IpNet> {
        let address = address.to_canonical();
        let same = same_target(address);
        self.blocked.iter().find(|range| range.contains(&address) || range.contains(&same)).copied()
    }

    /// An option that only connections of loadcore's own keep.
    #[cfg(feature = "reqwest")]
    pub(crate) fn own_only(&self) -> Option<&'static str> {
        let options = [
            ("block_addresses", !self.blocked.is_empty()),
            ("local_addresses", !self.local.ranges.is_empty()),
        ];
        options.into_iter().find_map(|(name, is_set)| is_set.then_some(name))
    }

    pub(super) fn problem(&self) -> Option<OptionsError> {
        self.wrong.clone().or_else(|| self.local.problem())
    }

    /// What a plan says of it.
    pub(super) fn tell(&self, told: &mut Told) {
        told.list("blacklist_ips", self.blocked.iter().map(ToString::to_string).collect());
        told.list("local_ips", self.local.ranges.iter().map(ToString::to_string).collect());
    }

    fn wrong(&mut self, option: &'static str, given: &str, problem: String) {
        let given = given.to_owned();
        // The first problem is the one that is told.
        self.wrong.get_or_insert(OptionsError::Unusable { option, given, problem });
    }
}

impl LocalPool {
    /// How many addresses there are; 0 if the system chooses.
    pub(crate) fn count(&self) -> u64 {
        u64::try_from(self.len()).unwrap_or(u64::MAX)
    }

    fn len(&self) -> u128 {
        self.ranges.iter().fold(0, |sum: u128, range| sum.saturating_add(range.count))
    }

    /// The address of this VU; in setup and teardown, whose VU is number 0, it is the first one's. `None` if the system
    /// chooses.
    pub(crate) fn of_vu(&self, id: u64) -> Option<IpAddr> {
        if self.ranges.is_empty() {
            return None;
        }
        self.at(u128::from(id.saturating_sub(1)) % self.len())
    }

    fn at(&self, mut index: u128) -> Option<IpAddr> {
        for range in &self.ranges {
            if index < range.count {
                return Some(range.at(index));
            }
            index -= range.count;
        }
        None
    }

    /// An address that is not this machine's, if there is one among the first.
    fn problem(&self) -> Option<OptionsError> {
        let tried = (0..self.len().min(TRIED)).filter_map(|index| self.at(index));
        for address in tried {
            if let Err(error) = UdpSocket::bind((address, 0)) {
                let problem = format!(
                    "this machine cannot connect from there: {error}; give it the address first (`ip addr add`), or \
                     leave it out"
                );
                let given = address.to_string();
                return Some(OptionsError::Unusable { option: "local address", given, problem });
            }
        }
        None
    }
}

impl Range {
    fn parse(text: &str) -> Result<Self, String> {
        const EXAMPLE: &str = "write for example 10.0.0.5, 10.0.0.5-10.0.0.9 or 10.0.0.0/24";
        if text.contains('/') {
            return text
                .parse()
                .map(Self::of_network)
                .map_err(|_| format!("`{text}` is no network; {EXAMPLE}"));
        }
        let address = |text: &str| -> Result<IpAddr, String> {
            text.trim().parse().map_err(|_| format!("`{text}` is no address; {EXAMPLE}"))
        };
        let Some((first, last)) = text.split_once('-') else {
            return Ok(Self { first: address(text)?, count: 1 });
        };
        let (first, last) = (address(first)?, address(last)?);
        if first.is_ipv4() != last.is_ipv4() {
            return Err(format!("`{text}` goes from one kind of address to the other; {EXAMPLE}"));
        }
        let above = number(last).checked_sub(number(first));
        let above = above.ok_or_else(|| format!("`{text}` goes backwards; write the lower address first"))?;
        Ok(Self { first, count: above.saturating_add(1) })
    }

    /// Of an IPv4 network with more than two addresses neither the network's own nor the one for broadcasts.
    fn of_network(network: IpNet) -> Self {
        let bits = u32::from(network.max_prefix_len() - network.prefix_len());
        let all = Self { first: network.network(), count: 1_u128.checked_shl(bits).unwrap_or(u128::MAX) };
        if network.addr().is_ipv4() && all.count > 2 {
            Self { first: all.at(1), count: all.count - 2 }
        } else {
            all
        }
    }

    fn at(self, index: u128) -> IpAddr {
        let at = number(self.first).saturating_add(index);
        match self.first {
            IpAddr::V4(_) => Ipv4Addr::from_bits(u32::try_from(at).unwrap_or(u32::MAX)).into(),
            IpAddr::V6(_) => Ipv6Addr::from_bits(at).into(),
        }
    }
}

/// As it can be written.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            1 => self.first.fmt(f),
            count => write!(f, "{}-{}", self.first, self.at(count - 1)),
        }
    }
}

/// Another address that leads to the same target, if there is one: "any address" is this machine, and networks that lead from
/// IPv6 to IPv4 have the IPv4 address within (NAT64, RFC 6052 and 8215, and 6to4, RFC 3056).
fn same_target(address: IpAddr) -> IpAddr {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)).into();
    match address {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(Ipv6Addr::UNSPECIFIED) => Ipv6Addr::LOCALHOST.into(),
        IpAddr::V6(ip) => match ip.segments() {
            [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => v4(high, low),
            [0x2002, high, low, ..] => v4(high, low),
            _ => address,
        },
        IpAddr::V4(_) => address,
    }
}

/// A range of IPv4 addresses in IPv6 clothes (`::ffff:10.0.0.0/104`) is the one without.
fn undressed(range: IpNet) -> IpNet {
    let (IpAddr::V4(address), Some(bits)) = (range.addr().to_canonical(), range.prefix_len().checked_sub(96))
    else {
        return range;
    };
    match range {
        IpNet::V6(_) => IpNet::new(address.into(), bits).unwrap_or(range),
        IpNet::V4(_) => range,
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

impl Http {
    /// Connects to no address in these ranges: a network (`10.0.0.0/8`), an address, or several with commas. Checked when
    /// the name is looked up and overrides are done, so that it is the last guard before production. A range of IPv4 addresses is
    /// also meant where they are written as IPv6: `::ffff:10.0.0.1`, and behind NAT64 and 6to4. Such a request fails with
    /// [`ErrorKind::BlockedAddress`](crate::http::ErrorKind::BlockedAddress), k6's error code 1110, if the address that is
    /// selected is blocked; blocked ones are never tried in place of another one. May be called several times.
    pub fn block_addresses(mut self, ranges: &str) -> Self {
        for text in ranges.split(',').map(str::trim) {
            let range = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            match range {
                Ok(range) => self.addresses.blocked.push(undressed(range).trunc()),
                Err(_) => {
                    let problem = "this is no range; write for example 10.0.0.0/8 or 192.0.2.7".to_owned();
                    self.addresses.wrong("blocked addresses", text, problem);
                }
            }
        }
        self
    }

    /// Connects from these addresses of this machine, one for each VU in turn (VU 1 has the first one): for more connections
    /// than one address has ports, or for targets that tell clients by their address. An address, `FIRST-LAST`, a network
    /// (`10.0.0.0/24`; of an IPv4 one with more than two addresses neither the first nor the last), or several with commas. A
    /// VU with an IPv4 address reaches IPv4 targets only, and one with an IPv6 address IPv6 targets. May be called several
    /// times. Default: the system chooses.
    ///
    /// The first 1,024 addresses are tried before the start.
    pub fn local_addresses(mut self, addresses: &str) -> Self {
        for text in addresses.split(',').map(str::trim) {
            match Range::parse(text) {
                Ok(range) => self.addresses.local.ranges.push(range),
                Err(problem) => self.addresses.wrong("local addresses", addresses, problem),
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(text: &str) -> LocalPool {
        let http = Http::new().local_addresses(text);
        assert_eq!(http.addresses.wrong, None);
        http.addresses.local
    }

    #[test]
    fn pools_are_counted_as_k6_counts_them() {
        for (text, count, first, last) in [
            ("192.168.0.0/16", 65_534, "192.168.0.1", "192.168.255.254"),
            ("192.168.0.6/31", 2, "192.168.0.6", "192.168.0.7"),
            ("192.168.0.6/32", 1, "192.168.0.6", "192.168.0.6"),
            ("192.168.0.6", 1, "192.168.0.6", "192.168.0.6"),
            ("fd00::/120", 256, "fd00::", "fd00::ff"),
            ("10.0.0.254 - 10.0.1.1", 4, "10.0.0.254", "10.0.1.1"),
        ] {
            let pool = pool(text);
            assert_eq!(pool.len(), count, "{text}");
            assert_eq!(pool.at(0), Some(first.parse().unwrap()), "{text}");
            assert_eq!(pool.at(count - 1), Some(last.parse().unwrap()), "{text}");
            assert_eq!(pool.at(count), None, "{text}");
        }
        assert_eq!(pool("::/0").len(), u128::MAX);
    }

    #[test]
    fn each_vu_has_the_next_address_and_the_first_comes_after_the_last() {
        let pool = pool("192.168.0.101-192.168.0.105,fd00::2/112");
        let of_vu = |id| pool.of_vu(id).unwrap().to_string();
        assert_eq!(pool.len(), 65_541);
        assert_eq!([of_vu(1), of_vu(5), of_vu(6)], ["192.168.0.101", "192.168.0.105", "fd00::"]);
        assert_eq!([of_vu(65_541), of_vu(65_542)], ["fd00::ffff", "192.168.0.101"]);
        assert_eq!(of_vu(0), "192.168.0.101");
        assert_eq!(LocalPool::default().of_vu(1), None);
    }

    #[test]
    fn an_address_is_blocked_in_whatever_clothes_it_comes() {
        let http = Http::new().block_addresses("8.9.10.77/24, 10.0.0.1,fd00::/8");
        let blocked =
            |text: &str| http.addresses.blocked_by(text.parse().unwrap()).map(|range| range.to_string());
        assert_eq!(blocked("8.9.10.11").as_deref(), Some("8.9.10.0/24"));
        assert_eq!(blocked("::ffff:8.9.10.11").as_deref(), Some("8.9.10.0/24"));
        assert_eq!(blocked("10.0.0.1").as_deref(), Some("10.0.0.1/32"));
        assert_eq!(blocked("fd12::1").as_deref(), Some("fd00::/8"));
        assert_eq!([blocked("10.0.0.2"), blocked("8.9.11.0"), blocked("fe00::1")], [None, None, None]);

        let http = Http::new().block_addresses("::ffff:10.0.0.0/104,::ffff:192.0.2.7,127.0.0.0/8,::1");
        let blocked =
            |text: &str| http.addresses.blocked_by(text.parse().unwrap()).map(|range| range.to_string());
        assert_eq!(blocked("10.9.8.7").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(blocked("::ffff:192.0.2.7").as_deref(), Some("192.0.2.7/32"));
        assert_eq!(blocked("0.0.0.0").as_deref(), Some("127.0.0.0/8"));
        assert_eq!(blocked("::").as_deref(), Some("::1/128"));
        assert_eq!(blocked("192.0.2.8"), None);
    }

    #[test]
    fn a_gateway_from_ipv6_to_ipv4_leads_to_no_blocked_address() {
        let http = Http::new().block_addresses("10.0.0.0/8,64:ff9b::8.8.0.0/112");
        let blocked =
            |text: &str| http.addresses.blocked_by(text.parse().unwrap()).map(|range| range.to_string());
        assert_eq!(blocked("64:ff9b::10.1.2.3").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(blocked("2002:a01:203::1").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(blocked("64:ff9b::8.8.4.4").as_deref(), Some("64:ff9b::808:0/112"));
        assert_eq!(blocked("64:ff9b:1::10.1.2.3").as_deref(), Some("10.0.0.0/8"));
        let others = ["64:ff9b::11.1.2.3", "64:ff9b:2::10.1.2.3", "2002:b01:203::1", "8.8.4.4"];
        assert_eq!(others.map(blocked), [None, None, None, None]);
    }
}
