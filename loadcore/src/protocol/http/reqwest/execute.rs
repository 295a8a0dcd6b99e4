//! Requests that are built already.

use crate::protocol::http::error::{Failure, SendError};
use crate::protocol::http::state::HttpCore;
use crate::protocol::http::target::Target;
use crate::protocol::http::{ErrorKind, RequestBuilder, Response};
use crate::run::Vu;
use ::reqwest::{Body, Client, Request};
use bytes::Bytes;
use http::{Method, Version};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use url::Url;

/// What [`Vu::execute`] takes: a [`reqwest::Request`](Request), which the test's client sends, or a
/// [`reqwest::RequestBuilder`](::reqwest::RequestBuilder), which is sent by the client that began it.
pub trait Executable: sealed::Parts {}

mod sealed {
    use ::reqwest::{Client, Request, RequestBuilder};

    #[allow(unreachable_pub, reason = "it seals a public trait")]
    pub trait Parts {
        fn parts(self) -> (Option<Client>, ::reqwest::Result<Request>);
    }

    impl Parts for Request {
        fn parts(self) -> (Option<Client>, ::reqwest::Result<Request>) {
            (None, Ok(self))
        }
    }

    impl Parts for RequestBuilder {
        fn parts(self) -> (Option<Client>, ::reqwest::Result<Request>) {
            let (client, request) = self.build_split();
            (Some(client), request)
        }
    }
}

impl Executable for Request {}
impl Executable for ::reqwest::RequestBuilder {}

/// What a request keeps of the one that it was made from.
pub(in crate::protocol::http) struct Executed {
    /// The one that began it.
    pub(super) client: Option<Client>,
    pub(super) version: Version,
    /// A body that is no bytes: sent once.
    pub(in crate::protocol::http) stream: Option<RefCell<Option<Body>>>,
}

impl Vu {
    /// Sends a request that reqwest has built, and waits for the whole response: counted and traced as any other request, with
    /// the test's default headers where it has none of its own. Needs the feature `reqwest`.
    ///
    /// A [`reqwest::RequestBuilder`](::reqwest::RequestBuilder) is sent by its own client, with that one's connections, names,
    /// proxies and TLS; of the test's options [`block_host`](crate::http::Http::block_host) holds, and with
    /// [`block_addresses`](crate::http::Http::block_addresses), which reqwest cannot keep, it is an error. A
    /// [`reqwest::Request`](Request) is sent by the test's ([`Http::reqwest`](crate::http::Http::reqwest) and its like), or
    /// where the test has none by one that loadcore makes for the VU. See there for what is measured. The `name` tag is as if
    /// the URL had been written in `vu.get(..)`: the path alone at the base URL. What a [`RequestBuilder`] can say may be added before the `.await`; the
    /// request's own timeout is kept, and without one it is 60 s, or less if its client says so. A body that is a stream is
    /// sent once: a redirect that asks for it again is handed out.
    ///
    /// ```no_run
    /// use loadcore::prelude::*;
    /// use loadcore::reqwest::Client;
    ///
    /// # async fn journey(vu: &Vu, client: &Client) -> Result {
    /// let request = client.get("http://127.0.0.1:8080/v2/products").header("x-shop", "1");
    /// let res = vu.execute(request).await?;
    /// check!(vu, { "status is 200" => res.status() == 200 });
    ///
    /// let request = client.get("http://127.0.0.1:8080/users/7").build()?;
    /// vu.execute(request).name("/users/{id}").tag("kind", "profile").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Of the `.await`: if there is no complete answer, as of [`send`](RequestBuilder::send).
    pub fn execute(&self, request: impl Executable) -> RequestBuilder {
        let (client, request) = request.parts();
        match request {
            Ok(request) => self.take_over(client, request),
            Err(error) => {
                let url = error.url().map_or("(no URL)", Url::as_str).to_owned();
                let problem = super::failure::chain(&error.without_url());
                let error = SendError::new(ErrorKind::InvalidRequest, &Method::GET, &url, Some(problem));
                self.request_to(self.http(), Method::GET, Err(error))
            }
        }
    }

    fn take_over(&self, client: Option<Client>, mut request: Request) -> RequestBuilder {
        let http = self.http();
        let target = target(&http.core, request.url()).map(Rc::new).map_err(|failure| {
            let url = without_secrets(request.url().clone());
            SendError::new(failure.kind, request.method(), &url, failure.detail)
        });
        let mut built = self.request_to(http, request.method().clone(), target);
        let headers = request.headers();
        built.headers = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        if let Some(timeout) = request.timeout() {
            built.timeout = *timeout;
        }
        let (version, mut stream) = (request.version(), None);
        if let Some(body) = request.body_mut().take() {
            match body.as_bytes() {
                Some(bytes) => built.body = Bytes::copy_from_slice(bytes),
                None => stream = Some(RefCell::new(Some(body))),
            }
        }
        built.extras().executed = Some(Box::new(Executed { client, version, stream }));
        built
    }
}

/// Where the URL leads, counted as if it had been written in the journey.
fn target(core: &HttpCore, url: &Url) -> Result<Target, Failure> {
    let invalid = |problem| Failure::new(ErrorKind::InvalidRequest, problem);
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("a URL starts with `http://` or `https://`"));
    }
    Target::of_url(core, url)
}

fn without_secrets(mut url: Url) -> String {
    // A URL without a host cannot have them.
    let _ = url.set_username("").and_then(|()| url.set_password(None));
    url.into()
}

impl IntoFuture for RequestBuilder {
    type Output = Result<Response, SendError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output>>>;

    /// [`send`](RequestBuilder::send), for [`Vu::execute`].
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
