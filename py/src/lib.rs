//! `ringway._ringway`: the Python module. It converts, calls core, and converts back.
//!
//! Docstrings here and in `python/ringway/_ringway.pyi` are the same; a test compares them.
#![deny(unsafe_code)]
#![allow(clippy::doc_markdown, reason = "docstrings are for Python")]

mod arrow;
mod balance;
mod bounded;
mod build;
mod cluster_file;
mod compat;
mod convert;
mod functions;
mod keys;
mod moved;
mod node;
mod owners;
mod table;
mod walk;

/// What `import ringway` gives names to.
#[pyo3::pymodule(gil_used = false)]
mod _ringway {
    #[pymodule_export]
    use crate::{
        balance::Balance,
        compat::{jump_hash, ring_points},
        convert::RingwayError,
        functions::{cassandra_token, jump, jumpback, key_hash, redis_slot},
        moved::Moved,
        node::Node,
        owners::Owners,
        table::Table,
        walk::Walk,
    };
    use pyo3::{exceptions::PyImportError, prelude::*, sync::PyOnceLock, types::PyTuple};
    use ringway::Layout;

    /// The module `sys` of the interpreter that has imported this module first.
    static FIRST: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // The types are static, as those of all of PyO3's modules: those of one interpreter must
        // not outlive it in another.
        let sys = module.py().import("sys")?;
        if !FIRST.get_or_init(module.py(), || sys.clone().unbind()).is(&sys) {
            return Err(PyImportError::new_err(
                "ringway does not support subinterpreters: another interpreter of this process \
                 has imported it already; use threads or processes",
            ));
        }
        let layouts = [Layout::names(), Layout::compat_names()].concat();
        module.add("LAYOUTS", PyTuple::new(module.py(), layouts)?)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
