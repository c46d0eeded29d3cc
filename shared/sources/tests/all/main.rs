//! The crate from outside: bodies as they come over the wire, and what they mean.

#[cfg(test)]
mod mutations;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod support;
#[cfg(test)]
mod wire;
