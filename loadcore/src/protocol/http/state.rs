//! What HTTP keeps on each core and in each VU.

use super::ErrorKind;
use super::connection::Connection;
use super::dns::Dns;
use super::dump::Dump;
use super::error::Failure;
use super::metrics::{self, TREND_COUNT};
use super::options::HttpOptions;
use super::target::{Origin, Target, Written, url_auth};
use crate::metric::{Metric, MetricId, RowSpec, SeriesMemory};
use crate::run::Core;
use hashbrown::HashMap;
use http::HeaderValue;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use url::Url;

/// URLs remembered beyond which each is resolved anew.
const MOST_TARGETS: usize = 10_000;

/// HTTP's state on one core.
pub(super) struct HttpCore {
    pub(super) options: Arc<HttpOptions>,
    pub(super) base: Option<Base>,
    /// Whether requests get a `traceparent` of their own.
    pub(super) traces: bool,
    pub(super) row: RowSpec<TREND_COUNT>,
    pub(super) retries: MetricId,
    pub(super) abandoned: MetricId,
    pub(super) dns: Dns,
    /// Shows each request, for a person who looks at a journey.
    pub(super) dump: Option<Dump>,
    memory: Arc<SeriesMemory>,
    origins: RefCell<HashMap<String, Rc<Origin>>>,
    names: RefCell<Names>,
    targets: RefCell<HashMap<Box<str>, Rc<Target>>>,
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
            dns: Dns::default(),
            dump: core.job.extensions.get().map(Dump::new),
            memory: Arc::clone(&core.job.memory),
            origins: RefCell::default(),
            names: RefCell::default(),
            targets: RefCell::default(),
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
        if targets.len() < MOST_TARGETS {
            targets.insert(written.text().into(), Rc::clone(&target));
        }
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
        let mut origins = self.origins.borrow_mut();
        if let Some(origin) = origins.get(&key) {
            return Ok(Rc::clone(origin));
        }
        let host = url.host_str().ok_or_else(|| invalid("the host is missing"))?;
        let port = url.port_or_known_default().ok_or_else(|| invalid("the port is missing"))?;
        let host_header = HeaderValue::from_str(authority).map_err(|_| invalid("the host is not ASCII"))?;
        let origin = Rc::new(Origin {
            id: origins.len() as u32,
            tls: url.scheme() == "https",
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port,
            authority: authority.to_owned(),
            headers: self.options.default_headers(host_header),
        });
        origins.insert(key, Rc::clone(&origin));
        Ok(origin)
    }
}

/// HTTP's state in one VU: its connections that wait for the next request.
pub(super) struct HttpVu {
    pub(super) core: Rc<HttpCore>,
    /// Boxed, so that a connection moves between here and a request as one pointer.
    #[allow(clippy::vec_box)]
    idle: RefCell<Vec<Box<Connection>>>,
}

impl HttpVu {
    pub(super) fn new(core: Rc<HttpCore>) -> Self {
        Self { core, idle: RefCell::default() }
    }

    /// The connection to this origin that was used last.
    #[inline]
    pub(super) fn take(&self, origin: u32) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let index = idle.iter().rposition(|connection| connection.origin() == origin)?;
        Some(idle.remove(index))
    }

    #[inline]
    pub(super) fn give_back(&self, connection: Box<Connection>, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if !idle.is_empty() {
            // The last used is taken first, so others may be left over: from requests that were joined, or other hosts.
            idle.retain(|other| !other.is_stale(now));
        }
        idle.push(connection);
    }
}
