//! What a test says about its HTTP client, for whoever reads its plan.

use super::connections::Connections;
use super::{Batch, Dns, Http, Http2, HttpVersions, Reuse, Tls};
use crate::plan::format_duration;
use crate::protocol::http::follow;
use serde_json::{Map, Value};
use std::time::Duration;

/// Options and their values, by their names in the options file where they have one there.
#[derive(Debug, Default)]
pub(super) struct Told(Vec<(&'static str, Value)>);

impl Told {
    pub(super) fn say(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.push((name, value.into()));
    }

    /// What is there.
    pub(super) fn some<T: Into<Value>>(&mut self, name: &'static str, value: Option<T>) {
        if let Some(value) = value {
            self.say(name, value);
        }
    }

    /// A switch that is on.
    fn on(&mut self, name: &'static str, is_on: bool) {
        self.some(name, is_on.then_some(true));
    }

    /// A list that is not empty.
    pub(super) fn list(&mut self, name: &'static str, list: Vec<String>) {
        self.some(name, (!list.is_empty()).then_some(list));
    }

    fn time(&mut self, name: &'static str, time: Option<Duration>) {
        self.some(name, time.map(format_duration));
    }

    fn count<T: PartialEq + TryInto<u64>>(&mut self, name: &'static str, given: T, default: T) {
        if given != default {
            self.some(name, given.try_into().ok());
        }
    }
}

impl Http {
    /// All that is not as it is by default, and no secret.
    pub(crate) fn told(&self) -> Vec<(&'static str, Value)> {
        let mut told = Told::default();
        told.some("max_redirects", self.max_redirects.filter(|most| *most != follow::MOST));
        told.on("no_cookies_reset", self.keep_cookies);
        told.some("expected_statuses", self.expected.as_ref().map(ToString::to_string));
        let default = Batch::default();
        told.count("batch", self.batch.total, default.total);
        told.count("batch_per_host", self.batch.per_host, default.per_host);
        self.tell_of_bodies(&mut told);
        self.connections.tell(&mut told);
        self.names.tell(&mut told);
        self.addresses.tell(&mut told);
        self.tls.tell(&mut told);
        self.tell_of_versions(&mut told);
        #[cfg(feature = "reqwest")]
        if let Some((name, value)) = self.via.told() {
            told.say(name, value);
        }
        told.0
    }

    fn tell_of_bodies(&self, told: &mut Told) {
        let accept = self.bodies.accept.as_ref().and_then(|accept| accept.to_str().ok());
        told.some("accept_encoding", accept);
        let default = super::bodies::Bodies::default();
        told.count("max_response_body", self.bodies.most, default.most);
        told.count("max_inflated_body", self.bodies.most_inflated, default.most_inflated);
    }

    fn tell_of_versions(&self, told: &mut Told) {
        match self.versions {
            HttpVersions::Negotiated => {}
            HttpVersions::Http1 => told.say("versions", "http1"),
            HttpVersions::Http2 => told.say("versions", "http2"),
        }
        self.http2.tell(told);
    }
}

impl Connections {
    fn tell(&self, told: &mut Told) {
        told.on("no_connection_reuse", self.reuse() == Reuse::Never);
        told.on("no_vu_connection_reuse", self.reuse() == Reuse::WithinIteration);
        told.time("max_connection_age", self.max_age);
        let default = Self::default();
        let other = |given: Duration, default: Duration| Some(given).filter(|given| *given != default);
        told.time("idle_timeout", other(self.idle_timeout, default.idle_timeout));
        told.some("max_connections_per_host", self.per_host);
        told.time("dns_timeout", self.dns_timeout);
        told.time("connect_timeout", other(self.connect_timeout, default.connect_timeout));
        told.time("tls_handshake_timeout", self.tls_timeout);
        told.time("first_byte_timeout", self.first_byte_timeout);
    }
}

impl Dns {
    pub(super) fn tell(&self, told: &mut Told) {
        let text = self.to_string();
        told.some("dns", (text != Self::default().to_string()).then_some(text));
        told.on("dns_resolver", self.resolver.is_some());
    }
}

impl Tls {
    fn tell(&self, told: &mut Told) {
        let ends = [("min", self.min_version), ("max", self.max_version)];
        let said = ends.into_iter().filter_map(|(end, version)| Some((end, version?.to_string())));
        let said: Map<_, _> = said.map(|(end, version)| (end.to_owned(), version.into())).collect();
        told.some("tls_version", (!said.is_empty()).then_some(said));
        told.some("cipher_suites", self.cipher_suites.clone());
        told.count("root_certificates", self.roots.len(), 0);
        told.on("only_these_roots", self.only_these_roots);
        told.count("client_certificates", self.client_certificates.len(), 0);
        told.on("insecure_skip_tls_verify", self.insecure);
        told.some("server_name", self.server_name.clone());
        told.on("resume_sessions", self.resume_sessions);
        told.some("key_log_file", self.key_log().map(|path| path.display().to_string()));
    }
}

impl Http2 {
    fn tell(&self, told: &mut Told) {
        let default = Self::default();
        told.count("http2.stream_window", self.stream_window, default.stream_window);
        told.count("http2.connection_window", self.connection_window, default.connection_window);
        told.on("http2.adaptive_window", self.adaptive_window);
        told.count("http2.max_frame_size", self.max_frame_size, default.max_frame_size);
        told.count("http2.max_header_list_size", self.max_header_list_size, default.max_header_list_size);
        told.count("http2.max_streams", self.max_streams, default.max_streams);
        told.count("http2.initial_streams", self.initial_streams, default.initial_streams);
        told.count("http2.connections", self.connections, default.connections);
        told.time("http2.ping_every", self.ping_every);
        told.time(
            "http2.ping_timeout",
            Some(self.ping_timeout).filter(|timeout| *timeout != default.ping_timeout),
        );
        told.on("http2.ping_when_idle", self.ping_when_idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::secs;
    use crate::protocol::http::{Encoding, TlsVersion};

    fn told(http: &Http) -> String {
        let lines = http.told().into_iter().map(|(name, value)| format!("{name} {value}\n"));
        lines.collect::<String>()
    }

    #[test]
    fn the_defaults_are_not_told_whoever_says_them() {
        assert_eq!(told(&Http::new()), "");
        let same = Http::new().max_redirects(10).batch(20).dns("ttl=5m".parse().unwrap()).tls(Tls::new());
        assert_eq!(told(&same), "");
    }

    #[test]
    fn what_is_not_as_by_default_is_told_by_its_name() {
        let tls = Tls::new().min_version(TlsVersion::V1_3).insecure(true).root_certificates("secret");
        let http = Http::new()
            .max_redirects(0)
            .expected_statuses([200, 404])
            .accept_encoding([Encoding::Gzip])
            .max_response_body(10)
            .no_vu_connection_reuse(true)
            .idle_timeout(secs(5))
            .dns("ttl=0,select=first".parse().unwrap())
            .host("*.shop.test:443", "[::1]:8443")
            .host("a.test", "unix:/run/a.sock")
            .block_host("*.ads.test")
            .block_addresses("10.0.0.0/8,::1")
            .local_addresses("127.0.0.1,127.0.0.4-127.0.0.9")
            .tls(tls)
            .http2(Http2::new().max_streams(7));
        let want = r#"max_redirects 0
expected_statuses "200, 404"
accept_encoding "gzip"
max_response_body 10
no_vu_connection_reuse true
idle_timeout "5s"
dns "ttl=0,select=first,policy=preferIPv4"
hosts {"*.shop.test:443":"[::1]:8443","a.test":"unix:/run/a.sock"}
block_hostnames ["*.ads.test"]
blacklist_ips ["10.0.0.0/8","::1/128"]
local_ips ["127.0.0.1","127.0.0.4-127.0.0.9"]
tls_version {"min":"tls1.3"}
root_certificates 1
insecure_skip_tls_verify true
http2.max_streams 7
"#;
        assert_eq!(told(&http), want);
    }
}
