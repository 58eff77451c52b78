//! Moves: what is under way, and holding them.

use ringway_cluster::{
    CommitError, MapStore as _, Phase, Record, RecordKey, SegmentRecord, StoredSegment, Transaction,
};
use serde_json::{Value, json};

use super::{Admin, Refused, change::audit, view::segment_view};

impl Admin {
    pub(super) async fn moves(&self) -> Result<Value, Refused> {
        let seen = self.see().await?;
        let under_way: Vec<Value> = seen
            .segments
            .iter()
            .filter(|segment| matches!(segment.record.phase, Phase::Moving { .. } | Phase::Done))
            .map(|segment| segment_view(segment, segment.revision))
            .collect();
        Ok(json!({
            "revision": seen.snapshot.revision,
            "paused": seen.paused(),
            "left": seen.left(),
            "moves": self.progress.moves(),
            "segments": under_way,
            "limits": {
                "moves_max": self.limits.moves_max,
                "node_moves_max": self.limits.node_moves_max,
                "rows_per_second_max": self.limits.throttle.rows_per_second_max,
                "bytes_per_second_max": self.limits.throttle.bytes_per_second_max,
            },
            "totals": self.progress.totals(),
            "pauses": self.progress.pauses(),
            "failure": self.progress.failure(),
        }))
    }

    pub(super) async fn pause(&self, body: &[u8]) -> Result<Value, Refused> {
        let reason = match str::from_utf8(body).map(str::trim) {
            Ok("") => "paused by an operator".to_owned(),
            Ok(text) if text.len() <= 1_024 => text.to_owned(),
            _ => return Err(Refused::bad("reason", "the reason is at most 1,024 bytes of text")),
        };
        let seen = self.see().await?;
        if let Some(reason) = seen.paused() {
            return Ok(json!({ "paused": reason, "changed": false }));
        }
        let mut transaction =
            Transaction::create(RecordKey::Paused, Record::Paused(reason.clone()));
        audit(&mut transaction, &seen.snapshot, &format!("pause: {reason}"));
        self.store.commit(transaction).await?;
        Ok(json!({ "paused": reason, "changed": true }))
    }

    pub(super) async fn resume(&self) -> Result<Value, Refused> {
        let seen = self.see().await?;
        let Some((revision, _)) = seen.snapshot.records.get(&RecordKey::Paused) else {
            return Ok(json!({ "paused": null, "changed": false }));
        };
        let mut transaction = Transaction {
            expect: vec![(RecordKey::Paused, Some(*revision))],
            writes: vec![(RecordKey::Paused, None)],
        };
        audit(&mut transaction, &seen.snapshot, "resume");
        self.store.commit(transaction).await?;
        Ok(json!({ "paused": null, "changed": true }))
    }

    /// Pauses, then takes back each move that is not yet committed: its epoch grows, so that the
    /// coordinator's next step fails and both nodes learn of it.
    ///
    /// No move begins while the pause is in the store; one that is taken over meanwhile is looked
    /// at again.
    pub(super) async fn abort(&self) -> Result<Value, Refused> {
        self.pause(b"moves were aborted by an operator").await?;
        let (mut aborted, mut overtaken) = (0, 0);
        loop {
            let seen = self.see().await?;
            let moving =
                |segment: &&StoredSegment| matches!(segment.record.phase, Phase::Moving { .. });
            let Some(segment) = seen.segments.iter().find(moving) else { break };
            let record = SegmentRecord {
                phase: Phase::Idle,
                epoch: segment.record.epoch.saturating_add(1),
                ..segment.record.clone()
            };
            match self.store.commit(segment.replace(record)).await {
                Ok(_) => aborted += 1,
                // It was committed, aborted or taken over in between.
                Err(CommitError::Conflict(_)) => overtaken += 1,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(json!({ "aborted": aborted, "overtaken": overtaken }))
    }
}
