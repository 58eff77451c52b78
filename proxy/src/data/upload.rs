//! Bodies that are too large to be kept: they go to the node as they come, once it asks.

use std::{io, time::Duration};

use bytes::Buf as _;
use ringway_client::{
    Answer, ReadHeadError, SendError,
    http1::{AnswerHead, BodyReader, Framing, Step, write_chunk_head},
    read_head,
};
use tokio::{io::AsyncWriteExt as _, time::timeout};

use super::{
    fault::Fault,
    request::Plan,
    serve::{Client, Failure, bad_body, too_large},
    worker::Worker,
};

/// A node that stops reading may have answered before: its answer is waited for so long.
const LAST_WORD: Duration = Duration::from_secs(1);
const MISDIRECTED: u16 = 421;

/// How the way to the node ended.
enum Sent {
    /// The whole body went out.
    Whole,
    /// The node takes no more.
    Broken(io::Error),
}

impl Client {
    /// Sends the body to the node, which asked for it, and reads the head of its answer.
    ///
    /// The node may answer at any time; then the rest of the body is not sent.
    pub(super) async fn upload(
        &mut self,
        worker: &Worker,
        plan: &Plan,
        reader: &mut BodyReader,
        answer: &mut Answer,
    ) -> Result<(), Failure> {
        if plan.framing != Framing::Chunked {
            self.invite(worker, plan).await?;
        }
        let limits = &worker.config.limits;
        let connection = &mut answer.connection;
        let (name, repeat) = (&answer.node.name, answer.repeat);
        let lost = |reason: String, timed_out| {
            let node = name.clone();
            Fault::from(SendError::Unknown { node, reason, repeat, timed_out })
        };
        let outcome = {
            let (mut node_read, mut node_write) = connection.stream.split();
            let answering = read_final_head(
                &mut node_read,
                &mut connection.input,
                (&mut connection.head, &mut connection.head_bytes),
                plan.is_head,
                limits.head_bytes_max,
            );
            tokio::pin!(answering);
            let sent = tokio::select! {
                biased;
                early = &mut answering => Err(early),
                sent = self.send_body(worker, plan, reader, &mut node_write) => Ok(sent?),
            };
            match sent {
                Err(early) => early,
                Ok(Sent::Whole) => {
                    let most = limits.answer_ms_max;
                    match timeout(Duration::from_millis(most), answering).await {
                        Ok(outcome) => outcome,
                        Err(_) => return Err(lost(format!("none within {most} ms"), true).into()),
                    }
                }
                Ok(Sent::Broken(error)) => match timeout(LAST_WORD, answering).await {
                    Ok(outcome @ Ok(())) => outcome,
                    _ => return Err(lost(error.to_string(), false).into()),
                },
            }
        };
        match outcome {
            Ok(()) if connection.head.status == MISDIRECTED => {
                // The owner changed while the body was on its way, and the body is gone.
                let message = "node: the key moved while the body was sent; \
                               nothing was executed, a retry is safe";
                Err(Fault::new(503, "moving", message).into())
            }
            Ok(()) => {
                if !reader.is_end() {
                    connection.head.keep_alive = false;
                }
                Ok(())
            }
            Err(ReadHeadError::Broken(error)) => Err(lost(error.to_string(), false).into()),
            Err(ReadHeadError::Bad(bad)) => {
                let (node, reason) = (name.clone(), bad.to_string());
                let error = SendError::BadAnswer { node, reason, repeat };
                Err(Fault::from(error).into())
            }
        }
    }

    async fn send_body(
        &mut self,
        worker: &Worker,
        plan: &Plan,
        reader: &mut BodyReader,
        node: &mut tokio::net::tcp::WriteHalf<'_>,
    ) -> Result<Sent, Failure> {
        let most = worker.config.limits.body_bytes_max;
        let chunked = plan.framing == Framing::Chunked;
        let mut total: u64 = 0;
        // What was read before the node asked.
        let mut early = std::mem::take(&mut self.body);
        let mut chunk_head = Vec::with_capacity(20);
        loop {
            let piece = if early.is_empty() {
                match reader.step(&mut self.input).map_err(bad_body)? {
                    Step::Data(length) => &self.input[..length],
                    Step::More => {
                        self.fill(worker).await?;
                        continue;
                    }
                    Step::End => break,
                }
            } else {
                &early[..]
            };
            let length = piece.len();
            total = total.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
            if total > most {
                return Err(too_large(most).into());
            }
            chunk_head.clear();
            if chunked {
                write_chunk_head(length, &mut chunk_head);
            }
            let tail: &[u8] = if chunked { b"\r\n" } else { b"" };
            for bytes in [&chunk_head[..], piece, tail] {
                if let Err(error) = write(node, bytes, worker.stall()).await {
                    return Ok(Sent::Broken(error));
                }
            }
            if early.is_empty() {
                self.input.advance(length);
            } else {
                early = Vec::new();
            }
        }
        if chunked && let Err(error) = write(node, b"0\r\n\r\n", worker.stall()).await {
            return Ok(Sent::Broken(error));
        }
        Ok(Sent::Whole)
    }
}

async fn write(
    node: &mut tokio::net::tcp::WriteHalf<'_>,
    bytes: &[u8],
    stall: Duration,
) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    match timeout(stall, node.write_all(bytes)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

/// Reads heads until one is not an interim one.
async fn read_final_head(
    node: &mut tokio::net::tcp::ReadHalf<'_>,
    input: &mut bytes::BytesMut,
    (head, head_bytes): (&mut AnswerHead, &mut bytes::BytesMut),
    to_head: bool,
    bytes_max: usize,
) -> Result<(), ReadHeadError> {
    loop {
        read_head(node, input, (head, head_bytes), to_head, bytes_max).await?;
        if !matches!(head.status, 100..=199) {
            return Ok(());
        }
    }
}
