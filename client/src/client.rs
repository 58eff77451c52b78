//! The proxy as a library: a small client that routes by itself.

use std::io::Write as _;

use bytes::Buf as _;

use crate::{
    connection::READ_BYTES,
    http1::{BodyReader, HeaderName, Step, percent_encode},
    limits::SendLimits,
    map::Map,
    send::{Answer, Outgoing, OutgoingBody, Sender},
    send_error::{Repeat, SendError},
};

/// A client that finds each key's owner by itself.
///
/// It routes, waits and re-sends exactly as the proxy does, because it is the same code.
#[derive(Debug)]
pub struct Client {
    sender: Sender,
    body_bytes_max: usize,
}

/// An answer, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAnswer {
    /// The status code.
    pub status: u16,
    /// The end-to-end headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
}

impl ClientAnswer {
    /// The first value of a header; case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter();
        headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| &value[..])
    }
}

impl Client {
    /// A client that routes by `map` and takes answers of up to `body_bytes_max` bytes.
    #[must_use]
    pub fn new(map: Map, limits: SendLimits, body_bytes_max: usize) -> Self {
        Self { sender: Sender::new(map, limits), body_bytes_max }
    }

    /// `GET` of the resource at `path` under the sharding key `key`.
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry is safe.
    pub async fn get(&self, key: &[u8], path: &str) -> Result<ClientAnswer, SendError> {
        self.request("GET", key, path, None, None).await
    }

    /// `PUT` of the resource at `path` under the sharding key `key`.
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry is safe.
    pub async fn put(
        &self,
        key: &[u8],
        path: &str,
        body: &[u8],
    ) -> Result<ClientAnswer, SendError> {
        self.request("PUT", key, path, Some(body), None).await
    }

    /// As [`put`](Self::put) with an `Idempotency-Key`, any bytes that no other request under this
    /// sharding key has: executed once by nodes that keep answers, however often it is repeated.
    ///
    /// After an unknown outcome it is sent again here, within limits; the caller may repeat it, too.
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry is safe.
    pub async fn put_once(
        &self,
        key: &[u8],
        path: &str,
        body: &[u8],
        idempotency_key: &[u8],
    ) -> Result<ClientAnswer, SendError> {
        self.request("PUT", key, path, Some(body), Some(idempotency_key)).await
    }

    /// `DELETE` of the resource at `path` under the sharding key `key`.
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry is safe.
    pub async fn delete(&self, key: &[u8], path: &str) -> Result<ClientAnswer, SendError> {
        self.request("DELETE", key, path, None, None).await
    }

    /// As [`delete`](Self::delete) with an `Idempotency-Key`: see [`put_once`](Self::put_once).
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry is safe.
    pub async fn delete_once(
        &self,
        key: &[u8],
        path: &str,
        idempotency_key: &[u8],
    ) -> Result<ClientAnswer, SendError> {
        self.request("DELETE", key, path, None, Some(idempotency_key)).await
    }

    async fn request(
        &self,
        method: &str,
        key: &[u8],
        path: &str,
        body: Option<&[u8]>,
        once: Option<&[u8]>,
    ) -> Result<ClientAnswer, SendError> {
        let repeat = match (method, once) {
            ("GET", _) => Repeat::Safe,
            (_, Some(_)) => Repeat::Keyed,
            (_, None) => Repeat::Never,
        };
        let mut head = Vec::with_capacity(256);
        // Writing to a `Vec` cannot fail.
        let _ = write!(head, "{method} ");
        encode_path(path.as_bytes(), &mut head);
        head.extend_from_slice(b" HTTP/1.1\r\nHost: ringway\r\nRingway-Key: ");
        percent_encode(key, &mut head);
        head.extend_from_slice(b"\r\n");
        if let Some(once) = once {
            head.extend_from_slice(b"Idempotency-Key: \"");
            percent_encode(once, &mut head);
            head.extend_from_slice(b"\"\r\n");
        }
        if let Some(body) = body {
            let _ = write!(head, "Content-Length: {}\r\n", body.len());
        }
        let request = Outgoing {
            key,
            head: &head,
            is_head: false,
            repeat,
            body: OutgoingBody::Kept(body.unwrap_or_default()),
        };
        let mut wire = Vec::new();
        let answer = self.sender.send(&request, &mut wire).await?;
        self.collect(answer).await
    }

    async fn collect(&self, answer: Answer) -> Result<ClientAnswer, SendError> {
        let Answer { mut connection, node, repeat, .. } = answer;
        let bad = |reason: &str| {
            let (node, reason) = (node.name.clone(), reason.to_owned());
            SendError::BadAnswer { node, reason, repeat }
        };
        let headers = connection.head.headers.iter().filter_map(|span| {
            let name = &connection.head_bytes[span.name.clone()];
            let end_to_end = matches!(HeaderName::of(name), HeaderName::EndToEnd);
            let name = end_to_end.then(|| String::from_utf8_lossy(name).into_owned())?;
            Some((name, connection.head_bytes[span.value.clone()].to_vec()))
        });
        let mut whole = ClientAnswer {
            status: connection.head.status,
            headers: headers.collect(),
            body: Vec::new(),
        };
        let mut reader = BodyReader::new(connection.head.framing);
        loop {
            match reader.step(&mut connection.input).map_err(|error| bad(error.0))? {
                Step::End => break,
                Step::Data(length) => {
                    whole.body.extend_from_slice(&connection.input[..length]);
                    connection.input.advance(length);
                    if whole.body.len() > self.body_bytes_max {
                        return Err(bad("its body is larger than this client takes"));
                    }
                }
                Step::More => {
                    let filling = connection.fill(READ_BYTES);
                    let limit = self.sender.limits().answer_max;
                    match tokio::time::timeout(limit, filling).await {
                        Ok(Ok(0)) if reader.ends_with_connection() => return Ok(whole),
                        Ok(Ok(0)) => return Err(bad("it ends in the middle of its body")),
                        Ok(Ok(_)) => {}
                        Ok(Err(error)) => return Err(bad(&error.to_string())),
                        Err(_) => return Err(bad("its body does not come")),
                    }
                }
            }
        }
        self.sender.pool().put(&node, connection);
        Ok(whole)
    }
}

/// A path as a request target: a leading slash, and all but unreserved bytes and slashes as `%XX`.
fn encode_path(path: &[u8], out: &mut Vec<u8>) {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    for segment in path.split(|&byte| byte == b'/') {
        out.push(b'/');
        percent_encode(segment, out);
    }
}
