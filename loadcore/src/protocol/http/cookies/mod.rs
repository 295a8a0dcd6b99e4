//! Cookies: a jar for each VU, which is emptied before each iteration, as in k6.

mod jar;
mod of_vu;
mod request;
mod set_cookie;

pub use jar::{CookieError, CookieJar};
pub(super) use of_vu::VuCookies;
pub(super) use request::{Jar, header, keep};
pub use set_cookie::SetCookie;

use cookie_store::CookieStore;
use std::cell::RefCell;
use std::rc::Rc;

type Store = Rc<RefCell<CookieStore>>;
