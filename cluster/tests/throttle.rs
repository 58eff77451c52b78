//! The throttle in virtual time: rates are kept, used, and nobody else's business.

use ringway_cluster::{Grant, Throttle, ThrottleLimits};

/// A move that always has rows to copy, of `row_bytes` each.
struct Mover {
    nodes: [&'static str; 2],
    row_bytes: u64,
    wakes_ms: u64,
}

/// What passed a node: time, rows, bytes.
type Passed = Vec<(u64, &'static str, u64, u64)>;

const PAGE_BYTES: u64 = 1 << 20;
/// A page takes so long to copy.
const COPY_MS: u64 = 3;

/// Runs the movers until `end_ms`.
fn run(limits: ThrottleLimits, movers: &mut [Mover], end_ms: u64) -> Passed {
    let mut throttle = Throttle::new(limits);
    let mut passed = Passed::new();
    for now_ms in 0..end_ms {
        for mover in movers.iter_mut().filter(|mover| mover.wakes_ms <= now_ms) {
            match throttle.ask(mover.nodes, PAGE_BYTES, now_ms) {
                Grant::Wait(wait_ms) => {
                    assert!(wait_ms > 0);
                    mover.wakes_ms = now_ms + wait_ms;
                }
                Grant::Go(page) => {
                    let rows = (page.bytes_max / mover.row_bytes).max(1);
                    let bytes = rows * mover.row_bytes;
                    throttle.sent(mover.nodes, page, rows, bytes, now_ms + COPY_MS);
                    mover.nodes.iter().for_each(|node| passed.push((now_ms, node, rows, bytes)));
                    mover.wakes_ms = now_ms + COPY_MS;
                }
            }
        }
    }
    passed
}

fn mover(from: &'static str, to: &'static str, row_bytes: u64) -> Mover {
    Mover { nodes: [from, to], row_bytes, wakes_ms: 0 }
}

/// The most that passed `node` in any window of `window_ms`: rows and bytes.
fn most(passed: &Passed, node: &str, window_ms: u64) -> (u64, u64) {
    let of_node: Vec<_> = passed.iter().filter(|(_, name, ..)| *name == node).collect();
    let windows = of_node.iter().map(|(begin, ..)| {
        let inside = of_node.iter().filter(|(at, ..)| (*begin..begin + window_ms).contains(at));
        inside.fold((0, 0), |sum, (_, _, rows, bytes)| (sum.0 + rows, sum.1 + bytes))
    });
    windows.fold((0, 0), |most, sum| (most.0.max(sum.0), most.1.max(sum.1)))
}

#[test]
fn no_node_gets_more_than_its_rate_and_all_of_it_is_used() {
    for (limits, row_bytes) in [
        (ThrottleLimits { rows_per_second_max: 1_000, bytes_per_second_max: 0 }, 100),
        (ThrottleLimits { rows_per_second_max: 0, bytes_per_second_max: 1_000_000 }, 100),
        (ThrottleLimits { rows_per_second_max: 1_000, bytes_per_second_max: 1_000_000 }, 5_000),
        (ThrottleLimits { rows_per_second_max: 7, bytes_per_second_max: 0 }, 30),
    ] {
        // Four moves share the source a; b, c and d have one each, or two.
        let mut movers = [
            mover("a", "b", row_bytes),
            mover("a", "c", row_bytes),
            mover("a", "d", row_bytes),
            mover("a", "d", row_bytes),
        ];
        let passed = run(limits, &mut movers, 20_000);
        for node in ["a", "b", "c", "d"] {
            let (rows, bytes) = most(&passed, node, 10_000);
            // Ten seconds' worth, a bucket, and what one page overdraws; the first page of all is
            // of a guessed row size.
            if limits.rows_per_second_max > 0 {
                let first = limits.rows_per_second_max / 4 * 1_024 / row_bytes;
                let rows_max = limits.rows_per_second_max * 21 / 2 + first + 1;
                assert!(rows <= rows_max, "{limits:?} {node}: {rows} rows of {rows_max}");
            }
            if limits.bytes_per_second_max > 0 {
                let bytes_max = limits.bytes_per_second_max * 21 / 2 + row_bytes;
                assert!(bytes <= bytes_max, "{limits:?} {node}: {bytes} bytes of {bytes_max}");
            }
        }
        // The shared source is the bottleneck, and busy.
        let (rows, bytes) = most(&passed, "a", 10_000);
        let is_used = (limits.rows_per_second_max > 0 && rows >= limits.rows_per_second_max * 9)
            || (limits.bytes_per_second_max > 0 && bytes >= limits.bytes_per_second_max * 9);
        assert!(is_used, "{limits:?}: {rows} rows, {bytes} bytes");
    }
}

#[test]
fn moves_of_other_nodes_do_not_wait() {
    let limits = ThrottleLimits { rows_per_second_max: 0, bytes_per_second_max: 100_000 };
    let alone = run(limits, &mut [mover("c", "d", 100)], 5_000);
    let both = run(limits, &mut [mover("a", "b", 100), mover("c", "d", 100)], 5_000);
    assert_eq!(most(&alone, "d", 5_000), most(&both, "d", 5_000));
}

#[test]
fn without_limits_nobody_waits() {
    let passed = run(ThrottleLimits::default(), &mut [mover("a", "b", 1_000)], 300);
    assert_eq!(passed.len(), 2 * 100);
    assert!(passed.iter().all(|(.., bytes)| *bytes > PAGE_BYTES - 1_000));
}

#[test]
fn a_quiet_node_saves_up_a_quarter_of_a_second_and_no_more() {
    let limits = ThrottleLimits { rows_per_second_max: 0, bytes_per_second_max: 4_000 };
    let mut throttle = Throttle::new(limits);
    let mut got = 0;
    // After an hour of nothing.
    while let Grant::Go(page) = throttle.ask(["a", "b"], 100, 3_600_000) {
        throttle.sent(["a", "b"], page, 1, 100, 3_600_000);
        got += 100;
    }
    assert_eq!(got, 1_100, "a quarter of a second, and a page on credit");
    assert_eq!(throttle.ask(["a", "b"], 100, 3_600_000), Grant::Wait(25));
    // Time that goes back adds nothing.
    assert_eq!(throttle.ask(["a", "b"], 100, 0), Grant::Wait(25));
    assert!(matches!(throttle.ask(["a", "b"], 100, 3_600_025), Grant::Go(_)));
}

#[test]
fn a_page_that_was_not_copied_costs_nothing_and_one_that_could_not_wait_is_paid_later() {
    let limits = ThrottleLimits { rows_per_second_max: 100, bytes_per_second_max: 0 };
    let mut throttle = Throttle::new(limits);
    for _ in 0..1_000 {
        let Grant::Go(page) = throttle.ask(["a", "b"], 1 << 20, 0) else { panic!("it is full") };
        throttle.sent(["a", "b"], page, 0, 0, 0);
    }
    throttle.sent_at_once(["b", "c"], 225, 1 << 30, 0);
    // 25 rows were there; the other 200 take two seconds, at b and c alike, not at a.
    assert_eq!(throttle.ask(["a", "b"], 1 << 20, 0), Grant::Wait(2_000));
    assert_eq!(throttle.ask(["c", "d"], 1 << 20, 500), Grant::Wait(1_500));
    assert!(matches!(throttle.ask(["a", "d"], 1 << 20, 0), Grant::Go(_)));
}

#[test]
fn what_is_asked_for_whole_waits_its_turn_and_is_not_cut() {
    let limits = ThrottleLimits { rows_per_second_max: 100, bytes_per_second_max: 4_000 };
    let mut throttle = Throttle::new(limits);
    let Grant::Go(page) = throttle.ask_whole(["a", "b"], 1 << 20, 0) else { panic!("it is full") };
    assert_eq!(page.bytes_max, 1 << 20);
    throttle.sent(["a", "b"], page, 75, 7_500, 0);
    // 25 rows and 1,000 bytes were there: 500 ms for the rows, 1,625 ms for the bytes.
    assert_eq!(throttle.ask_whole(["a", "b"], 1 << 20, 0), Grant::Wait(1_625));
    assert_eq!(throttle.ask(["a", "b"], 1 << 20, 1_624), Grant::Wait(1));
    let Grant::Go(page) = throttle.ask(["a", "b"], 1 << 20, 1_625) else { panic!("it was paid") };
    assert_eq!(page.bytes_max, 1_000);
}

#[test]
fn extremes_do_not_overflow() {
    let limits = ThrottleLimits { rows_per_second_max: u64::MAX, bytes_per_second_max: u64::MAX };
    let mut throttle = Throttle::new(limits);
    for now_ms in [0, 1, u64::MAX, 0] {
        let Grant::Go(page) = throttle.ask(["a", "a"], u64::MAX, now_ms) else { continue };
        throttle.sent(["a", "a"], page, u64::MAX, u64::MAX, now_ms);
        throttle.sent_at_once(["a", "a"], u64::MAX, u64::MAX, now_ms);
    }
    let limits = ThrottleLimits { rows_per_second_max: 1, bytes_per_second_max: 1 };
    let mut throttle = Throttle::new(limits);
    throttle.sent_at_once(["a", "b"], u64::MAX, u64::MAX, 0);
    assert!(matches!(throttle.ask(["a", "b"], 1, u64::MAX), Grant::Wait(_) | Grant::Go(_)));
}
