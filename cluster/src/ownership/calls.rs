//! The control calls: what each needs, changes and answers.

use super::{CallError, Fence, Holding, Holdings, Refusal, Rows, Standing, Summary, Tally};
use crate::{
    record::{Phase, SegmentRecord},
    row::Row,
};

impl Holdings {
    /// Makes the invisible area that the rows of a move arrive in.
    ///
    /// # Errors
    /// [`CallError::Refused`] as for every call; also if this node owns the positions.
    pub fn stage<R: Rows>(
        &mut self,
        fence: &Fence,
        rows: &mut R,
    ) -> Result<(), CallError<R::Error>> {
        self.admit(fence)?;
        let Fence { lo, hi, epoch, attempt, .. } = *fence;
        if self
            .overlapping(lo, hi)
            .any(|h| matches!(h.standing, Standing::Owned | Standing::Frozen))
        {
            return Err(Refusal::State("this node owns the positions itself").into());
        }
        let same = self.exact(fence).is_some_and(|holding| match holding.standing {
            Standing::Staging { attempt: of } | Standing::Sealed { attempt: of } => of == attempt,
            _ => false,
        });
        if same {
            return Ok(());
        }
        rows.delete(lo, hi).map_err(CallError::Rows)?;
        rows.clear_log(lo, hi).map_err(CallError::Rows)?;
        let mut holding = Holding::foreign(lo, hi, epoch, attempt);
        holding.standing = Standing::Staging { attempt };
        holding.tally = Some(Tally::default());
        self.replace(lo, hi, holding);
        Ok(())
    }

    /// Takes rows of a move in; `sequence` is what they are complete to.
    ///
    /// # Errors
    /// [`CallError::Refused`] as for every call; also without an open stage of that attempt, or
    /// if a row lies outside the range.
    pub fn import<R: Rows>(
        &mut self,
        fence: &Fence,
        batch: &[Row],
        sequence: u64,
        rows: &mut R,
    ) -> Result<(), CallError<R::Error>> {
        self.admit(fence)?;
        if batch.iter().any(|row| row.position < fence.lo || row.position > fence.hi) {
            return Err(Refusal::State("a row lies outside the range").into());
        }
        let attempt = fence.attempt;
        let holding = self.exact_mut(fence).ok_or(NO_STAGE)?;
        match holding.standing {
            Standing::Staging { attempt: of } if of == attempt => {}
            Standing::Sealed { .. } => return Err(Refusal::State("the stage is sealed").into()),
            _ => return Err(NO_STAGE.into()),
        }
        let mut tally = holding.tally.ok_or(NO_STAGE)?;
        for row in batch {
            rows.import(row, &mut tally).map_err(CallError::Rows)?;
        }
        holding.tally = Some(tally);
        holding.sequence = holding.sequence.max(sequence);
        Ok(())
    }

    /// Seals the stage, so that nothing more comes in, and sums it up.
    ///
    /// A stage that an overtaken attempt sealed is taken over by the present one.
    ///
    /// # Errors
    /// [`CallError::Refused`] as for every call; also without a stage to seal or take over.
    pub fn seal<R: Rows>(
        &mut self,
        fence: &Fence,
        rows: &mut R,
    ) -> Result<Summary, CallError<R::Error>> {
        self.admit(fence)?;
        let Fence { lo, hi, attempt, .. } = *fence;
        let holding = self.exact_mut(fence).ok_or(NO_STAGE)?;
        match holding.standing {
            Standing::Staging { attempt: of } if of == attempt => {
                rows.forget_tombstones(lo, hi).map_err(CallError::Rows)?;
            }
            Standing::Sealed { attempt: of } if of <= attempt => {}
            _ => return Err(NO_STAGE.into()),
        }
        holding.standing = Standing::Sealed { attempt };
        let tally = holding.tally.ok_or(NO_STAGE)?;
        Ok(Summary { sequence: holding.sequence, tally })
    }

    /// Confirms that the committed record made this node the owner.
    ///
    /// # Errors
    /// [`Refusal`] as for every call; also if the store's record did not.
    pub fn activate(&mut self, fence: &Fence) -> Result<(), Refusal> {
        self.admit(fence)?;
        self.require_owned(fence, "there is no sealed stage of that attempt")
    }

    /// Deletes what an aborted move left here.
    ///
    /// # Errors
    /// [`CallError::Refused`] as for every call; also while the move is not decided.
    pub fn wipe<R: Rows>(
        &mut self,
        fence: &Fence,
        rows: &mut R,
    ) -> Result<(), CallError<R::Error>> {
        self.admit(fence)?;
        self.discard(fence.lo, fence.hi, rows)
    }

