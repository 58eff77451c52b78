//! `ringway.toml`: what a proxy is told.

mod read;

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use ringway_client::SendLimits;

use crate::{coordinator::CoordinatorLimits, data::KeySource};

/// At most this many bytes in a configuration file.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The configuration of a proxy, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Where operators connect.
    pub admin_listen: SocketAddr,
    /// The file that holds the operators' token.
    pub admin_token_file: PathBuf,
    /// Where nodes read the map.
    pub node_listen: SocketAddr,
    /// The file that holds the token that nodes and proxy know each other by.
    pub node_token_file: PathBuf,
    /// The directory of the store.
    pub store: PathBuf,
    /// The cluster file that seeds an empty store.
    pub cluster: Option<PathBuf>,
    /// How many threads serve clients.
    pub workers: usize,
    /// Where a request's sharding key stands.
    pub key: KeySource,
    /// The limits.
    pub limits: Limits,
    /// The limits of moves.
    pub moves: CoordinatorLimits,
}

/// The limits of a proxy: each ends in `_max`, with its unit before that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of clients.
    pub connections_max: usize,
    /// Requests that are being served.
    pub requests_in_flight_max: usize,
    /// Requests that wait for a key that moves.
    pub parked_max: usize,
    /// How long such a request waits.
    pub park_ms_max: u64,
    /// Bytes of a request's or an answer's head.
    pub head_bytes_max: usize,
    /// Bytes of a request's body.
    pub body_bytes_max: u64,
    /// Bytes of a body that is kept, so that it can be sent again.
    pub replay_bytes_max: usize,
    /// Bytes of a sharding key.
    pub key_bytes_max: usize,
    /// From a head's first byte to its last.
    pub head_ms_max: u64,
    /// Between two requests of one connection.
    pub idle_ms_max: u64,
    /// Without a byte in a body, in either direction.
    pub stall_ms_max: u64,
    /// For a connect to a node.
    pub connect_ms_max: u64,
    /// For the head of a node's answer.
    pub answer_ms_max: u64,
    /// Idle connections to one node, per worker.
    pub node_idle_connections_max: usize,
    /// For which a connection to a node may be idle.
    pub node_idle_ms_max: u64,
    /// How old a connection to a node may grow.
    pub node_connection_age_ms_max: u64,
    /// For requests under way when the proxy is told to stop.
    pub shutdown_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            requests_in_flight_max: 10_000,
            parked_max: 10_000,
            park_ms_max: 2_000,
            head_bytes_max: 32 << 10,
            body_bytes_max: 64 << 20,
            replay_bytes_max: 64 << 10,
            key_bytes_max: 4_096,
            head_ms_max: 10_000,
            idle_ms_max: 75_000,
            stall_ms_max: 30_000,
            connect_ms_max: 1_000,
            answer_ms_max: 60_000,
            node_idle_connections_max: 256,
            node_idle_ms_max: 30_000,
            node_connection_age_ms_max: 600_000,
            shutdown_ms_max: 10_000,
        }
    }
}

impl Limits {
    /// Those that the way to a node has.
    #[must_use]
    pub const fn send(&self) -> SendLimits {
        SendLimits {
            connect_max: Duration::from_millis(self.connect_ms_max),
            answer_max: Duration::from_millis(self.answer_ms_max),
            park_max: Duration::from_millis(self.park_ms_max),
            parked_max: self.parked_max,
            head_bytes_max: self.head_bytes_max,
            idle_connections_max: self.node_idle_connections_max,
            idle_max: Duration::from_millis(self.node_idle_ms_max),
            age_max: Duration::from_millis(self.node_connection_age_ms_max),
        }
    }
}

/// What is wrong with a configuration file, and where.
///
/// Its text is `FILE:LINE: FIELD: MESSAGE`, without the parts that are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    source_name: String,
    line: Option<usize>,
    field: Option<String>,
    message: String,
}

impl ConfigError {
    /// The line, from 1, if the fault is at one.
    #[must_use]
    pub const fn line(&self) -> Option<usize> {
        self.line
    }

    /// The field, such as `proxy.listen`, if the fault is in one.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source_name)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        f.write_str(": ")?;
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

impl Config {
    /// The configuration that the file at `path` describes.
    ///
    /// # Errors
    /// [`ConfigError`] if it cannot be read or is no configuration.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        use std::io::Read as _;
        let source_name = path.display().to_string();
        let whole = |message: String| ConfigError {
            source_name: source_name.clone(),
            line: None,
            field: None,
            message,
        };
        let cannot = |error: std::io::Error| whole(format!("cannot be read: {error}"));
        let file = std::fs::File::open(path).map_err(cannot)?;
        let mut bytes = Vec::new();
        file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cannot)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > FILE_BYTES_MAX) {
            return Err(whole("larger than 1 MiB, which no configuration needs".into()));
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| whole("not UTF-8; save the file as UTF-8 text".into()))?;
        let directory = path.parent().unwrap_or(Path::new(""));
        Self::parse(&text, &source_name, directory)
    }

    /// The configuration that `text` describes; relative paths in it are below `directory`, and
    /// `source_name` stands in errors where a path would.
    ///
    /// # Errors
    /// [`ConfigError`] that names line, field and remedy.
    pub fn parse(text: &str, source_name: &str, directory: &Path) -> Result<Self, ConfigError> {
        read::parse(text, source_name, directory)
    }
}

/// Reads a token from a file: one line, without the white space around it.
///
/// # Errors
/// As a text, if the file can't be read, or holds no token or a very short one.
pub(crate) fn read_token(path: &Path, field: &str) -> Result<String, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("{field}: {}: cannot be read: {error}", path.display()))?;
    let token = text.trim();
    if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let path = path.display();
        return Err(format!(
            "{field}: {path}: a token is one line of at least 16 visible ASCII characters; \
             make one with: openssl rand -hex 32"
        ));
    }
    Ok(token.into())
}
