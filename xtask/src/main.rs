//! Every routine of the project.
fn main() {}
