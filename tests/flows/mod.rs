//! What users live through, from the event to what the services hold.

mod deliveries;
mod live;
mod once;
mod set_aside;
mod thresholds;
