//! Answers of arbitrary bytes from a node: refused, or what the client gets is one answer that is
//! delimited the same way; bodies read alike in any pieces.
#![no_main]

use arbitrary::Arbitrary;
use bytes::{Buf as _, BytesMut};
use libfuzzer_sys::fuzz_target;
use ringway_client::http1::{
    AnswerHead, BadBody, BodyReader, Framing, HeadScanner, Scan, Step, parse_answer,
    write_chunk_head,
};
use ringway_proxy::fuzzing::relay;

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    is_head: bool,
    is_http_11: bool,
    piece: u8,
    bytes: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let Scan::Complete(length) = HeadScanner::default().scan(input.bytes) else { return };
    let (head, rest) = input.bytes.split_at(length);
    let mut answer = AnswerHead::default();
    let parsed = parse_answer(head, input.is_head, &mut answer);
    let relayed = relay(head, input.is_head, input.is_http_11);
    assert_eq!(parsed.is_ok(), relayed.is_ok());
    let (Ok(()), Ok(out)) = (parsed, relayed) else { return };

    assert_eq!(HeadScanner::default().scan(&out), Scan::Complete(out.len()), "exactly one head");
    let mut again = AnswerHead::default();
    parse_answer(&out, input.is_head, &mut again).expect("what was written can be read");
    assert_eq!(again.status, answer.status);
    assert_eq!((again.epoch, again.frozen), (None, false), "hints end at the proxy");
    let expected = match answer.framing {
        Framing::Close if input.is_http_11 => Framing::Chunked,
        Framing::Chunked if !input.is_http_11 => Framing::Close,
        same => same,
    };
    assert_eq!(again.framing, expected);

    let whole = read(answer.framing, rest, rest.len().max(1));
    assert_eq!(whole, read(answer.framing, rest, usize::from(input.piece % 16) + 1));
    // A whole body in chunks of ours is the same body.
    let Ok((body, _)) = whole else { return };
    let mut chunked = Vec::new();
    for piece in body.chunks(usize::from(input.piece) + 1) {
        write_chunk_head(piece.len(), &mut chunked);
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    assert_eq!(read(Framing::Chunked, &chunked, 5), Ok((body, 0)));
});

/// The body, and how many bytes are left after it; an error also if it is cut short.
fn read(framing: Framing, wire: &[u8], piece: usize) -> Result<(Vec<u8>, usize), BadBody> {
    let mut reader = BodyReader::new(framing);
    let mut input = BytesMut::new();
    let (mut body, mut fed) = (Vec::new(), 0);
    loop {
        match reader.step(&mut input)? {
            Step::Data(length) => {
                body.extend_from_slice(&input[..length]);
                input.advance(length);
            }
            Step::End => return Ok((body, wire.len() - fed + input.len())),
            Step::More if fed == wire.len() && reader.ends_with_connection() => {
                return Ok((body, 0));
            }
            Step::More if fed == wire.len() => return Err(BadBody("cut")),
            Step::More => {
                let end = (fed + piece).min(wire.len());
                input.extend_from_slice(&wire[fed..end]);
                fed = end;
            }
        }
    }
}
