//! The Kubernetes operator of Alluxio. A change goes one way: the resource as users write it (`crd`) is checked (`validate`)
//! and turned into objects of Kubernetes (`build`); both are pure. `controller` goes that way for each cluster: what is so it gets
//! from `observe`, what comes next from `roll` (pure), and it writes through `apply` and `act`. `lease` says which of several
//! operators acts, `process` is what surrounds it all.

pub mod act;
pub mod apply;
pub mod build;
pub mod controller;
pub mod crd;
pub mod lease;
pub mod observe;
pub mod process;
pub mod roll;
pub mod start;
pub mod status;
pub mod validate;
pub mod yaml;

#[cfg(test)]
mod fake_api;
#[cfg(test)]
mod fixture;
