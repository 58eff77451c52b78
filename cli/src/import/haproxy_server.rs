//! HAProxy's `server` and `default-server` lines.

use std::net::Ipv4Addr;

use super::{
    address,
    haproxy_grammar::Line,
    place::{Fault, Place, quote},
};

/// HAProxy refuses greater weights.
const WEIGHT_MAX: u32 = 256;

/// A server, or what `default-server` says of those after it.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) name: String,
    pub(super) place: Place,
    address: String,
    pub(super) weight: Option<u32>,
    pub(super) is_disabled: bool,
    pub(super) is_backup: bool,
    pub(super) id: Option<u32>,
    pub(super) guid: Option<String>,
    pub(super) hash_key: Option<&'static str>,
    /// Parameters by which its weight changes while HAProxy runs.
    pub(super) weighing: Vec<&'static str>,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            name: String::new(),
            place: Place::of_file(""),
            address: String::new(),
            weight: None,
            is_disabled: false,
            is_backup: false,
            id: None,
            guid: None,
            hash_key: None,
            weighing: Vec::new(),
        }
    }
}

const HASH_KEYS: [&str; 5] = ["id", "addr", "addr-port", "guid", "id32"];

/// Parameters without a value that leave the map alone, `no-` before them included.
const FLAGS: [&str; 29] = [
    "agent-check",
    "allow-0rtt",
    "check",
    "check-reuse-pool",
    "check-send-proxy",
    "check-sni-auto",
    "check-ssl",
    "check-via-socks4",
    "force-sslv3",
    "force-tlsv10",
    "force-tlsv11",
    "force-tlsv12",
    "force-tlsv13",
    "renegotiate",
    "send-proxy",
    "send-proxy-v2",
    "send-proxy-v2-ssl",
    "send-proxy-v2-ssl-cn",
    "sni-auto",
    "ssl",
    "ssl-reuse",
    "sslv3",
    "strict-maxconn",
    "tfo",
    "tls-tickets",
    "tlsv10",
    "tlsv11",
    "tlsv12",
    "tlsv13",
];

/// Parameters with one value that leave the map alone.
const VALUES: [&str; 67] = [
    "addr",
    "agent-addr",
    "agent-inter",
    "agent-port",
    "agent-send",
    "alpn",
    "ca-file",
    "cc",
    "check-alpn",
    "check-pool-conn-name",
    "check-proto",
    "check-sni",
    "ciphers",
    "ciphersuites",
    "client-sigalgs",
    "cookie",
    "crl-file",
    "crt",
    "curves",
    "downinter",
    "error-limit",
    "fall",
    "fastinter",
    "idle-ping",
    "init-addr",
    "init-state",
    "inter",
    "interface",
    "log-bufsize",
    "log-proto",
    "max-reuse",
    "maxconn",
    "maxqueue",
    "minconn",
    "namespace",
    "npn",
    "observe",
    "on-error",
    "on-marked-down",
    "on-marked-up",
    "pool-conn-name",
    "pool-low-conn",
    "pool-max-conn",
    "pool-purge-delay",
    "port",
    "proto",
    "proxy-v2-options",
    "redir",
    "resolve-net",
    "resolve-opts",
    "resolve-prefer",
    "resolvers",
    "rise",
    "shard",
    "sigalgs",
    "sni",
    "socks4",
    "source",
    "ssl-max-ver",
    "ssl-min-ver",
    "tcp-md5sig",
    "tcp-ut",
    "track",
    "usesrc",
    "verify",
    "verifyhost",
    "ws",
];

/// The server of a `server` line, after these defaults.
pub(super) fn server(defaults: &Server, line: &Line) -> Result<Server, Fault> {
    let arguments = line.arguments()?;
    let [name, address, rest @ ..] = &arguments[..] else {
        return Err(line.place.fault("\"server\" takes a name and an address"));
    };
    let is_good = |letter: char| letter.is_ascii_alphanumeric() || ".:_-".contains(letter);
    if let Some(letter) = name.chars().find(|&letter| !is_good(letter)) {
        let message = format!("HAProxy does not permit {letter:?} in a server's name");
        return Err(line.place.fault(message));
    }
    let mut server = Server {
        name: (*name).to_owned(),
        address: (*address).to_owned(),
        place: line.place.clone(),
        ..defaults.clone()
    };
    parameters(&mut server, rest, &line.place, false)?;
    Ok(server)
}

