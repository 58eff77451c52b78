//! Envoy: a cluster of `static_resources` with `RING_HASH` or `MAGLEV`.

use ringway::{OptionValue, Program};

use super::{
    Imported,
    envoy_hosts::{self as hosts, Discovery},
    layout,
    place::{Fault, Place, listed, quote},
    source::Source,
    yaml::{Document, Map, Value},
};

/// An option of the layout, and where it is from.
#[derive(Debug)]
struct Setting<T> {
    value: T,
    place: Place,
}

/// What the load balancing policy and `common_lb_config` say.
#[derive(Debug)]
struct Policy {
    program: Program,
    place: Place,
    hash: Option<Setting<&'static str>>,
    /// `minimum_ring_size`, `maximum_ring_size`, `table_size` and so on.
    numbers: Vec<(&'static str, Setting<i64>)>,
    uses_host_names: bool,
}

const RING_TYPE: &str = "envoy.extensions.load_balancing_policies.ring_hash.v3.RingHash";
const MAGLEV_TYPE: &str = "envoy.extensions.load_balancing_policies.maglev.v3.Maglev";
const CONSISTENT: &str = "consistent_hashing_lb_config";

pub(super) fn import(source: &Source, name: &str) -> Result<Imported, Fault> {
    let document = Document::parse(source)?;
    let (head, cluster) = find(&document, name)?;
    for (field, why) in [
        ("lb_subset_config", "subsets choose hosts by more than the key"),
        ("cluster_type", "the hosts come from an extension; write them out"),
        ("eds_cluster_config", "the hosts come from a management server; write them out"),
    ] {
        if let Some(value) = cluster.get(field) {
            return Err(value.fault(format!("\"{field}\": {why}")));
        }
    }
    let discovery = discovery(&cluster, &head)?;
    let mut policy = policy(&cluster, &head, name)?;
    common(&cluster, &mut policy)?;
    let nodes = hosts::hosts(&cluster, &head, discovery, policy.uses_host_names)?;
    let mut notes = Vec::new();
    for field in ["health_checks", "outlier_detection"] {
        if let Some(value) = cluster.get(field) {
            let note = format!(
                "{field}: while a host fails, its keys belong to others, as if state = \"down\" \
                 stood at its node"
            );
            notes.push((value.place(), note));
        }
    }
    let balanced = policy.numbers.iter().find(|(name, _)| *name == "hash_balance_factor");
    if let Some((_, setting)) = balanced {
        let note = "hash_balance_factor: a host with too many requests gives keys to others; the \
                    map is that without load";
        notes.push((setting.place.clone(), note.to_owned()));
    }
    let layout = policy.layout()?;
    let method = if policy.program == Program::EnvoyRing { "RING_HASH" } else { "MAGLEV" };
    let comments = vec![
        format!("From Envoy: cluster {name} at {head}, {method}."),
        "The key is the value that the route's one hash_policy takes: a header's, for example."
            .to_owned(),
    ];
    Ok(Imported { layout, nodes, head, comments, notes })
}

/// The cluster of that name.
fn find<'d>(document: &'d Document<'d>, name: &str) -> Result<(Place, Map<'d>), Fault> {
    let bootstrap = document.root().message("the bootstrap")?;
    let resources = bootstrap.get("static_resources");
    let resources = resources.map(|it| it.message("static_resources")).transpose()?;
    let clusters = resources.and_then(|it| it.get("clusters"));
    let clusters = clusters.map(|it| it.list("clusters")).transpose()?.unwrap_or_default();
    let mut found: Option<(Place, Map<'d>)> = None;
    let mut others = Vec::new();
    for value in clusters {
        let cluster = value.message("a cluster")?;
        let Some(this) = cluster.get("name") else {
            return Err(value.fault("a cluster without a name"));
        };
        let (this, place) = (this.text("name")?, this.place());
        if this != name {
            others.push(this);
        } else if let Some((first, _)) = &found {
            let message = format!("cluster {} again; the first is at {first}", quote(name));
            return Err(place.fault(message));
        } else {
            found = Some((place, cluster));
        }
    }
    found.ok_or_else(|| {
        let dynamic = match bootstrap.get("dynamic_resources") {
            Some(_) => "; those of dynamic_resources are not in the file",
            None => "",
        };
        let others = listed(&others);
        let name = quote(name);
        let message =
            format!("no cluster {name} in static_resources; there are: {others}{dynamic}");
        document.root().place().fault(message)
    })
}

fn discovery(cluster: &Map<'_>, head: &Place) -> Result<Discovery, Fault> {
    let Some(value) = cluster.get("type") else { return Ok(Discovery::Static) };
    match value.text("type")? {
        "STATIC" => Ok(Discovery::Static),
        "STRICT_DNS" => Ok(Discovery::StrictDns),
        other => {
            let message = format!(
                "type {}: which hosts cluster {head} has is not in the file; write them out with \
                 type STATIC",
                quote(other)
            );
            Err(value.fault(message))
        }
    }
}

/// The policy of `load_balancing_policy`, which goes before `lb_policy`.
fn policy(cluster: &Map<'_>, head: &Place, name: &str) -> Result<Policy, Fault> {
    if let Some(value) = cluster.get("load_balancing_policy") {
        return typed_policy(value);
    }
    let Some(value) = cluster.get("lb_policy") else {
        let message = format!(
            "cluster {} has no lb_policy, so Envoy goes round robin, which is no map of keys",
            quote(name)
        );
        return Err(head.fault(message));
    };
    let (program, field) = match value.text("lb_policy")? {
        "RING_HASH" => (Program::EnvoyRing, "ring_hash_lb_config"),
        "MAGLEV" => (Program::EnvoyMaglev, "maglev_lb_config"),
        other => {
            let message = format!(
                "lb_policy {}: only RING_HASH and MAGLEV choose by a key's hash",
                quote(other)
            );
            return Err(value.fault(message));
        }
    };
    let mut policy = Policy::new(program, value.place());
    if let Some(config) = cluster.get(field) {
        let config = config.message(field)?;
        config.only(field, sizes(program))?;
        policy.take_sizes(&config)?;
    }
    Ok(policy)
}

fn typed_policy(value: Value<'_>) -> Result<Policy, Fault> {
    let policies = value.message("load_balancing_policy")?.get("policies");
    let policies = policies.map(|it| it.list("policies")).transpose()?.unwrap_or_default();
    let Some(first) = policies.first() else {
        return Err(value.fault("load_balancing_policy without policies"));
    };
    if let Some(second) = policies.get(1) {
        let message = "a second policy; Envoy takes the first that it knows, which its build says";
        return Err(second.fault(message));
    }
    let extension = first.message("a policy")?.get("typed_extension_config");
    let config = match extension.map(|it| it.message("typed_extension_config")).transpose()? {
        Some(extension) => extension.get("typed_config"),
        None => None,
    };
    let Some(value) = config else {
        return Err(first.fault("the policy has no typed_extension_config with a typed_config"));
    };
    let config = value.message("typed_config")?;
    let Some(url) = config.get("@type") else { return Err(value.fault("there is no \"@type\"")) };
    let program = match url.text("@type")?.rsplit('/').next() {
        Some(RING_TYPE) => Program::EnvoyRing,
        Some(MAGLEV_TYPE) => Program::EnvoyMaglev,
        _ => {
            let message = format!(
                "{}: only RingHash and Maglev choose by a key's hash",
                quote(url.text("@type")?)
            );
            return Err(url.fault(message));
        }
    };
    let mut known = vec!["@type", CONSISTENT];
    known.extend(sizes(program));
    if program == Program::EnvoyRing {
        known.extend(["use_hostname_for_hashing", "hash_balance_factor"]);
    }
    config.only("the policy", &known)?;
    let mut policy = Policy::new(program, url.place());
    policy.take_sizes(&config)?;
    policy.take_consistent(&config)?;
    if let Some(inner) = config.get(CONSISTENT) {
        policy.take_inner(inner)?;
    }
    Ok(policy)
}

/// What the policy's own configuration says.
const fn sizes(program: Program) -> &'static [&'static str] {
    match program {
        Program::EnvoyRing => &["minimum_ring_size", "maximum_ring_size", "hash_function"],
        _ => &["table_size"],
    }
}

