//! The desk's room `proxy`.
