//! Names as people give them, and names that differ in one byte, spread over the ring alike.
//!
//! A hash that is weak where names are similar shows here: as points that coincide, or as one
//! node with far more than its share.
#![allow(clippy::unwrap_used, reason = "a test")]

use ringway::{Node, Point, RingBuilder};

const NODES: u8 = 10;

#[test]
fn names_as_people_give_them() {
    let numbers = 1..=NODES;
    let mut survey = Survey::default();
    let families: [(&str, &dyn Fn(u8) -> String); 14] = [
        ("db1", &|n| format!("db{n}")),
        ("n01", &|n| format!("n{n:02}")),
        ("node-001", &|n| format!("node-{n:03}")),
        ("web1.eu.example.com", &|n| format!("web{n}.eu.example.com")),
        ("web.1.eu-west.example.com", &|n| format!("web.{n}.eu-west.example.com")),
        ("10.0.0.1:7000", &|n| format!("10.0.0.{n}:7000")),
        ("10.0.1.1:7000", &|n| format!("10.0.{n}.1:7000")),
        ("127.0.0.1:8001", &|n| format!("127.0.0.1:{}", 8_000 + u32::from(n))),
        ("[2001:db8::1]:7000", &|n| format!("[2001:db8::{n:x}]:7000")),
        ("a", &|n| String::from(char::from(b'a' + n - 1))),
        ("1", &|n| n.to_string()),
        ("redis-0.redis.default.svc", &|n| format!("redis-{}.redis.default.svc", n - 1)),
        ("/var/run/backend1.sock", &|n| format!("/var/run/backend{n}.sock")),
        ("i-0123456789abcdef0", &|n| format!("i-0123456789abcde{n:02x}")),
    ];
    for (family, name) in families {
        let names: Vec<Vec<u8>> = numbers.clone().map(|n| name(n).into_bytes()).collect();
        survey.add(family, &names);
    }
    survey.check();
}

#[test]
fn names_that_differ_in_one_byte() {
    let mut survey = Survey::default();
    for len in 1..=40u8 {
        for place in 0..len {
            for first in [b'0', 0, 0xf0] {
                let names: Vec<Vec<u8>> = (0..NODES)
                    .map(|n| {
                        let letter = |at| if at == place { first + n } else { b'a' + at % 26 };
                        (0..len).map(letter).collect()
                    })
                    .collect();
                survey.add(&format!("length {len}, byte {place} from {first}"), &names);
            }
        }
    }
    survey.check();
}

/// What all the families of a test say together.
#[derive(Default)]
struct Survey {
    families: u32,
    coincident: u32,
}

impl Survey {
    /// Builds a ring of these names and measures each node's exact share.
    fn add(&mut self, family: &str, names: &[Vec<u8>]) {
        let nodes: Vec<Node<'_>> = names.iter().map(|name| Node::from_bytes(name)).collect();
        let ring = RingBuilder::new().build_in(&nodes, [Point::EMPTY; 1_600]).unwrap();
        let points = ring.points();
        let mut shares = vec![0u64; names.len()];
        let mut last = u64::from(points.last().unwrap().position());
        for (place, point) in points.iter().enumerate() {
            let position = u64::from(point.position());
            // The first point's arc wraps around.
            let arc = if place == 0 { position + (1 << 32) - last } else { position - last };
            shares[point.owner().as_usize()] += arc;
            self.coincident += u32::from(place > 0 && arc == 0);
            last = position;
        }
        assert_eq!(shares.iter().sum::<u64>(), 1 << 32);
        let fullest = *shares.iter().max().unwrap();
        let mean = (1 << 32) / names.len() as u64;
        assert!(fullest * 100 <= mean * 145, "{family}: the fullest has {fullest} of {mean}");
        self.families += 1;
    }

    /// 1,600 points fall on 2^32 places: chance puts 0.0003 of them on another's.
    fn check(&self) {
        let chance = f64::from(self.families) * 1_600.0 * 1_599.0 / 2.0 / 4_294_967_296.0;
        let most = 2.0 + 3.0 * chance;
        assert!(
            f64::from(self.coincident) <= most,
            "{} points of {} families coincide, {chance:.2} would be chance",
            self.coincident,
            self.families
        );
    }
}
