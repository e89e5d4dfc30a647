//! Blocking client of the Quatrix API over ureq
