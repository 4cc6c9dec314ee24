//! Answers that come bit by bit: output in frames or raw, and JSON messages line by line.

use std::io;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyDataStream, BodyExt};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::io::AsyncRead;
use tokio_util::codec::{Decoder, FramedRead};
use tokio_util::io::StreamReader;

use crate::engine::transport::lost;
use crate::engine::{Answers, Channel, EngineError, Output};

/// Bytes read at once: many log lines per turn.
const BUFFER: usize = 64 * 1024;

/// Where streamed bytes come from.
pub(super) type Source = Pin<Box<dyn AsyncRead + Send>>;

/// The bytes of an answer's body.
pub(super) fn body(body: Incoming) -> Source {
    let chunks: BodyDataStream<Incoming> = body.into_data_stream();
    Box::pin(StreamReader::new(chunks.map_err(io::Error::other)))
}

/// How a container's output is written on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// As it is: a terminal has one channel.
    Raw,
    /// In frames, each with its channel and length.
    Frames,
}

/// Reads a container's output.
pub(super) fn output(source: Source, framing: Framing) -> Answers<Output> {
    let frames = FramedRead::with_capacity(source, OutputDecoder { framing }, BUFFER);
    Box::pin(frames.map_err(|error| lost(&error)))
}

/// Reads JSON messages, one per line, until the first that `read` makes an error of.
pub(super) fn messages<T: Send + 'static>(
    source: Source,
    read: fn(&Value) -> Result<T, EngineError>,
) -> Answers<T> {
    let lines = FramedRead::with_capacity(source, JsonDecoder, BUFFER);
    let answers = lines.map(move |line| match line {
        Ok(message) => read(&message),
        Err(error) => Err(lost(&error)),
    });
    // Engines end the stream after a failure; one that went on would be misunderstood.
    let answers = answers.scan(false, |failed, answer| {
        let over = std::mem::replace(failed, answer.is_err());
        std::future::ready((!over).then_some(answer))
    });
    Box::pin(answers)
}

struct OutputDecoder {
    framing: Framing,
}

/// Channel, three zero bytes, and the length in four, most significant first.
const HEADER: usize = 8;

impl Decoder for OutputDecoder {
    type Item = Output;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Output>, io::Error> {
        match self.framing {
            Framing::Raw if buffer.is_empty() => Ok(None),
            Framing::Raw => Ok(Some(Output {
                channel: Channel::Stdout,
                bytes: buffer.split().freeze(),
            })),
            Framing::Frames => Ok(next_frame(buffer)),
        }
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Output>, io::Error> {
        let output = self.decode(buffer)?;
        if output.is_none() {
            // Half a frame: the engine went away in the middle of it.
            buffer.clear();
        }
        Ok(output)
    }
}

fn next_frame(buffer: &mut BytesMut) -> Option<Output> {
    let header: [u8; HEADER] = buffer.get(..HEADER)?.try_into().ok()?;
    let [channel, _, _, _, length @ ..] = header;
    let length = u32::from_be_bytes(length) as usize;
    if buffer.len() < HEADER + length {
        buffer.reserve(HEADER + length - buffer.len());
        return None;
    }
    buffer.advance(HEADER);
    Some(Output {
        channel: if channel == 2 {
            Channel::Stderr
        } else {
            Channel::Stdout
        },
        bytes: buffer.split_to(length).freeze(),
    })
}

struct JsonDecoder;

impl Decoder for JsonDecoder {
    type Item = Value;
    type Error = io::Error;

    fn decode(&mut self, buffer: &mut BytesMut) -> Result<Option<Value>, io::Error> {
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line = buffer.split_to(end + 1).freeze();
            if let Some(message) = parse(&line)? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }

    fn decode_eof(&mut self, buffer: &mut BytesMut) -> Result<Option<Value>, io::Error> {
        match self.decode(buffer)? {
            Some(message) => Ok(Some(message)),
            None => parse(&buffer.split().freeze()),
        }
    }
}

fn parse(line: &Bytes) -> Result<Option<Value>, io::Error> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(line)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(bytes: &'static [u8]) -> Source {
        Box::pin(bytes)
    }

    fn frame(channel: u8, text: &str) -> Vec<u8> {
        let length = u32::try_from(text.len()).expect("short text");
        let mut frame = vec![channel, 0, 0, 0];
        frame.extend(length.to_be_bytes());
        frame.extend(text.bytes());
        frame
    }

    #[tokio::test]
    async fn frames_are_told_apart_by_channel_and_a_half_one_at_the_end_is_dropped() {
        let mut bytes = frame(1, "out\n");
        bytes.extend(frame(2, "err\n"));
        bytes.extend(frame(1, ""));
        bytes.extend(&frame(1, "never whole")[..12]);
        let answers: Vec<_> = output(source(bytes.leak()), Framing::Frames)
            .map(|answer| answer.expect("no error"))
            .map(|it| (it.channel, it.bytes))
            .collect()
            .await;
        let expected = [
            (Channel::Stdout, Bytes::from("out\n")),
            (Channel::Stderr, Bytes::from("err\n")),
            (Channel::Stdout, Bytes::new()),
        ];
        assert_eq!(answers, expected);
    }

    #[tokio::test]
    async fn raw_output_is_passed_on_without_waiting_for_a_newline() {
        let answers: Vec<_> = output(source(b"\x01password: "), Framing::Raw)
            .collect()
            .await;
        let bytes = answers[0].as_ref().map(|it| it.bytes.clone());
        assert_eq!(bytes.expect("no error"), "\x01password: ");
    }

    #[tokio::test]
    async fn messages_end_after_the_first_failure() {
        let source = source(b"{\"n\":1}\r\n\r\n{\"n\":-1}\n{\"n\":2}");
        let read = |message: &Value| match message["n"].as_i64() {
            Some(n) if n > 0 => Ok(n),
            _ => Err(EngineError::NotFound("n".to_owned())),
        };
        let answers: Vec<_> = messages(source, read).map(Result::ok).collect().await;
        assert_eq!(answers, [Some(1), None]);
    }
}
