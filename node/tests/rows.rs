//! Both stores of rows do the same, whatever is asked of them, and nothing of what fails.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers panic; the seed is printed")]

use ringway_cluster::{Holding, Row, Standing, Tally};
use ringway_node::{
    Failure, Head, Logged, MemoryStore, RowSnapshot, RowStore, RowTransaction, SqliteOptions,
    SqliteStore,
};

/// All that a reader can see.
#[derive(Debug, PartialEq)]
struct Content {
    rows: Vec<Row>,
    sizes: Vec<(u64, u64)>,
    ended: Vec<(u64, Vec<u8>)>,
    log: Vec<Logged>,
    holdings: Vec<Option<Holding>>,
    heads: Vec<Option<Head>>,
}

const POSITIONS: [u64; 8] =
    [0, 1, 7, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];
const KEYS: [&[u8]; 5] = [b"a", b"a\0", b"b", b"\xff", b"a/b"];

fn content(store: &dyn RowStore) -> Content {
    let mut content = None;
    let mut reader = store.reader().unwrap();
    reader
        .snapshot(&mut |snapshot| {
            content = Some(look(snapshot)?);
            Ok(())
        })
        .unwrap();
    content.unwrap()
}

fn look(snapshot: &dyn RowSnapshot) -> Result<Content, Failure> {
    let mut rows = Vec::new();
    // In pages of two, so that the cursor is used.
    let mut after: Option<(u64, Vec<u8>)> = None;
    loop {
        let mut page = Vec::new();
        let cursor = after.as_ref().map(|(position, key)| (*position, key.as_slice()));
        snapshot.rows(0, u64::MAX, cursor, &mut |row| {
            page.push(row);
            page.len() < 2
        })?;
        let Some(last) = page.last() else { break };
        after = Some((last.position, last.key.clone()));
        rows.append(&mut page);
    }
    for row in &rows {
        assert_eq!(snapshot.row(row.position, &row.key)?.as_ref(), Some(row));
    }
    let mut sizes = Vec::new();
    snapshot.sizes(1, u64::MAX, &mut |position, bytes| sizes.push((position, bytes)))?;
    let mut ended = Vec::new();
    snapshot.ended(5, &mut |position, key| {
        ended.push((position, key.to_vec()));
        ended.len() < 7
    })?;
    let expected = |row: &&Row| (1..=5).contains(&row.expires_ms);
    assert_eq!(ended.len(), rows.iter().filter(expected).count().min(7));
    let places = POSITIONS.iter().flat_map(|position| KEYS.map(|key| (*position, key)));
    let heads =
        places.map(|(position, key)| snapshot.head(position, key)).collect::<Result<_, _>>()?;
    Ok(Content {
        rows,
        sizes,
        ended,
        log: snapshot.log(0, u64::MAX, 3)?,
        holdings: POSITIONS.iter().map(|at| snapshot.holding(*at)).collect::<Result<_, _>>()?,
        heads,
    })
}

/// A small generator; its seed is printed when a test fails.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn number(&mut self, bound: usize) -> u64 {
        self.below(bound) as u64
    }

    fn of<T: Copy>(&mut self, list: &[T]) -> T {
        list[self.below(list.len())]
    }

    fn range(&mut self) -> (u64, u64) {
        let (a, b) = (self.of(&POSITIONS), self.of(&POSITIONS));
        (a.min(b), a.max(b))
    }
}

/// One change, the same for the same state of the generator; what it answered.
fn change(random: &mut Random, tx: &mut dyn RowTransaction) -> Result<String, Failure> {
    let (position, key) = (random.of(&POSITIONS), random.of(&KEYS));
    let version = 1 + random.number(9);
    let (lo, hi) = random.range();
    Ok(match random.below(12) {
        0..=4 => {
            let value = Some(vec![b'v'; random.below(5_000)]);
            let row = Row {
                position,
                key: key.into(),
                value,
                version,
                expires_ms: version * (version % 2),
            };
            format!("{:?}", tx.put(&row, row.digest())?)
        }
        5 => {
            let counts = [b"a".as_slice(), b"", b"\xff"].map(|prefix| {
                let most = random.of(&[1, 2, u64::MAX]);
                tx.count_keys(position, prefix, most)
            });
            tx.remove(position, key)?;
            format!("{counts:?} {:?}", tx.row(position, random.of(&KEYS))?)
        }
        6 => {
            tx.bury(position, key, version)?;
            format!("{:?}", tx.tombstone(position, key)?)
        }
        7 => {
            tx.forget_tombstones(lo, hi)?;
            format!("{:?}", tx.tombstone(position, key)?)
        }
        8 => {
            tx.log(position, key, version)?;
            format!("{:?}", tx.count(lo, hi)?)
        }
        9 => format!("{:?}", tx.clear_log(lo, hi)?),
        10 => {
            let deleted = tx.delete_some(lo, hi, random.of(&[1, 3, u64::MAX]))?;
            let ended = tx.ended(lo, hi, version, random.of(&[1, 3, usize::MAX]))?;
            format!("{deleted} {:?} {:?} {ended:?}", tx.count(lo, hi)?, tx.count(0, hi)?)
        }
        _ => {
            let holding = Holding {
                lo,
                hi,
                epoch: version,
                attempt: 1,
                standing: Standing::Sealed { attempt: version },
                claim: None,
                sequence: u64::MAX,
                tally: Some(Tally { rows: version, digest: u128::MAX - u128::from(version) }),
                logged_since: Some(0),
            };
            let gone = random.of(&POSITIONS);
            format!("{:?}", tx.save(&[gone], &[holding])?)
        }
    })
}

#[test]
fn stores_agree_and_failed_transactions_leave_nothing() {
    for seed in 0..30 {
        println!("seed {seed}");
        let dir = tempfile::tempdir().unwrap();
        let sqlite = SqliteStore::open(dir.path(), "a", SqliteOptions::default()).unwrap();
        let memory = MemoryStore::new("a").unwrap();
        let stores: [&dyn RowStore; 2] = [&sqlite, &memory];
        let mut writers = stores.map(|store| store.writer().unwrap());
        let mut random = Random(seed);
        for _ in 0..12 {
            let (from, changes, fails) = (random.0, 1 + random.below(8), random.below(3) == 0);
            let mut told = Vec::new();
            for (store, writer) in stores.iter().zip(&mut writers) {
                let before = content(*store);
                random.0 = from;
                let mut answers = Vec::new();
                let done = writer.transact(&mut |tx| {
                    for _ in 0..changes {
                        answers.push(change(&mut random, tx)?);
                    }
                    if fails { Err(Failure::NotExecuted("for the test".into())) } else { Ok(()) }
                });
                assert_eq!(done.is_err(), fails);
                if fails {
                    assert_eq!(content(*store), before, "rolled back");
                }
                told.push(answers);
            }
            assert_eq!(told[0], told[1]);
            assert_eq!(content(stores[0]), content(stores[1]));
        }
        let [of_sqlite, of_memory] = writers.map(|mut writer| writer.load().unwrap());
        assert!(of_sqlite.iter().eq(of_memory.iter()));
    }
}
