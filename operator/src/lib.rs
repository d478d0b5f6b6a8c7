//! The Kubernetes operator of Alluxio. A change goes one way: the resource as users write it (`crd`) is checked (`validate`)
//! and turned into objects of Kubernetes (`build`). All three are pure; what reads and writes the API server lies around them.

pub mod build;
pub mod crd;
pub mod validate;
pub mod yaml;

#[cfg(test)]
mod fixture;
