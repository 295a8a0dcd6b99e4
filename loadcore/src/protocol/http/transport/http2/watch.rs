//! Which write and which read of a shared socket belong to which request.

use super::marked::{Marked, Marks};
use crate::protocol::http::ErrorKind;
use crate::protocol::http::transport::exchange::Instants;
use std::cell::{Cell, RefCell};
use std::io;
use std::pin::{Pin, pin};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most reads in one go. Without a limit a server that never stops would have the core for itself, and what it sends would
/// pile up before anyone can take it: h2 ends a connection with too many small pieces in waiting.
const READS: u8 = 4;

/// What the socket of a connection did last.
#[derive(Debug)]
pub(super) struct Socket {
    marks: Rc<Marks>,
    last_read: Cell<Option<Instant>>,
    /// What went wrong with it. h2 forgets what a write says.
    failed: Cell<Option<ErrorKind>>,
    /// Requests whose first or last frame leaves with the next write, if there is one.
    leaving: RefCell<Vec<Weak<StreamMarks>>>,
    /// The request that hyper has taken last, until it has made what brings the answer.
    taken: RefCell<Weak<StreamMarks>>,
    /// The request whose body hyper looks at for the first time.
    uploading: RefCell<Option<Rc<StreamMarks>>>,
}

impl Socket {
    pub(super) fn new(marks: Rc<Marks>) -> Self {
        Self {
            marks,
            last_read: Cell::new(None),
            failed: Cell::new(None),
            leaving: RefCell::default(),
            taken: RefCell::default(),
            uploading: RefCell::default(),
        }
    }

    /// Polls what reads from it, and lets it read a few times at most: others have their turn in between, above all those who
    /// take what has come.
    pub(super) async fn drive(&self, reader: impl Future<Output = ()>) {
        let mut reader = pin!(reader);
        std::future::poll_fn(|cx| {
            self.marks.reads_left.set(Some(READS));
            reader.as_mut().poll(cx)
        })
        .await;
    }

    /// The request whose body goes to a task of its own next, if it is one's.
    pub(super) fn take_uploading(&self) -> Option<Rc<StreamMarks>> {
        self.uploading.take()
    }

    /// The request whose answer comes next to be waited for, if somebody still waits for it.
    pub(super) fn take_taken(&self) -> Option<Rc<StreamMarks>> {
        self.taken.take().upgrade().filter(|stream| !stream.is_over.get())
    }

    pub(super) fn failed(&self) -> Option<ErrorKind> {
        self.failed.get()
    }

    pub(super) fn last_read(&self) -> Option<Instant> {
        self.last_read.get()
    }

    fn wrote(&self) {
        let now = self.marks.last_write.get();
        for stream in self.leaving.borrow_mut().drain(..).filter_map(|stream| stream.upgrade()) {
            stream.is_begun.set(true);
            if stream.is_taken.get() {
                stream.written.set(now);
            }
        }
    }
}

/// The instants of one request.
#[derive(Debug)]
pub(crate) struct StreamMarks {
    socket: Rc<Socket>,
    /// hyper has the head of the request.
    is_known: Cell<bool>,
    /// hyper has looked at its body.
    is_uploading: Cell<bool>,
    /// hyper has all of it.
    is_taken: Cell<bool>,
    /// Something of it was written.
    is_begun: Cell<bool>,
    /// All of it was.
    written: Cell<Option<Instant>>,
    answered: Cell<Option<Instant>>,
    /// Nobody waits for the answer any more.
    is_over: Cell<bool>,
    /// Sends its body.
    uploader: RefCell<Option<Waker>>,
    /// Who waits for the answer.
    waiter: RefCell<Waker>,
    answer: Answer,
}

/// What brings the answer: hyper would have it in a task of its own, but whoever waits for the answer can as well poll it.
#[derive(Default)]
struct Answer(RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>>);

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

impl Answer {
    fn poll(&self, cx: &mut Context<'_>) {
        // Not borrowed meanwhile: who knows what it does.
        let Some(mut answer) = self.0.take() else { return };
        if answer.as_mut().poll(cx).is_pending() {
            self.0.replace(Some(answer));
        }
    }
}

impl StreamMarks {
    pub(super) fn new(socket: Rc<Socket>) -> Self {
        Self {
            socket,
            is_known: Cell::new(false),
            is_uploading: Cell::new(false),
            is_taken: Cell::new(false),
            is_begun: Cell::new(false),
            written: Cell::new(None),
            answered: Cell::new(None),
            is_over: Cell::new(false),
            uploader: RefCell::default(),
            waiter: RefCell::new(Waker::noop().clone()),
            answer: Answer::default(),
        }
    }