    /// Begins to log writes, so that rows can be copied while they change; counts the rows.
    ///
    /// # Errors
    /// [`CallError::Refused`] as for every call; also if this node does not own the positions.
    pub fn export<R: Rows>(
        &mut self,
        fence: &Fence,
        rows: &mut R,
    ) -> Result<Summary, CallError<R::Error>> {
        self.admit(fence)?;
        self.require_owned(fence, NOT_OWNED)?;
        let holding = self.carve(fence.lo, fence.hi).ok_or(Refusal::State(NOT_OWNED))?;
        if holding.logged_since.is_none() {
            rows.clear_log(fence.lo, fence.hi).map_err(CallError::Rows)?;
            holding.logged_since = Some(holding.sequence);
        }
        holding.summary(rows).map_err(CallError::Rows)
    }

    /// Checks that the change log reaches back to `since`.
    ///
    /// # Errors
    /// [`Refusal`] as for every call; also if it does not, and then the copy has to begin anew.
    pub fn delta(&mut self, fence: &Fence, since: u64) -> Result<u64, Refusal> {
        self.admit(fence)?;
        self.require_owned(fence, NOT_OWNED)?;
        match self.exact(fence) {
            Some(holding) if holding.logged_since.is_some_and(|from| from <= since) => {
                Ok(holding.sequence)
            }
            _ => Err(Refusal::State("the change log does not reach back so far")),
        }
    }

    /// Stops reads and writes until a record of a higher epoch comes, and sums the rows up.
    ///
    /// # Errors
    /// [`CallError::Refused`] as for every call; also if this node does not own the positions.
    pub fn freeze<R: Rows>(
        &mut self,
        fence: &Fence,
        rows: &mut R,
    ) -> Result<Summary, CallError<R::Error>> {
        self.admit(fence)?;
        self.require_owned(fence, NOT_OWNED)?;
        let holding = self.carve(fence.lo, fence.hi).ok_or(Refusal::State(NOT_OWNED))?;
        let summary = holding.summary(rows).map_err(CallError::Rows)?;
        holding.standing = Standing::Frozen;
        Ok(summary)
    }

    /// Confirms that the positions are served again, after an abort raised their epoch.
    ///
    /// # Errors
    /// [`Refusal`] as for every call; also while frozen at this very epoch.
    pub fn unfreeze(&mut self, fence: &Fence) -> Result<(), Refusal> {
        self.admit(fence)?;
        let owned = |holding: &Holding| holding.standing == Standing::Owned;
        if self.overlapping(fence.lo, fence.hi).all(owned) {
            return Ok(());
        }
        Err(Refusal::State("frozen at this epoch until the store decides, or not owned"))
    }

    /// Deletes rows that have a new owner. `record` was read from the store just now.
    ///
    /// # Errors
    /// [`CallError::Refused`] unless the record is another node's, decided, and at the epoch here.
    pub fn drop_rows<R: Rows>(
        &mut self,
        record: &SegmentRecord,
        rows: &mut R,
    ) -> Result<(), CallError<R::Error>> {
        let SegmentRecord { lo, hi, epoch, .. } = *record;
        if record.owner == self.name || record.phase == Phase::Done || !self.is_at(lo, hi, epoch) {
            return Err(Refusal::State("the new owner has not taken over yet").into());
        }
        self.discard(lo, hi, rows)
    }

    /// Deletes all rows of a range where nothing is owned, staged or sealed.
    fn discard<R: Rows>(
        &mut self,
        lo: u64,
        hi: u64,
        rows: &mut R,
    ) -> Result<(), CallError<R::Error>> {
        let foreign = |holding: &Holding| matches!(holding.standing, Standing::Foreign { .. });
        if !self.overlapping(lo, hi).all(foreign) {
            return Err(Refusal::State("the positions are owned or staged here").into());
        }
        rows.delete(lo, hi).map_err(CallError::Rows)?;
        rows.clear_log(lo, hi).map_err(CallError::Rows)?;
        self.cut(lo, hi);
        let clean = Standing::Foreign { garbage: false };
        self.each_mut(lo, hi, |holding| holding.standing = clean);
        Ok(())
    }

    fn require_owned(&self, fence: &Fence, otherwise: &'static str) -> Result<(), Refusal> {
        let owned = |holding: &Holding| {
            matches!(holding.standing, Standing::Owned | Standing::Frozen)
                && holding.claim.is_none()
        };
        if self.overlapping(fence.lo, fence.hi).all(owned) {
            Ok(())
        } else {
            Err(Refusal::State(otherwise))
        }
    }
}

const NO_STAGE: Refusal = Refusal::State("there is no open stage of that attempt and range");
const NOT_OWNED: &str = "this node does not own all of the positions";
