//! The desk's room `facilities`.