/// Reads the parameters of a server, or of a `default-server`.
pub(super) fn parameters(
    server: &mut Server,
    words: &[&str],
    place: &Place,
    is_default: bool,
) -> Result<(), Fault> {
    let mut words = words.iter().copied();
    while let Some(word) = words.next() {
        let mut value =
            || words.next().ok_or_else(|| place.fault(format!("\"{word}\" lacks its value")));
        match word {
            "weight" => {
                let text = value()?;
                let weight = text.parse().ok().filter(|&weight| weight <= WEIGHT_MAX);
                server.weight = Some(weight.ok_or_else(|| {
                    let found = quote(text);
                    place.fault(format!("expected a weight from 0 to {WEIGHT_MAX}, found {found}"))
                })?);
            }
            "disabled" => server.is_disabled = true,
            "enabled" => server.is_disabled = false,
            "backup" => server.is_backup = true,
            "no-backup" => server.is_backup = false,
            "id" | "guid" if is_default => {
                return Err(place.fault(format!("\"{word}\" belongs to one server")));
            }
            "id" => {
                let text = value()?;
                let id = text.parse().ok().filter(|&id| id > 0 && i32::try_from(id).is_ok());
                server.id = Some(id.ok_or_else(|| {
                    place.fault(format!("expected an id from 1, found {}", quote(text)))
                })?);
            }
            "guid" => server.guid = Some(value()?.to_owned()),
            "hash-key" => {
                let text = value()?;
                let key = HASH_KEYS.into_iter().find(|known| *known == text);
                server.hash_key = Some(key.ok_or_else(|| {
                    let known = HASH_KEYS.join(", ");
                    place.fault(format!("expected one of {known}, found {}", quote(text)))
                })?);
            }
            "agent-check" => server.weighing.push("agent-check"),
            "slowstart" => {
                value()?;
                server.weighing.push("slowstart");
            }
            "set-proxy-v2-tlv-fmt" => {
                value()?;
            }
            word if word.starts_with("set-proxy-v2-tlv-fmt(") => {
                value()?;
            }
            word if VALUES.contains(&word) => {
                value()?;
            }
            "stick" | "non-stick" => {}
            word if FLAGS.contains(&word.strip_prefix("no-").unwrap_or(word)) => {}
            unknown => {
                let message = format!(
                    "the parameter {} is not known and might change which server a key gets; \
                     remove it from a copy if it does not",
                    quote(unknown)
                );
                return Err(place.fault(message));
            }
        }
    }
    Ok(())
}

/// Gives ids to the servers without one as HAProxy does: each the first free from its place on.
pub(super) fn number(servers: &mut [Server]) -> Result<(), Fault> {
    let mut used = std::collections::HashMap::new();
    for server in servers.iter() {
        let Some(id) = server.id else { continue };
        if let Some(first) = used.insert(id, &server.place) {
            let message = format!("id {id} again; the first is at {first}");
            return Err(server.place.fault(message));
        }
    }
    let mut used: std::collections::HashSet<u32> = used.into_keys().collect();
    let mut next = 1;
    for server in servers {
        if server.id.is_none() {
            while !used.insert(next) {
                next += 1;
            }
            server.id = Some(next);
        }
        next += 1;
    }
    Ok(())
}

impl Server {
    /// Where it is reached, if that is a host with a port.
    pub(super) fn address(&self) -> Option<String> {
        let text = self.plain_address();
        match text.rsplit_once(':') {
            Some((host, port)) if host.contains(':') && !host.starts_with('[') => {
                address::plausible(format!("[{host}]:{port}"))
            }
            _ => address::plausible(text.to_owned()),
        }
    }

    fn plain_address(&self) -> &str {
        let families = ["ipv4@", "ipv6@", "tcp@", "tcp4@", "tcp6@"];
        families.iter().find_map(|it| self.address.strip_prefix(it)).unwrap_or(&self.address)
    }

    /// What the ring reads of the server must stand in the file.
    pub(super) fn check_hash_key(&self, key: &str) -> Result<(), Fault> {
        if key == "guid" && self.guid.is_none() && !self.is_backup {
            return Err(self.place.fault("hash-key guid, but the server has no guid"));
        }
        if !key.starts_with("addr") || self.is_backup {
            return Ok(());
        }
        let address = self.plain_address().rsplit_once(':');
        let is_good = address.is_some_and(|(host, port)| {
            host.parse::<Ipv4Addr>().is_ok() && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
        if is_good {
            return Ok(());
        }
        let message = format!(
            "hash-key {key} needs an IPv4 address with a port, found {}; others were not compared \
             with HAProxy",
            quote(&self.address)
        );
        Err(self.place.fault(message))
    }
}
