//! The BlockWorker service: block streams, short circuit, caching and the small calls.
//!
//! A stream's work runs in a task of its own; the reply goes through a bounded queue, so a client that
//! stops reading stops the work and never grows memory.

mod admission;
mod buffers;
mod cached_source;
mod caching;
mod cold_source;
mod domain_socket;
mod endpoint;
mod half_close;
mod load;
mod local_block;
mod read_block;
mod read_body;
mod read_plan;
mod reply_queue;
mod service;
mod short_calls;
mod write_block;
mod write_stream;
mod write_ufs_file;

pub use admission::Admission;
pub use buffers::BufferPool;
pub use domain_socket::DomainSocket;
pub use endpoint::BlockEndpoint;
pub use read_plan::UnderBlock;
