//! The jar of a VU.

use super::jar::Whose;
use super::{CookieJar, Store};
use crate::run::Vu;
use cookie_store::CookieStore;
use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

/// The jar of one VU, made with its first cookie.
#[derive(Default)]
pub(in crate::protocol::http) struct VuCookies {
    store: OnceCell<Store>,
    /// The VU's own iteration that the cookies are of.
    iteration: Cell<u64>,
    /// They are of the VU's setup or teardown.
    apart: Cell<bool>,
    /// What the VU's setup has left: each iteration begins with it.
    begins_with: RefCell<Option<Box<CookieStore>>>,
}

impl VuCookies {
    /// The jar, if there is one, as this iteration may see it.
    pub(super) fn known(&self, vu: &Vu, keeps: bool) -> Option<&Store> {
        let store = self.store.get()?;
        let (iteration, apart) = (vu.own_iteration(), vu.draws_apart());
        let was_apart = self.apart.replace(apart);
        let same = self.iteration.replace(iteration) == iteration && was_apart == apart;
        if same || keeps {
            return Some(store);
        }
        if apart {
            // Its setup, or its teardown with what its last iteration knew.
            return Some(store);
        }
        let mut begins_with = self.begins_with.borrow_mut();
        if was_apart {
            *begins_with = Some(Box::new(store.borrow().clone()));
        } else {
            *store.borrow_mut() = begins_with.as_deref().cloned().unwrap_or_default();
        }
        Some(store)
    }

    /// The VU is set up anew, as another user: nothing of the one before is left.
    pub(in crate::protocol::http) fn forget(&self) {
        if let Some(store) = self.store.get() {
            store.borrow_mut().clear();
        }
        self.begins_with.take();
    }

    pub(super) fn make(&self, vu: &Vu, keeps: bool) -> &Store {
        if self.store.get().is_none() {
            self.iteration.set(vu.own_iteration());
            self.apart.set(vu.draws_apart());
            return self.store.get_or_init(Rc::default);
        }
        self.known(vu, keeps).unwrap_or_else(|| self.store.get_or_init(Rc::default))
    }
}

impl Vu {
    /// This VU's cookies, which its requests send and its responses set. Each iteration begins with none, or with what a
    /// `#[vu_setup]` has left; [`Http::keep_cookies`](crate::http::Http::keep_cookies) lets a VU keep them.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn journey(vu: &Vu) -> Result {
    /// vu.cookies().set("/", "theme=dark; Path=/")?;
    /// vu.post("/v1/auth/login").send().await?;
    /// let session = vu.cookies().get("/", "sid")?.ok_or("no session cookie")?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn cookies(&self) -> CookieJar {
        CookieJar { of: Whose::Vu(self.clone()), http: self.http() }
    }

    /// An empty jar beside the VU's own, for [`crate::http::RequestBuilder::jar`]: nobody empties it.
    pub fn new_cookie_jar(&self) -> CookieJar {
        CookieJar { of: Whose::Journey(Rc::default()), http: self.http() }
    }
}
