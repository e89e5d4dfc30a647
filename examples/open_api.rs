//! Prints the operations that the core knows as an OpenAPI description, for tools that read one.

fn main() {
    println!("{}", quatrix_proto::api::open_api());
}
