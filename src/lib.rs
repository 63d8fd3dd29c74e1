//! imaboard
