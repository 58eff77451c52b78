"""Envoy (from PyPI): a listener and a cluster for each case, a request with x-key for each key."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from backends import Backends, HeldBackend, http_backend
from haproxy import ask, in_progress
from processes import Server, output
from recorded import Recorded

FOLDER = "envoy"
PROGRAM = str(Path(sys.executable).with_name("envoy"))
POLICIES = {"envoy-ring": "RING_HASH", "envoy-maglev": "MAGLEV"}
TYPES = "type.googleapis.com/envoy.extensions"


def version() -> str:
    """The version of the Envoy that is installed."""
    match = re.search(r"/(\d+\.\d+\.\d+)/", output([PROGRAM, "--version"]))
    return match[1] if match else "unknown"


def address(node: dict[str, Any], number: int) -> str:
    """Where an endpoint is reached."""
    is_address = re.fullmatch(r"127[\d.]+:\d+", node["name"])
    return node["name"] if is_address else f"127.0.9.{number}:8300"


def socket_address(where: str) -> dict[str, Any]:
    """An address as Envoy's configuration has it."""
    host, _, port = where.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def endpoint(file: Recorded, node: dict[str, Any], number: int) -> dict[str, Any]:
    """An endpoint of a cluster."""
    where = address(node, number)
    made: dict[str, Any] = {
        "endpoint": {"address": socket_address(where)},
        "load_balancing_weight": node["weight"],
    }
    if node.get("state") == "down":
        made["health_status"] = "UNHEALTHY"
    if "use_hostname_for_hashing" in file.said("config"):
        made["endpoint"]["hostname"] = node["name"]
    elif where != node["name"]:
        made["metadata"] = {"filter_metadata": {"envoy.lb": {"hash_key": node["name"]}}}
    return made


def cluster(file: Recorded, name: str) -> dict[str, Any]:
    """The cluster of a case."""
    options = dict(file.case["options"])
    common: dict[str, Any] = {}
    if "healthy_panic_threshold" in options:
        common["healthy_panic_threshold"] = {"value": options.pop("healthy_panic_threshold")}
    hashing: dict[str, Any] = {}
    if "hash_balance_factor" in options:
        hashing["hash_balance_factor"] = options.pop("hash_balance_factor")
    by_hostname = "use_hostname_for_hashing" in file.said("config")
    if by_hostname:
        hashing["use_hostname_for_hashing"] = True
    if hashing:
        common["consistent_hashing_lb_config"] = hashing
    if "hash" in options:
        options["hash_function"] = options.pop("hash").upper()
    policy = POLICIES[file.case["layout"]]
    nodes = [endpoint(file, node, number) for number, node in enumerate(file.nodes, 1)]
    # Limits far above what a case opens.
    limits = {name: 10_000 for name in ("max_connections", "max_pending_requests", "max_requests")}
    made = {
        "name": name,
        "type": "STRICT_DNS" if by_hostname else "STATIC",
        "connect_timeout": "5s",
        "lb_policy": policy,
        "common_lb_config": common,
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": nodes}]},
    }
    if options:
        made["ring_hash_lb_config" if policy == "RING_HASH" else "maglev_lb_config"] = options
    return made


def listener(name: str, port: int) -> dict[str, Any]:
    """The listener whose requests go to the cluster of that name."""
    route = {
        "cluster": name,
        "timeout": "60s",
        "hash_policy": [{"header": {"header_name": "x-key"}}],
    }
    host = {"name": "h", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": route}]}
    manager = {
        "@type": f"{TYPES}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "route_config": {"name": "r", "virtual_hosts": [host]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{TYPES}.filters.http.router.v3.Router"},
            }
        ],
    }
    chain = {
        "name": "envoy.filters.network.http_connection_manager",
        "typed_config": manager,
    }
    return {
        "name": name,
        "address": socket_address(f"127.0.0.1:{port}"),
        "filter_chains": [{"filters": [chain]}],
    }


def record(files: list[Recorded], folder: Path) -> dict[str, list[list[str]]]:
    """Ask Envoy every key of every file."""
    answered = {}
    for held in (False, True):
        some = [file for file in files if (file.kind == "bounded") == held]
        if not some:
            continue
        ports = list(range(20_000, 20_000 + len(some)))
        resources = {
            "listeners": [listener(f"c{port}", port) for port in ports],
            "clusters": [cluster(file, f"c{port}") for file, port in zip(some, ports, strict=True)],
        }
        config = folder / f"envoy-{held}.json"
        config.write_text(json.dumps({"static_resources": resources}))
        command = [PROGRAM, "-c", str(config), "--concurrency", "1", "--disable-hot-restart"]
        command += ["-l", "error"]
        listening = {
            address(node, number) for file in some for number, node in enumerate(file.nodes, 1)
        }
        handler = HeldBackend() if held else http_backend
        with Backends(listening, handler) as backends, Server(command, ports, folder):
            for file, port in zip(some, ports, strict=True):
                numbered = enumerate(file.nodes, 1)
                named = {address(node, number): node["name"] for number, node in numbered}
                if isinstance(handler, HeldBackend):
                    answered[file.name] = in_progress(file, port, named, backends, handler)
                else:
                    answered[file.name] = ask(file, port, named)
    return answered
