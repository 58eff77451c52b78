//! What nodes and the store read off the wire: parameters of control calls, paths, headers, and the
//! JSON of records. Nothing panics, and what is read is written back as it was.
#![no_main]

use arbitrary::Arbitrary;
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use ringway_client::http1::percent_encode;
use ringway_cluster::{Record, RecordKey};
use ringway_node::fuzzing::{control_query, headers, key_of};

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    Query(&'a str),
    Path(&'a str),
    Key(&'a [u8]),
    Headers(Vec<(u8, &'a [u8])>),
    Record(&'a str, &'a str),
}

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Query(query) => {
            let target = format!("/v1/export?{query}");
            assert_eq!(control_query(&target), control_query(&target));
        }
        Input::Path(path) => {
            if let Ok(key) = key_of(path) {
                assert!((1..=4_096).contains(&key.len()));
                assert_eq!(key_of(&encoded(&key)), Ok(key));
            }
        }
        Input::Key(key) => {
            let known = (1..=4_096).contains(&key.len());
            assert_eq!(key_of(&encoded(key)).ok().as_deref(), known.then_some(key));
        }
        Input::Headers(lines) => {
            const NAMES: [&str; 4] = ["ringway-epoch", "if-match", "if-none-match", "other"];
            let mut map = HeaderMap::new();
            for (name, value) in lines.into_iter().take(64) {
                if let Ok(value) = HeaderValue::from_bytes(value) {
                    map.append(NAMES[usize::from(name) % NAMES.len()], value);
                }
            }
            let _ = headers(&map);
        }
        Input::Record(key, json) => {
            let Ok(key) = key.parse::<RecordKey>() else { return };
            assert_eq!(key.to_string().parse::<RecordKey>().as_ref(), Ok(&key));
            if let Ok(record) = Record::from_json(&key, json) {
                let again = Record::from_json(&key, &record.to_json());
                assert_eq!(again, Ok(record));
            }
        }
    }
});

fn encoded(key: &[u8]) -> String {
    let mut path = b"/".to_vec();
    percent_encode(key, &mut path);
    String::from_utf8(path).expect("ASCII")
}
