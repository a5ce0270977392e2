// Package crashtest tests the program as a process: it is killed under load at
// random moments and must come back with every write that it acknowledged and no
// half of any other; and it is run into what goes wrong around it (full disk,
// damaged files, missing rights, broken clients), seen from outside. The package
// has no code of its own.
package crashtest
