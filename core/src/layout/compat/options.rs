//! Which program's mapping, and its options: one row of data each.

use core::fmt;

use crate::{
    BuildError, HashTag, OptionValue,
    layout::{COMPAT_NAMES, is_table_size, whole_number},
    node::Fields,
};

/// A deployed program whose mapping is reproduced.
///
/// Named after the program, in the version that `docs/layouts.md` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Program {
    /// nginx, `hash KEY consistent`.
    Nginx,
    /// nginx, `hash KEY`.
    NginxModulo,
    /// libmemcached, `KETAMA`, or the distribution `consistent`.
    LibmemcachedKetama,
    /// libmemcached, `KETAMA_WEIGHTED`.
    LibmemcachedKetamaWeighted,
    /// libmemcached's default distribution.
    LibmemcachedModula,
    /// libmemcached, the distribution `consistent_ketama_spy`.
    LibmemcachedSpy,
    /// twemproxy, `distribution: ketama`.
    TwemproxyKetama,
    /// twemproxy, `distribution: modula`.
    TwemproxyModula,
    /// Envoy, `RING_HASH`.
    EnvoyRing,
    /// Envoy, `MAGLEV`.
    EnvoyMaglev,
    /// HAProxy, `hash-type consistent`.
    HaproxyConsistent,
    /// HAProxy, `hash-type map-based`.
    HaproxyMap,
    /// uhashring's `HashRing` with its default hash.
    Uhashring,
    /// uhashring's `HashRing` with `hash_fn="ketama"`.
    UhashringKetama,
    /// The npm package hashring.
    NpmHashring,
    /// The npm package memcached.
    NpmMemcached,
    /// pymemcache's `HashClient`.
    Pymemcache,
    /// python-memcached.
    PythonMemcached,
    /// spymemcached's `KetamaNodeLocator`.
    SpymemcachedKetama,
    /// spymemcached's `ArrayModNodeLocator`.
    SpymemcachedModulo,
    /// Redis Cluster as `redis-cli --cluster create` splits its slots.
    RedisCluster,
    /// groupcache's `consistenthash`.
    Groupcache,
    /// stathat.com/c/consistent.
    Stathat,
    /// serialx/hashring.
    Serialx,
    /// pingora-ketama, version 1.
    Pingora,
    /// The Python package jump-consistent-hash.
    Jump,
    /// Guava's `Hashing.consistentHash`.
    Guava,
    /// Varnish's `directors.shard()`.
    VarnishShard,
    /// Apache Traffic Server's parent selection `consistent_hash`.
    AtsParent,
    /// Cassandra's Murmur3 tokens.
    CassandraToken,
}

/// What a program's mapping reads of a node beside name and weight.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reads {
    /// The state `down`.
    pub(crate) down: bool,
    /// Weights with decimals.
    pub(crate) fractions: bool,
    pub(crate) hash_text: bool,
    pub(crate) id: bool,
    pub(crate) vnodes: bool,
    pub(crate) tokens: bool,
}

/// An option as data.
#[derive(Debug)]
struct OptionSpec {
    name: &'static str,
    kind: Kind,
    /// What an option that is not set stands for, where that depends on nothing else.
    default: Option<u32>,
    /// What the option takes, for people.
    expected: &'static str,
}

#[derive(Debug)]
enum Kind {
    /// One of these texts; the value is its place.
    Choice(&'static [&'static str]),
    Integer(fn(u32) -> bool),
    Boolean,
    /// Kept apart, as it concerns keys.
    HashTag,
}

/// At most so many options beside the hash tag.
const OPTIONS_MAX: usize = 5;

/// A deployed program's mapping with its options.
///
/// ```
/// use ringway::{Layout, Node, OptionValue, Program, Table};
///
/// let layout = Layout::compat(Program::EnvoyRing)
///     .with_option("minimum_ring_size", OptionValue::Integer(2048))?;
/// let table = Table::new(&layout, &[Node::new("10.0.0.1:80"), Node::new("10.0.0.2:80")])?;
/// assert!(table.owner(b"user:42").is_some());
/// # Ok::<(), ringway::BuildError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Compat {
    program: Program,
    /// Those that were set to something else than the default.
    values: [Option<u32>; OPTIONS_MAX],
    hash_tag: Option<HashTag>,
}

