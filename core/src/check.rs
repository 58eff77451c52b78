//! The limits that every layout shares, checked in the order of the SPEC.

#[cfg(feature = "alloc")]
use crate::Layout;
use crate::{
    BuildError, Node, State,
    layout::{NODES_MAX, POINTS_MAX, TEXT_BYTES_MAX},
    sort,
};

/// How many nodes there are.
pub(crate) const fn count(nodes: &[Node<'_>]) -> Result<(), BuildError> {
    if nodes.len() > NODES_MAX {
        return Err(BuildError::TooManyNodes { count: nodes.len() });
    }
    Ok(())
}

/// How many nodes there are, and the lengths of their texts.
pub(crate) fn texts(nodes: &[Node<'_>]) -> Result<(), BuildError> {
    count(nodes)?;
    nodes.iter().enumerate().try_for_each(|(index, node)| node_texts(index, node))
}

/// The lengths of the texts of the node of that index.
pub(crate) fn node_texts(index: usize, node: &Node<'_>) -> Result<(), BuildError> {
    let wrong = |text: &[u8]| text.is_empty() || text.len() > TEXT_BYTES_MAX;
    if wrong(node.name()) {
        return Err(BuildError::BadText { index, field: "name", len: node.name().len() });
    }
    #[cfg(feature = "alloc")]
    let texts = [
        ("zone", node.zone()),
        ("address", node.address().map(str::as_bytes)),
        ("hash_text", node.hash_text()),
        ("guid", node.guid()),
    ];
    #[cfg(not(feature = "alloc"))]
    let texts = [("zone", node.zone())];
    for (field, text) in texts {
        if let Some(text) = text.filter(|text| wrong(text)) {
            return Err(BuildError::BadText { index, field, len: text.len() });
        }
    }
    Ok(())
}

/// That no two names are equal. `by_name` holds the nodes' indices and is put in order of name.
///
/// The error names the first node whose name an earlier one has.
pub(crate) fn names<T: Copy>(
    nodes: &[Node<'_>],
    by_name: &mut [T],
    index: impl Fn(T) -> usize,
) -> Result<(), BuildError> {
    let name = |at: T| nodes.get(index(at)).map_or(&[][..], Node::name);
    sort::by(by_name, |&a, &b| name(a).cmp(name(b)).then_with(|| index(a).cmp(&index(b))));
    let equal = by_name.windows(2).filter_map(|pair| match *pair {
        [first, second] if name(first) == name(second) => Some((index(first), index(second))),
        _ => None,
    });
    match equal.min_by_key(|&(_, second)| second) {
        Some((first, second)) => Err(BuildError::DuplicateName { first, second }),
        None => Ok(()),
    }
}

/// That no node has a field that a native layout would not read. (An address is nobody's fault.)
#[cfg(feature = "alloc")]
pub(crate) fn fields(layout: &Layout, nodes: &[Node<'_>]) -> Result<(), BuildError> {
    let unread = |node: &Node<'_>| {
        let fields = node.fields();
        let given = [
            ("hash_text", fields.hash_text.is_some()),
            ("id", fields.id.is_some()),
            ("guid", fields.guid.is_some()),
            ("vnodes", fields.vnodes.is_some()),
            ("tokens", fields.tokens.is_some()),
        ];
        given.into_iter().find(|&(_, given)| given).map(|(field, _)| field)
    };
    for (index, node) in nodes.iter().enumerate().filter(|_| !layout.is_compat()) {
        if node.fields().millionths != 0 {
            return Err(BuildError::FractionUnsupported { index });
        }
        if let Some(field) = unread(node) {
            return Err(BuildError::FieldUnsupported { index, field });
        }
    }
    Ok(())
}

/// How many points `vnodes` for each unit of weight are in all, whatever the limit.
pub(crate) fn point_count(nodes: &[Node<'_>], vnodes: u32) -> u64 {
    nodes
        .iter()
        .map(|node| u64::from(vnodes) * u64::from(node.effective_weight()))
        .fold(0, u64::saturating_add)
}

/// That there are at most 2^24 points.
pub(crate) fn points(points: u64) -> Result<usize, BuildError> {
    match usize::try_from(points) {
        Ok(count) if points <= POINTS_MAX => Ok(count),
        _ => Err(BuildError::TooManyPoints { points }),
    }
}

/// That every node has weight 1 and none is drained.
pub(crate) fn unweighted(nodes: &[Node<'_>]) -> Result<(), BuildError> {
    for (index, node) in nodes.iter().enumerate() {
        if node.weight() != 1 {
            return Err(BuildError::WeightUnsupported { index, weight: node.weight() });
        }
        if node.state() == State::Drain {
            return Err(BuildError::DrainUnsupported { index });
        }
    }
    Ok(())
}
