//! The quatrix command: log in, move files, call the Quatrix API