impl Compat {
    /// The program's mapping with its defaults.
    #[must_use]
    pub const fn new(program: Program) -> Self {
        Self { program, values: [None; OPTIONS_MAX], hash_tag: None }
    }

    /// The program.
    #[must_use]
    pub const fn program(&self) -> Program {
        self.program
    }

    pub(crate) const fn hash_tag(&self) -> Option<&HashTag> {
        self.hash_tag.as_ref()
    }

    pub(in crate::layout) fn with_option(
        mut self,
        name: &str,
        value: OptionValue<'_>,
    ) -> Result<Self, BuildError> {
        let specs = self.program.options();
        let place = specs.iter().position(|spec| spec.name == name);
        let (place, spec) = place
            .and_then(|place| Some((place, specs.get(place)?)))
            .ok_or(BuildError::UnknownOption)?;
        let wrong = BuildError::BadOption { expected: spec.expected };
        let number = match (&spec.kind, value) {
            (Kind::HashTag, value) => {
                self.hash_tag = Some(HashTag::from_option(value)?);
                return Ok(self);
            }
            (Kind::Choice(texts), OptionValue::Text(text)) => {
                let found = texts.iter().position(|known| *known == text).ok_or(wrong)?;
                u32::try_from(found).map_err(|_| wrong)?
            }
            (Kind::Integer(is_good), value) => whole_number(value, spec.expected, *is_good)?,
            (Kind::Boolean, OptionValue::Boolean(truth)) => u32::from(truth),
            _ => return Err(wrong),
        };
        if let Some(slot) = self.values.get_mut(place) {
            *slot = Some(number).filter(|_| Some(number) != spec.default);
        }
        Ok(self)
    }

    /// The options that differ from the defaults, in the order of the program's list.
    pub(in crate::layout) fn options(
        &self,
    ) -> impl Iterator<Item = (&'static str, OptionValue<'_>)> {
        self.program.options().iter().zip(0..).filter_map(|(spec, place)| {
            let value = match (&spec.kind, self.values.get::<usize>(place).copied().flatten()) {
                (Kind::HashTag, _) => OptionValue::Text(self.hash_tag.as_ref()?.as_str()),
                (Kind::Choice(texts), Some(value)) => {
                    OptionValue::Text(texts.get(value as usize).copied().unwrap_or_default())
                }
                (Kind::Integer(_), Some(value)) => OptionValue::Integer(i64::from(value)),
                (Kind::Boolean, Some(value)) => OptionValue::Boolean(value != 0),
                (_, None) => return None,
            };
            Some((spec.name, value))
        })
    }

    /// The value of the option of that name, its default if it was not set.
    pub(super) fn value(&self, name: &str) -> Option<u32> {
        let specs = self.program.options().iter();
        let (spec, value) = specs.zip(self.values).find(|(spec, _)| spec.name == name)?;
        value.or(spec.default)
    }

    /// The text of an option that is one of several.
    pub(super) fn choice(&self, name: &str) -> Option<&'static str> {
        let spec = self.program.options().iter().find(|spec| spec.name == name)?;
        let Kind::Choice(texts) = spec.kind else { return None };
        texts.get(self.value(name)? as usize).copied()
    }

    /// What the layout reads of a node's fields.
    ///
    /// Where HAProxy hashes the id, it looks neither at the address nor at the guid.
    pub(in crate::layout) fn read_fields<'a>(&self, fields: &Fields<'a>) -> Fields<'a> {
        let reads = self.program.reads();
        let by = self.choice("hash_key").unwrap_or_default();
        Fields {
            millionths: if reads.fractions { fields.millionths } else { 0 },
            address: fields.address.filter(|_| matches!(by, "addr" | "addr-port")),
            hash_text: fields.hash_text.filter(|_| reads.hash_text),
            id: fields.id.filter(|_| reads.id),
            guid: fields.guid.filter(|_| by == "guid"),
            vnodes: fields.vnodes.filter(|_| reads.vnodes),
            tokens: fields.tokens.filter(|_| reads.tokens),
        }
    }

    /// The name of an option that must be set and is not.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        let is_missing = self.program == Program::Guava && self.value("hash").is_none();
        is_missing.then_some("hash")
    }
}

