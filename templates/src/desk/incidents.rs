//! The desk's room `incidents`.
