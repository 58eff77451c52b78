//! Addresses of nodes: `host:port`.

use std::net::Ipv6Addr;

use super::quote;

/// An address of a cluster file in the form in which equal addresses are equal texts.
///
/// The host is an IPv6 address in brackets, or an IPv4 address or a name; nothing is looked up
/// (SPEC §9.3).
///
/// # Errors
/// As a text: what was expected, and what is wrong.
///
/// # Examples
/// ```
/// assert_eq!(ringway_cluster::normal_address("[0:0::1]:080").as_deref(), Ok("[::1]:80"));
/// assert!(ringway_cluster::normal_address("db1").is_err());
/// ```
pub fn normal_address(text: &str) -> Result<String, String> {
    let fail = |why: &str| {
        Err(format!(
            "expected host:port, such as \"10.0.0.1:7000\" or \"[::1]:7000\", found {}: {why}",
            quote(text)
        ))
    };
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((host, port)) = rest.split_once("]:") else {
                return fail("\"]:\" and a port must follow the IPv6 address");
            };
            let Ok(host) = host.parse::<Ipv6Addr>() else {
                return fail("no IPv6 address stands in the brackets");
            };
            (format!("[{host}]"), port)
        }
        None => {
            let Some((host, port)) = text.rsplit_once(':') else {
                return fail("there is no port");
            };
            if host.contains("://") || port.contains('/') {
                return fail("a URL is not an address; leave out scheme and path");
            }
            if host.contains(':') {
                return fail("an IPv6 address stands in brackets");
            }
            if !is_host(host) {
                return fail("a host has 1 to 253 letters, digits, dots, hyphens and underscores");
            }
            (host.to_ascii_lowercase(), port)
        }
    };
    let Some(port) = port_of(port) else {
        return fail("the port is a whole number from 1 to 65535");
    };
    Ok(format!("{host}:{port}"))
}

fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (1..=253).contains(&host.len()) && host.bytes().all(plain)
}

fn port_of(text: &str) -> Option<u16> {
    let digits = text.len() <= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|&port| digits && port > 0)
}

#[cfg(test)]
mod tests {
    use super::normal_address;

    #[test]
    fn takes_addresses() {
        for (text, expected) in [
            ("10.0.0.1:7000", "10.0.0.1:7000"),
            ("LocalHost:001", "localhost:1"),
            ("db_1.example.org:65535", "db_1.example.org:65535"),
            ("[::1]:80", "[::1]:80"),
            ("[0:0:0:0:0:0:0:1]:80", "[::1]:80"),
        ] {
            assert_eq!(normal_address(text).as_deref(), Ok(expected));
        }
    }

    #[test]
    fn refuses_what_is_no_address() {
        for (text, why) in [
            ("", "no port"),
            ("db1", "no port"),
            (":80", "253 letters"),
            ("db1:", "1 to 65535"),
            ("db1:0", "1 to 65535"),
            ("db1:65536", "1 to 65535"),
            ("db1:+80", "1 to 65535"),
            ("db1:000080", "1 to 65535"),
            ("db1:80 ", "1 to 65535"),
            ("::1:80", "in brackets"),
            ("[::1]", "must follow"),
            ("[::1]80", "must follow"),
            ("[db1]:80", "no IPv6"),
            ("a b:80", "253 letters"),
            ("http://db1:80", "scheme"),
            ("http://db1:80/", "scheme"),
            ("dé:80", "253 letters"),
        ] {
            let error = normal_address(text).expect_err(text);
            assert!(error.contains(why), "{text}: {error}");
        }
        assert!(normal_address(&format!("{}:80", "a".repeat(253))).is_ok());
        assert!(normal_address(&format!("{}:80", "a".repeat(254))).is_err());
    }
}
