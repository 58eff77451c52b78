//! HAProxy's `balance`, `hash-type` and `hash-balance-factor`.

use super::{
    haproxy_grammar::Line,
    place::{Fault, quote},
};

/// What a backend hashes.
#[derive(Debug)]
pub(super) struct Balance {
    kind: Kind,
    /// The line without its keyword.
    pub(super) words: String,
}

#[derive(Debug)]
enum Kind {
    /// The sample's value.
    Expression(String),
    Header(String),
    Parameter(String),
    Uri {
        is_whole: bool,
        len: Option<u32>,
        depth: Option<u32>,
    },
    Source,
}

/// How the hash becomes a server.
#[derive(Debug, Default)]
pub(super) struct HashType {
    pub(super) is_consistent: bool,
    pub(super) function: Option<&'static str>,
    has_avalanche: bool,
}

const FUNCTIONS: [&str; 5] = ["sdbm", "djb2", "wt6", "crc32", "none"];

pub(super) fn balance(line: &Line) -> Result<Balance, Fault> {
    let arguments = line.arguments()?;
    let place = &line.place;
    let kind = match &arguments[..] {
        ["source"] => Kind::Source,
        ["uri", rest @ ..] => uri(rest, line)?,
        ["url_param", name] => Kind::Parameter((*name).to_owned()),
        ["hash", expression] => Kind::Expression((*expression).to_owned()),
        ["hash", ..] => {
            return Err(place.fault("\"balance hash\" takes one expression, in quotes if need be"));
        }
        [header] if header.starts_with("hdr(") => {
            let name = header.strip_prefix("hdr(").and_then(|it| it.strip_suffix(')'));
            let name = name.filter(|name| !name.is_empty());
            Kind::Header(name.ok_or_else(|| place.fault("expected hdr(NAME)"))?.to_owned())
        }
        [] => return Err(place.fault("\"balance\" takes an algorithm")),
        [algorithm, ..] => {
            let is_known =
                ["uri", "url_param", "source"].contains(algorithm) || algorithm.starts_with("hdr(");
            let message = if is_known {
                let rest = arguments.join(" ");
                format!("{} has words that were not compared with HAProxy", quote(&rest))
            } else {
                let algorithm = quote(algorithm);
                format!("balance {algorithm} does not choose by a key's hash; no layout does that")
            };
            return Err(place.fault(message));
        }
    };
    Ok(Balance { kind, words: arguments.join(" ") })
}

fn uri(mut words: &[&str], line: &Line) -> Result<Kind, Fault> {
    let (mut is_whole, mut len, mut depth) = (false, None, None);
    let number = |text: &str| {
        let number = text.parse().ok().filter(|&number: &u32| number > 0);
        number.ok_or_else(|| {
            line.place.fault(format!("expected a whole number from 1, found {}", quote(text)))
        })
    };
    loop {
        words = match words {
            [] => return Ok(Kind::Uri { is_whole, len, depth }),
            ["whole", rest @ ..] => {
                is_whole = true;
                rest
            }
            ["len", value, rest @ ..] => {
                len = Some(number(value)?);
                rest
            }
            ["depth", value, rest @ ..] => {
                depth = Some(number(value)?);
                rest
            }
            [word, ..] => {
                let message = format!(
                    "{} of \"balance uri\" was not compared with HAProxy; known are whole, len N \
                     and depth N",
                    quote(word)
                );
                return Err(line.place.fault(message));
            }
        };
    }
}

pub(super) fn hash_type(line: &Line) -> Result<HashType, Fault> {
    let arguments = line.arguments()?;
    let place = &line.place;
    let [method, rest @ ..] = &arguments[..] else {
        return Err(place.fault("\"hash-type\" takes consistent or map-based"));
    };
    let is_consistent = match *method {
        "consistent" => true,
        "map-based" => false,
        other => {
            let message = format!("expected consistent or map-based, found {}", quote(other));
            return Err(place.fault(message));
        }
    };
    let (function, modifier) = match rest {
        [] => return Ok(HashType { is_consistent, function: None, has_avalanche: false }),
        [function] => (function, false),
        [function, "avalanche"] => (function, true),
        [_, other, ..] => {
            return Err(place.fault(format!("expected avalanche, found {}", quote(other))));
        }
    };
    let Some(function) = FUNCTIONS.into_iter().find(|known| known == function) else {
        let message =
            format!("expected one of {}, found {}", FUNCTIONS.join(", "), quote(function));
        return Err(place.fault(message));
    };
    Ok(HashType { is_consistent, function: Some(function), has_avalanche: modifier })
}

