//! HAProxy: a `backend` or `listen` with what it inherits from `defaults`.

use core::{fmt, str::FromStr};
use std::collections::HashMap;

use ringway::{Layout, OptionValue, Program, State};
use ringway_cluster::NodeEntry;

use super::{
    Imported,
    haproxy_balance::{self as balance, Balance, HashType},
    haproxy_grammar::{self as grammar, Line, Section},
    haproxy_server::{self as server, Server},
    layout,
    nodes::Nodes,
    place::{Fault, Place, listed, quote},
    source::Source,
};

/// HAProxy's version: three numbers, the last of which may be absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    branch: (u16, u16),
    release: u16,
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Result<Vec<u16>, _> = text.split('.').map(str::parse).collect();
        match parts.as_deref() {
            Ok(&[major, minor]) => Ok(Self { branch: (major, minor), release: 0 }),
            Ok(&[major, minor, release]) => Ok(Self { branch: (major, minor), release }),
            _ => Err("expected three numbers, such as 2.6.12".to_owned()),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.branch.0, self.branch.1, self.release)
    }
}

/// What a proxy's lines say, those of its defaults first. Of lines that replace one another, only
/// the last is read.
#[derive(Debug, Default)]
struct Settings<'s> {
    balance: Option<&'s Line>,
    hash_type: Option<&'s Line>,
    factor: Option<&'s Line>,
    affinity: Option<&'s Line>,
    mode: Option<&'s Line>,
    state_file: Option<&'s Line>,
    default_server: Server,
    servers: Vec<Server>,
    names: HashMap<String, Place>,
    notes: Vec<(Place, String)>,
}

/// Lines by which a request can go elsewhere than its hash says.
const DETOURS: [(&str, &str); 7] = [
    ("cookie", "a client with the cookie stays with its server"),
    ("dispatch", "requests go to one address"),
    ("force-persist", "requests with a cookie go to servers that are down"),
    ("persist", "a client with the cookie stays with its server"),
    ("stick", "a stick table chooses the server"),
    ("transparent", "requests go to the address that the client asked for"),
    ("use-server", "a condition chooses the server"),
];

pub(super) fn import(
    source: &Source,
    name: &str,
    version: Option<Version>,
) -> Result<Imported, Fault> {
    let sections = grammar::parse(source)?;
    let at = find(&sections, name, source)?;
    let head = sections[at].head.place.clone();
    let mut settings = Settings::default();
    for section in chain(&sections, at)? {
        for line in &section.lines {
            settings.take(line)?;
        }
    }
    settings.into_imported(name, head, version)
}

/// The index of the backend's section.
fn find(sections: &[Section], name: &str, source: &Source) -> Result<usize, Fault> {
    let mut found: Option<usize> = None;
    let mut others = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        if !matches!(section.head.keyword(), "backend" | "listen") {
            continue;
        }
        let arguments = section.head.arguments()?;
        let Some(&this) = arguments.first() else {
            return Err(section.head.place.fault("the section has no name"));
        };
        if this != name {
            others.push(this);
        } else if let Some(first) = found {
            let first = &sections[first].head.place;
            let message = format!("backend {} again; the first is at {first}", quote(name));
            return Err(section.head.place.fault(message));
        } else {
            found = Some(index);
        }
    }
    found.ok_or_else(|| {
        let message = format!("no backend {}; there are: {}", quote(name), listed(&others));
        source.place(0).fault(message)
    })
}

/// The sections whose lines count, in order: the defaults it inherits from, then itself.
fn chain(sections: &[Section], at: usize) -> Result<Vec<&Section>, Fault> {
    let mut chain = vec![&sections[at]];
    let mut index = at;
    loop {
        let section = &sections[index];
        let arguments = section.head.arguments()?;
        let is_defaults = section.head.keyword() == "defaults";
        let base = match &arguments[..] {
            [.., "from"] => return Err(section.head.place.fault("\"from\" takes a name")),
            [.., "from", base] => Some(*base),
            _ => None,
        };
        let before = sections[..index].iter().enumerate().rev();
        let mut before = before.filter(|(_, it)| it.head.keyword() == "defaults");
        let next = match base {
            // A section of defaults inherits from what it names only, others from the last one.
            None if is_defaults => None,
            None => before.next().map(|(index, _)| index),
            Some(base) => {
                let named = before.find(|(_, it)| {
                    it.head.arguments().is_ok_and(|words| words.first() == Some(&base))
                });
                let Some((index, _)) = named else {
                    let message = format!("no section \"defaults {base}\" stands before this");
                    return Err(section.head.place.fault(message));
                };
                Some(index)
            }
        };
        let Some(next) = next else { break };
        chain.push(&sections[next]);
        index = next;
    }
    chain.reverse();
    Ok(chain)
}

