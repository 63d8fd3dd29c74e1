//! The desk's room `postings`.