pub(super) fn factor(line: &Line) -> Result<u32, Fault> {
    let arguments = line.arguments()?;
    let factor = match &arguments[..] {
        [factor] => factor.parse().ok(),
        _ => None,
    };
    factor
        .filter(|&factor| factor == 0 || factor > 100)
        .ok_or_else(|| line.place.fault("expected 0, or a whole number above 100"))
}

impl HashType {
    pub(super) fn words(&self) -> String {
        let mut words = String::from("hash-type ");
        words.push_str(if self.is_consistent { "consistent" } else { "map-based" });
        if let Some(function) = self.function {
            words.push(' ');
            words.push_str(function);
        }
        words.push_str(if self.has_avalanche { " avalanche" } else { "" });
        words
    }

    /// Whether the hash is avalanched: also by a ring without a function.
    const fn avalanches(&self) -> bool {
        self.has_avalanche || (self.is_consistent && self.function.is_none())
    }
}

impl Balance {
    /// The layout's options `hash` and `avalanche`.
    ///
    /// An address is its own hash, which the function `none` gives of its number; the function
    /// that is configured does not count then.
    pub(super) fn hash(&self, hash_type: &HashType) -> (Option<&'static str>, Option<bool>) {
        match (&self.kind, hash_type.function) {
            (Kind::Source, _) => (Some("none"), hash_type.avalanches().then_some(true)),
            (_, function) => (function, hash_type.has_avalanche.then_some(true)),
        }
    }

    /// What the key is, as a sentence.
    pub(super) fn key_words(&self) -> String {
        match &self.kind {
            Kind::Expression(expression) => format!("HAProxy hashes the value of {expression}."),
            Kind::Header(name) => {
                format!("HAProxy hashes the header {name}, up to its first comma.")
            }
            Kind::Parameter(name) => format!("HAProxy hashes the query parameter {name}."),
            Kind::Uri { is_whole, len, depth } => {
                let mut words = String::from("HAProxy hashes the request's target");
                if let Some(len) = len {
                    words.push_str(&format!(", its first {len} bytes"));
                }
                if let Some(depth) = depth {
                    words.push_str(&format!(", before the slash after {depth} directories"));
                }
                words.push_str(if *is_whole { ", query included." } else { ", up to the \"?\"." });
                words
            }
            Kind::Source => "HAProxy takes the client's IPv4 address as a number: the key of \
                             10.0.0.1 is 167772161."
                .to_owned(),
        }
    }

    /// How Ringway's proxy would take the same key, as lines of a comment.
    pub(super) fn proxy_key(&self) -> Vec<String> {
        let inner = |text: &str, function: &str| {
            let inner = text.strip_prefix(function)?.strip_prefix('(')?.strip_suffix(')')?;
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
            (!inner.is_empty() && inner.bytes().all(is_name)).then(|| inner.to_owned())
        };
        let (from, when) = match &self.kind {
            Kind::Header(name) => (format!("header:{name}"), "the same for values without a comma"),
            Kind::Parameter(name) => {
                (format!("query:{name}"), "the same for values without % and +")
            }
            Kind::Expression(text) => {
                match (inner(text, "req.fhdr"), inner(text, "req.cook"), inner(text, "url_param")) {
                    (Some(name), _, _) => (format!("header:{name}"), "the same"),
                    (_, Some(name), _) => (format!("cookie:{name}"), "the same"),
                    (_, _, Some(name)) => {
                        (format!("query:{name}"), "the same for values without % and +")
                    }
                    _ => return vec!["The proxy of Ringway has no such key.".to_owned()],
                }
            }
            _ => return vec!["The proxy of Ringway has no such key.".to_owned()],
        };
        vec![
            format!("In the configuration of Ringway's proxy, {when}:"),
            "  [key]".to_owned(),
            format!("  from = \"{from}\""),
        ]
    }
}
