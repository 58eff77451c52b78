//! The mappings of deployed programs, bit for bit.
//!
//! An existing fleet adopts Ringway without moving a key, and a client beside an nginx computes the
//! same node. Each family of programs has a file that says what the program does, in which version,
//! and where it surprises; `spec/upstream/` holds what the real programs answered.
//!
//! What they have in common is here: a list of points and how one is found ([`points`]), or a list
//! of entries ([`Deployed`]); which hash a key gets ([`KeyHash`]); and the options, which are data
//! ([`options`]).

mod ats;
mod bounded;
mod cassandra;
mod deployed;
mod envoy;
mod go;
mod haproxy;
mod hash;
mod jump;
mod ketama;
mod libmemcached;
mod nginx;
mod options;
mod points;
mod python;
mod redis;
mod text;
mod twemproxy;
mod varnish;

pub(crate) use self::deployed::{Deployed, DeployedWalk};
pub use self::{
    cassandra::cassandra_token,
    options::{Compat, Program},
    redis::redis_slot,
};
use crate::{BuildError, Node, State};

impl Deployed {
    /// The placement of nodes whose texts and names were checked.
    pub(crate) fn new(compat: &Compat, nodes: &[Node<'_>]) -> Result<Self, BuildError> {
        let reads = compat.program().reads();
        for (index, node) in nodes.iter().enumerate() {
            if node.weight_millionths() % 1_000_000 != 0 && !reads.fractions {
                return Err(BuildError::FractionUnsupported { index });
            }
            if !(node.state() == State::Up || node.state() == State::Down && reads.down) {
                return Err(BuildError::StateUnsupported { index, state: node.state() });
            }
        }
        let placed = match compat.program() {
            Program::Nginx => nginx::consistent(nodes, nginx::split_name),
            Program::NginxModulo => nginx::modulo(nodes),
            Program::Pingora => nginx::consistent(nodes, nginx::split_address),
            Program::LibmemcachedKetama => libmemcached::ketama(compat, nodes),
            Program::LibmemcachedKetamaWeighted => libmemcached::ketama_weighted(compat, nodes),
            Program::LibmemcachedModula => libmemcached::modula(compat, nodes),
            Program::LibmemcachedSpy => libmemcached::spy(compat, nodes),
            Program::TwemproxyKetama => twemproxy::ketama(compat, nodes),
            Program::TwemproxyModula => twemproxy::modula(compat, nodes),
            Program::EnvoyRing => envoy::ring(compat, nodes),
            Program::EnvoyMaglev => envoy::maglev(compat, nodes),
            Program::HaproxyConsistent => haproxy::consistent(compat, nodes),
            Program::HaproxyMap => haproxy::map(compat, nodes),
            Program::Uhashring => ketama::uhashring(compat, nodes),
            Program::UhashringKetama => ketama::uhashring_ketama(compat, nodes),
            Program::NpmHashring => ketama::npm_hashring(compat, nodes),
            Program::NpmMemcached => ketama::npm_memcached(nodes),
            Program::SpymemcachedKetama => ketama::spymemcached(compat, nodes),
            Program::SpymemcachedModulo => ketama::spymemcached_modulo(compat, nodes),
            Program::Pymemcache => python::pymemcache(nodes),
            Program::PythonMemcached => python::python_memcached(nodes),
            Program::RedisCluster => redis::cluster(nodes),
            Program::Groupcache => go::groupcache(compat, nodes),
            Program::Stathat => go::stathat(compat, nodes),
            Program::Serialx => go::serialx(nodes),
            Program::Jump => jump::jump(nodes),
            Program::Guava => jump::guava(compat, nodes),
            Program::VarnishShard => varnish::shard(compat, nodes),
            Program::AtsParent => ats::parent(nodes),
            Program::CassandraToken => cassandra::token(nodes),
        };
        Ok(placed?.weighed(nodes).tagged(compat.hash_tag()))
    }
}
