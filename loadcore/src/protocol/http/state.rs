//! What HTTP keeps on each core and in each VU.

use super::ErrorKind;
use super::cookies::VuCookies;
use super::dump::Dump;
use super::error::Failure;
use super::message::Lines;
use super::metrics::{self, TREND_COUNT};
use super::options::HttpOptions;
use super::origins::Origins;
use super::target::{Origin, Target, Written, url_auth};
use super::transport::http1::Buffers;
use super::transport::pool::Pool;
use super::transport::tls::Sessions;
use crate::metric::{Metric, MetricId, RowSpec, SeriesMemory};
use crate::run::{Core, Vu, VuExtension};
use hashbrown::HashMap;
use http::HeaderValue;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use url::Url;

/// URLs remembered, beyond which all are resolved anew.
const MOST_TARGETS: usize = 4_000;

/// HTTP's state on one core.
pub(super) struct HttpCore {
    pub(super) options: Arc<HttpOptions>,
    pub(super) base: Option<Base>,
    /// Whether requests get a `traceparent` of their own.
    pub(super) traces: bool,
    pub(super) row: RowSpec<TREND_COUNT>,
    pub(super) retries: MetricId,
    pub(super) abandoned: MetricId,
    /// Shows each request, for a person who looks at a journey.
    pub(super) dump: Option<Dump>,
    memory: Arc<SeriesMemory>,
    origins: Origins,
    names: RefCell<Names>,
    targets: RefCell<HashMap<Box<str>, Rc<Target>>>,
    /// For HTTP/1.1.
    pub(super) buffers: Rc<Buffers>,
}

/// The base URL, taken apart.
pub(super) struct Base {
    pub(super) origin: Rc<Origin>,
    /// Scheme and authority: `http://h:1`.
    pub(super) root: String,
    /// The path in front of every relative one, without a slash at its end; mostly empty.
    pub(super) prefix: String,
    pub(super) auth: Option<HeaderValue>,
}

#[derive(Default)]
struct Names {
    ids: HashMap<Box<str>, u32>,
    list: Vec<Rc<str>>,
}

impl HttpCore {
    pub(super) fn new(core: &Core) -> Self {
        let registry = &core.job.registry;
        let options: Arc<HttpOptions> = core.job.extensions.get().unwrap_or_default();
        let mut http = Self {
            traces: options.traces(),
            options,
            base: None,
            row: metrics::row_spec(registry),
            retries: registry.register(&metrics::HTTP_REQ_RETRIES.desc()).unwrap_or(MetricId(0)),
            abandoned: registry.register(&metrics::HTTP_REQ_ABANDONED.desc()).unwrap_or(MetricId(0)),
            dump: core.job.extensions.get().map(Dump::new),
            memory: Arc::clone(&core.job.memory),
            origins: Origins::default(),
            names: RefCell::default(),
            targets: RefCell::default(),
            buffers: Rc::default(),
        };
        if let Some(url) = http.options.base_url.clone() {
            // The URL was checked before the start.
            http.base = http.intern_origin(&url).ok().map(|origin| Base {
                origin,
                root: url[..url::Position::BeforePath].to_owned(),
                prefix: url.path().trim_end_matches('/').to_owned(),
                auth: url_auth(&url),
            });
        }
        http
    }

    /// Where a request goes: remembered for URLs that are written the same each time.
    #[inline]
    pub(super) fn target(&self, written: &Written<'_>) -> Result<Rc<Target>, Failure> {
        if written.is_template() {
            return Ok(Rc::new(written.resolve(self)?));
        }
        if let Some(target) = self.targets.borrow().get(written.text()) {
            return Ok(Rc::clone(target));
        }
        let target = Rc::new(written.resolve(self)?);
        let mut targets = self.targets.borrow_mut();
        if targets.len() >= MOST_TARGETS {
            // A journey of ever new URLs: to resolve a few once more costs less than the memory.
            targets.clear();
        }
        targets.insert(written.text().into(), Rc::clone(&target));
        Ok(target)
    }

    /// A `name` tag's dense id. Beyond the memory for series all further names are one.
    pub(super) fn intern_name(&self, name: &str) -> u32 {
        let mut names = self.names.borrow_mut();
        if let Some(id) = names.ids.get(name) {
            return *id;
        }
        let name = if self.memory.take(2 * name.len() + 128) { name } else { crate::metric::OVERFLOW };
        if let Some(id) = names.ids.get(name) {
            return *id;
        }
        let id = names.list.len() as u32;
        names.ids.insert(name.into(), id);
        names.list.push(name.into());
        id
    }

    pub(super) fn name(&self, id: u32) -> Rc<str> {
        Rc::clone(&self.names.borrow().list[id as usize])
    }

    pub(super) fn intern_origin(&self, url: &Url) -> Result<Rc<Origin>, Failure> {
        let invalid = |problem: &str| Failure::new(ErrorKind::InvalidRequest, problem);
        let key = &url[..url::Position::AfterScheme];
        let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
        let key = format!("{key}://{authority}");
        if let Some(origin) = self.origins.get(&key) {
            return Ok(origin);
        }
        let host = url.host_str().ok_or_else(|| invalid("the host is missing"))?;
        let port = url.port_or_known_default().ok_or_else(|| invalid("the port is missing"))?;
        let host_header = HeaderValue::from_str(authority).map_err(|_| invalid("the host is not ASCII"))?;
        let headers = self.options.default_headers(host_header);
        let origin = Origin {
            id: self.origins.next_id(),
            tls: url.scheme() == "https",
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority: authority.to_owned(),
            root: Url::parse(&format!("{key}/")).map_err(|error| invalid(&error.to_string()))?,
            lines: Lines::new(&headers),
            headers,
            speaks: Cell::new(self.options.http.versions.spoken(url.scheme() == "https")),
        };
        Ok(self.origins.insert(key, origin))
    }
}

/// HTTP's state in one VU.
pub(super) struct HttpVu {
    pub(super) core: Rc<HttpCore>,
    /// Its connections.
    pub(super) pool: Pool,
    /// Its TLS sessions, where it resumes them.
    pub(super) sessions: Sessions,
    pub(super) cookies: VuCookies,
    #[cfg(feature = "reqwest")]
    pub(super) clients: super::reqwest::Clients,
    /// The iteration of the last lookup that chance decided, and how many there were in it.
    lookups: Cell<(u64, u64)>,
}

impl VuExtension for HttpVu {
    fn set_up_anew(&self) {
        if !self.core.options.http.keep_cookies {
            self.cookies.forget();
        }
    }

    fn iteration_ended(&self) {
        self.pool.iteration_ended();
        #[cfg(feature = "reqwest")]
        if self.core.options.http.connections.reuse() != super::options::Reuse::Always {
            self.clients.forget();
        }
    }
}

impl HttpVu {
    pub(super) fn new(core: Rc<HttpCore>) -> Self {
        Self {
            pool: Pool::new(Arc::clone(&core.options)),
            sessions: Sessions::default(),
            cookies: VuCookies::default(),
            #[cfg(feature = "reqwest")]
            clients: super::reqwest::Clients::default(),
            lookups: Cell::default(),
            core,
        }
    }

    /// What decides the address of the next connection, where chance does: the same in each run with the same seed.
    pub(super) fn next_lookup_key(&self, vu: &Vu) -> u64 {
        let key = vu.stream_key("dns");
        let (last, lookups) = self.lookups.get();
        let lookups = if last == key { lookups + 1 } else { 0 };
        self.lookups.set((key, lookups));
        key.wrapping_add(lookups)
    }
}
