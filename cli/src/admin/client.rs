//! The admin API of a running proxy.

use std::{fs::File, io::Read as _, path::Path};

use bytes::Bytes;
use http::{
    Method, Request, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use http_body_util::Full;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    failure::Failure,
    http::{Answer, Connection, Limits, NoAnswer, Origin},
};

/// A change is one write to the proxy's store, and a plan a walk over all points.
const EXCHANGE_MS_MAX: u64 = 30_000;
/// A status of 65,536 nodes with long names and addresses.
const ANSWER_BYTES_MAX: usize = 256 << 20;
const TOKEN_BYTES_MAX: u64 = 4_096;

/// A connection to a proxy's admin API.
pub(crate) struct Admin {
    connection: Connection,
    origin: Origin,
    authorization: HeaderValue,
}

impl Admin {
    /// The API at `origin`, for whoever has the token.
    pub(crate) fn new(origin: Origin, token: &str) -> Result<Self, Failure> {
        let mut authorization = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|_| Failure::Message("the token has characters that none may have".into()))?;
        authorization.set_sensitive(true);
        let limits =
            Limits { exchange_ms_max: EXCHANGE_MS_MAX, answer_bytes_max: ANSWER_BYTES_MAX };
        Ok(Self { connection: Connection::new(origin.clone(), limits), origin, authorization })
    }

    /// Asks for something.
    pub(crate) async fn read<T: DeserializeOwned>(&mut self, path: &str) -> Result<T, Failure> {
        let answer = self.exchange(Method::GET, path, None).await?;
        self.parse(&answer.body)
    }

    /// Asks for a change.
    pub(crate) async fn change(
        &mut self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let body = body.map(|body| (body.to_string().into(), "application/json"));
        let answer = self.exchange(method, path, body).await?;
        self.parse_or_null(&answer.body)
    }

    /// Sends a cluster file.
    pub(crate) async fn send_file(&mut self, path: &str, text: String) -> Result<Value, Failure> {
        let body = Some((text.into(), "application/toml"));
        let answer = self.exchange(Method::POST, path, body).await?;
        self.parse_or_null(&answer.body)
    }

    async fn exchange(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(Bytes, &'static str)>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, self.authorization.clone());
        let mut bytes = Bytes::new();
        if let Some((body, kind)) = body {
            request = request.header(CONTENT_TYPE, kind);
            bytes = body;
        }
        let request = request
            .body(Full::new(bytes))
            .map_err(|error| Failure::Message(format!("{path} cannot be asked for: {error}")))?;
        let answer = self.connection.send(request).await;
        let answer = answer.map_err(|none| self.no_answer(&none))?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(self.refused(&answer))
    }

    fn no_answer(&self, none: &NoAnswer) -> Failure {
        let origin = &self.origin;
        Failure::Message(match none {
            NoAnswer::NotConnected(error) => format!(
                "{origin}: cannot connect: {error}; is the proxy running, and is this its \
                 admin_listen? --admin or RINGWAY_ADMIN names another"
            ),
            NoAnswer::TooLong => format!("{origin}: {none}; is this a proxy's admin_listen?"),
            NoAnswer::NotSent | NoAnswer::Broken(_) | NoAnswer::Late => format!(
                "{origin}: {none}; a change may or may not have been made, `ringway status` tells"
            ),
        })
    }

    /// What the proxy says when it says no; anybody else's no is an error of ours.
    fn refused(&self, answer: &Answer) -> Failure {
        let (origin, status) = (&self.origin, answer.status);
        match said(&answer.body) {
            Some(_) if status == StatusCode::UNAUTHORIZED => Failure::Refused(format!(
                "{origin}: the token is not the proxy's; give the file that its admin_token_file \
                 names with --token-file or RINGWAY_TOKEN_FILE"
            )),
            Some(text) => Failure::Refused(text),
            None => Failure::Message(format!(
                "{origin}: {status}, and not from a Ringway admin API; is this a proxy's \
                 admin_listen? --admin or RINGWAY_ADMIN names another"
            )),
        }
    }

    fn parse<T: DeserializeOwned>(&self, json: &[u8]) -> Result<T, Failure> {
        serde_json::from_slice(json).map_err(|error| {
            let origin = &self.origin;
            Failure::Message(format!(
                "{origin}: not the answer of a Ringway {}: {error}; is this a proxy's \
                 admin_listen?",
                env!("CARGO_PKG_VERSION")
            ))
        })
    }

    fn parse_or_null(&self, json: &[u8]) -> Result<Value, Failure> {
        if json.is_empty() { Ok(Value::Null) } else { self.parse(json) }
    }
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    message: String,
}

/// The message of the API's errors, which have a code too.
fn said(body: &[u8]) -> Option<String> {
    let answer: Refusal = serde_json::from_slice(body).ok()?;
    (!answer.error.is_empty()).then_some(answer.message)
}

/// The token in a file, without the line's end.
pub(crate) fn read_token(path: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    File::open(path)
        .and_then(|file| file.take(TOKEN_BYTES_MAX + 1).read_to_string(&mut text))
        .map_err(|error| Failure::of_file(path, "read", &error))?;
    let token = text.trim();
    let visible = token.bytes().all(|byte| byte.is_ascii_graphic());
    let fits = u64::try_from(text.len()).is_ok_and(|len| len <= TOKEN_BYTES_MAX);
    if token.is_empty() || !visible || !fits {
        let message = format!("{}: holds no token, which is one line of text", path.display());
        return Err(Failure::Message(message));
    }
    Ok(token.to_owned())
}
