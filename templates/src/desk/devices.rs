//! The desk's room `devices`.