/// What `common_lb_config` says.
fn common(cluster: &Map<'_>, policy: &mut Policy) -> Result<(), Fault> {
    let Some(value) = cluster.get("common_lb_config") else { return Ok(()) };
    let config = value.message("common_lb_config")?;
    if let Some(value) = config.get("locality_weighted_lb_config") {
        let message = "locality_weighted_lb_config: weights of localities were not compared with \
                       Envoy; multiply them into load_balancing_weight";
        return Err(value.fault(message));
    }
    config.only(
        "common_lb_config",
        &[
            "healthy_panic_threshold",
            CONSISTENT,
            "zone_aware_lb_config",
            "update_merge_window",
            "ignore_new_hosts_until_first_hc",
            "close_connections_on_host_set_change",
            "override_host_status",
        ],
    )?;
    if let Some(value) = config.get("healthy_panic_threshold") {
        let percent = value.message("healthy_panic_threshold")?;
        percent.only("healthy_panic_threshold", &["value"])?;
        let (threshold, place) = match percent.get("value") {
            // An empty message is 0.
            None => (0, value.place()),
            Some(value) => (whole_percent(value)?, value.place()),
        };
        policy.numbers.push(("healthy_panic_threshold", Setting { value: threshold, place }));
    }
    match config.get(CONSISTENT) {
        Some(inner) if cluster.get("load_balancing_policy").is_some() => {
            let message = "with load_balancing_policy, consistent_hashing_lb_config belongs into \
                           the policy's typed_config; Envoy does not look here";
            Err(inner.fault(message))
        }
        Some(inner) => policy.take_inner(inner),
        None => Ok(()),
    }
}

