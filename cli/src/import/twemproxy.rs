//! twemproxy: a pool with `distribution`, `hash`, `hash_tag` and `servers`.

use ringway::{OptionValue, Program};
use ringway_cluster::NodeEntry;

use super::{
    Imported, address, layout,
    nodes::Nodes,
    place::{Fault, listed, quote},
    source::Source,
    yaml::{Document, Value},
};

/// The port that twemproxy leaves out of a name.
const MEMCACHED_PORT: u16 = 11_211;

/// Fields that leave the map alone.
const NEUTRAL: [&str; 12] = [
    "backlog",
    "client_connections",
    "listen",
    "preconnect",
    "redis",
    "redis_auth",
    "redis_db",
    "server_connections",
    "server_failure_limit",
    "server_retry_timeout",
    "tcpkeepalive",
    "timeout",
];

const HASHES: [&str; 12] = [
    "one_at_a_time",
    "md5",
    "crc16",
    "crc32",
    "crc32a",
    "fnv1_64",
    "fnv1a_64",
    "fnv1_32",
    "fnv1a_32",
    "hsieh",
    "murmur",
    "jenkins",
];

pub(super) fn import(source: &Source, name: &str) -> Result<Imported, Fault> {
    let document = Document::parse(source)?;
    let pools = document.root().map("the configuration")?;
    let Some(&(_, key, pool)) = pools.fields.iter().find(|(found, _, _)| *found == name) else {
        let names: Vec<&str> = pools.fields.iter().map(|(name, _, _)| *name).collect();
        let message = format!("no pool {}; there are: {}", quote(name), listed(&names));
        return Err(source.place(0).fault(message));
    };
    let head = key.place();
    let mut notes = Vec::new();
    let mut program = Program::TwemproxyKetama;
    let (mut hash, mut hash_tag, mut servers) = (None, None, None);
    for (field, key, value) in pool.map("the pool")?.fields {
        match field {
            "distribution" => {
                program = match value.text("distribution")? {
                    "ketama" => Program::TwemproxyKetama,
                    "modula" => Program::TwemproxyModula,
                    "random" => {
                        let message = "distribution random is no map of keys; no layout does that";
                        return Err(value.fault(message));
                    }
                    other => {
                        let found = quote(other);
                        let message =
                            format!("distribution: expected ketama or modula, found {found}");
                        return Err(value.fault(message));
                    }
                };
            }
            "hash" => {
                let text = value.text("hash")?;
                if !HASHES.contains(&text) {
                    let known = HASHES.join(", ");
                    let message = format!("hash: expected one of {known}, found {}", quote(text));
                    return Err(value.fault(message));
                }
                hash = Some((text, value.place()));
            }
            "hash_tag" => hash_tag = Some((value.text("hash_tag")?, value.place())),
            "servers" => servers = Some(value),
            "auto_eject_hosts" => {
                if value.boolean("auto_eject_hosts")? {
                    let note = "auto_eject_hosts: while a server is ejected, its keys belong to \
                                others, as if state = \"down\" stood at its node";
                    notes.push((key.place(), note.to_owned()));
                }
            }
            neutral if NEUTRAL.contains(&neutral) => {}
            unknown => {
                let message =
                    format!("{} is no field of a pool of twemproxy 0.5.0", quote(unknown));
                return Err(key.fault(message));
            }
        }
    }
    let servers = servers.ok_or_else(|| head.fault("the pool has no \"servers\""))?;
    let mut nodes = Nodes::default();
    for value in servers.list("servers")? {
        let remedy = "a server's name must be its own";
        nodes.push(server(value)?, value.place(), "server", remedy)?;
    }
    if nodes.entries.is_empty() {
        return Err(servers.fault("the pool has no server"));
    }
    let place_of = |option: &Option<(&str, super::Place)>| {
        option.as_ref().map_or_else(|| head.clone(), |(_, place)| place.clone())
    };
    let layout = layout(
        program,
        &[
            ("hash", hash.as_ref().map(|it| OptionValue::Text(it.0)), &place_of(&hash)),
            ("hash_tag", hash_tag.as_ref().map(|it| OptionValue::Text(it.0)), &place_of(&hash_tag)),
        ],
    )?;
    let words = match program {
        Program::TwemproxyKetama => "ketama",
        _ => "modula",
    };
    let hash = hash.as_ref().map_or("fnv1a_64", |it| it.0);
    let comments =
        vec![format!("From twemproxy: pool {name} at {head}, distribution {words}, hash {hash}.")];
    Ok(Imported { layout, nodes, head, comments, notes })
}

/// The node of `HOST:PORT:WEIGHT [NAME]`.
fn server(value: Value<'_>) -> Result<NodeEntry, Fault> {
    let text = value.text("server")?;
    let wrong = |why: &str| {
        let found = quote(text);
        Err(value.fault(format!("expected \"HOST:PORT:WEIGHT [NAME]\", found {found}: {why}")))
    };
    let (place, name) = match text.split_once(' ') {
        Some((place, name)) => (place, Some(name)),
        None => (text, None),
    };
    if name.is_some_and(|name| name.is_empty() || name.contains(' ')) {
        return wrong("one space stands before the name, and none in it");
    }
    let Some((place, weight)) = place.rsplit_once(':') else {
        return wrong("there is no weight");
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    let Some(weight) = weight.parse().ok().filter(|&it: &u32| it > 0 && digits(weight)) else {
        return wrong("the weight is a whole number from 1");
    };
    let (name, address) = if place.starts_with('/') {
        let Some(name) = name else {
            return wrong("a socket needs a name of its own to be a node");
        };
        (name.to_owned(), None)
    } else {
        let Some((host, port)) = place.rsplit_once(':') else {
            return wrong("there is no port");
        };
        let Some(number) = port.parse::<u16>().ok().filter(|&it| it > 0 && digits(port)) else {
            return wrong("the port is a whole number from 1 to 65535");
        };
        if host.is_empty() {
            return wrong("there is no host");
        }
        let name = match name {
            Some(name) => name.to_owned(),
            None if number == MEMCACHED_PORT => host.to_owned(),
            None => place.to_owned(),
        };
        let address = match host.contains(':') {
            true => address::plausible(format!("[{host}]:{number}")),
            false => address::plausible(format!("{host}:{number}")),
        };
        (name, address)
    };
    let mut node = NodeEntry::new(&name);
    node.weight = weight;
    node.address = address;
    Ok(node)
}