impl<'s> Settings<'s> {
    fn take(&mut self, line: &'s Line) -> Result<(), Fault> {
        let place = &line.place;
        match line.keyword() {
            "balance" => self.balance = Some(line),
            "hash-type" => self.hash_type = Some(line),
            "hash-balance-factor" => self.factor = Some(line),
            "hash-preserve-affinity" => self.affinity = Some(line),
            "mode" => self.mode = Some(line),
            "load-server-state-from-file" => self.state_file = Some(line),
            "default-server" => {
                server::parameters(&mut self.default_server, &line.arguments()?, place, true)?;
            }
            "server" => {
                let server = server::server(&self.default_server, line)?;
                let twin = self.names.insert(server.name.clone(), place.clone());
                if let Some(first) = twin {
                    let name = quote(&server.name);
                    let message = format!("server {name} again; the first is at {first}");
                    return Err(place.fault(message));
                }
                self.servers.push(server);
            }
            "server-template" => {
                let message = "which of its servers there are, DNS says while HAProxy runs; write \
                               them out as \"server\" lines";
                return Err(place.fault(message));
            }
            "option" => {
                let arguments = line.arguments()?;
                if let Some(option @ ("transparent" | "http_proxy")) = arguments.first().copied() {
                    let message = format!("\"option {option}\" sends requests past the hash");
                    return Err(place.fault(message));
                }
            }
            keyword => {
                if let Some((_, why)) = DETOURS.iter().find(|(word, _)| *word == keyword) {
                    let message = format!(
                        "\"{keyword}\": {why}, whatever the hash says; import a copy without this \
                         line for the map of the others"
                    );
                    return Err(place.fault(message));
                }
            }
        }
        Ok(())
    }

    fn into_imported(
        mut self,
        name: &str,
        head: Place,
        version: Option<Version>,
    ) -> Result<Imported, Fault> {
        let Some(balance_line) = self.balance else {
            let message = format!(
                "backend {} has no \"balance\" that hashes a key, so there is no map of keys",
                quote(name)
            );
            return Err(head.fault(message));
        };
        self.refuse_what_overrides()?;
        let balance = balance::balance(balance_line)?;
        server::number(&mut self.servers)?;
        let hash_type = self.hash_type.map(balance::hash_type).transpose()?.unwrap_or_default();
        let hash_place = self.hash_type.unwrap_or(balance_line).place.clone();
        if hash_type.function == Some("none") && version.is_some_and(|it| it.branch < (2, 9)) {
            return Err(hash_place.fault("HAProxy has the function \"none\" from 2.9 on"));
        }
        let is_consistent = hash_type.is_consistent;
        let layout = if is_consistent {
            self.consistent(&balance, &hash_type, &hash_place, version)?
        } else {
            map_based(&balance, &hash_type, &hash_place)?
        };
        let mut comments = vec![
            format!(
                "From HAProxy: backend {name} at {head}, balance {}, {}.",
                balance.words,
                hash_type.words()
            ),
            balance.key_words(),
        ];
        comments.extend(balance.proxy_key());
        let has_backups = self.servers.iter().any(|it| it.is_backup);
        let nodes = self.nodes(is_consistent)?;
        nodes.check_used(&head, &format!("backend {}", quote(name)), has_backups)?;
        Ok(Imported { layout, nodes, head, comments, notes: self.notes })
    }

    /// Lines that make more than the hash count.
    fn refuse_what_overrides(&self) -> Result<(), Fault> {
        for (line, harmless, why) in [
            (
                self.affinity,
                Some("always"),
                "a full server's keys would go to others, which no layout does; only \"always\" is \
                 a map of keys",
            ),
            (
                self.state_file,
                Some("none"),
                "weights and states come from another file; import a copy without this line, with \
                 them written at the servers",
            ),
        ] {
            if let Some(line) = line
                && line.arguments()?.first().copied() != harmless
            {
                return Err(line.place.fault(why));
            }
        }
        match self.mode {
            Some(line) if line.arguments()? == ["log"] => {
                let message = "\"mode log\" hashes lines of a log, which was not compared";
                Err(line.place.fault(message))
            }
            _ => Ok(()),
        }
    }