/// A percentage, which Envoy rounds: one that it would have to is refused.
fn whole_percent(value: Value<'_>) -> Result<i64, Fault> {
    let text = value.text("healthy_panic_threshold")?;
    let whole = text.split_once('.').map_or(text, |(whole, decimals)| {
        if decimals.bytes().all(|it| it == b'0') { whole } else { text }
    });
    whole.parse().map_err(|_| {
        let found = quote(text);
        value.fault(format!("healthy_panic_threshold: expected a whole percentage, found {found}"))
    })
}

impl Policy {
    const fn new(program: Program, place: Place) -> Self {
        Self { program, place, hash: None, numbers: Vec::new(), uses_host_names: false }
    }

    fn take_number(&mut self, config: &Map<'_>, name: &'static str) -> Result<(), Fault> {
        let Some(value) = config.get(name) else { return Ok(()) };
        if let Some((_, first)) = self.numbers.iter().find(|(it, _)| *it == name) {
            return Err(value.fault(format!("{name} again; the first is at {}", first.place)));
        }
        let number = i64::try_from(value.integer(name)?)
            .map_err(|_| value.fault(format!("{name}: too large")))?;
        self.numbers.push((name, Setting { value: number, place: value.place() }));
        Ok(())
    }

    fn take_sizes(&mut self, config: &Map<'_>) -> Result<(), Fault> {
        for &name in sizes(self.program) {
            if name != "hash_function" {
                self.take_number(config, name)?;
                continue;
            }
            let Some(value) = config.get(name) else { continue };
            let function = match value.text(name)? {
                "XX_HASH" | "DEFAULT_HASH" => "xx_hash",
                "MURMUR_HASH_2" => "murmur_hash_2",
                other => {
                    let found = quote(other);
                    let message =
                        format!("hash_function: expected XX_HASH or MURMUR_HASH_2, found {found}");
                    return Err(value.fault(message));
                }
            };
            self.hash = Some(Setting { value: function, place: value.place() });
        }
        Ok(())
    }

    /// A `consistent_hashing_lb_config`.
    fn take_inner(&mut self, value: Value<'_>) -> Result<(), Fault> {
        let config = value.message(CONSISTENT)?;
        let known = ["use_hostname_for_hashing", "hash_balance_factor", "hash_policy"];
        config.only(CONSISTENT, &known)?;
        self.take_consistent(&config)
    }

    fn take_consistent(&mut self, config: &Map<'_>) -> Result<(), Fault> {
        self.take_number(config, "hash_balance_factor")?;
        if let Some(value) = config.get("use_hostname_for_hashing") {
            self.uses_host_names |= value.boolean("use_hostname_for_hashing")?;
        }
        Ok(())
    }

    fn layout(&self) -> Result<ringway::Layout, Fault> {
        let mut options = Vec::new();
        if let Some(hash) = &self.hash {
            options.push(("hash", Some(OptionValue::Text(hash.value)), &hash.place));
        }
        for (name, setting) in &self.numbers {
            options.push((*name, Some(OptionValue::Integer(setting.value)), &setting.place));
        }
        let layout = layout(self.program, &options)?;
        let size = |wanted: &str, default: i64| {
            let found = self.numbers.iter().find(|(name, _)| *name == wanted);
            found.map_or((default, &self.place), |(_, it)| (it.value, &it.place))
        };
        let (least, place) = size("minimum_ring_size", 1_024);
        let (most, _) = size("maximum_ring_size", 8_388_608);
        if least > most {
            return Err(place.fault(format!(
                "minimum_ring_size {least} is above maximum_ring_size {most}, which Envoy refuses"
            )));
        }
        Ok(layout)
    }
}
