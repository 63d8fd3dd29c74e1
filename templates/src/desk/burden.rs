//! The desk's room `burden`.
