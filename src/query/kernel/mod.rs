//! What kernel objects say beside code and data: exports, modules, symbol versions.
//!
//! In: analyses and module objects. Out: plain answers. Rules: kernel-linkage ("KL").

pub mod exports;
pub mod facts;
pub mod gathered;
pub mod module;
pub mod roots;
pub mod symvers;
