//! The tables of a service that move with the ring.
//!
//! A table that is named keeps its rows itself. Triggers tell which rows a handler's SQL has
//! changed; each then gets a version, a digest and an entry of the change log, as every other row
//! has, under a key that holds its `PRIMARY KEY`. What counts, exports, stages, seals or deletes
//! rows knows them by these. Rows that a move brings or takes away are written with triggers and
//! foreign keys off: what those did at the source arrives by itself, in whatever order.

mod codec;
mod schema;
mod shape;

use std::{
    collections::BTreeSet,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use ringway::{Layout, Table};
use rusqlite::{
    Connection,
    config::DbConfig,
    functions::{Context, FunctionFlags},
    hooks::{AuthAction, AuthContext, Authorization},
    types::ValueRef,
};

pub(crate) use self::shape::Shape;
use super::key::KEY_BYTES_MAX;

type Setup = Box<dyn FnOnce(&Connection) -> rusqlite::Result<()> + Send>;

/// The tables of a service that move with the ring, for [`SqliteStore::open_with`].
///
/// Each has a column with the sharding key, and `ring_pos`, its position as [`ring_pos`] writes it:
/// best `ring_pos INTEGER AS (ringway_pos(KEY)) STORED`. The `PRIMARY KEY` and every `UNIQUE` contain
/// the key's column, so that rows of two keys never meet. `docs/nodes.md` says the rest.
///
/// [`SqliteStore::open_with`]: crate::SqliteStore::open_with
///
/// # Examples
/// ```
/// use ringway::Layout;
/// use ringway_node::{SqliteOptions, SqliteStore, Tables};
///
/// let tables = Tables::new(&Layout::ringway_v1())?
///     .schema(|sql| {
///         sql.execute_batch(
///             "CREATE TABLE IF NOT EXISTS orders (
///                  customer TEXT, number INTEGER, item TEXT,
///                  ring_pos INTEGER AS (ringway_pos(customer)) STORED,
///                  PRIMARY KEY (customer, number))",
///         )
///     })
///     .table("orders", "customer");
/// # let dir = tempfile::tempdir()?;
/// # let dir = dir.path();
/// let rows = SqliteStore::open_with(dir, "n1", SqliteOptions::default(), tables)?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Tables {
    positions: Arc<Table>,
    layout: String,
    setup: Option<Setup>,
    names: Vec<(String, String)>,
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Tables {
    /// No tables yet, of a cluster of that layout: give the same one to
    /// [`NodeOptions`](crate::NodeOptions).
    ///
    /// # Errors
    /// As a text, if the layout has no positions.
    pub fn new(layout: &Layout) -> Result<Self, String> {
        let table = Table::new(layout, &[]).map_err(|error| error.to_string())?;
        if table.position_max().is_none() {
            return Err(format!("the layout {} holds no state", layout.name()));
        }
        // Options show in the positions; one of them is a secret.
        let probe = |key: &[u8]| table.position(key).unwrap_or_default();
        let layout = format!("{}:{}:{}", layout.name(), probe(b"ringway"), probe(b"ringway 2"));
        Ok(Self { positions: Arc::new(table), layout, setup: None, names: Vec::new() })
    }

    /// What makes the schema, or brings it up to date: it runs at every start, in a transaction.
    ///
    /// It knows the function `ringway_pos`. It may add tables, indexes and triggers, and columns that
    /// are NULL in old rows, but not change rows of the tables that are named.
    #[must_use]
    pub fn schema(
        mut self,
        setup: impl FnOnce(&Connection) -> rusqlite::Result<()> + Send + 'static,
    ) -> Self {
        self.setup = Some(Box::new(setup));
        self
    }

    /// Names a table whose rows move, and its column with the sharding key.
    #[must_use]
    pub fn table(mut self, name: &str, key: &str) -> Self {
        self.names.push((name.into(), key.into()));
        self
    }

    /// Makes what is missing in the file, and reads the tables' shapes.
    pub(super) fn open(mut self, connection: &mut Connection) -> Result<Moving, String> {
        let positions = Arc::clone(&self.positions);
        let moving = Moving { positions, watch: Arc::default(), shapes: Arc::default() };
        let mut moving = moving.equip(connection)?;
        let setup = self.setup.take();
        moving.shapes = schema::open(connection, setup, &self, &moving.watch)?.into();
        Ok(moving)
    }
}

/// The position of a key as SQLite keeps it: the unsigned number with its top bit inverted, as a
/// signed one. So the order of `ring_pos` is the order of positions, and the rows of a range are
/// those of one `BETWEEN`. A range that wraps around the ring's end is two.
#[must_use]
pub const fn ring_pos(position: u64) -> i64 {
    (position ^ 1 << 63).cast_signed()
}

/// What [`ring_pos`] was made of.
#[must_use]
pub const fn ring_position(ring_pos: i64) -> u64 {
    ring_pos.cast_unsigned() ^ 1 << 63
}

/// What a handler's SQL may do on one connection, and the rows that it has changed.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// A handler's SQL runs, or the service's schema is made.
    is_guarded: AtomicBool,
    makes_schema: AtomicBool,
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// Rows of this position may be changed, and of no other.
    position: Option<u64>,
    keys: BTreeSet<Vec<u8>>,
}

