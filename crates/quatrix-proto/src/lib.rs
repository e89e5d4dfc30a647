//! Sans-IO protocol core of the Quatrix API: requests, answers and the session state machine
