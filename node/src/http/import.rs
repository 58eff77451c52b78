//! `import`: rows of a move arrive, in transactions of a bounded size.

use std::sync::Arc;

use http::StatusCode;
use http_body::Body as _;
use hyper::body::Incoming;
use ringway_cluster::{
    CallError, FRAME_HEADER_BYTES, Fence, Frame, FrameError, FrameReader, Refusal, Row,
};
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    body,
    control::{Failed, json_reply},
    data::Shared,
    reply::Reply,
};
use crate::rows::key::{KEY_BYTES_MAX, is_key};

/// Rows of an import that go into one transaction, and how many such wait at a time.
const BATCH_BYTES_MAX: usize = 256 << 10;
const BATCH_ROWS_MAX: usize = 2_048;
const BATCHES_MAX: usize = 4;

impl Shared {
    /// Takes the frames of `body` into the stage of the fence.
    pub(crate) async fn import(
        self: &Arc<Self>,
        fence: Fence,
        body: &mut Incoming,
    ) -> Result<Reply, Failed> {
        let frame_bytes_max = self.body_bytes_max + 1 + KEY_BYTES_MAX + FRAME_HEADER_BYTES;
        let mut frames = FrameReader::new(frame_bytes_max);
        let bad = |error: FrameError| Failed::Bad(error.to_string());
        let mut importer = Importer { shared: self, fence, waiting: JoinSet::new(), taken: 0 };
        let (mut batch, mut bytes, mut sequence) = (Vec::new(), 0, 0);
        // A small body is one transaction, which refuses by itself.
        let is_small = body.size_hint().exact().is_some_and(|len| len <= BATCH_BYTES_MAX as u64);
        if !is_small {
            // Refuses at once what the first transaction would, before much is sent.
            self.fenced(fence, move |all, tx| all.import(&fence, &[], 0, tx)).await?;
        }
        while let Some(piece) = body::piece(body).await.map_err(Failed::Reply)? {
            frames.push(&piece);
            while let Some(frame) = frames.next_frame().map_err(bad)? {
                match frame {
                    Frame::End(end) => sequence = end.sequence,
                    Frame::Row(row) => {
                        check_row(&row, self.body_bytes_max)?;
                        bytes += row.encoded_len();
                        batch.push(row);
                    }
                }
                if bytes >= BATCH_BYTES_MAX || batch.len() >= BATCH_ROWS_MAX {
                    importer.push(std::mem::take(&mut batch)).await?;
                    bytes = 0;
                }
            }
        }
        frames.finish().map_err(bad)?;
        importer.finish().await?;
        // Last, and only if all rows are in: what they are complete to, with the last of them.
        let batch = Arc::new(batch);
        let mut last = self.import_batch(fence, Arc::clone(&batch), sequence).await;
        if matches!(last, Err(Failed::Refused(Refusal::Ahead { .. }))) {
            self.reconciler.ask(fence.lo, fence.hi).await.map_err(Failed::Unavailable)?;
            last = self.import_batch(fence, batch, sequence).await;
        }
        let taken = importer.taken + last?;
        Ok(json_reply(StatusCode::OK, &json!({ "rows": taken })))
    }

    /// Takes a batch of rows in; how many of them were new here.
    async fn import_batch(
        &self,
        fence: Fence,
        batch: Arc<Vec<Row>>,
        sequence: u64,
    ) -> Result<u64, Failed> {
        let bytes = batch.iter().map(Row::encoded_len).sum();
        let outcome = self.call(bytes, move |all, tx| {
            let before = tx.taken;
            // Rows that a table here does not take are no failure of others in the transaction.
            tx.rows.begin_part().map_err(CallError::Rows)?;
            let imported = all.import(&fence, &batch, sequence, tx);
            let is_kept = !matches!(imported, Err(CallError::Rows(_)));
            tx.rows.end_part(is_kept).map_err(CallError::Rows)?;
            match imported {
                // The stage is as before; that this attempt was seen stands, as after a refusal.
                Err(CallError::Rows(failure)) => Ok(Err(failure)),
                imported => imported.map(|()| Ok(tx.taken - before)),
            }
        });
        Ok(outcome.await?.map_err(Failed::Refused)??)
    }
}

/// Rows that no request could have written are refused like malformed frames.
fn check_row(row: &Row, body_bytes_max: usize) -> Result<(), Failed> {
    let value_len = row.value.as_ref().map_or(0, Vec::len);
    if !is_key(&row.key) || value_len > body_bytes_max {
        return Err(Failed::Bad("a row's key or value is none that rows can have".into()));
    }
    Ok(())
}

/// Hands batches to the writer while the next ones arrive.
struct Importer<'a> {
    shared: &'a Arc<Shared>,
    fence: Fence,
    waiting: JoinSet<Result<u64, Failed>>,
    taken: u64,
}

impl Importer<'_> {
    async fn push(&mut self, batch: Vec<Row>) -> Result<(), Failed> {
        if self.waiting.len() >= BATCHES_MAX {
            self.join().await?;
        }
        let (shared, fence) = (Arc::clone(self.shared), self.fence);
        let batch = Arc::new(batch);
        self.waiting.spawn(async move { shared.import_batch(fence, batch, 0).await });
        Ok(())
    }

    async fn join(&mut self) -> Result<(), Failed> {
        match self.waiting.join_next().await {
            Some(Ok(taken)) => self.taken += taken?,
            Some(Err(_)) => return Err(Failed::Unavailable("the import was cut short".into())),
            None => {}
        }
        Ok(())
    }

    async fn finish(&mut self) -> Result<(), Failed> {
        while !self.waiting.is_empty() {
            self.join().await?;
        }
        Ok(())
    }
}