impl Watch {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether SQL of the service may do this.
    fn allows(&self, context: &AuthContext<'_>) -> bool {
        if !self.is_guarded.load(Ordering::Relaxed) {
            return true;
        }
        let is_ours =
            |name: &str| name.get(..8).is_some_and(|begin| begin.eq_ignore_ascii_case("ringway_"));
        match context.action {
            AuthAction::Select
            | AuthAction::Read { .. }
            | AuthAction::Function { .. }
            | AuthAction::Recursive => true,
            AuthAction::Insert { table_name }
            | AuthAction::Delete { table_name }
            | AuthAction::Update { table_name, .. } => !is_ours(table_name),
            AuthAction::Savepoint { savepoint_name, .. } => !is_ours(savepoint_name),
            AuthAction::Transaction { .. } | AuthAction::Attach { .. } => false,
            AuthAction::Detach { .. } => false,
            AuthAction::Pragma { pragma_name, pragma_value } => {
                pragma_value.is_none() || pragma_name.eq_ignore_ascii_case("user_version")
            }
            AuthAction::CreateTable { table_name: name }
            | AuthAction::DropTable { table_name: name }
            | AuthAction::AlterTable { table_name: name, .. }
            | AuthAction::CreateTrigger { trigger_name: name, .. }
            | AuthAction::DropTrigger { trigger_name: name, .. } => {
                self.makes_schema.load(Ordering::Relaxed) && !is_ours(name)
            }
            _ => self.makes_schema.load(Ordering::Relaxed),
        }
    }
}

/// Ends what is guarded, also if a handler panics.
pub(super) struct Guarded<'a>(&'a Watch);

impl Drop for Guarded<'_> {
    fn drop(&mut self) {
        self.0.is_guarded.store(false, Ordering::Relaxed);
        self.0.makes_schema.store(false, Ordering::Relaxed);
        self.0.noted().position = None;
    }
}

/// The tables that move, on every connection of a store.
#[derive(Clone, Debug)]
pub(super) struct Moving {
    positions: Arc<Table>,
    watch: Arc<Watch>,
    shapes: Arc<[Shape]>,
}

