//! nginx: `upstream NAME { hash KEY consistent; server ...; }`.

use std::{
    net::IpAddr,
    path::{Path, PathBuf},
};

use ringway::{Layout, Program, State};
use ringway_cluster::NodeEntry;

use super::{
    Imported, address,
    nginx_grammar::{self, Directive},
    nodes::Nodes,
    place::{Fault, Place, listed, quote},
    source::{self, Source},
};

/// Directives of an upstream that leave the map alone; `zone` was compared with nginx 1.22.1.
const NEUTRAL: [&str; 9] = [
    "keepalive",
    "keepalive_requests",
    "keepalive_time",
    "keepalive_timeout",
    "ntlm",
    "queue",
    "resolver",
    "resolver_timeout",
    "zone",
];
/// Other ways to choose a server: nginx takes the last one.
const METHODS: [&str; 8] =
    ["fair", "ip_hash", "least_conn", "least_time", "random", "round_robin", "sticky", "url_hash"];

/// Reads the file and those that it includes.
pub(super) fn import(path: &Path, upstream: &str) -> Result<Imported, Fault> {
    let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut include = |pattern: &str, place: &Place| included(&folder, pattern, place);
    let directives = nginx_grammar::parse(&source::read(path)?, &mut include)?;
    let whole = Place::of_file(&path.display().to_string());
    import_from(&directives, upstream, &whole)
}

/// The files of an `include`, which is relative to the folder of the first file.
fn included(folder: &Path, pattern: &str, place: &Place) -> Result<Vec<Source>, Fault> {
    let path = folder.join(pattern);
    let paths: Vec<PathBuf> = if pattern.contains(['*', '?', '[']) {
        source::glob(&path)
            .map_err(|error| place.fault(format!("include {}: {error}", quote(pattern))))?
    } else {
        vec![path]
    };
    let read = |path: &PathBuf| {
        source::read(path).map_err(|fault| place.fault(format!("include: {fault}")))
    };
    paths.iter().map(read).collect()
}

pub(super) fn import_from(
    directives: &[Directive],
    name: &str,
    whole: &Place,
) -> Result<Imported, Fault> {
    let (head, block) = find(directives, name, whole)?;
    let mut hash: Option<&Directive> = None;
    let mut notes = Vec::new();
    let mut nodes = Nodes::default();
    let mut has_backups = false;
    for directive in block {
        let (word, place) = (directive.words[0].as_str(), &directive.place);
        match word {
            "hash" => {
                if let Some(first) = hash {
                    let message = format!("a second \"hash\"; the first is at {}", first.place);
                    return Err(place.fault(message));
                }
                hash = Some(directive);
            }
            "server" => {
                let node = server(directive, &mut notes)?;
                has_backups |= node.is_none();
                if let Some(node) = node {
                    let remedy = "a cluster file has each name once: add up the weights, if that is \
                                  meant";
                    nodes.push(node, place.clone(), "server", remedy)?;
                }
            }
            method if METHODS.contains(&method) => {
                let message = format!(
                    "\"{method}\" chooses servers by other things than a key's hash; no layout \
                     does that"
                );
                return Err(place.fault(message));
            }
            neutral if NEUTRAL.contains(&neutral) => {}
            unknown => {
                let message = format!(
                    "{} is not known and might change which server a key gets; remove it from a \
                     copy if it does not",
                    quote(unknown)
                );
                return Err(place.fault(message));
            }
        }
    }
    let Some(hash) = hash else {
        let message = format!(
            "upstream {} has no \"hash\", so nginx goes round robin, which is no map of keys",
            quote(name)
        );
        return Err(head.fault(message));
    };
    let (program, key) = method(hash)?;
    nodes.check_used(head, &format!("upstream {}", quote(name)), has_backups)?;
    if program == Program::NginxModulo {
        refuse_host_names(&nodes)?;
    }
    let mut comments = vec![
        format!("From nginx: upstream {name} at {head}, {}.", hash.words.join(" ")),
        format!("nginx hashes the value of {key}."),
    ];
    comments.extend(proxy_key(key));
    let layout = Layout::compat(program);
    Ok(Imported { layout, nodes, head: head.clone(), comments, notes })
}

/// The upstream of that name: at the top, as in a part of a configuration, or in `http`.
fn find<'d>(
    directives: &'d [Directive],
    name: &str,
    whole: &Place,
) -> Result<(&'d Place, &'d [Directive]), Fault> {
    let mut found: Option<(&Directive, &[Directive])> = None;
    let mut others: Vec<&str> = Vec::new();
    let inside = |context: &'static str| {
        let blocks = directives.iter().filter(move |it| it.words == [context]);
        blocks.flat_map(|it| it.block.iter().flatten()).map(move |it| (it, context))
    };
    let top = directives.iter().map(|it| (it, ""));
    for (directive, context) in top.chain(inside("http")).chain(inside("stream")) {
        if directive.words[0] != "upstream" {
            continue;
        }
        let ([_, found_name], Some(block)) = (&directive.words[..], &directive.block) else {
            return Err(directive.place.fault("\"upstream\" takes a name and a block"));
        };
        if found_name != name {
            others.push(found_name);
            continue;
        }
        if context == "stream" {
            let message =
                "an upstream in \"stream\"; only those in \"http\" were compared with nginx";
            return Err(directive.place.fault(message));
        }
        if let Some((first, _)) = found {
            let message =
                format!("upstream {} again; the first is at {}", quote(name), first.place);
            return Err(directive.place.fault(message));
        }
        found = Some((directive, block));
    }
    let Some((directive, block)) = found else {
        let others = listed(&others);
        return Err(whole.fault(format!("no upstream {}; there are: {others}", quote(name))));
    };
    Ok((&directive.place, block))
}

