//! The desk's room `overview`.