impl Moving {
    /// Gives a connection the functions, and watches what a service's SQL does there: the tables as
    /// that connection has them.
    pub(super) fn equip(&self, connection: &mut Connection) -> Result<Self, String> {
        let equipped = Self { watch: Arc::default(), ..self.clone() };
        let text = |error: rusqlite::Error| error.to_string();
        let flags = FunctionFlags::SQLITE_UTF8
            | FunctionFlags::SQLITE_DETERMINISTIC
            | FunctionFlags::SQLITE_INNOCUOUS;
        let positions = Arc::clone(&self.positions);
        connection
            .create_scalar_function("ringway_pos", 1, flags, move |context: &Context<'_>| {
                position_of(&positions, context.get_raw(0)).map(ring_pos).map_err(failed)
            })
            .map_err(text)?;
        let (positions, watch) = (Arc::clone(&self.positions), Arc::clone(&equipped.watch));
        connection
            .create_scalar_function(
                "ringway_note",
                -1,
                FunctionFlags::SQLITE_UTF8,
                move |context: &Context<'_>| note(context, &positions, &watch).map_err(failed),
            )
            .map_err(text)?;
        // Else a row that INSERT OR REPLACE removes for another's sake would not be told of.
        connection.pragma_update(None, "recursive_triggers", true).map_err(text)?;
        let watch = Arc::clone(&equipped.watch);
        let hook = move |context: AuthContext<'_>| {
            if watch.allows(&context) { Authorization::Allow } else { Authorization::Deny }
        };
        connection.authorizer(Some(hook)).map_err(text)?;
        Ok(equipped)
    }

    /// Turns triggers and foreign keys off for rows of a move, and on for what handlers write.
    pub(super) fn set_triggers(connection: &Connection, are_on: bool) -> rusqlite::Result<()> {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, are_on)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, are_on)?;
        Ok(())
    }

    /// From here until the guard is dropped, SQL may change rows of `position`, and is told of.
    pub(super) fn guard(&self, position: Option<u64>) -> Guarded<'_> {
        *self.watch.noted() = Noted { position, keys: BTreeSet::new() };
        self.watch.is_guarded.store(true, Ordering::Relaxed);
        Guarded(&self.watch)
    }

    /// The rows that were changed, in order.
    pub(super) fn changed(&self) -> BTreeSet<Vec<u8>> {
        std::mem::take(&mut self.watch.noted().keys)
    }

    pub(super) fn shapes(&self) -> &[Shape] {
        &self.shapes
    }

    /// The table of a row's key.
    pub(super) fn shape(&self, key: &[u8]) -> Result<&Shape, String> {
        let tag = codec::split_key(key).map(|(tag, _)| tag).unwrap_or_default();
        let found = self.shapes.iter().find(|shape| shape.tag.as_bytes() == tag);
        found.ok_or_else(|| {
            let tag = String::from_utf8_lossy(tag);
            format!("there is no table {tag} here; give all nodes the same tables")
        })
    }

    pub(super) fn position(&self, key: ValueRef<'_>) -> Result<u64, String> {
        position_of(&self.positions, key)
    }
}

fn failed(reason: String) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(reason.into())
}

/// A text or blob is hashed as it is; an integer as its decimal digits, as it is in a URL.
fn position_of(positions: &Table, key: ValueRef<'_>) -> Result<u64, String> {
    let position = match key {
        ValueRef::Text(key) | ValueRef::Blob(key) => positions.position(key),
        ValueRef::Integer(key) => positions.position(key.to_string().as_bytes()),
        ValueRef::Null => return Err("ringway_pos: the key is NULL".into()),
        ValueRef::Real(_) => {
            return Err("ringway_pos: the key is a REAL; keys are text, blobs or integers".into());
        }
    };
    position.ok_or_else(|| "ringway_pos: the layout gives the key no position".into())
}

/// What the triggers call: tag, name of the table, which column of the key is the sharding key, and
/// the columns of the `PRIMARY KEY`.
fn note(context: &Context<'_>, positions: &Table, watch: &Watch) -> Result<i64, String> {
    let text = |index: usize| context.get_raw(index).as_str().map_err(|error| error.to_string());
    let (tag, name) = (text(0)?, text(1)?);
    let sharding = context.get_raw(2).as_i64().ok().and_then(|index| usize::try_from(index).ok());
    let mut key = codec::begin_key(tag);
    for index in 3..context.len() {
        let datum = context.get_raw(index);
        if datum == ValueRef::Null {
            return Err(format!("table {name}: a column of the PRIMARY KEY is NULL"));
        }
        codec::write(&mut key, datum);
    }
    if key.len() > KEY_BYTES_MAX {
        return Err(format!("table {name}: the PRIMARY KEY is longer than {KEY_BYTES_MAX} bytes"));
    }
    let sharding = sharding.and_then(|index| index.checked_add(3)).unwrap_or(3);
    let position = position_of(positions, context.get_raw(sharding))?;
    let mut noted = watch.noted();
    match noted.position {
        Some(here) if here == position => {}
        Some(here) => {
            return Err(format!(
                "table {name}: a row of position {position} is changed in a request for a key of \
                 position {here}; name the key in the statement's WHERE"
            ));
        }
        None => return Err(format!("table {name}: its rows are changed by requests only")),
    }
    noted.keys.insert(key);
    Ok(0)
}
