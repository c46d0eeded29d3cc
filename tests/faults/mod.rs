//! What goes wrong: the hub dies, services go down, answers are lost, limits bite.

mod crash;
mod downtime;
mod keys;
mod kill;
mod limits;
mod lost;
