//! The Kubernetes operator of Alluxio. A change goes one way: the resource as users write it (`crd`) is checked (`validate`)
//! and turned into objects of Kubernetes (`build`); both are pure. What reads and writes the API server lies around them.

pub mod crd;
pub mod yaml;
