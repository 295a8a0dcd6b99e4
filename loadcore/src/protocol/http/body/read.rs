//! Reading the body of a response.

use super::{excerpt, json_at};
use crate::protocol::http::Response;
use crate::protocol::http::error::BodyError;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use std::fmt;

impl Response {
    /// The body. Empty if it was discarded.
    pub fn bytes(&self) -> &Bytes {
        static EMPTY: Bytes = Bytes::new();
        let buffer = self.buffer();
        self.body.as_ref().map_or(&EMPTY, |body| body.bytes(buffer))
    }

    /// The same without making a `Bytes` of it.
    pub(in crate::protocol::http) fn slice(&self) -> &[u8] {
        self.body.as_ref().map_or(&[], |body| body.slice(self.buffer()))
    }

    /// Where the head is, and perhaps the body.
    fn buffer(&self) -> Option<&[u8]> {
        self.headers.buffer()
    }

    /// The body as text, which is UTF-8. Of text in another charset, `String::from_utf8_lossy(res.bytes())` makes what can be
    /// made, as k6 does.
    ///
    /// # Errors
    /// If it is not UTF-8, or was discarded; the message shows how the body begins.
    pub fn text(&self) -> Result<&str, BodyError> {
        let body = self.kept()?;
        std::str::from_utf8(body).map_err(|error| {
            let of = self.content_type().unwrap_or("not there");
            self.body_error(format_args!(
                "is not UTF-8 text: {error} (its content-type is `{of}`), String::from_utf8_lossy(res.bytes()) reads it \
                 all the same"
            ))
        })
    }

    /// The body, read as JSON.
    ///
    /// # Errors
    /// If it is not JSON of this type, or was discarded; the message shows how the body begins.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, BodyError> {
        let body = self.kept()?;
        serde_json::from_slice(body)
            .map_err(|error| self.body_error(format_args!("is not the expected JSON: {error}")))
    }

    /// One value of the body, which is JSON: where a JSON pointer (RFC 6901) leads. The rest of the body is only looked through.
    /// For many values of one body, [`json`](Self::json) into a struct of them reads it once.
    ///
    /// ```
    /// # use loadcore::prelude::*;
    /// # async fn journey(vu: &Vu) -> Result {
    /// let login = vu.post("/v1/auth/login").send().await?;
    /// let token: String = login.json_at("/token")?;
    /// let first = login.json_at::<u64>("/items/0/id").ok();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// If there is nothing, or nothing of this type, if the body is not JSON, or was discarded.
    pub fn json_at<T: DeserializeOwned>(&self, pointer: &str) -> Result<T, BodyError> {
        let body = self.kept()?;
        if !pointer.is_empty() && !pointer.starts_with('/') {
            let problem = format_args!(
                "has no `{pointer}`: a JSON pointer has slashes, write `/{}`",
                pointer.replace('.', "/")
            );
            return Err(BodyError::new(&self.url(), problem));
        }
        match json_at(body, pointer) {
            Ok(Some(value)) => Ok(value),
            Ok(None) => Err(self.body_error(format_args!("has nothing at `{pointer}`"))),
            Err(error) => {
                Err(self.body_error(format_args!("is not the expected JSON at `{pointer}`: {error}")))
            }
        }
    }

    fn body_error(&self, problem: fmt::Arguments<'_>) -> BodyError {
        let (status, begin) = (self.status.as_u16(), excerpt(self.slice()));
        BodyError::new(&self.url(), format_args!("(status {status}) {problem}; it begins {begin}"))
    }

    fn kept(&self) -> Result<&[u8], BodyError> {
        let discarded = "was discarded: leave out discard_response_bodies to read it";
        match &self.body {
            Some(_) => Ok(self.slice()),
            None => Err(BodyError::new(&self.url(), discarded)),
        }
    }
}
