//! What clients may see: a linearizable register for each key.
//!
//! A [`Register`] holds every state that a single copy of the key could be in, given all that was
//! written and read: the value, and which writes of unknown outcome may still take effect. That is
//! the exact test of linearizability, made while the cluster runs. Requests take effect at a node
//! at one point of time, so a request is put there as a whole; a longer one allows only more.

/// A value, `None` being "no such key".
pub(crate) type Value = Option<u8>;

/// All that a single copy of the key could be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Register {
    /// Sorted; closed under a pending write taking effect.
    may_be: Vec<Copy>,
    /// The values of writes with an unknown outcome, by their number.
    pending: Vec<(u8, Value)>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Copy {
    value: Value,
    /// A bit for each write that may still take effect.
    pending: u16,
}

impl Register {
    pub(crate) fn new(value: Value) -> Self {
        Self { may_be: vec![Copy { value, pending: 0 }], pending: Vec::new() }
    }

    /// A write whose client heard that it was executed.
    pub(crate) fn acknowledged(&mut self, value: Value) {
        for copy in &mut self.may_be {
            copy.value = value;
        }
        self.close();
    }

    /// A write whose client heard nothing.
    pub(crate) fn unknown(&mut self, number: u8, value: Value) {
        self.pending.push((number, value));
        for copy in &mut self.may_be {
            copy.pending |= 1 << number;
        }
        self.close();
    }

    /// Whether a read may return `value`.
    pub(crate) fn explains(&self, value: Value) -> bool {
        self.may_be.iter().any(|copy| copy.value == value)
    }

    /// Whether a read tells more than was known.
    pub(crate) fn leaves_open(&self) -> bool {
        self.may_be.len() > 1
    }

    /// A read returned `value`; whether that is explained.
    pub(crate) fn read(&mut self, value: Value) {
        self.may_be.retain(|copy| copy.value == value);
        self.close();
    }

    /// An unanswered write was sent again, and answered.
    pub(crate) fn answered(&mut self, number: u8) {
        // It took effect by now: before what was seen since, or after.
        self.may_be.retain(|copy| copy.pending & (1 << number) == 0);
        self.pending.retain(|(pending, _)| *pending != number);
    }

    fn close(&mut self) {
        let mut next = 0;
        while next < self.may_be.len() {
            let Copy { pending, .. } = self.may_be[next];
            for (number, value) in &self.pending {
                if pending & (1 << number) != 0 {
                    let copy = Copy { value: *value, pending: pending & !(1 << number) };
                    if !self.may_be.contains(&copy) {
                        self.may_be.push(copy);
                    }
                }
            }
            next += 1;
        }
        self.may_be.sort();
        self.may_be.dedup();
        // What may take effect nowhere any more is not told apart.
        let open = self.may_be.iter().fold(0, |open, copy| open | copy.pending);
        self.pending.retain(|(number, _)| open & (1 << number) != 0);
    }
}

#[cfg(test)]
mod tests {
    use super::Register;

    #[test]
    fn an_unknown_write_takes_effect_once_and_at_any_time() {
        let mut register = Register::new(Some(1));
        register.unknown(0, Some(2));
        assert!(register.explains(Some(1)) && register.explains(Some(2)));
        register.read(Some(1));
        register.acknowledged(Some(3));
        assert!(register.explains(Some(2)), "it may still come");
        assert!(!register.explains(Some(1)));
        register.read(Some(2));
        register.acknowledged(Some(4));
        assert!(!register.explains(Some(2)), "it came");
    }

    #[test]
    fn an_acknowledged_write_is_seen() {
        let mut register = Register::new(None);
        register.acknowledged(Some(1));
        assert!(register.explains(Some(1)) && !register.explains(None));
        assert!(!register.leaves_open());
    }

    #[test]
    fn an_answer_ends_the_doubt() {
        let mut register = Register::new(None);
        register.unknown(0, Some(1));
        register.answered(0);
        assert!(register.explains(Some(1)) && !register.explains(None));
    }
}
