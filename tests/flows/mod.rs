//! What users live through, from the event to what the services hold.

mod costs;
mod deliveries;
mod live;
mod once;
mod set_aside;
mod thresholds;
