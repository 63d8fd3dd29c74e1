//! The desk's room `memory`.
