//! Several requests at once.

use super::error::SendError;
use super::options::Batch;
use super::request::RequestBuilder;
use super::response::Response;
use crate::run::Vu;
use futures_util::future::join_all;
use std::rc::Rc;
use tokio::sync::Semaphore;

impl Vu {
    /// Sends these requests together, and waits for all of them. What became of each is in their order.
    ///
    /// Of more than 20 requests, or more than 6 to one host, the others wait for their turn, as in k6; see
    /// [`Http::batch`](crate::http::Http::batch) and [`Http::batch_per_host`](crate::http::Http::batch_per_host). A request's
    /// time does not begin before its turn. For a few requests that are not alike there is `tokio::join!`.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let pages = (1..=50).map(|page| vu.get(path!("/v2/products/pages/{page}")));
    /// for response in vu.batch(pages).await {
    ///     println!("{}", response?.status());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn batch<R: IntoIterator<Item = RequestBuilder>>(
        &self,
        requests: R,
    ) -> impl Future<Output = Vec<Result<Response, SendError>>> + use<R> {
        let limits = self.http().core.options.http.batch.clone();
        let requests: Vec<_> = requests.into_iter().collect();
        async move { join_all(Turns::new(&limits).of(requests)).await }
    }
}

/// Who may send.
struct Turns {
    total: Rc<Semaphore>,
    hosts: Vec<(u32, Rc<Semaphore>)>,
    per_host: usize,
}

impl Turns {
    fn new(limits: &Batch) -> Self {
        Self { total: turns(limits.total), hosts: Vec::new(), per_host: limits.per_host }
    }

    fn of(
        mut self,
        requests: Vec<RequestBuilder>,
    ) -> impl Iterator<Item = impl Future<Output = Result<Response, SendError>>> {
        requests.into_iter().map(move |request| {
            let host = request.target.as_ref().ok().map(|target| self.host(target.origin.id));
            in_turn(request, host, Rc::clone(&self.total))
        })
    }

    fn host(&mut self, origin: u32) -> Rc<Semaphore> {
        if let Some((_, host)) = self.hosts.iter().find(|(known, _)| *known == origin) {
            return Rc::clone(host);
        }
        let host = turns(self.per_host);
        self.hosts.push((origin, Rc::clone(&host)));
        host
    }
}

fn turns(most: usize) -> Rc<Semaphore> {
    Rc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)))
}

async fn in_turn(
    request: RequestBuilder,
    host: Option<Rc<Semaphore>>,
    total: Rc<Semaphore>,
) -> Result<Response, SendError> {
    // First that of its host: whoever waits for it must not keep other hosts' requests from their turn. An error would mean
    // that the semaphore is closed, which nobody does.
    let _at_host = match &host {
        Some(host) => host.acquire().await.ok(),
        None => None,
    };
    let _turn = total.acquire().await.ok();
    request.send().await
}
