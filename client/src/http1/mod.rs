//! HTTP/1.1 messages on the wire, read strictly.
//!
//! Hostile input is refused rather than repaired: a line that ends in a bare line feed, a folded
//! header, a length given twice. What two parsers could read in two ways never gets through.

mod body;
mod head;
mod header;
mod write;

pub use self::{
    body::{BadBody, BodyReader, Framing, Step, write_chunk_head},
    head::{AnswerHead, BadHead, HeadScanner, HeaderSpan, Scan, parse_answer},
    header::{HeaderName, lists, percent_encode, tokens, trim},
    write::{HeaderCopy, parse_decimal, push_decimal},
};

/// At most this many headers in a head.
pub const HEADERS_MAX: usize = 100;
