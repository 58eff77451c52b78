//! `ringway._ringway`: the Python module. It converts, calls core, and converts back.
//!
//! Docstrings here and in `python/ringway/_ringway.pyi` are the same; a test compares them.
#![deny(unsafe_code)]
#![allow(clippy::doc_markdown, reason = "docstrings are for Python")]

mod bounded;
mod cluster_file;
mod compat;
mod convert;
mod deployed;
mod node;
mod table;
mod walk;

/// What `import ringway` gives names to.
#[pyo3::pymodule(gil_used = false)]
mod _ringway {
    #[pymodule_export]
    use crate::{
        compat::{jump_hash, ring_points},
        convert::RingwayError,
        deployed::{cassandra_token, redis_slot},
        node::Node,
        table::Table,
        walk::Walk,
    };
    use pyo3::{prelude::*, types::PyTuple};
    use ringway::Layout;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let layouts = [Layout::names(), Layout::compat_names()].concat();
        module.add("LAYOUTS", PyTuple::new(module.py(), layouts)?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