    /// hyper has taken the head of the request, and with it the whole if there is no body.
    pub(crate) fn known(self: &Rc<Self>, is_whole: bool) {
        if !self.is_known.replace(true) {
            self.is_taken.set(is_whole);
            self.socket.taken.replace(Rc::downgrade(self));
            self.leaves();
        }
    }

    /// hyper asks for a piece of the body.
    pub(crate) fn uploads(self: &Rc<Self>) {
        if !self.is_uploading.replace(true) {
            self.socket.uploading.replace(Some(Rc::clone(self)));
        }
    }

    /// hyper is done with the body.
    pub(crate) fn taken(self: &Rc<Self>) {
        // There is nothing left for a task of its own.
        self.socket.uploading.borrow_mut().take_if(|next| Rc::ptr_eq(next, self));
        if self.is_known.get() && !self.is_over.get() && !self.is_taken.replace(true) {
            self.leaves();
        }
    }

    fn leaves(self: &Rc<Self>) {
        self.socket.leaving.borrow_mut().push(Rc::downgrade(self));
    }

    /// Sends the body, until nobody waits for the answer any more. What is dropped then resets its stream (`CANCEL`).
    pub(super) async fn upload(&self, sending: impl Future<Output = ()>) {
        let mut sending = pin!(sending);
        std::future::poll_fn(|cx| {
            if self.is_over.get() {
                return Poll::Ready(());
            }
            self.uploader.replace(Some(cx.waker().clone()));
            sending.as_mut().poll(cx)
        })
        .await;
    }

    /// hyper waits for the answer from now on.
    pub(super) fn wait(&self, answer: impl Future<Output = ()> + 'static) {
        self.answer.0.replace(Some(Box::pin(answer)));
        let waiter = self.waiter.borrow().clone();
        self.answer.poll(&mut Context::from_waker(&waiter));
    }

    /// Whether hyper waits for the answer.
    pub(super) fn is_awaited(&self) -> bool {
        self.answer.0.borrow().is_some()
    }

    /// Looks for the answer, which comes to where hyper was asked for it.
    pub(super) fn look(&self, cx: &mut Context<'_>) {
        self.waiter.borrow_mut().clone_from(cx.waker());
        self.answer.poll(cx);
    }

    /// The head of the response is there: it came with the last read.
    pub(super) fn answered(&self) {
        self.answered.set(self.socket.last_read());
    }

    pub(super) fn is_answered(&self) -> bool {
        self.answered.get().is_some()
    }

    pub(super) fn instants(&self) -> Instants {
        Instants { last_write: self.written.get(), first_read: self.answered.get(), last_read: None }
    }

    /// Whether the server may know of the request.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun.get()
    }

    /// Nobody waits for the answer any more: an upload that goes on is to stop.
    pub(super) fn end(&self) {
        self.is_over.set(true);
        drop(self.answer.0.take());
        if let Some(uploader) = self.uploader.take() {
            uploader.wake();
        }
    }
}

/// A stream that tells its [`Socket`] what it did.
#[derive(Debug)]
pub(super) struct Watched {
    stream: Marked,
    socket: Rc<Socket>,
}

impl Watched {
    pub(super) fn new(stream: Marked, socket: Rc<Socket>) -> Self {
        Self { stream, socket }
    }

    fn wrote(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &result {
            Poll::Ready(Ok(1..)) => self.socket.wrote(),
            Poll::Ready(Err(error)) => self.socket.failed.set(Some(ErrorKind::of_io(error))),
            _ => {}
        }
        result
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Each read is a first one here.
        self.socket.marks.first_read.set(None);
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Some(read) = self.socket.marks.first_read.get() {
            self.socket.last_read.set(Some(read));
        }
        result
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_never_writes_is_not_kept_by_the_requests_that_wait_for_it() {
        let socket = Rc::new(Socket::new(Rc::default()));
        let stream = Rc::new(StreamMarks::new(Rc::clone(&socket)));
        stream.known(true);
        let (weak_socket, weak_stream) = (Rc::downgrade(&socket), Rc::downgrade(&stream));
        drop((socket, stream));
        assert!(weak_socket.upgrade().is_none() && weak_stream.upgrade().is_none());
    }

    #[test]
    fn a_request_has_begun_with_its_first_write_and_is_written_with_its_last() {
        let marks = Rc::<Marks>::default();
        let socket = Rc::new(Socket::new(Rc::clone(&marks)));
        let stream = Rc::new(StreamMarks::new(Rc::clone(&socket)));
        let write = || {
            marks.last_write.set(Some(Instant::now()));
            socket.wrote();
        };
        write();
        assert!(!stream.is_begun());
        stream.known(false);
        write();
        assert!(stream.is_begun() && stream.instants().last_write.is_none());
        stream.uploads();
        stream.taken();
        assert!(socket.take_uploading().is_none(), "nothing is left to send");
        write();
        assert_eq!(stream.instants().last_write, marks.last_write.get());
    }
}