impl fmt::Debug for Compat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Compat");
        debug.field("program", &self.program);
        for (name, value) in self.options() {
            debug.field(name, &value);
        }
        debug.finish()
    }
}

impl Program {
    /// All of them, in the order of `docs/layouts.md`.
    pub const ALL: &[Self] = &[
        Self::Nginx,
        Self::NginxModulo,
        Self::LibmemcachedKetama,
        Self::LibmemcachedKetamaWeighted,
        Self::LibmemcachedModula,
        Self::LibmemcachedSpy,
        Self::TwemproxyKetama,
        Self::TwemproxyModula,
        Self::EnvoyRing,
        Self::EnvoyMaglev,
        Self::HaproxyConsistent,
        Self::HaproxyMap,
        Self::Uhashring,
        Self::UhashringKetama,
        Self::NpmHashring,
        Self::NpmMemcached,
        Self::Pymemcache,
        Self::PythonMemcached,
        Self::SpymemcachedKetama,
        Self::SpymemcachedModulo,
        Self::RedisCluster,
        Self::Groupcache,
        Self::Stathat,
        Self::Serialx,
        Self::Pingora,
        Self::Jump,
        Self::Guava,
        Self::VarnishShard,
        Self::AtsParent,
        Self::CassandraToken,
    ];