/// The layout, and the key's expression.
fn method(hash: &Directive) -> Result<(Program, &str), Fault> {
    match &hash.words[..] {
        [_, key] => Ok((Program::NginxModulo, key)),
        [_, key, mode] if mode == "consistent" => Ok((Program::Nginx, key)),
        [_, _, mode, ..] => {
            let message = format!("expected \"consistent\" or \";\", found {}", quote(mode));
            Err(hash.place.fault(message))
        }
        _ => Err(hash.place.fault("\"hash\" takes a key, such as $request_uri")),
    }
}

/// The node of a `server`; `None` if it is only a spare.
fn server(
    directive: &Directive,
    notes: &mut Vec<(Place, String)>,
) -> Result<Option<NodeEntry>, Fault> {
    let place = &directive.place;
    let [_, name, parameters @ ..] = &directive.words[..] else {
        return Err(place.fault("\"server\" takes an address"));
    };
    if name.contains('$') {
        let message = format!("{} holds a variable; write the server's address", quote(name));
        return Err(place.fault(message));
    }
    if name.contains(char::REPLACEMENT_CHARACTER) {
        return Err(place.fault("the server's name is not UTF-8"));
    }
    let mut node = NodeEntry::new(name);
    node.address = address_of(name);
    let mut is_backup = false;
    for parameter in parameters {
        let (word, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (word, value) {
            ("weight", value) => {
                let is_digits = value.bytes().all(|it| it.is_ascii_digit());
                let weight = value.parse().ok().filter(|&weight| weight > 0 && is_digits);
                node.weight = weight.ok_or_else(|| {
                    let found = quote(value);
                    place
                        .fault(format!("expected weight=N, N a whole number from 1, found {found}"))
                })?;
            }
            ("down", "") => node.state = State::Down,
            ("backup", "") => is_backup = true,
            ("max_fails" | "fail_timeout" | "max_conns", "") => {
                return Err(place.fault(format!("{} lacks its value", quote(parameter))));
            }
            ("max_fails" | "fail_timeout", _) => {}
            ("max_conns", _) => {
                let note =
                    format!("{name}: while it has {parameter}, its keys go to other servers");
                notes.push((place.clone(), note));
            }
            ("resolve" | "service", _) => {
                let message = format!(
                    "{}: the servers come from DNS while nginx runs; write them out",
                    quote(parameter)
                );
                return Err(place.fault(message));
            }
            _ => {
                let message = format!(
                    "{} is not known and might change which server a key gets",
                    quote(parameter)
                );
                return Err(place.fault(message));
            }
        }
    }
    if is_backup {
        let note = format!("{name} is a backup, which is not on the map; it is left out");
        notes.push((place.clone(), note));
        return Ok(None);
    }
    Ok(Some(node))
}

/// Where nginx connects: port 80 unless the name says another.
fn address_of(name: &str) -> Option<String> {
    let has_port = name.rsplit_once(':').is_some_and(|(host, port)| {
        !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()) && !host.ends_with(':')
    });
    address::plausible(if has_port { name.to_owned() } else { format!("{name}:80") })
}

/// `hash KEY` counts a host name once for each of its addresses, which the file does not tell.
fn refuse_host_names(nodes: &Nodes) -> Result<(), Fault> {
    for (node, place) in nodes.entries.iter().zip(&nodes.places) {
        let name = &node.name;
        let host = match name.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => host,
            _ => name,
        };
        let host = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        let is_unix = name.get(..5).is_some_and(|it| it.eq_ignore_ascii_case("unix:"));
        if host.parse::<IpAddr>().is_err() && !is_unix {
            let message = format!(
                "{}: without \"consistent\" a host name counts once for each of its addresses; \
                 write the address instead, which moves no key",
                quote(name)
            );
            return Err(place.fault(message));
        }
    }
    Ok(())
}

/// How Ringway's proxy would take the same key, as lines of a comment.
fn proxy_key(key: &str) -> Vec<String> {
    let plain = key
        .strip_prefix('$')
        .map(|it| it.strip_prefix('{').and_then(|it| it.strip_suffix('}')).unwrap_or(it));
    let is_name = |text: &str| {
        !text.is_empty() && text.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_')
    };
    let variable = plain.filter(|it| is_name(it)).unwrap_or_default();
    let (from, when) = if let Some(name) = variable.strip_prefix("arg_") {
        (format!("query:{name}"), "the same for values without % and +")
    } else if let Some(name) = variable.strip_prefix("http_") {
        (format!("header:{}", name.replace('_', "-")), "the same")
    } else if let Some(name) = variable.strip_prefix("cookie_") {
        (format!("cookie:{name}"), "the same")
    } else {
        return vec!["The proxy of Ringway has no such key.".to_owned()];
    };
    vec![
        format!("In the configuration of Ringway's proxy, {when}:"),
        "  [key]".to_owned(),
        format!("  from = \"{from}\""),
    ]
}
