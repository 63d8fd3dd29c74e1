//! The desk's room `account`.