    /// The layout's name in configuration files, C and Python.
    #[must_use]
    pub const fn name(self) -> &'static str {
        COMPAT_NAMES[self as usize]
    }

    /// The program whose layout has that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|program| program.name() == name)
    }

    /// The names of the layout's options.
    #[must_use]
    pub const fn option_names(self) -> &'static [&'static str] {
        match self {
            Self::LibmemcachedKetama
            | Self::LibmemcachedKetamaWeighted
            | Self::LibmemcachedModula
            | Self::LibmemcachedSpy
            | Self::SpymemcachedModulo
            | Self::Jump
            | Self::Guava => &["hash"],
            Self::TwemproxyKetama | Self::TwemproxyModula => &["hash", "hash_tag"],
            Self::EnvoyRing => &[
                "hash",
                "minimum_ring_size",
                "maximum_ring_size",
                "healthy_panic_threshold",
                "hash_balance_factor",
            ],
            Self::EnvoyMaglev => &["table_size", "healthy_panic_threshold", "hash_balance_factor"],
            Self::HaproxyConsistent => {
                &["hash", "avalanche", "hash_key", "revision", "hash_balance_factor"]
            }
            Self::HaproxyMap => &["hash", "avalanche"],
            Self::NpmHashring => &["hash", "compat"],
            Self::SpymemcachedKetama => &["hash", "format", "weighted"],
            Self::Groupcache | Self::VarnishShard => &["replicas"],
            Self::Stathat => &["replicas", "hash"],
            Self::Uhashring => &["vnodes"],
            Self::UhashringKetama => &["vnodes", "replicas"],
            _ => &[],
        }
    }

    /// What the mapping reads of a node beside name and weight.
    pub(crate) const fn reads(self) -> Reads {
        const NONE: Reads = Reads {
            down: false,
            fractions: false,
            hash_text: false,
            id: false,
            vnodes: false,
            tokens: false,
        };
        match self {
            Self::Nginx
            | Self::NginxModulo
            | Self::TwemproxyKetama
            | Self::TwemproxyModula
            | Self::EnvoyRing
            | Self::EnvoyMaglev
            | Self::HaproxyMap => Reads { down: true, ..NONE },
            Self::HaproxyConsistent => Reads { down: true, id: true, ..NONE },
            Self::Uhashring | Self::UhashringKetama | Self::NpmHashring => {
                Reads { vnodes: true, ..NONE }
            }
            Self::SpymemcachedKetama => Reads { hash_text: true, ..NONE },
            Self::VarnishShard | Self::AtsParent => {
                Reads { down: true, fractions: true, hash_text: true, ..NONE }
            }
            Self::CassandraToken => Reads { tokens: true, ..NONE },
            _ => NONE,
        }
    }

    const fn options(self) -> &'static [OptionSpec] {
        match self {
            Self::LibmemcachedKetama | Self::LibmemcachedModula | Self::LibmemcachedSpy => {
                const { &[libmemcached_hash(0)] }
            }
            Self::LibmemcachedKetamaWeighted => const { &[libmemcached_hash(1)] },
            Self::TwemproxyKetama | Self::TwemproxyModula => const { &[TWEMPROXY_HASH, HASH_TAG] },
            Self::EnvoyRing => {
                const {
                    &[
                        choice(
                            "hash",
                            &["xx_hash", "murmur_hash_2"],
                            Some(0),
                            "one of xx_hash, murmur_hash_2",
                        ),
                        ring_size("minimum_ring_size", 1_024),
                        ring_size("maximum_ring_size", 8_388_608),
                        PANIC_THRESHOLD,
                        BALANCE_FACTOR,
                    ]
                }
            }
            Self::EnvoyMaglev => const { &[TABLE_SIZE, PANIC_THRESHOLD, BALANCE_FACTOR] },
            Self::HaproxyConsistent => {
                const {
                    &[
                        haproxy_hash(None),
                        boolean("avalanche", None),
                        choice(
                            "hash_key",
                            &["id", "addr", "addr-port", "guid", "id32"],
                            Some(0),
                            "one of id, addr, addr-port, guid, id32",
                        ),
                        choice("revision", &["classic", "3.0"], Some(0), "one of classic, 3.0"),
                        BALANCE_FACTOR,
                    ]
                }
            }
            Self::HaproxyMap => const { &[haproxy_hash(Some(0)), boolean("avalanche", Some(0))] },
            Self::Uhashring => const { &[vnodes(160)] },
            Self::UhashringKetama => const { &[vnodes(40), WORDS] },
            Self::NpmHashring => {
                const {
                    &[
                        choice(
                            "hash",
                            &["md5", "sha1", "sha256", "sha512"],
                            Some(0),
                            "one of md5, sha1, sha256, sha512",
                        ),
                        choice("compat", &["hash_ring"], None, "hash_ring"),
                    ]
                }
            }
            Self::SpymemcachedKetama => {
                const {
                    &[
                        spymemcached_hash(6),
                        choice(
                            "format",
                            &["spymemcached", "libmemcached"],
                            Some(0),
                            "one of spymemcached, libmemcached",
                        ),
                        boolean("weighted", Some(0)),
                    ]
                }
            }
            Self::SpymemcachedModulo => const { &[spymemcached_hash(0)] },
            Self::Groupcache => const { &[replicas(50)] },
            Self::Stathat => {
                const {
                    &[
                        replicas(20),
                        choice("hash", &["crc32", "fnv1a_32"], Some(0), "one of crc32, fnv1a_32"),
                    ]
                }
            }
            Self::VarnishShard => const { &[replicas(67)] },
            Self::Jump => const { &[choice("hash", &["decimal"], Some(0), "decimal")] },
            Self::Guava => {
                const {
                    &[choice(
                        "hash",
                        &["decimal", "crc32", "murmur3_32", "murmur3_128", "sha256"],
                        None,
                        "one of decimal, crc32, murmur3_32, murmur3_128, sha256",
                    )]
                }
            }
            _ => &[],
        }
    }
}