    fn consistent(
        &mut self,
        balance: &Balance,
        hash_type: &HashType,
        hash_place: &Place,
        version: Option<Version>,
    ) -> Result<Layout, Fault> {
        let hash_key = self.hash_key(version)?;
        let (function, avalanche) = balance.hash(hash_type);
        let revision = if hash_key.0 == "id" { self.revision(hash_place, version)? } else { None };
        // A factor of 0 switches the bound off.
        let factor = self.factor.map(|line| Ok((balance::factor(line)?, line.place.clone())));
        let factor = factor.transpose()?.filter(|(factor, _)| *factor > 0);
        if let Some((factor, place)) = &factor {
            let note = format!(
                "hash-balance-factor {factor}: a server with too many requests gives keys to the \
                 next; the map is that without load"
            );
            self.notes.push((place.clone(), note));
        }
        let factor_place = factor.as_ref().map_or(hash_place, |(_, place)| place).clone();
        let factor = factor.map(|(factor, _)| OptionValue::Integer(factor.into()));
        layout(
            Program::HaproxyConsistent,
            &[
                ("hash", function.map(OptionValue::Text), hash_place),
                ("avalanche", avalanche.map(OptionValue::Boolean), hash_place),
                ("hash_key", Some(OptionValue::Text(hash_key.0)), &hash_key.1),
                ("revision", revision.map(OptionValue::Text), hash_place),
                ("hash_balance_factor", factor, &factor_place),
            ],
        )
    }

    /// What all servers get their points from.
    fn hash_key(&self, version: Option<Version>) -> Result<(&'static str, Place), Fault> {
        let keys = self.servers.iter().map(|it| it.hash_key.unwrap_or("id"));
        let Some(first) = self.servers.first() else { return Ok(("id", Place::of_file(""))) };
        let key = first.hash_key.unwrap_or("id");
        for (server, other) in self.servers.iter().zip(keys) {
            if other != key {
                let message = format!(
                    "hash-key {other}, but {key} at {}; a layout has one for all servers",
                    first.place
                );
                return Err(server.place.fault(message));
            }
            let (since, branch) =
                if other == "guid" || other == "id32" { ("3.4", (3, 4)) } else { ("3.0", (3, 0)) };
            if server.hash_key.is_some() && version.is_some_and(|it| it.branch < branch) {
                let message = format!("HAProxy has \"hash-key {other}\" from {since} on");
                return Err(server.place.fault(message));
            }
            server.check_hash_key(other)?;
        }
        Ok((key, first.place.clone()))
    }

    /// Which of HAProxy's two ways to place ids the version has.
    fn revision(
        &mut self,
        place: &Place,
        version: Option<Version>,
    ) -> Result<Option<&'static str>, Fault> {
        match version {
            None => {
                let note = "taken as HAProxy 2.x, or 3.3 and later, have it; 3.0.0 to 3.2.0 place \
                            keys in another way: say --haproxy-version X.Y.Z";
                self.notes.push((place.clone(), note.to_owned()));
                Ok(None)
            }
            Some(Version { branch, .. }) if !((3, 0)..=(3, 2)).contains(&branch) => Ok(None),
            Some(Version { release: 0, .. }) => Ok(Some("3.0")),
            Some(version) => {
                let message = format!(
                    "HAProxy {version}: the releases of this branch from the end of October 2025 \
                     on place keys as 3.3.0 does, those before as 3.2.0 does; say \
                     --haproxy-version 3.3.0 or 3.2.0, by the date of yours in `haproxy -v`"
                );
                Err(place.fault(message))
            }
        }
    }

    /// The nodes of the servers that take part.
    fn nodes(&mut self, reads_ids: bool) -> Result<Nodes, Fault> {
        let (spare, used): (Vec<Server>, Vec<Server>) =
            core::mem::take(&mut self.servers).into_iter().partition(|it| it.is_backup);
        for server in spare {
            let note =
                format!("{} is a backup, which is not on the map; it is left out", server.name);
            self.notes.push((server.place, note));
        }
        // Ids that the list's order gives again need not be written.
        let shows_ids = reads_ids && used.iter().zip(1..).any(|(server, at)| server.id != Some(at));
        let mut nodes = Nodes::default();
        for server in used {
            for parameter in &server.weighing {
                let name = &server.name;
                let note = format!(
                    "{name}: {parameter} changes its weight while HAProxy runs; the map is that of \
                     the weight written here"
                );
                self.notes.push((server.place.clone(), note));
            }
            let mut node = NodeEntry::new(&server.name);
            node.weight = server.weight.unwrap_or(1);
            node.address = server.address();
            node.state = if server.is_disabled { State::Down } else { State::Up };
            node.deployed.id = server.id.filter(|_| shows_ids);
            node.deployed.guid =
                server.guid.filter(|_| server.hash_key == Some("guid") && reads_ids);
            nodes.push(node, server.place, "server", "a server's name must be its own")?;
        }
        Ok(nodes)
    }
}

fn map_based(balance: &Balance, hash_type: &HashType, place: &Place) -> Result<Layout, Fault> {
    let (function, avalanche) = balance.hash(hash_type);
    layout(
        Program::HaproxyMap,
        &[
            ("hash", function.map(OptionValue::Text), place),
            ("avalanche", avalanche.map(OptionValue::Boolean), place),
        ],
    )
}
