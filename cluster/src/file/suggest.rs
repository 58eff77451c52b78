//! The known word nearest to an unknown one.

/// The nearest of `known`, if it is near enough to be what was meant.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    const BYTES_MAX: usize = 64;
    if word.len() > BYTES_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let distance = |candidate: &&str| edits(word.as_bytes(), candidate.as_bytes());
    let best = known.iter().copied().min_by_key(distance)?;
    (distance(&best) <= best.len().max(3) / 3).then_some(best)
}

/// How many insertions, deletions, changes and swaps of neighbours lead from `a` to `b`.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut older = vec![0; b.len() + 1];
    let mut old: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut new = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            new[j] = (old[j] + 1).min(new[j - 1] + 1).min(old[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                new[j] = new[j].min(older[j - 2] + 1);
            }
        }
        older = core::mem::replace(&mut old, new);
    }
    old[b.len()]
}

#[cfg(test)]
mod tests {
    use super::{edits, nearest};

    #[test]
    fn counts_edits() {
        for (a, b, count) in [
            ("", "", 0),
            ("", "abc", 3),
            ("wieght", "weight", 1),
            ("nme", "name", 1),
            ("a", "b", 1),
        ] {
            assert_eq!(edits(a.as_bytes(), b.as_bytes()), count, "{a} {b}");
            assert_eq!(edits(b.as_bytes(), a.as_bytes()), count, "{b} {a}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["name", "weight", "address"];
        assert_eq!(nearest("wieght", &known), Some("weight"));
        assert_eq!(nearest("Name", &known), Some("name"));
        assert_eq!(nearest("colour", &known), None);
        assert_eq!(nearest(&"n".repeat(1_000_000), &known), None);
    }
}
