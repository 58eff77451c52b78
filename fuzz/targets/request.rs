//! Requests of arbitrary bytes: refused, or what the node gets is one request with the same
//! framing and the key that was found, and nothing in it that only this hop may say.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ringway_client::http1::{Framing, HeadScanner, Scan, percent_encode};
use ringway_proxy::{
    KeySource,
    fuzzing::{Forwarded, forward},
};

const KEY_BYTES_MAX: usize = 4_096;

#[derive(Arbitrary, Debug)]
enum Input<'a> {
    /// As they come from a socket.
    Bytes { source: u8, bytes: &'a [u8] },
    /// Good ones mostly: lines that are put together.
    Built { source: u8, method: u8, target: &'a str, lines: Vec<(u8, &'a [u8])> },
    /// A key in a place that is known.
    Key { source: u8, key: &'a [u8], before: u8 },
}

fn source(which: u8) -> KeySource {
    let text = ["path_tail:1", "path:2", "query:key", "header:X-Key", "cookie:id", "header:Host"];
    KeySource::parse(text[usize::from(which) % text.len()]).expect("a source")
}

/// Names that a proxy treats in a way of their own, and some that it does not.
const NAMES: [&str; 26] = [
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Ringway-Key",
    "Ringway-Epoch",
    "ringway-position",
    "Ringway-",
    "X-Key",
    "Cookie",
    "X-Forwarded-For",
    "Upgrade",
    "Expect",
    "TE",
    "Trailer",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Via",
    "Accept",
    "content-length",
    "Content-Length ",
    " Transfer-Encoding",
    "Transfer_Encoding",
    "Date",
    "Content-Length\t",
];

fuzz_target!(|input: Input<'_>| {
    match input {
        Input::Bytes { source: which, bytes } => check(bytes, &source(which)),
        Input::Built { source: which, method, target, lines } => {
            let method =
                ["GET", "PUT", "POST", "HEAD", "OPTIONS", "DELETE", "get"][usize::from(method % 7)];
            let mut bytes = format!("{method} /{target} HTTP/1.1\r\nHost: a\r\n").into_bytes();
            for (name, value) in lines {
                bytes.extend_from_slice(NAMES[usize::from(name) % NAMES.len()].as_bytes());
                bytes.extend_from_slice(b": ");
                bytes.extend_from_slice(value);
                bytes.extend_from_slice(b"\r\n");
            }
            bytes.extend_from_slice(b"\r\n");
            check(&bytes, &source(which));
        }
        Input::Key { source: which, key, before } => {
            let source = source(which);
            let mut encoded = Vec::new();
            percent_encode(key, &mut encoded);
            let encoded = String::from_utf8(encoded).expect("ASCII");
            let (target, known) = match &source {
                KeySource::PathTail(_) => (format!("/{encoded}?key=other"), true),
                KeySource::Path(_) => (format!("/{before}/{encoded}/x?key=other"), true),
                KeySource::Query(_) => (format!("/x?a={before}&k%65y={encoded}&b"), true),
                _ => ("/x".into(), false),
            };
            let head = format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
            match forward(head.as_bytes(), &source, KEY_BYTES_MAX) {
                Ok(forwarded) => assert!(!known || forwarded.key == key),
                Err((status, code, _)) => {
                    assert_eq!((status, code), (400, "bad-key"));
                    assert!(!known || key.is_empty() || key.len() > KEY_BYTES_MAX);
                }
            }
        }
    }
});

/// What the proxy does with the first head of `bytes`.
fn check(bytes: &[u8], source: &KeySource) {
    let whole = HeadScanner::default().scan(bytes);
    let mut scanner = HeadScanner::default();
    let ends = (0..=bytes.len()).step_by(3).chain([bytes.len()]);
    let mut found = Scan::Partial;
    for end in ends {
        found = scanner.scan(&bytes[..end]);
        if found != Scan::Partial {
            break;
        }
    }
    assert_eq!(found, whole, "a head's end does not depend on how it arrives");
    let Scan::Complete(length) = whole else { return };
    let head = &bytes[..length];
    match forward(head, source, KEY_BYTES_MAX) {
        Err((status, code, message)) => {
            assert!(matches!(status, 400 | 417 | 431 | 501 | 505), "{status}");
            assert!(!code.is_empty() && message.starts_with("client: "), "{message}");
            assert!(!message.contains(['\r', '\n']), "{message:?}");
        }
        Ok(forwarded) => check_forwarded(&forwarded, source),
    }
}

fn check_forwarded(forwarded: &Forwarded, source: &KeySource) {
    let head = &forwarded.head[..];
    assert_eq!(HeadScanner::default().scan(head), Scan::Complete(head.len()), "exactly one head");
    // Another parser's view, line by line.
    let text = head.strip_suffix(b"\r\n\r\n").expect("it ends with an empty line");
    let mut lines =
        text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.next().expect("a request line");
    let words: Vec<&[u8]> = first.split(|byte| *byte == b' ').collect();
    assert!(matches!(words[..], [_, _, b"HTTP/1.1"]), "{first:?}");
    let mut lengths = Vec::new();
    let (mut codings, mut hosts, mut keys, mut positions, mut epochs) = (0, 0, Vec::new(), 0, 0);
    for line in lines {
        assert!(!line.contains(&b'\r') && !line.contains(&0), "{line:?}");
        let colon = line.iter().position(|byte| *byte == b':').expect("a name and a value");
        let name = String::from_utf8(line[..colon].to_ascii_lowercase()).expect("a name");
        assert!(!name.is_empty() && !name.contains([' ', '\t']), "{name:?}");
        let value = line[colon + 1..].trim_ascii();
        match &name[..] {
            "content-length" => lengths.push(value.to_vec()),
            "transfer-encoding" => {
                assert_eq!(value, b"chunked");
                codings += 1;
            }
            "host" => hosts += 1,
            "ringway-key" => keys.push(value.to_vec()),
            "ringway-position" => positions += 1,
            "ringway-epoch" => epochs += 1,
            "connection"
            | "upgrade"
            | "te"
            | "trailer"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authorization"
            | "proxy-authenticate"
            | "expect" => {
                panic!("{name} ends at this hop")
            }
            other => assert!(!other.starts_with("ringway-"), "{other} is ours"),
        }
    }
    assert_eq!((hosts, positions, epochs), (1, 1, 1));
    let mut key = Vec::new();
    percent_encode(&forwarded.key, &mut key);
    assert_eq!(keys, [key]);
    match forwarded.framing {
        Framing::None => assert!(codings == 0 && lengths.iter().all(|length| length == b"0")),
        Framing::Length(length) => {
            assert_eq!((codings, &lengths[..]), (0, &[length.to_string().into_bytes()][..]));
        }
        Framing::Chunked => assert!(codings == 1 && lengths.is_empty()),
        Framing::Close => panic!("a request never ends with its connection"),
    }
    // Read once more, it is the same request: nothing stands there that two parsers read apart.
    let again = forward(head, source, KEY_BYTES_MAX);
    if let Ok(again) = &again {
        assert_eq!((again.framing, &again.key), (forwarded.framing, &forwarded.key));
    } else if !matches!(source, KeySource::Header(_) | KeySource::Cookie(_)) {
        // A key in a header that `Connection` lists has ended here with it.
        panic!("{again:?}");
    }
}