const fn choice(
    name: &'static str,
    texts: &'static [&'static str],
    default: Option<u32>,
    expected: &'static str,
) -> OptionSpec {
    OptionSpec { name, kind: Kind::Choice(texts), default, expected }
}

const fn boolean(name: &'static str, default: Option<u32>) -> OptionSpec {
    OptionSpec { name, kind: Kind::Boolean, default, expected: "true or false" }
}

const fn replicas(default: u32) -> OptionSpec {
    OptionSpec {
        name: "replicas",
        kind: Kind::Integer(|number| matches!(number, 1..=65_536)),
        default: Some(default),
        expected: "a whole number from 1 to 65536",
    }
}

const fn vnodes(default: u32) -> OptionSpec {
    OptionSpec {
        name: "vnodes",
        kind: Kind::Integer(|number| matches!(number, 1..=65_536)),
        default: Some(default),
        expected: "a whole number from 1 to 65536",
    }
}

const fn ring_size(name: &'static str, default: u32) -> OptionSpec {
    OptionSpec {
        name,
        kind: Kind::Integer(|number| matches!(number, 1..=8_388_608)),
        default: Some(default),
        expected: "a whole number from 1 to 8388608",
    }
}

const fn libmemcached_hash(default: u32) -> OptionSpec {
    choice(
        "hash",
        &[
            "default", "md5", "crc", "fnv1_64", "fnv1a_64", "fnv1_32", "fnv1a_32", "murmur",
            "jenkins", "murmur3",
        ],
        Some(default),
        "one of default, md5, crc, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, murmur, jenkins, murmur3",
    )
}

const fn spymemcached_hash(default: u32) -> OptionSpec {
    choice(
        "hash",
        &["native", "crc", "fnv1_64", "fnv1a_64", "fnv1_32", "fnv1a_32", "ketama"],
        Some(default),
        "one of native, crc, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, ketama",
    )
}

const fn haproxy_hash(default: Option<u32>) -> OptionSpec {
    choice(
        "hash",
        &["sdbm", "djb2", "wt6", "crc32", "none"],
        default,
        "one of sdbm, djb2, wt6, crc32, none",
    )
}

const TWEMPROXY_HASH: OptionSpec = choice(
    "hash",
    &[
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
    ],
    Some(6),
    "one of one_at_a_time, md5, crc16, crc32, crc32a, fnv1_64, fnv1a_64, fnv1_32, fnv1a_32, \
     hsieh, murmur, jenkins",
);

const HASH_TAG: OptionSpec = OptionSpec {
    name: "hash_tag",
    kind: Kind::HashTag,
    default: None,
    expected: "a text of two characters",
};

/// How many of the four words of an MD5 digest are points.
const WORDS: OptionSpec = OptionSpec {
    name: "replicas",
    kind: Kind::Integer(|number| matches!(number, 1..=4)),
    default: Some(4),
    expected: "a whole number from 1 to 4",
};

const TABLE_SIZE: OptionSpec = OptionSpec {
    name: "table_size",
    kind: Kind::Integer(|number| is_table_size(number) && number <= 5_000_011),
    default: Some(65_537),
    expected: "a prime number from 2 to 5000011",
};

const PANIC_THRESHOLD: OptionSpec = OptionSpec {
    name: "healthy_panic_threshold",
    kind: Kind::Integer(|number| number <= 100),
    default: Some(50),
    expected: "a whole number from 0 to 100",
};

const BALANCE_FACTOR: OptionSpec = OptionSpec {
    name: "hash_balance_factor",
    kind: Kind::Integer(|number| number >= 100),
    default: None,
    expected: "a whole number from 100",
};

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn every_program_has_one_name_and_its_options() {
        for &program in Program::ALL {
            assert_eq!(Program::from_name(program.name()), Some(program));
            let names: Vec<_> = program.options().iter().map(|spec| spec.name).collect();
            assert_eq!(names, program.option_names());
            assert!(names.len() <= OPTIONS_MAX);
        }
    }
}
