//! What the fuzz targets reach of the data path: heads in, the bytes for the other side out.

use ringway_client::{
    Repeat,
    http1::{AnswerHead, Framing, parse_answer},
};

use crate::{
    KeySource,
    data::fuzzing::{Context, Plan, Prepared, read, write_framing, write_head},
};

/// A request as its node gets it.
#[derive(Debug)]
pub struct Forwarded {
    /// Request line and headers, with the empty line.
    pub head: Vec<u8>,
    /// The sharding key.
    pub key: Vec<u8>,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether another request may follow on the client's connection.
    pub keep_alive: bool,
}

/// Does what the proxy does with a request's head.
///
/// # Errors
/// The status, the code and the text with which it is refused.
pub fn forward(
    head: &[u8],
    source: &KeySource,
    key_bytes_max: usize,
) -> Result<Forwarded, (u16, &'static str, String)> {
    let mut prepared = Prepared::default();
    let context = Context { source, key_bytes_max, peer: "192.0.2.1" };
    let plan = read(head, &context, &mut prepared)
        .map_err(|fault| (fault.status, fault.code, fault.message.into_owned()))?;
    let mut head = prepared.head;
    write_framing(plan.framing, false, &mut head);
    head.extend_from_slice(b"Ringway-Position: 7\r\nRingway-Epoch: 1\r\n\r\n");
    let Plan { framing, keep_alive, .. } = plan;
    Ok(Forwarded { head, key: prepared.key, framing, keep_alive })
}

/// Does what the proxy does with the head of a node's answer; the head for the client.
///
/// # Errors
/// What is wrong with the answer.
pub fn relay(head: &[u8], is_head: bool, is_http_11: bool) -> Result<Vec<u8>, &'static str> {
    let mut answer = AnswerHead::default();
    parse_answer(head, is_head, &mut answer).map_err(|bad| bad.0)?;
    let plan = Plan {
        framing: Framing::None,
        is_http_11,
        keep_alive: true,
        is_head,
        repeat: Repeat::Safe,
        expects_continue: false,
    };
    let unmeasured = matches!(answer.framing, Framing::Chunked | Framing::Close);
    let (chunked, last) = (is_http_11 && unmeasured, !is_http_11 && unmeasured);
    let mut out = Vec::new();
    write_head((&answer, head), &plan, chunked, last, &mut out);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_needs_no_reason() {
        for (head, relayed) in [
            (
                "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n",
                "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n",
            ),
            (
                "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n",
                "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n",
            ),
            (
                "HTTP/1.1 200 \u{fc}\r\nContent-Length: 1\r\n\r\n",
                "HTTP/1.1 200 \r\nContent-Length: 1\r\n\r\n",
            ),
            (
                "HTTP/1.1 204\r\nA:\r\nB: \r\nC: 1\r\n\r\n",
                "HTTP/1.1 204 \r\nA: \r\nB: \r\nC: 1\r\n\r\n",
            ),
        ] {
            let out = relay(head.as_bytes(), false, true).expect(head);
            assert_eq!(String::from_utf8_lossy(&out), relayed, "{head}");
        }
    }
}
