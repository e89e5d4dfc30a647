//! quatrix-examples
