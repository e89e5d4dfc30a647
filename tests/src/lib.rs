//! quatrix-tests
