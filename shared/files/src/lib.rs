#![doc = include_str!("../README.md")]

mod archive;
pub mod goodreads;
pub mod letterboxd;
#[cfg(test)]
mod reference;
mod table;

pub use archive::{NotAnArchive, bundle};
pub use table::{NotATable, Rows, Skipped};
