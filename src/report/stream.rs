//! A writer that several parts share and that never interrupts them.
//!
//! Whoever reports has nobody to tell that reporting failed. So the first failure is kept for the
//! end of the program, and everything after it is dropped. What to think of a reader that has gone
//! away (`| head`) is decided there, once.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// A shared writer.
#[derive(Clone)]
pub struct Stream(Arc<Mutex<Inner>>);

struct Inner {
    writer: Box<dyn Write + Send>,
    failure: Option<io::Error>,
}

impl Stream {
    /// Shares a writer.
    pub fn new(writer: impl Write + Send + 'static) -> Stream {
        Stream(Arc::new(Mutex::new(Inner {
            writer: Box::new(writer),
            failure: None,
        })))
    }

    /// Writes a text as one piece.
    pub fn put(&self, text: &str) {
        self.put_bytes(text.as_bytes());
    }

    /// Writes bytes as one piece.
    pub fn put_bytes(&self, bytes: &[u8]) {
        self.with(|inner| {
            if inner.failure.is_some() || bytes.is_empty() {
                return;
            }
            let written = inner
                .writer
                .write_all(bytes)
                .and_then(|()| inner.writer.flush());
            inner.failure = written.err();
        });
    }

    /// What went wrong first, once.
    pub fn take_failure(&self) -> Option<io::Error> {
        self.with(|inner| inner.failure.take())
    }

    /// Whether nobody reads any more.
    pub fn is_broken(&self) -> bool {
        self.with(|inner| inner.failure.is_some())
    }

    fn with<T>(&self, act: impl FnOnce(&mut Inner) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_has_gone_away_is_remembered_and_interrupts_nobody() {
        let stream = Stream::new(Closed);
        stream.put("one");
        stream.put("two");
        assert!(stream.is_broken());
        let failure = stream.take_failure().map(|error| error.kind());
        assert_eq!(failure, Some(io::ErrorKind::BrokenPipe));
    }
}
