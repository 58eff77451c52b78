//! The hosts of an Envoy cluster: `load_assignment`.

use std::net::IpAddr;

use ringway::State;
use ringway_cluster::NodeEntry;

use super::{
    address,
    nodes::Nodes,
    place::{Fault, Place, quote},
    yaml::{Map, Value},
};

/// How Envoy finds the hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Discovery {
    Static,
    StrictDns,
}

/// The cluster's hosts in order.
pub(super) fn hosts(
    cluster: &Map<'_>,
    head: &Place,
    discovery: Discovery,
    uses_host_names: bool,
) -> Result<Nodes, Fault> {
    let Some(assignment) = cluster.get("load_assignment") else {
        return Err(head.fault("the cluster has no load_assignment, so it has no hosts"));
    };
    let groups = assignment.message("load_assignment")?.get("endpoints");
    let groups = groups.map(|it| it.list("endpoints")).transpose()?.unwrap_or_default();
    let mut nodes = Nodes::default();
    for value in groups {
        let group = value.message("a locality")?;
        group.only(
            "a locality",
            &[
                "locality",
                "metadata",
                "lb_endpoints",
                "load_balancing_weight",
                "priority",
                "proximity",
            ],
        )?;
        if let Some(priority) = group.get("priority")
            && priority.integer("priority")? != 0
        {
            let message = "several priorities were not compared with Envoy; import a copy with the \
                           first alone";
            return Err(priority.fault(message));
        }
        let endpoints = group.get("lb_endpoints");
        let endpoints =
            endpoints.map(|it| it.list("lb_endpoints")).transpose()?.unwrap_or_default();
        if !nodes.entries.is_empty() && !endpoints.is_empty() {
            let message = "several localities were not compared with Envoy; put the hosts into one";
            return Err(value.fault(message));
        }
        for value in endpoints {
            let node = host(value, discovery, uses_host_names)?;
            let remedy = "a cluster file has each name once: give them a hash_key of their own, or \
                          weight";
            nodes.push(node, value.place(), "host", remedy)?;
        }
    }
    if nodes.entries.is_empty() {
        return Err(assignment.fault("load_assignment has no hosts"));
    }
    Ok(nodes)
}

fn host(value: Value<'_>, discovery: Discovery, uses_host_names: bool) -> Result<NodeEntry, Fault> {
    let entry = value.message("lb_endpoint")?;
    entry
        .only("lb_endpoint", &["endpoint", "health_status", "load_balancing_weight", "metadata"])?;
    let Some(endpoint) = entry.get("endpoint") else {
        return Err(value.fault("the host has no endpoint"));
    };
    let endpoint = endpoint.message("endpoint")?;
    endpoint.only(
        "endpoint",
        &["address", "health_check_config", "hostname", "additional_addresses"],
    )?;
    let socket = match endpoint.get("address") {
        Some(address) => address.message("address")?.get("socket_address"),
        None => None,
    };
    let Some(socket) = socket else {
        let message = "the host has no socket_address; others were not compared with Envoy";
        return Err(value.fault(message));
    };
    let socket = socket.message("socket_address")?;
    let (Some(ip), Some(port)) = (socket.get("address"), socket.get("port_value")) else {
        return Err(socket.value.fault("socket_address needs address and port_value"));
    };
    let (host, host_place) = (ip.text("address")?, ip.place());
    let port = u16::try_from(port.integer("port_value")?)
        .map_err(|_| port.fault("port_value: expected a port up to 65535"))?;
    let ip: Option<IpAddr> = host.parse().ok();
    let reached = match ip {
        Some(IpAddr::V6(ip)) => format!("[{ip}]:{port}"),
        _ => format!("{host}:{port}"),
    };
    let host_name = endpoint.get("hostname").map(|it| it.text("hostname")).transpose()?;
    let host_name = host_name.filter(|it| !it.is_empty());
    let name = match (hash_key(&entry)?, discovery) {
        (Some(key), _) => key.to_owned(),
        (None, Discovery::Static) if uses_host_names => {
            let message = "use_hostname_for_hashing: Envoy refuses it in a STATIC cluster";
            return Err(value.fault(message));
        }
        (None, _) if uses_host_names => host_name.unwrap_or(host).to_owned(),
        (None, _) if ip.is_some() => reached.clone(),
        (None, _) => {
            let message = format!(
                "{}: Envoy hashes the address that DNS gives, which is not in the file; set \
                 use_hostname_for_hashing, or write the address",
                quote(host)
            );
            return Err(host_place.fault(message));
        }
    };
    let mut node = NodeEntry::new(&name);
    node.address = address::plausible(reached);
    if let Some(value) = entry.get("load_balancing_weight") {
        let weight = u32::try_from(value.integer("load_balancing_weight")?).ok();
        node.weight = weight.filter(|&weight| weight > 0).ok_or_else(|| {
            value.fault("load_balancing_weight: expected a whole number from 1 to 4294967295")
        })?;
    }
    if let Some(value) = entry.get("health_status") {
        node.state = match value.text("health_status")? {
            "UNKNOWN" | "HEALTHY" => State::Up,
            "UNHEALTHY" => State::Down,
            other => {
                let message = format!(
                    "health_status {}: only HEALTHY and UNHEALTHY were compared with Envoy",
                    quote(other)
                );
                return Err(value.fault(message));
            }
        };
    }
    Ok(node)
}

/// The text of `metadata.filter_metadata["envoy.lb"].hash_key`, if it is there and not empty.
fn hash_key<'d>(entry: &Map<'d>) -> Result<Option<&'d str>, Fault> {
    let Some(metadata) = entry.get("metadata") else { return Ok(None) };
    let Some(filters) = metadata.message("metadata")?.get("filter_metadata") else {
        return Ok(None);
    };
    let Some(fields) = filters.map("filter_metadata")?.get("envoy.lb") else { return Ok(None) };
    let Some(key) = fields.map("envoy.lb")?.get("hash_key") else { return Ok(None) };
    let text = key.text("hash_key")?;
    let is_other_type = key.is_plain()
        && (text.parse::<f64>().is_ok() || matches!(text, "true" | "false" | "True" | "False"));
    if is_other_type {
        let message = format!("hash_key: Envoy takes texts only; write \"{text}\" in quotes");
        return Err(key.fault(message));
    }
    Ok(Some(text).filter(|text| !text.is_empty()))
}
