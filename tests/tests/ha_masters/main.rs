//! Several masters of ours, their workers and clients, and what passes from one leader to the next.

mod backup;
mod failover;
mod scripts;
mod take_over;
mod workers;
