//! What the fuzz targets reach of the node: targets and headers of requests.

use http::{HeaderMap, Uri};

use crate::http::fuzzing::{Query, condition, header_number, row_key};

/// Reads the parameters of every control call out of a target, as each call would.
///
/// # Errors
/// What is wrong with them.
pub fn control_query(target: &str) -> Result<String, String> {
    let uri: Uri = target.parse().map_err(|error| format!("{error}"))?;
    let mut query = Query::parse(&uri)?;
    let range = query.range();
    let mut found = format!("{range:?}");
    for part in [
        query.fence().map(|fence| format!("{fence:?}")),
        query.optional_range().map(|range| format!("{range:?}")),
        query.limits().map(|limits| format!("{limits:?}")),
        query.cursor().map(|cursor| format!("{cursor:?}")),
        query.number("since").map(|since| since.to_string()),
        query.finish().map(|()| String::new()),
    ] {
        found.push_str(&part.unwrap_or_else(|error| error));
    }
    Ok(found)
}

/// A row's key out of a path, without the byte for its space, which is that of clients' rows.
///
/// # Errors
/// What is wrong with it.
///
/// # Panics
/// If a path names a row in another space: a client could write kept answers.
pub fn key_of(path: &str) -> Result<Vec<u8>, String> {
    let key = row_key(path)?;
    let (space, path) = key.split_first().expect("a byte for the space");
    assert_eq!(*space, 0, "a path names a row of clients");
    Ok(path.to_vec())
}

/// What a node reads out of the headers of a request.
#[must_use]
pub fn headers(headers: &HeaderMap) -> [bool; 2] {
    let epoch = http::HeaderName::from_static("ringway-epoch");
    [header_number(headers, &epoch).is_ok(), condition(headers).is_ok()]
}
