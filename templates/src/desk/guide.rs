//! The desk's room `guide`.
