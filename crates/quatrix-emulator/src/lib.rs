//! Quatrix in a box: an emulator of the Quatrix API for tests in any language
