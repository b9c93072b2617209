//! Functions of numpy at extreme sizes, in narrow types and on special values.
